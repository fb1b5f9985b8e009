CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
CREATE TABLE administrators (
    tenant text not null references tenants (id),
    id text not null,
    name text not null,
    name_key text not null,
    cloud_only bigint not null,
    role text not null,
    password text not null,
    created_at bigint not null,
    primary key (tenant, id),
    unique (tenant, name_key)
);
CREATE TABLE agent_nonces (
    tenant text not null,
    agent text not null,
    nonce blob not null,
    expires_at bigint not null,
    primary key (tenant, agent, nonce)
);
CREATE TABLE agent_tokens (
    digest blob not null primary key,
    tenant text not null,
    agent text not null,
    expires_at bigint not null,
    foreign key (tenant, agent) references agents (tenant, id)
);
CREATE TABLE agents (
    tenant text not null references tenants (id),
    id text not null,
    name text not null,
    version text not null,
    identity_key blob not null,
    identity text not null,
    sealing text,
    forests text not null,
    writeback_on bigint not null,
    epoch text,
    enrolled_at bigint not null,
    revoked_at bigint,
    last_seen_at bigint,
    health text,
    primary key (tenant, id)
);
CREATE TABLE audit (
    sequence integer primary key autoincrement,
    tenant text not null references tenants (id),
    id text not null unique,
    at bigint not null,
    activity text not null,
    actor text not null,
    actor_id text,
    target text,
    from_address text,
    success text not null,
    reason text not null,
    support_code text,
    correlation text not null,
    request text
);
CREATE TABLE "codes" (
    tenant text not null references tenants (id),
    flow text not null,
    method text not null,
    digest blob not null,
    tries bigint not null,
    sent_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    primary key (tenant, flow, method)
);
CREATE TABLE device_codes (
    tenant text not null,
    digest blob not null,
    agent text not null,
    state text not null,
    administrator text,
    created_at bigint not null,
    expires_at bigint not null,
    primary key (tenant, digest),
    foreign key (tenant, agent) references agents (tenant, id)
);
CREATE TABLE enrolment_tokens (
    secret_digest blob not null primary key,
    tenant text not null references tenants (id),
    made_by text,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);
