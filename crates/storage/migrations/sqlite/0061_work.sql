-- Challenges that were answered, until they would have expired: each is answered once.

create table spent_challenges (
    tenant text not null,
    challenge blob not null,
    expires_at bigint not null,
    primary key (tenant, challenge)
);
