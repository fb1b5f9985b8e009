-- What each agent's checks found last.

create table doctor_reports (
    tenant text not null,
    agent text not null,
    received_at bigint not null,
    report text not null,
    primary key (tenant, agent)
);
