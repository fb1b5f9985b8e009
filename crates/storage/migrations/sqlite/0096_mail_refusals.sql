-- What the server for mail, or the gateway for text messages, refused for good in the last day: its words, without an address or a code.

create table mail_refusals (
    tenant text not null,
    id text not null,
    channel text not null,
    at bigint not null,
    words text not null,
    primary key (tenant, id)
);
create index mail_refusals_by_time on mail_refusals (tenant, channel, at);
