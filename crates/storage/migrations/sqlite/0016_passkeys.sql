-- Passkeys (WebAuthn): a credential is one person's. And the ceremonies in which they are made and used, one for each way through
-- the pages.

create table passkeys (
    tenant text not null,
    id text not null,
    user_id text not null,
    credential text not null,
    registered_at bigint not null,
    primary key (tenant, id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
create index passkeys_by_user on passkeys (tenant, user_id);

create table passkey_ceremonies (
    tenant text not null,
    way text not null,
    state text not null,
    expires_at bigint not null,
    primary key (tenant, way)
);
