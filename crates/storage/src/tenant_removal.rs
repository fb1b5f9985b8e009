//! A tenant is removed: everything of it, some rows at a time, so that nobody waits long and whatever stops it can be gone on with.

use ritorno_identity::audit::Fact;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::audit::appended;
use crate::error::StoreError;
use crate::tenants::Tenants;
use crate::value::{Sql, values};

/// A table, and its statements.
struct Table {
    name: &'static str,
    count: &'static str,
    delete: Sql,
}

macro_rules! tables {
    ($($table:literal),+ $(,)?) => {
        [$(Table {
            name: $table,
            count: concat!("select count(*) as number from ", $table, " where tenant = $1"),
            delete: Sql {
                sqlite: concat!(
                    "delete from ", $table, " where tenant = $1 and rowid in (select rowid from ", $table,
                    " where tenant = $1 limit 2000)"
                ),
                postgres: concat!(
                    "delete from ", $table, " where tenant = $1 and ctid = any(array(select ctid from ", $table,
                    " where tenant = $1 limit 2000))"
                ),
            },
        }),+]
    };
}

/// Every table that has rows of tenants, what refers to another one before that one.
static TABLES: [Table; 50] = tables![
    "codes",
    "api_answers",
    "api_tokens",
    "passkey_ceremonies",
    "proposed_authenticators",
    "proposed_mobiles",
    "recovery_codes",
    "passkeys",
    "authenticators",
    "security_questions",
    "cloud_passwords",
    "help_desk_cases",
    "registration_notices",
    "expiry_notices",
    "spent_challenges",
    "licence_assignments",
    "subscribed_skus",
    "group_gate_policies",
    "group_members",
    "directory_groups",
    "links",
    "agent_tokens",
    "agent_nonces",
    "device_codes",
    "enrolment_tokens",
    "held_removals",
    "export_approvals",
    "sync_reports",
    "sync_leases",
    "doctor_reports",
    "registrations",
    "flows",
    "requests",
    "session_answers",
    "sessions",
    "mail_outbox",
    "mail_refusals",
    "mail_closed",
    "limits",
    "brand_pictures",
    "users",
    "agents",
    "administrator_passkeys",
    "administrator_ceremonies",
    "administrators",
    "signing_keys",
    "audit_checkpoints",
    "audit_heads",
    "audit_sinks",
    "audit_retention",
];
/// The last one, so that whatever is written down meanwhile goes as well.
static AUDIT: [Table; 1] = tables!["audit"];

fn tables() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().chain(&AUDIT)
}

impl Tenants<'_> {
    /// The tables that have rows of tenants, in the order in which those of one are removed.
    pub fn tables_of_one() -> Vec<&'static str> {
        tables().map(|table| table.name).collect()
    }

    /// How many rows of a tenant each table has, but for those that have none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rows_of_one(&self, tenant: TenantId) -> Result<Vec<(&'static str, u32)>, StoreError> {
        let mut counted = Vec::new();
        for table in tables() {
            let row = self.0.read_one(table.count, values![tenant]).await?;
            let number = row.map_or(Ok(0), |row| row.count("number"))?;
            if number > 0 {
                counted.push((table.name, number));
            }
        }
        Ok(counted)
    }

    /// How many links of a tenant's agents hold at that moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn live_links(&self, tenant: TenantId, now: Timestamp) -> Result<u32, StoreError> {
        const SQL: &str = "select count(*) as number from links where tenant = $1 and lease_until > $2";
        self.0.read_one(SQL, values![tenant, now]).await?.map_or(Ok(0), |row| row.count("number"))
    }

    /// Removes some rows of a tenant, 2000 at most, of the table at that place in [`Self::tables_of_one`]. How many it removed; 0 if none is left,
    /// or there is no such place.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if a row of another table that was added meanwhile refers to one; other [`StoreError`]s.
    pub async fn remove_rows(&self, tenant: TenantId, table: usize) -> Result<u64, StoreError> {
        let Some(table) = tables().nth(table) else { return Ok(0) };
        self.0.write(self.0.words(&table.delete), values![tenant]).await
    }

    /// Removes the tenant itself, of which nothing else may be left, and adds the fact that tells of it, which is another tenant's. `false` if
    /// there is no such tenant.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if something is left; other [`StoreError`]s.
    pub async fn remove_one(&self, tenant: TenantId, fact: &Fact) -> Result<bool, StoreError> {
        const SQL: &str = "delete from tenants where id = $1";
        Ok(self.0.write_whole(vec![(SQL, values![tenant]), appended(fact)]).await?.is_none())
    }
}
