-- How many removals of one provisioner the tenant lets through in 24 hours: people and groups, the same as a part of the provisioner's
-- people in percent, and members who leave groups.

alter table tenants add column guard_removals bigint not null default 500;
alter table tenants add column guard_percent bigint;
alter table tenants add column guard_memberships bigint not null default 5000;
