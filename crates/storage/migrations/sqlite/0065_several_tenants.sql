-- Several tenants on one server: the public address of each but the first, whose address stands in the configuration; and since when one is
-- not served. A version before serves an installation with one tenant as ever, and refuses one with more.

alter table tenants add column public_url text;
alter table tenants add column disabled_at bigint;
create unique index tenants_by_address on tenants (public_url);
