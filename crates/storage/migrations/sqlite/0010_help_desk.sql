-- Callers whom the help desk helps: a code that they read out or a colleague's approval, and the temporary pass that comes of it.

create table help_desk_cases (
    tenant text not null,
    id text not null,
    user_id text not null,
    operator text not null,
    reason text not null,
    code_digest blob,
    tries bigint not null,
    cleared_at bigint,
    approved_by text,
    pass_digest blob,
    pass_until bigint,
    used_at bigint,
    created_at bigint not null,
    expires_at bigint not null,
    primary key (tenant, id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
create index help_desk_cases_by_user on help_desk_cases (tenant, user_id);
