-- How a tenant's pages look, as JSON, and the pictures that it names by their digests.

alter table tenants add column brand text not null default '{}';

create table brand_pictures (
    tenant text not null references tenants (id) on delete cascade,
    digest text not null,
    picture blob not null,
    primary key (tenant, digest)
);
