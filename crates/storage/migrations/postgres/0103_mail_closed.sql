-- That the server for mail takes none at present, whoever it is for: since when, when that was told last, and its words, without an address or a code.

create table mail_closed (
    tenant text not null,
    channel text not null,
    since bigint not null,
    at bigint not null,
    words text not null,
    primary key (tenant, channel)
);
