-- When a password expires, as the directory computed it; the days before on which its owner is told, as JSON; and what each was told last.

alter table users add column password_expires_at bigint;
alter table tenants add column expiry_days text not null default '[]';

create table expiry_notices (
    tenant text not null,
    user_id text not null,
    expires_at bigint not null,
    days bigint not null,
    told_at bigint not null,
    primary key (tenant, user_id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
