-- Whether people are told by mail that it is time to register what opens their gates, or to look through it, and who was told when; and whether a
-- reset began in a browser in which the person had passed before.

alter table tenants add column registration_mails bigint not null default 0;
alter table flows add column known_browser bigint not null default 1;

create table registration_notices (
    tenant text not null,
    user_id text not null,
    told_at bigint not null,
    primary key (tenant, user_id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
