-- Whether people who lack something of what opens their gates, or whose time to look through it has come, are led there at sign-in.

alter table tenants add column require_registration bigint not null default 0;
