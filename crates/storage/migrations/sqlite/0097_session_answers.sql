-- What requests with an idempotency key were answered that an administrator made in person. The answers are the session's, and go with it, also
-- where a version ends it that knows of none.

create table session_answers (
    tenant text not null,
    session blob not null,
    idempotency_key text not null,
    request_digest blob not null,
    status bigint,
    content_type text,
    body blob,
    expires_at bigint not null,
    primary key (tenant, session, idempotency_key),
    foreign key (session) references sessions (digest) on delete cascade
);
create index session_answers_by_session on session_answers (session);
create index session_answers_by_time on session_answers (expires_at);
