-- Security questions: what a tenant asks, as JSON, and what people answered, each answer as a slow hash of a keyed digest.

alter table tenants add column questions text not null default '{"to_register":5,"to_ask":3,"own":[]}';

create table security_questions (
    tenant text not null,
    user_id text not null,
    question text not null,
    answer text not null,
    made_at bigint not null,
    primary key (tenant, user_id, question),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
