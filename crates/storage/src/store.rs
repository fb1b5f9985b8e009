//! Opening the database, and the way to each repository.

use std::os::unix::fs::OpenOptionsExt as _;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _};

use crate::db::{Db, Pools};
use crate::error::{ConnectError, StoreError};
use crate::writer::Writer;
use crate::{
    AdministratorApps, AdministratorPasskeys, Administrators, AgentTokens, Agents, ApiAnswers, ApiTokens,
    Audit, AuditChain, Authenticators, BrandPictures, CloudPasswords, Codes, DeviceCodes, DoctorReports,
    EnrolmentTokens, ExpiryNotices, Flows, GroupPolicies, Groups, HelpDesk, Licences, Limits, Links,
    MailClosed, MailOutbox, MailRefusals, Passkeys, RecoveryCodes, RegistrationNotices, Registrations,
    Removals, Requests, SecurityQuestions, Sessions, SigningKeys, Statistics, SyncLeases, SyncReports,
    Tenants, Users,
};

/// How long a statement waits for SQLite's lock, or for a free connection.
const WAIT_AT_MOST: Duration = Duration::from_secs(15);
/// Rows of an answer that may wait to be taken, so that the thread that reads them need not stop in between.
const SQLITE_ROWS: usize = 256;
/// Connections that read SQLite beside its one writer.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;

