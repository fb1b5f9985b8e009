-- Passkeys (WebAuthn) of administrators: a credential is one account's. And the ceremonies in which they are made and used, one of
-- each kind for each browser: by the digest of its session's token, or of the one that it got at the door.

create table administrator_passkeys (
    tenant text not null,
    id text not null,
    administrator text not null,
    name text not null,
    credential text not null,
    registered_at bigint not null,
    last_used_at bigint,
    primary key (tenant, id),
    foreign key (tenant, administrator) references administrators (tenant, id) on delete cascade
);
create index administrator_passkeys_of on administrator_passkeys (tenant, administrator);

create table administrator_ceremonies (
    tenant text not null,
    browser blob not null,
    kind text not null,
    state text not null,
    expires_at bigint not null,
    primary key (tenant, browser, kind)
);
