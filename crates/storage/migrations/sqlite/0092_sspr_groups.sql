-- Self-service may be for the people of several groups. The first of them stays where a version before this one looks for the only one:
-- it lets fewer people, and none whom this one would not. The list counts only while it begins with that group, so that what such a
-- version sets holds.

alter table tenants add column sspr_groups text;
