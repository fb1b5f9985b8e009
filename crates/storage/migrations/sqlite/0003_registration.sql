-- People register an address of their own: their ways through those pages, and the domains that a tenant forbids for it.

alter table tenants add column forbidden_mail_domains text not null default '[]';

create table registrations (
    tenant text not null references tenants (id),
    id text not null,
    browser blob not null,
    subject blob not null,
    person text not null,
    user_id text,
    withheld_code text,
    anchor text not null,
    forest text not null,
    state text not null,
    request text,
    new_mail text,
    change text,
    language text not null,
    support_code text not null,
    correlation text not null,
    started_at bigint not null,
    expires_at bigint not null,
    primary key (tenant, id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
create index registrations_by_user on registrations (tenant, user_id);

-- A code belongs to a flow or to a registration now, so that it refers to neither table; it goes when it has expired.
create table codes_of_either (
    tenant text not null references tenants (id),
    flow text not null,
    method text not null,
    digest blob not null,
    tries bigint not null,
    sent_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    primary key (tenant, flow, method)
);
insert into codes_of_either select tenant, flow, method, digest, tries, sent_at, expires_at, used_at from codes;
drop table codes;
alter table codes_of_either rename to codes;
