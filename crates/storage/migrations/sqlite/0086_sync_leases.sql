-- Which agent exports for a connector: a higher epoch takes the lease from whoever had it.

create table sync_leases (
    tenant text not null,
    connector text not null,
    agent text not null,
    epoch bigint not null,
    primary key (tenant, connector)
);
