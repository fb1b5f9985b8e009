-- Self-service may be for the people of one group only: a pilot, or a part of the organisation.

alter table tenants add column sspr_group text;
