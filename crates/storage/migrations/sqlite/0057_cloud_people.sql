-- People whose directory is the tenant itself: the domains of their names, by which everybody knows where a password is judged, and
-- their passwords as hashes.

alter table tenants add column cloud_domains text not null default '[]';
alter table registrations add column realm text not null default 'directory';

create table cloud_passwords (
    tenant text not null,
    user_id text not null,
    hash text not null,
    changed_at bigint not null,
    primary key (tenant, user_id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
