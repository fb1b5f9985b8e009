//! Which agent exports for which connector.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, TenantId};

use crate::db::Db;
use crate::error::StoreError;
use crate::value::{Sql, values};

/// Which agent exports for which connector.
pub struct SyncLeases<'a>(pub(crate) &'a Db);

/// An export under a lease that was taken by another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease epoch {named} is outdated: {newest} was seen")]
pub struct Outdated {
    /// What the export named.
    pub named: i64,
    /// What was seen before.
    pub newest: i64,
}

/// A new epoch is above the one before, and begins with the time in seconds: agents of a version before name that by themselves.
static TAKE: Sql<&str> = Sql {
    sqlite: "insert into sync_leases (tenant, connector, agent, epoch) values ($1, $2, $3, $4) \
         on conflict (tenant, connector) do update set agent = excluded.agent, \
         epoch = max(sync_leases.epoch + 1, excluded.epoch) returning epoch",
    postgres: "insert into sync_leases (tenant, connector, agent, epoch) values ($1, $2, $3, $4) \
         on conflict (tenant, connector) do update set agent = excluded.agent, \
         epoch = greatest(sync_leases.epoch + 1, excluded.epoch) returning epoch",
};

impl SyncLeases<'_> {
    /// Gives the lease of a connector to an agent, whoever had it; its epoch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(
        &self,
        tenant: TenantId,
        connector: &str,
        agent: AgentId,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let values = values![tenant, connector, agent, now.unix_ms() / 1_000];
        let rows = self.0.write_returning(self.0.words(&TAKE), values).await?;
        rows.first().ok_or(StoreError::Unreadable { column: "epoch" })?.int("epoch")
    }

    /// The connector's newest epoch, if there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self, tenant: TenantId, connector: &str) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "select epoch from sync_leases where tenant = $1 and connector = $2";
        self.0.read_one(SQL, values![tenant, connector]).await?.map(|row| row.int("epoch")).transpose()
    }

    /// Whether an agent that names this epoch holds the lease. One that names a newer epoch than was seen takes it by that, as agents of a
    /// version before do; of the same epoch the first one has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold(
        &self,
        tenant: TenantId,
        connector: &str,
        agent: AgentId,
        epoch: i64,
    ) -> Result<Result<(), Outdated>, StoreError> {
        const SEEN: &str = "select agent, epoch from sync_leases where tenant = $1 and connector = $2";
        const NEWER: &str = "insert into sync_leases (tenant, connector, agent, epoch) values ($1, $2, $3, $4) \
             on conflict (tenant, connector) do update set agent = excluded.agent, epoch = excluded.epoch \
             where excluded.epoch > sync_leases.epoch";
        let seen = |newest: i64| Err(Outdated { named: epoch, newest });
        if let Some(row) = self.0.read_one(SEEN, values![tenant, connector]).await? {
            let (holder, newest): (AgentId, i64) = (row.parsed("agent")?, row.int("epoch")?);
            if newest > epoch || (newest == epoch && holder != agent) {
                return Ok(seen(newest));
            }
            if newest == epoch {
                return Ok(Ok(()));
            }
        }
        match self.0.write(NEWER, values![tenant, connector, agent, epoch]).await? {
            0 => Ok(seen(epoch)),
            _ => Ok(Ok(())),
        }
    }
}