/// Number, name and text of each migration of a database. Numbers may be left out: what is made side by side takes numbers that are
/// apart.
macro_rules! migrations {
    ($database:literal) => {
        [
            (1, "first", include_str!(concat!("../migrations/", $database, "/0001_first.sql"))),
            (2, "follow-up", include_str!(concat!("../migrations/", $database, "/0002_follow_up.sql"))),
            (3, "registration", include_str!(concat!("../migrations/", $database, "/0003_registration.sql"))),
            (
                4,
                "follow-up-taken",
                include_str!(concat!("../migrations/", $database, "/0004_follow_up_taken.sql")),
            ),
            (5, "unlock", include_str!(concat!("../migrations/", $database, "/0005_unlock.sql"))),
            (6, "agent-keys", include_str!(concat!("../migrations/", $database, "/0006_agent_keys.sql"))),
            (7, "groups", include_str!(concat!("../migrations/", $database, "/0007_groups.sql"))),
            (8, "gates", include_str!(concat!("../migrations/", $database, "/0008_gates.sql"))),
            (9, "purpose", include_str!(concat!("../migrations/", $database, "/0009_purpose.sql"))),
            (10, "help-desk", include_str!(concat!("../migrations/", $database, "/0010_help_desk.sql"))),
            (11, "go-ahead", include_str!(concat!("../migrations/", $database, "/0011_go_ahead.sql"))),
            (
                12,
                "agent-forests",
                include_str!(concat!("../migrations/", $database, "/0012_agent_forests.sql")),
            ),
            (13, "links", include_str!(concat!("../migrations/", $database, "/0013_links.sql"))),
            (
                14,
                "administrators-person",
                include_str!(concat!("../migrations/", $database, "/0014_administrators_person.sql")),
            ),
            (
                15,
                "banned-words",
                include_str!(concat!("../migrations/", $database, "/0015_banned_words.sql")),
            ),
            (16, "passkeys", include_str!(concat!("../migrations/", $database, "/0016_passkeys.sql"))),
            (17, "licences", include_str!(concat!("../migrations/", $database, "/0017_licences.sql"))),
            (18, "audit-chain", include_str!(concat!("../migrations/", $database, "/0018_audit_chain.sql"))),
            (30, "settled-by", include_str!(concat!("../migrations/", $database, "/0030_settled_by.sql"))),
            (
                31,
                "held-removals",
                include_str!(concat!("../migrations/", $database, "/0031_held_removals.sql")),
            ),
            (
                35,
                "doctor-reports",
                include_str!(concat!("../migrations/", $database, "/0035_doctor_reports.sql")),
            ),
            (
                38,
                "second-factor",
                include_str!(concat!("../migrations/", $database, "/0038_second_factor.sql")),
            ),
            (39, "sspr-group", include_str!(concat!("../migrations/", $database, "/0039_sspr_group.sql"))),
            (
                40,
                "half-sessions",
                include_str!(concat!("../migrations/", $database, "/0040_half_sessions.sql")),
            ),
            (41, "sspr-policy", include_str!(concat!("../migrations/", $database, "/0041_sspr_policy.sql"))),
            (42, "sms", include_str!(concat!("../migrations/", $database, "/0042_sms.sql"))),
            (
                46,
                "password-expiry",
                include_str!(concat!("../migrations/", $database, "/0046_password_expiry.sql")),
            ),
            (47, "brand", include_str!(concat!("../migrations/", $database, "/0047_brand.sql"))),
            (51, "api-tokens", include_str!(concat!("../migrations/", $database, "/0051_api_tokens.sql"))),
            (
                52,
                "audit-retention",
                include_str!(concat!("../migrations/", $database, "/0052_audit_retention.sql")),
            ),
            (
                56,
                "people-search",
                include_str!(concat!("../migrations/", $database, "/0056_people_search.sql")),
            ),
            (
                57,
                "cloud-people",
                include_str!(concat!("../migrations/", $database, "/0057_cloud_people.sql")),
            ),
            (
                58,
                "require-registration",
                include_str!(concat!("../migrations/", $database, "/0058_require_registration.sql")),
            ),
            (61, "work", include_str!(concat!("../migrations/", $database, "/0061_work.sql"))),
            (
                62,
                "security-questions",
                include_str!(concat!("../migrations/", $database, "/0062_security_questions.sql")),
            ),
            (
                65,
                "several-tenants",
                include_str!(concat!("../migrations/", $database, "/0065_several_tenants.sql")),
            ),
            (71, "soft-match", include_str!(concat!("../migrations/", $database, "/0071_soft_match.sql"))),
            (
                72,
                "sync-reports",
                include_str!(concat!("../migrations/", $database, "/0072_sync_reports.sql")),
            ),
            (
                73,
                "approved-once",
                include_str!(concat!("../migrations/", $database, "/0073_approved_once.sql")),
            ),
            (
                74,
                "provisioned-people",
                include_str!(concat!("../migrations/", $database, "/0074_provisioned_people.sql")),
            ),
            (
                76,
                "given-passwords",
                include_str!(concat!("../migrations/", $database, "/0076_given_passwords.sql")),
            ),
            (
                77,
                "administrator-notices",
                include_str!(concat!("../migrations/", $database, "/0077_administrator_notices.sql")),
            ),
            (
                78,
                "registration-notices",
                include_str!(concat!("../migrations/", $database, "/0078_registration_notices.sql")),
            ),
            (86, "sync-leases", include_str!(concat!("../migrations/", $database, "/0086_sync_leases.sql"))),
            (
                87,
                "program-groups",
                include_str!(concat!("../migrations/", $database, "/0087_program_groups.sql")),
            ),
            (
                88,
                "deletion-guard",
                include_str!(concat!("../migrations/", $database, "/0088_deletion_guard.sql")),
            ),
            (
                89,
                "changed-since",
                include_str!(concat!("../migrations/", $database, "/0089_changed_since.sql")),
            ),
            (
                91,
                "sliding-limits",
                include_str!(concat!("../migrations/", $database, "/0091_sliding_limits.sql")),
            ),
            (92, "sspr-groups", include_str!(concat!("../migrations/", $database, "/0092_sspr_groups.sql"))),
            (
                93,
                "group-reconfirm",
                include_str!(concat!("../migrations/", $database, "/0093_group_reconfirm.sql")),
            ),
            (94, "mail-order", include_str!(concat!("../migrations/", $database, "/0094_mail_order.sql"))),
            (95, "mail-next", include_str!(concat!("../migrations/", $database, "/0095_mail_next.sql"))),
            (
                96,
                "mail-refusals",
                include_str!(concat!("../migrations/", $database, "/0096_mail_refusals.sql")),
            ),
            (
                97,
                "session-answers",
                include_str!(concat!("../migrations/", $database, "/0097_session_answers.sql")),
            ),
            (100, "timeline", include_str!(concat!("../migrations/", $database, "/0100_timeline.sql"))),
            (103, "mail-closed", include_str!(concat!("../migrations/", $database, "/0103_mail_closed.sql"))),
            (
                105,
                "administrator-passkeys",
                include_str!(concat!("../migrations/", $database, "/0105_administrator_passkeys.sql")),
            ),
            (
                108,
                "former-tokens",
                include_str!(concat!("../migrations/", $database, "/0108_former_tokens.sql")),
            ),
        ]
    };
}

