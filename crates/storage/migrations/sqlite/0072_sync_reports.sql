-- Where each agent's synchronisation stood last, and which of the exports that its deletion guard holds were approved in the console.

create table sync_reports (
    tenant text not null,
    agent text not null,
    received_at bigint not null,
    report text not null,
    primary key (tenant, agent)
);

create table export_approvals (
    tenant text not null,
    agent text not null,
    digest text not null,
    approved_until bigint not null,
    primary key (tenant, agent, digest)
);