CREATE TABLE flows (
    tenant text not null references tenants (id),
    id text not null,
    browser blob not null,
    subject blob not null,
    person text not null,
    user_id text,
    withheld_code text,
    masked_address text not null,
    state text not null,
    request text,
    language text not null,
    support_code text not null,
    correlation text not null,
    started_at bigint not null,
    expires_at bigint not null,
    primary key (tenant, id)
);
CREATE TABLE limits (
    tenant text not null,
    name text not null,
    subject blob not null,
    counted bigint not null,
    window_start bigint not null,
    window_end bigint not null,
    primary key (tenant, name, subject)
);
CREATE TABLE mail_outbox (
    id text not null primary key,
    tenant text not null references tenants (id),
    letter blob not null,
    tries bigint not null,
    leased_until bigint not null,
    created_at bigint not null,
    expires_at bigint not null
);
CREATE TABLE registrations (
    tenant text not null references tenants (id),
    id text not null,
    browser blob not null,
    subject blob not null,
    person text not null,
    user_id text,
    withheld_code text,
    anchor text not null,
    forest text not null,
    state text not null,
    request text,
    new_mail text,
    change text,
    language text not null,
    support_code text not null,
    correlation text not null,
    started_at bigint not null,
    expires_at bigint not null,
    primary key (tenant, id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
CREATE TABLE requests (
    tenant text not null references tenants (id),
    id text not null,
    user_id text not null,
    anchor text not null,
    operation text not null,
    envelope_digest blob not null,
    support_code text not null,
    attempt bigint not null,
    agent text not null,
    epoch text not null,
    start_by bigint not null,
    dead_after bigint not null,
    state text not null,
    version_before text,
    result text,
    outcome text,
    settled text,
    created_at bigint not null,
    updated_at bigint not null, follow_up bigint not null default 0, taken_at bigint,
    primary key (tenant, id)
);
CREATE TABLE sessions (
    digest blob not null primary key,
    tenant text not null,
    administrator text not null,
    created_at bigint not null,
    last_used_at bigint not null,
    expires_at bigint not null,
    foreign key (tenant, administrator) references administrators (tenant, id)
);
CREATE TABLE signing_keys (
    tenant text not null references tenants (id),
    key_id blob not null,
    sequence bigint not null,
    certificate text not null,
    wrapped blob not null,
    not_before bigint not null,
    not_after bigint not null,
    primary key (tenant, key_id),
    unique (tenant, sequence)
);
CREATE TABLE tenants (
    id text not null primary key,
    name text not null,
    root blob not null,
    root_id blob not null unique,
    languages text not null,
    sspr_enabled bigint not null,
    writeback_enabled bigint not null,
    forbid_names bigint not null,
    helpdesk_url text,
    decoy_domains text not null,
    created_at bigint not null
, forbidden_mail_domains text not null default '[]', unlock_enabled bigint not null default 0);
CREATE TABLE users (
    tenant text not null references tenants (id),
    id text not null,
    user_principal_name text not null,
    principal_key text not null,
    account_key text,
    display_name text not null,
    mail text,
    alternate_mail text,
    registered_mail text,
    language text,
    enabled bigint not null,
    source_anchor text,
    object_guid blob,
    object_sid blob,
    forest text,
    domain text,
    account_name text,
    exported_by text,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (tenant, id),
    unique (tenant, principal_key),
    unique (tenant, source_anchor)
);
CREATE INDEX audit_by_support_code on audit (tenant, support_code);
CREATE INDEX audit_by_tenant on audit (tenant, sequence);
CREATE INDEX flows_by_support_code on flows (tenant, support_code);
CREATE INDEX mail_outbox_by_lease on mail_outbox (leased_until);
CREATE INDEX registrations_by_user on registrations (tenant, user_id);
CREATE INDEX requests_by_support_code on requests (tenant, support_code);
CREATE INDEX requests_by_user on requests (tenant, user_id, created_at);
CREATE INDEX requests_to_follow_up on requests (updated_at) where follow_up = 1;
CREATE INDEX users_by_account on users (tenant, account_key);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (1, '1', '2026-01-01 00:00:00', 1, X'3FE59CFF5A5DB49B1E131980E10163F831E20E1393DB76EB791890A5129FACB99A5371E932C294AFCFD4D8C5F9880C43', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (2, '2', '2026-01-01 00:00:00', 1, X'1E4C6DFD9E5061305A8BCD9A6876ABDD4AACDEF66B13C839520060D27BB5938FA58CD3CAD2966B42658D7B51DEA18C18', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (3, '3', '2026-01-01 00:00:00', 1, X'E9F4BD1D9E6E258D332608BB459C8425CF30F14F8F9052FBDDFB39E17342AB3EB1F219C037EBAABD4719FE5FCE301366', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (4, '4', '2026-01-01 00:00:00', 1, X'7F54635E44E429F5165F32D8FA3B561D73201CD974337589C09A4965F0349DBE2D40280AC9E2F4B29BA641D31FADEC83', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (5, '5', '2026-01-01 00:00:00', 1, X'240E7BEC98FDA657D96B5E030AE55CC9F8AAF55945E933EAC6A9AECBD647412C562C3D4699178FF98E7B362F7F788ACC', 0);
insert into codes (tenant, flow, method, digest, tries, sent_at, expires_at, used_at) values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001', 'mail', X'041E18532FD4754C02F3041D9C75CEB33B83FFD81AC7CE4FE882CCB1C98BC5896EA46C311C4E2FF40DD96A3653E6E45445D32DFE486ECED75C7A90C6A18881C0A3', 3, 1, 2, NULL);
insert into flows (tenant, id, browser, subject, person, user_id, withheld_code, masked_address, state, request, language, support_code, correlation, started_at, expires_at) values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001', X'041E18532FD4754C02F3041D9C75CEB33B83FFD81AC7CE4FE882CCB1C98BC5896EA46C311C4E2FF40DD96A3653E6E45445D32DFE486ECED75C7A90C6A18881C0A3', X'041E18532FD4754C02F3041D9C75CEB33B83FFD81AC7CE4FE882CCB1C98BC5896EA46C311C4E2FF40DD96A3653E6E45445D32DFE486ECED75C7A90C6A18881C0A3', 'stranger', NULL, NULL, 'a', 'code-sent', NULL, 'it', 'S', '00000000-0000-4000-8000-000000000001', 1, 2);
insert into tenants (id, name, root, root_id, languages, sspr_enabled, writeback_enabled, forbid_names, helpdesk_url, decoy_domains, created_at, forbidden_mail_domains, unlock_enabled) values ('00000000-0000-4000-8000-000000000001', 'Contoso', X'041E18532FD4754C02F3041D9C75CEB33B83FFD81AC7CE4FE882CCB1C98BC5896EA46C311C4E2FF40DD96A3653E6E45445D32DFE486ECED75C7A90C6A18881C0A3', X'041E18532FD4754C02F3041D9C75CEB33B83FFD81AC7CE4FE882CCB1C98BC5896EA46C311C4E2FF40DD96A3653E6E45445D32DFE486ECED75C7A90C6A18881C0A3', '[]', 1, 1, 0, NULL, '[]', 1, '[]', 0);
