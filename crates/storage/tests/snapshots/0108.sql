CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
CREATE TABLE administrator_ceremonies (
    tenant text not null,
    browser blob not null,
    kind text not null,
    state text not null,
    expires_at bigint not null,
    primary key (tenant, browser, kind)
);
CREATE TABLE administrator_passkeys (
    tenant text not null,
    id text not null,
    administrator text not null,
    name text not null,
    credential text not null,
    registered_at bigint not null,
    last_used_at bigint,
    primary key (tenant, id),
    foreign key (tenant, administrator) references administrators (tenant, id) on delete cascade
);
CREATE TABLE administrators (
    tenant text not null references tenants (id),
    id text not null,
    name text not null,
    name_key text not null,
    cloud_only bigint not null,
    role text not null,
    password text not null,
    created_at bigint not null, user_id text, break_glass bigint not null default 0, scope_domain text, scope_group text, app_secret blob, app_proposed blob, app_step bigint not null default 0, mail text,
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
    health text, next_identity_key blob, next_identity text, former_sealing text not null default '[]', allowed_forests text not null default '[]', taken_forests text not null default '[]',
    primary key (tenant, id)
);
CREATE TABLE api_answers (
    tenant text not null,
    token text not null,
    idempotency_key text not null,
    request_digest blob not null,
    status bigint,
    content_type text,
    body blob,
    expires_at bigint not null,
    primary key (tenant, token, idempotency_key),
    foreign key (tenant, token) references api_tokens (tenant, id) on delete cascade
);
CREATE TABLE api_tokens (
    tenant text not null,
    id text not null,
    administrator text not null,
    name text not null,
    digest blob not null unique,
    scopes text not null,
    created_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint,
    last_used_at bigint,
    primary key (tenant, id),
    foreign key (tenant, administrator) references administrators (tenant, id) on delete cascade
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
, position bigint, hash blob);
CREATE TABLE audit_checkpoints (
    tenant text not null references tenants (id),
    position bigint not null,
    checkpoint text not null,
    primary key (tenant, position)
);
CREATE TABLE audit_heads (
    tenant text not null primary key references tenants (id),
    position bigint not null,
    hash blob not null
);
CREATE TABLE audit_retention (
    tenant text not null primary key references tenants (id),
    days bigint,
    cut_position bigint not null default 0
);
CREATE TABLE audit_sinks (
    tenant text not null references tenants (id),
    sink text not null,
    position bigint not null,
    primary key (tenant, sink)
);
CREATE TABLE authenticators (
    tenant text not null,
    user_id text not null,
    secret blob not null,
    last_step bigint not null,
    registered_at bigint not null,
    primary key (tenant, user_id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
CREATE TABLE brand_pictures (
    tenant text not null references tenants (id) on delete cascade,
    digest text not null,
    picture blob not null,
    primary key (tenant, digest)
);
CREATE TABLE cloud_passwords (
    tenant text not null,
    user_id text not null,
    hash text not null,
    changed_at bigint not null, must_change bigint not null default 0,
    primary key (tenant, user_id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
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
CREATE TABLE directory_groups (
    tenant text not null references tenants (id),
    id text not null,
    display_name text not null,
    source_anchor text not null,
    forest text not null,
    domain text not null,
    account_name text not null,
    exported_by text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null, own bigint not null default 0, external_id text,
    primary key (tenant, id)
);
CREATE TABLE doctor_reports (
    tenant text not null,
    agent text not null,
    received_at bigint not null,
    report text not null,
    primary key (tenant, agent)
);
CREATE TABLE enrolment_tokens (
    secret_digest blob not null primary key,
    tenant text not null references tenants (id),
    made_by text,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);
CREATE TABLE expiry_notices (
    tenant text not null,
    user_id text not null,
    expires_at bigint not null,
    days bigint not null,
    told_at bigint not null,
    primary key (tenant, user_id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
CREATE TABLE export_approvals (
    tenant text not null,
    agent text not null,
    digest text not null,
    approved_until bigint not null, held_since bigint not null default 0,
    primary key (tenant, agent, digest)
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
    expires_at bigint not null, gates text not null
    default '{"required":1,"must_differ":true,"usable":["mail"],"passed":[]}', purpose text not null default 'reset', known_browser bigint not null default 1, former_browser blob, former_replaced_at bigint,
    primary key (tenant, id)
);
CREATE TABLE group_gate_policies (
    tenant text not null references tenants (id),
    group_id text not null,
    policy text not null,
    gates bigint not null,
    must_differ bigint not null,
    to_register bigint not null, reconfirm_days bigint,
    primary key (tenant, group_id)
);
CREATE TABLE group_members (
    tenant text not null,
    group_id text not null,
    member text not null,
    user_id text,
    member_group text,
    primary key (tenant, group_id, member),
    foreign key (tenant, group_id) references directory_groups (tenant, id) on delete cascade,
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade,
    foreign key (tenant, member_group) references directory_groups (tenant, id) on delete cascade
);
CREATE TABLE held_removals (
    tenant text not null,
    agent text not null,
    kind text not null,
    id text not null,
    name text not null,
    held_at bigint not null,
    approved_until bigint,
    primary key (tenant, agent, kind, id)
);
CREATE TABLE help_desk_cases (
    tenant text not null,
    id text not null,
    user_id text not null,
    operator text not null,
    reason text not null,
    code_digest blob,
    tries bigint not null,
    cleared_at bigint,
    approved_by text,
    pass_digest blob,
    pass_until bigint,
    used_at bigint,
    created_at bigint not null,
    expires_at bigint not null, reset_at bigint,
    primary key (tenant, id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
CREATE TABLE licence_assignments (
    tenant text not null,
    sku text not null,
    holder text not null,
    user_id text,
    group_id text,
    disabled_plans text not null,
    grants bigint not null,
    usage_location text not null,
    assigned_at bigint not null,
    primary key (tenant, sku, holder),
    foreign key (tenant, sku) references subscribed_skus (tenant, sku),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade,
    foreign key (tenant, group_id) references directory_groups (tenant, id) on delete cascade
);
CREATE TABLE limits (
    tenant text not null,
    name text not null,
    subject blob not null,
    counted bigint not null,
    window_start bigint not null,
    window_end bigint not null, part bigint not null default 0, before_1 bigint not null default 0, before_2 bigint not null default 0, before_3 bigint not null default 0, before_4 bigint not null default 0, before_5 bigint not null default 0, before_6 bigint not null default 0,
    primary key (tenant, name, subject)
);
CREATE TABLE links (
    tenant text not null,
    agent text not null,
    link text not null,
    node text not null,
    lease_until bigint not null,
    primary key (tenant, agent),
    foreign key (tenant, agent) references agents (tenant, id)
);
CREATE TABLE mail_closed (
    tenant text not null,
    channel text not null,
    since bigint not null,
    at bigint not null,
    words text not null,
    primary key (tenant, channel)
);
CREATE TABLE mail_outbox (
    id text not null primary key,
    tenant text not null references tenants (id),
    letter blob not null,
    tries bigint not null,
    leased_until bigint not null,
    created_at bigint not null,
    expires_at bigint not null
, channel text not null default 'mail');
CREATE TABLE mail_refusals (
    tenant text not null,
    id text not null,
    channel text not null,
    at bigint not null,
    words text not null,
    primary key (tenant, id)
);
CREATE TABLE passkey_ceremonies (
    tenant text not null,
    way text not null,
    state text not null,
    expires_at bigint not null,
    primary key (tenant, way)
);
CREATE TABLE passkeys (
    tenant text not null,
    id text not null,
    user_id text not null,
    credential text not null,
    registered_at bigint not null,
    primary key (tenant, id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
CREATE TABLE proposed_authenticators (
    tenant text not null,
    registration text not null,
    secret blob not null,
    primary key (tenant, registration),
    foreign key (tenant, registration) references registrations (tenant, id) on delete cascade
);
CREATE TABLE proposed_mobiles (
    tenant text not null,
    registration text not null,
    number text not null,
    primary key (tenant, registration),
    foreign key (tenant, registration) references registrations (tenant, id) on delete cascade
);
CREATE TABLE recovery_codes (
    tenant text not null,
    user_id text not null,
    digest blob not null,
    made_at bigint not null,
    used_at bigint,
    primary key (tenant, user_id, digest),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
CREATE TABLE registration_notices (
    tenant text not null,
    user_id text not null,
    told_at bigint not null,
    primary key (tenant, user_id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
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
    expires_at bigint not null, realm text not null default 'directory',
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
    updated_at bigint not null, follow_up bigint not null default 0, taken_at bigint, go_ahead bigint not null default 0, before_write text, settled_by text, corrected bigint not null default 0, administrator text,
    primary key (tenant, id)
);
CREATE TABLE security_questions (
    tenant text not null,
    user_id text not null,
    question text not null,
    answer text not null,
    made_at bigint not null,
    primary key (tenant, user_id, question),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
CREATE TABLE session_answers (
    tenant text not null,
    session blob not null,
    idempotency_key text not null,
    request_digest blob not null,
    status bigint,
    content_type text,
    body blob,
    expires_at bigint not null,
    primary key (tenant, session, idempotency_key),
    foreign key (session) references sessions (digest) on delete cascade
);
CREATE TABLE sessions (
    digest blob not null primary key,
    tenant text not null,
    administrator text not null,
    created_at bigint not null,
    last_used_at bigint not null,
    expires_at bigint not null, proved_at bigint, half_until bigint,
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
CREATE TABLE spent_challenges (
    tenant text not null,
    challenge blob not null,
    expires_at bigint not null,
    primary key (tenant, challenge)
);
CREATE TABLE subscribed_skus (
    tenant text not null references tenants (id),
    sku text not null,
    units bigint not null,
    primary key (tenant, sku)
);
CREATE TABLE sync_leases (
    tenant text not null,
    connector text not null,
    agent text not null,
    epoch bigint not null,
    primary key (tenant, connector)
);
CREATE TABLE sync_reports (
    tenant text not null,
    agent text not null,
    received_at bigint not null,
    report text not null,
    primary key (tenant, agent)
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
, forbidden_mail_domains text not null default '[]', unlock_enabled bigint not null default 0, gate_policy text not null
    default '{"gates":1,"methods":["mail"],"to_register":1,"must_differ":true}', banned_words text not null default '[]', licensing text not null default 'community', usage_location text, second_factor bigint not null default 1, sspr_group text, reconfirm_days bigint not null default 0, expiry_days text not null default '[]', brand text not null default '{}', cloud_domains text not null default '[]', require_registration bigint not null default 0, questions text not null default '{"to_register":5,"to_ask":3,"own":[]}', public_url text, disabled_at bigint, soft_match text not null default 'off', notify_administrators bigint not null default 0, registration_mails bigint not null default 0, guard_removals bigint not null default 500, guard_percent bigint, guard_memberships bigint not null default 5000, sspr_groups text);
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
    updated_at bigint not null, confirmed_at bigint, mobile text, registered_mobile text, password_expires_at bigint, external_id text, given_name text, family_name text,
    primary key (tenant, id),
    unique (tenant, principal_key),
    unique (tenant, source_anchor)
);
CREATE INDEX administrator_passkeys_of on administrator_passkeys (tenant, administrator);
CREATE INDEX audit_by_activity on audit (tenant, activity, at, success);
CREATE INDEX audit_by_actor on audit (tenant, actor_id, at, sequence) where actor_id is not null;
CREATE UNIQUE INDEX audit_by_position on audit (tenant, position);
CREATE INDEX audit_by_support_code on audit (tenant, support_code);
CREATE INDEX audit_by_target on audit (tenant, target, at, sequence) where target is not null;
CREATE INDEX audit_by_tenant on audit (tenant, sequence);
CREATE INDEX audit_unlinked on audit (tenant, sequence) where position is null;
CREATE UNIQUE INDEX directory_groups_by_anchor on directory_groups (tenant, source_anchor);
CREATE UNIQUE INDEX directory_groups_by_external_id on directory_groups (tenant, external_id) where own = 1;
CREATE INDEX directory_groups_changed on directory_groups (tenant, updated_at, id);
CREATE INDEX directory_groups_own on directory_groups (tenant, id) where own = 1;
CREATE INDEX flows_by_support_code on flows (tenant, support_code);
CREATE INDEX group_members_by_group on group_members (tenant, member_group);
CREATE INDEX group_members_by_user on group_members (tenant, user_id);
CREATE INDEX help_desk_cases_by_user on help_desk_cases (tenant, user_id);
CREATE INDEX licence_assignments_by_group on licence_assignments (tenant, group_id);
CREATE INDEX licence_assignments_by_user on licence_assignments (tenant, user_id);
CREATE INDEX mail_outbox_by_lease on mail_outbox (leased_until);
CREATE INDEX mail_outbox_next on mail_outbox (channel, tenant, expires_at, created_at, id);
CREATE INDEX mail_refusals_by_time on mail_refusals (tenant, channel, at);
CREATE INDEX passkeys_by_user on passkeys (tenant, user_id);
CREATE INDEX registrations_by_user on registrations (tenant, user_id);
CREATE INDEX requests_by_created on requests (tenant, created_at);
CREATE INDEX requests_by_support_code on requests (tenant, support_code);
CREATE INDEX requests_by_user on requests (tenant, user_id, created_at);
CREATE INDEX requests_to_follow_up on requests (updated_at) where follow_up = 1;
CREATE INDEX requests_to_settle on requests (created_at) where before_write is not null;
CREATE INDEX session_answers_by_session on session_answers (session);
CREATE INDEX session_answers_by_time on session_answers (expires_at);
CREATE UNIQUE INDEX tenants_by_address on tenants (public_url);
CREATE INDEX users_by_account on users (tenant, account_key);
CREATE UNIQUE INDEX users_by_external_id on users (tenant, external_id) where external_id is not null;
CREATE INDEX users_by_mail on users (tenant, lower(mail)) where source_anchor is null;
CREATE INDEX users_by_names on users (tenant, principal_key, account_key, display_name);
CREATE INDEX users_changed on users (tenant, updated_at, id);
CREATE INDEX users_cloud_only on users (tenant, id) where source_anchor is null;
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (1, '1', '2026-01-01 00:00:00', 1, X'3FE59CFF5A5DB49B1E131980E10163F831E20E1393DB76EB791890A5129FACB99A5371E932C294AFCFD4D8C5F9880C43', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (10, '10', '2026-01-01 00:00:00', 1, X'DAAF71700FEDF79ACEC71900959A30F1FB4D5FA2256495DBA8FAED270264D81C0CE7C2D2A13EA1C22AC79668C35C9952', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (100, '100', '2026-01-01 00:00:00', 1, X'86F4E072E6EB62D117B9002C1C0C405F5D6885D0F4681093556C8C4740F94A9B893ACDBEEE8557AD803681E5B8737CD7', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (103, '103', '2026-01-01 00:00:00', 1, X'D37015EF203F80B5A47A375A0D8AA8F2B22B0A5614BC1D3B45E08447193B3282CDF3E433DEC2B38012A6AB8251EFFCBC', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (105, '105', '2026-01-01 00:00:00', 1, X'CD93334A24E6A88EB03A06275DAABB95E85F080E2367DEAFF6DF127105DA4DCA8C3BC2D85F9F86E8D70121641A06779B', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (108, '108', '2026-01-01 00:00:00', 1, X'26D079C2AD5A82725849E791AC67C0E12E07A4C0BE3A140B882546EB2187B8C22BE0F2BA04A824C9129457D859AE9493', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (11, '11', '2026-01-01 00:00:00', 1, X'946B3026A43481A0104CB64E21F888D2E63857EA2B736410190FFDF96271EFE81E6EECAB0B573876BE4FF46F92CB4400', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (12, '12', '2026-01-01 00:00:00', 1, X'CC278BBA18F0FC181178BBE6544233FFD96A26B38729C979E80496D491E25A5B8AB3AE9A6F8C9A9A2D5A41733D6D612F', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (13, '13', '2026-01-01 00:00:00', 1, X'7722C33D686752F192B62D8A7E37039D9396B1B3AC25867FF02CD7EC830F626FC2DE949809C462ED9D9A896243C36CFD', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (14, '14', '2026-01-01 00:00:00', 1, X'7DB35E309C144444B0740A217DAEF0DE6B8F97C5C24869950AF25D6BB72A502E804F2C0F9CD03845E0D13BB364B2118A', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (15, '15', '2026-01-01 00:00:00', 1, X'5F0B2437824679AAB16468D9C82B53317E717D8A89808BFC3B0996F234E09BC23BB9FD78FF9734F547A008C51D909330', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (16, '16', '2026-01-01 00:00:00', 1, X'8435859693E3C36EA517629DE1664B8E162A034A319C4A82F1FDE63BC72311BAE751E80B0E70843C636134165B1F82DF', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (17, '17', '2026-01-01 00:00:00', 1, X'8A3B3553893EF74CA7BC9CE5D89E1C53772666149F5D48C8D4BAEFBEA18C91C83E8D50253B45CB26157275F5C9A0351D', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (18, '18', '2026-01-01 00:00:00', 1, X'4B5F52E0F2CED8B850768BBC6AFFFC39FF1B6A3E404A70AFE55793AC2018C5F3B299F6BC829C13D2732C8DC1BACECDE7', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (2, '2', '2026-01-01 00:00:00', 1, X'1E4C6DFD9E5061305A8BCD9A6876ABDD4AACDEF66B13C839520060D27BB5938FA58CD3CAD2966B42658D7B51DEA18C18', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (3, '3', '2026-01-01 00:00:00', 1, X'E9F4BD1D9E6E258D332608BB459C8425CF30F14F8F9052FBDDFB39E17342AB3EB1F219C037EBAABD4719FE5FCE301366', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (30, '30', '2026-01-01 00:00:00', 1, X'9AC5FE4662EAC05C025569E8B9CE654126971AD9F6CFC54716D41658E7A237B188A8BE2579061636A24676E560478D80', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (31, '31', '2026-01-01 00:00:00', 1, X'44A87AC71343C412761398DB1419CC59ED6BC3C8CC8E9C01E46AE8DFA32A7F961B4518FEC20965D2B1458E08D8AB8176', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (35, '35', '2026-01-01 00:00:00', 1, X'41A6402A3FBA2C66B3190DA28C046E76C618CE0F6223B5F97FB5FF61A74FF2F0134BBCBBF8BDE98E805D301B95882003', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (38, '38', '2026-01-01 00:00:00', 1, X'45E7BFE7B2DEB54ECDA0222FE7FA4A22B390DD5ED34A29EFBD8E6717AA1AF49510541E520DF45CB5BA873C01DFE9E5E4', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (39, '39', '2026-01-01 00:00:00', 1, X'13243AE4223E520573C9213C0315418AC3B71C508A37C6CB6ED3E6D2CE5160B9B3EBDC39D58932B724953B8009A45B7E', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (4, '4', '2026-01-01 00:00:00', 1, X'7F54635E44E429F5165F32D8FA3B561D73201CD974337589C09A4965F0349DBE2D40280AC9E2F4B29BA641D31FADEC83', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (40, '40', '2026-01-01 00:00:00', 1, X'298254CF0A0762F89177CCF9F07C96D6D4B88EC906628B317FECA943DBE7B6C957F38AC47809017DF1AD98176EB5072F', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (41, '41', '2026-01-01 00:00:00', 1, X'D3B245005D695640C574DA2428B7B19520EF964261F0FB9FD428D0B7D565D9813D341CEE0B7AA4103D82ACB75E2755A8', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (42, '42', '2026-01-01 00:00:00', 1, X'F27E4BCF18773B71D1674459A2F21AE746AC21AEF6AFC6DB75615BD1FDB8FDA07AF2A7E7452B9DA7316A1391CFC7CE0D', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (46, '46', '2026-01-01 00:00:00', 1, X'A37AC01D32DA2B04D988A59438828A45F2FF7E8371827F1862AFAE75945B7B97051A31496DE7FB2EE232F3E4BDDDEF94', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (47, '47', '2026-01-01 00:00:00', 1, X'C38AEAA1A7BA0BA16480C118959C71467B66F3F03914932216A8462318535D90121621E33C2DE4FE1C5FDF820BF494F7', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (5, '5', '2026-01-01 00:00:00', 1, X'240E7BEC98FDA657D96B5E030AE55CC9F8AAF55945E933EAC6A9AECBD647412C562C3D4699178FF98E7B362F7F788ACC', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (51, '51', '2026-01-01 00:00:00', 1, X'692245C466C8B936C1DE488A8F5C3711AB26411E57AF4899361398871321BF7B06CEE2943AE088BCD4FF2B671977D1E7', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (52, '52', '2026-01-01 00:00:00', 1, X'FF74C781464A0941A6CACAE22AA4184A0DF4435F33E3FCBB02A5DD30063ABB3913610F67D13D604BEF05EB7C754A8224', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (56, '56', '2026-01-01 00:00:00', 1, X'3E010615F51D910E8275128211654715FFB0C2519DB197E5B4741CBECAF3D2A4E8D7162773E86A63FB3F9DAF446E0B84', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (57, '57', '2026-01-01 00:00:00', 1, X'CFE592566CF54F0B1722A83D6933B6010B7821E8DD9BF13EFD691E508C97F3F72A612801F048CBEEF845AC8DB53F47FB', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (58, '58', '2026-01-01 00:00:00', 1, X'0061E9F3C81F67379227BAA19FDC0416DCEE23E7E8126AD38E5A8DB913A7C8A91661E9CF5C9B07DD111B642F771F259A', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (6, '6', '2026-01-01 00:00:00', 1, X'BD386DF2F52B4A3B6E851F9147A27E6AC954229F2817038A9518CC732DFDB9FA2F7E89913F39C647E6D5CE07DDD23AE3', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (61, '61', '2026-01-01 00:00:00', 1, X'EDBCDDFD8145E7FB33899B999C0BF45646C44488A1427D80876D5C62A3D9DBEE9D7DDB9D5F5EF4A2ECB890A2CACD2409', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (62, '62', '2026-01-01 00:00:00', 1, X'06CEECEE0B8E3DE5299A132EF4D090B99857064E37F833531168953537758AD6B9B0655AFC63A7628D487E6B0E697D57', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (65, '65', '2026-01-01 00:00:00', 1, X'74C963B9052B2CAAB7C686AA403041E16F49F8D4493F31FDA50164FF60362BEFDAECAEEF6B95B33B0A6B20232AB13E2F', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (7, '7', '2026-01-01 00:00:00', 1, X'05328D7747DB6309EFA788019961A03F43C3877D74EEC9EF9D345BF0CEE8AF3AA48C5FD8A6C68F13F84B033F3CB97691', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (71, '71', '2026-01-01 00:00:00', 1, X'5F8364D8A03AB5B1EAD17143F588BAE79216B3584A76EBA95AE24DFE03DACFD702ED26F077DB5D0730CD479A684889DA', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (72, '72', '2026-01-01 00:00:00', 1, X'BA514DD10F311365F9E118DB9D49F65836F094E4FAA90693CB5F34F1D8E2B747728AB6720D31823764EE89F43765390A', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (73, '73', '2026-01-01 00:00:00', 1, X'808097C1BE1EF9D0E05945BB07830A963278BE68AED59393751C267C1B98D58358309C5009D5E13DEE2E3C336DD9CCF7', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (74, '74', '2026-01-01 00:00:00', 1, X'39DE50964927110C5F72C977759AAC3A464664D63B4C8AFACCBF2013E9ED5D4937109C04BE1B8BC058272BC2D43E09C7', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (76, '76', '2026-01-01 00:00:00', 1, X'96FC6EA34B453B2545E95392E18F0449724BDD6B728996C6F77DA27D56E22E05F09D4C66F21F07FFA52F6063AD24BA62', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (77, '77', '2026-01-01 00:00:00', 1, X'5646C796DEAE2FECCF9AE5F78EBE4B661D06CE98829A00639F6BF37ACBD1B396DE7E3B05E2F5BFE6C8801193DCC550DD', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (78, '78', '2026-01-01 00:00:00', 1, X'9B52ECFB2E11F9C0A739EEDE91DAEDA8161C497D4BC5D3FEA9FD696D713CF65713A7624E232AD3380F0F7D66D961D198', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (8, '8', '2026-01-01 00:00:00', 1, X'D8AEE0E31AF12FC9FF5C80A1A9671C6EC6A636E7012EE151B8EB964929D7E8B31B7D794C011B9612D7E97C5E81C6D5B0', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (86, '86', '2026-01-01 00:00:00', 1, X'9ED6E10B12B3738DC9DA8B01BA59D0AD2885F4B22EF3A45C237F18FF7D626F3BC9D9E0424A68B25E2129904D598D1383', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (87, '87', '2026-01-01 00:00:00', 1, X'BF747501B03FE8EF19B1F6FEEBFB3324060394112D26E7ADFE5D3D3709B94DD398B4D34CF12E13B098A50A00C9332740', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (88, '88', '2026-01-01 00:00:00', 1, X'4F9FAC8F473361FBF2838F3861C40F77B76A3FF79DA2D6C0B617DFF77A3CE21767603F0C902017708B83FD3D9AA3EB66', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (89, '89', '2026-01-01 00:00:00', 1, X'56D534D1408A2295EA974311A4C29FD0B92A275C74D34270F6507E51FAC3BBC55E12F9F052668A5E232F3A1AD4CF5B4C', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (9, '9', '2026-01-01 00:00:00', 1, X'919C79BD73494B5241A2D04478F6222155FA8E23BEC986535D9A8FC53850D2E3E378A5968C11109AEDE176EE02BA3E46', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (91, '91', '2026-01-01 00:00:00', 1, X'06D35550944BCF01CD48FC71F93FFCB2479B8C7CE7AF1598301AA89BB1F743341EFDA5C992DCB3737A97FC48FA2841F2', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (92, '92', '2026-01-01 00:00:00', 1, X'14BE687A8355C9A88BFD3EF2D40F9B7A237D8AA03D64C03D1A67FC5F9D21252C8F3FEE9A497240438ECEBC4AAC0110D4', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (93, '93', '2026-01-01 00:00:00', 1, X'CCA9A98ED4B32BEC09C7AF711920A57713B2C6CA952E5A8A7830F42159B20526BBD2B33C19DF4E09EF9E9D941092CDC3', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (94, '94', '2026-01-01 00:00:00', 1, X'F7111104290C1CF00B82943F6AD96F63B3DC63D67BDDB40EC2FEBFAFD4FA7E7A2B6BAD4DBB1EC7D81F80F4314167D078', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (95, '95', '2026-01-01 00:00:00', 1, X'2A32E9BEBF146970364143EAD60A4361217C64B4A12A51634E79F16A80054D3D5B2640DC0286735F88EC1E30CEE976D3', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (96, '96', '2026-01-01 00:00:00', 1, X'8D2DA6B7917581A56BE4F2A60E2FA94E925883BEDA51A78A20A7281A6B0453C9DA72B7A46E3A8A2E1C11AC33EE14B291', 0);
insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) values (97, '97', '2026-01-01 00:00:00', 1, X'DF84620696D26BDFF7D626256675DA745FA0EE647F1B0AB9B3E62FD9EAC6051E0C7C483F0B2FC839AD53CDFE1DF143F7', 0);
insert into codes (tenant, flow, method, digest, tries, sent_at, expires_at, used_at) values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001', 'mail', X'041E18532FD4754C02F3041D9C75CEB33B83FFD81AC7CE4FE882CCB1C98BC5896EA46C311C4E2FF40DD96A3653E6E45445D32DFE486ECED75C7A90C6A18881C0A3', 3, 1, 2, NULL);
insert into flows (tenant, id, browser, subject, person, user_id, withheld_code, masked_address, state, request, language, support_code, correlation, started_at, expires_at, gates, purpose, known_browser, former_browser, former_replaced_at) values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001', X'041E18532FD4754C02F3041D9C75CEB33B83FFD81AC7CE4FE882CCB1C98BC5896EA46C311C4E2FF40DD96A3653E6E45445D32DFE486ECED75C7A90C6A18881C0A3', X'041E18532FD4754C02F3041D9C75CEB33B83FFD81AC7CE4FE882CCB1C98BC5896EA46C311C4E2FF40DD96A3653E6E45445D32DFE486ECED75C7A90C6A18881C0A3', 'stranger', NULL, NULL, 'a', 'code-sent', NULL, 'it', 'S', '00000000-0000-4000-8000-000000000001', 1, 2, '{"required":1,"must_differ":true,"usable":["mail"],"passed":[]}', 'reset', 1, NULL, NULL);
insert into tenants (id, name, root, root_id, languages, sspr_enabled, writeback_enabled, forbid_names, helpdesk_url, decoy_domains, created_at, forbidden_mail_domains, unlock_enabled, gate_policy, banned_words, licensing, usage_location, second_factor, sspr_group, reconfirm_days, expiry_days, brand, cloud_domains, require_registration, questions, public_url, disabled_at, soft_match, notify_administrators, registration_mails, guard_removals, guard_percent, guard_memberships, sspr_groups) values ('00000000-0000-4000-8000-000000000001', 'Contoso', X'041E18532FD4754C02F3041D9C75CEB33B83FFD81AC7CE4FE882CCB1C98BC5896EA46C311C4E2FF40DD96A3653E6E45445D32DFE486ECED75C7A90C6A18881C0A3', X'041E18532FD4754C02F3041D9C75CEB33B83FFD81AC7CE4FE882CCB1C98BC5896EA46C311C4E2FF40DD96A3653E6E45445D32DFE486ECED75C7A90C6A18881C0A3', '[]', 1, 1, 0, NULL, '[]', 1, '[]', 0, '{"gates":1,"methods":["mail"],"to_register":1,"must_differ":true}', '[]', 'community', NULL, 1, NULL, 0, '[]', '{}', '[]', 0, '{"to_register":5,"to_ask":3,"own":[]}', NULL, NULL, 'off', 0, 0, 500, NULL, 5000, NULL);
