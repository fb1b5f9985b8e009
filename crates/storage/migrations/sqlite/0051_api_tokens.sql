-- Tokens for programs, each a part of an administrator's rights; and what requests with an idempotency key were answered. The row of
-- an administrator who is removed takes its tokens along, also where a version removes it that knows of none.

create table api_tokens (
    tenant text not null,
    id text not null,
    administrator text not null,
    name text not null,
    digest blob not null unique,
    scopes text not null,
    created_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint,
    last_used_at bigint,
    primary key (tenant, id),
    foreign key (tenant, administrator) references administrators (tenant, id) on delete cascade
);

create table api_answers (
    tenant text not null,
    token text not null,
    idempotency_key text not null,
    request_digest blob not null,
    status bigint,
    content_type text,
    body blob,
    expires_at bigint not null,
    primary key (tenant, token, idempotency_key),
    foreign key (tenant, token) references api_tokens (tenant, id) on delete cascade
);