/// The database. Cloning is cheap and shares connections.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// Opens `sqlite:PATH` (made with mode 0600 if it is not there) or `postgres://USER:PASSWORD@HOST/DATABASE`, and
    /// brings its tables to this version. Several servers may do so at once.
    ///
    /// # Errors
    /// [`ConnectError`], by what is wrong.
    pub async fn connect(address: &str) -> Result<Self, ConnectError> {
        match address.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Self::sqlite(address).await,
            Some("postgres" | "postgresql") => Self::postgres(address).await,
            other => Err(ConnectError::Scheme(other.unwrap_or_default().to_owned())),
        }
    }

    async fn sqlite(address: &str) -> Result<Self, ConnectError> {
        let options = SqliteConnectOptions::from_str(address)
            .map_err(ConnectError::Address)?
            .journal_mode(SqliteJournalMode::Wal)
            // An outcome is acknowledged when it is durable, so every commit reaches the disk.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(WAIT_AT_MOST)
            .pragma("temp_store", "memory")
            .row_buffer_size(SQLITE_ROWS)
            .disable_statement_logging();
        make_private(options.get_filename())?;
        let pool = |connections: u32| {
            SqlitePoolOptions::new().max_connections(connections).acquire_timeout(WAIT_AT_MOST)
        };
        // Indexes by random ids are written all over: what is not kept is read again for each row, twenty pages for one member of a group where
        // there are a hundred thousand people. Only what was read is kept, so that a small tenant's server stays small.
        let writing = options.clone().pragma("cache_size", "-128000").pragma("wal_autocheckpoint", "4000");
        let writer = pool(1).connect_with(writing).await.map_err(ConnectError::Open)?;
        migrator(migrations!("sqlite")).run(&writer).await.map_err(ConnectError::Migration)?;
        let readers =
            pool(SQLITE_READERS).connect_with(options.read_only(true)).await.map_err(ConnectError::Open)?;
        Ok(Self { db: Db::new(Pools::Sqlite { readers, writer: Writer::new(writer) }) })
    }

    async fn postgres(address: &str) -> Result<Self, ConnectError> {
        let options =
            PgConnectOptions::from_str(address).map_err(ConnectError::Address)?.disable_statement_logging();
        // A pool goes on trying and then says that it timed out; one connection says what is wrong, at once.
        options.connect().await.map_err(ConnectError::Open)?.close().await.map_err(ConnectError::Open)?;
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(WAIT_AT_MOST)
            .connect_lazy_with(options);
        migrator(migrations!("postgres")).run(&pool).await.map_err(ConnectError::Migration)?;
        Ok(Self { db: Db::new(Pools::Postgres(pool)) })
    }

    /// Closes every connection, after the statements under way.
    pub async fn close(&self) {
        match &self.db.pools {
            Pools::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError`], if it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.read("select 1 as one", Vec::new()).await.map(|_| ())
    }

    /// How many statements went through this handle and its clones. Known and unknown people must cost the same number.
    pub fn statements(&self) -> u64 {
        self.db.statements()
    }

    /// The same database, with a statement counter of its own that starts at zero.
    #[must_use]
    pub fn counted(&self) -> Self {
        Self { db: self.db.counted() }
    }

    pub(crate) const fn db(&self) -> &Db {
        &self.db
    }
}

macro_rules! repositories {
    ($($(#[$doc:meta])* $method:ident: $repository:ident;)*) => {
        impl Store {$(
            $(#[$doc])*
            pub const fn $method(&self) -> $repository<'_> {
                $repository(&self.db)
            }
        )*}
    };
}

repositories! {
    /// The tenants.
    tenants: Tenants;
    /// Their logos.
    brand_pictures: BrandPictures;
    /// Who runs them.
    administrators: Administrators;
    /// Authenticator apps of administrators.
    administrator_apps: AdministratorApps;
    /// Passkeys of administrators.
    administrator_passkeys: AdministratorPasskeys;
    /// The people.
    users: Users;
    /// The enrolled agents.
    agents: Agents;
    /// Agents' access tokens.
    agent_tokens: AgentTokens;
    /// Tokens to enrol agents with.
    enrolment_tokens: EnrolmentTokens;
    /// Device codes of the onboarding.
    device_codes: DeviceCodes;
    /// Ways through the reset pages.
    flows: Flows;
    /// Ways through the pages on which people register an address.
    registrations: Registrations;
    /// Passwords of cloud-only people.
    cloud_passwords: CloudPasswords;
    /// One-time codes.
    codes: Codes;
    /// Authenticator apps of people.
    authenticators: Authenticators;
    /// Passkeys of people.
    passkeys: Passkeys;
    /// Recovery codes of people.
    recovery_codes: RecoveryCodes;
    /// Security questions that people answered.
    security_questions: SecurityQuestions;
    /// Groups of the directories.
    groups: Groups;
    /// Groups whose people have gates of their own.
    group_policies: GroupPolicies;
    /// What tenants bought, and who got what.
    licences: Licences;
    /// Removals that the deletion guard held.
    removals: Removals;
    /// What each agent's checks found last.
    doctor_reports: DoctorReports;
    /// Where each agent's synchronisation stood last.
    sync_reports: SyncReports;
    /// Which agent exports for which connector.
    sync_leases: SyncLeases;
    /// Callers whom the help desk helps.
    help_desk: HelpDesk;
    /// Counters.
    limits: Limits;
    /// Requests to the directories.
    requests: Requests;
    /// How often what ended how.
    statistics: Statistics;
    /// Administrators' sessions.
    sessions: Sessions;
    /// Tokens for programs.
    api_tokens: ApiTokens;
    /// What requests with an idempotency key were answered.
    api_answers: ApiAnswers;
    /// Audit facts.
    audit: Audit;
    /// The chain of audit facts.
    audit_chain: AuditChain;
    /// Mails that wait.
    mail_outbox: MailOutbox;
    /// That nothing goes out at present.
    mail_closed: MailClosed;
    /// What was refused for good on its way out.
    mail_refusals: MailRefusals;
    /// Who was told that their password expires.
    expiry_notices: ExpiryNotices;
    /// Who was told what is due of their registration.
    registration_notices: RegistrationNotices;
    /// Which node holds which agent's link.
    links: Links;
    /// The server's signing keys.
    signing_keys: SigningKeys;
}

/// Makes the file of a database for its owner's eyes only, unless it is there. SQLite gives its side files the same mode.
fn make_private(path: &std::path::Path) -> Result<(), ConnectError> {
    let made = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map(|_| ()).map_err(|source| ConnectError::File { path: path.display().to_string(), source })
}

/// The migrations, in order. What was released is never altered, only followed by another, and each only adds what a program from
/// before can leave alone: so the version before goes on with the tables of this one, when an upgrade is rolled back.
fn migrator(migrations: impl IntoIterator<Item = (i64, &'static str, &'static str)>) -> Migrator {
    let migration = |(number, name, text): (i64, &'static str, &'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(migrations.into_iter().map(migration).collect());
    migrator.set_ignore_missing(true);
    migrator
}
