-- Which node holds an agent's link, and until when that is to be believed.

create table links (
    tenant text not null,
    agent text not null,
    link text not null,
    node text not null,
    lease_until bigint not null,
    primary key (tenant, agent),
    foreign key (tenant, agent) references agents (tenant, id)
);
