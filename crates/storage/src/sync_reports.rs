//! Where each agent's synchronisation stood last, and which of its held exports were approved.

use ritorno_identity::audit::Fact;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, TenantId};
use ritorno_protocol::sync_report::SyncReport;

use crate::audit::appended;
use crate::db::Db;
use crate::error::StoreError;
use crate::value::{json, values};

/// Where each agent's synchronisation stood last.
pub struct SyncReports<'a>(pub(crate) &'a Db);

/// One agent's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncTold {
    /// The agent.
    pub agent: AgentId,
    /// The server's time when it came.
    pub received_at: Timestamp,
    /// What it says.
    pub report: SyncReport,
}

impl SyncReports<'_> {
    /// Keeps a report in the place of the agent's last one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep(
        &self,
        tenant: TenantId,
        agent: AgentId,
        report: &SyncReport,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into sync_reports (tenant, agent, received_at, report) values ($1, $2, $3, $4) \
             on conflict (tenant, agent) do update set received_at = excluded.received_at, report = excluded.report";
        self.0.write(SQL, values![tenant, agent, now, json(report)]).await.map(drop)
    }

    /// The last report of each agent that ever sent one, by the agent's id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<SyncTold>, StoreError> {
        const SQL: &str =
            "select agent, received_at, report from sync_reports where tenant = $1 order by agent";
        let rows = self.0.read(SQL, values![tenant]).await?;
        rows.iter()
            .map(|row| {
                Ok(SyncTold {
                    agent: row.parsed("agent")?,
                    received_at: row.moment("received_at")?,
                    report: row.json("report")?,
                })
            })
            .collect()
    }

    /// Lets a held export of this digest through until then, and keeps the fact with it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approve(
        &self,
        tenant: TenantId,
        agent: AgentId,
        digest: &str,
        until: Timestamp,
        fact: &Fact,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into export_approvals (tenant, agent, digest, approved_until) values ($1, $2, $3, $4) \
             on conflict (tenant, agent, digest) do update set approved_until = excluded.approved_until";
        let statements = vec![(SQL, values![tenant, agent, digest, until]), appended(fact)];
        self.0.write_together(statements, 2).await.map(drop)
    }

    /// Digests of held exports of an agent that may go out now. Those whose time is over are forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approved(
        &self,
        tenant: TenantId,
        agent: AgentId,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "select digest from export_approvals where tenant = $1 and agent = $2 and approved_until > $3 \
             order by digest";
        const OVER: &str =
            "delete from export_approvals where tenant = $1 and agent = $2 and approved_until <= $3";
        self.0.write(OVER, values![tenant, agent, now]).await?;
        let rows = self.0.read(SQL, values![tenant, agent, now]).await?;
        rows.iter().map(|row| row.text("digest")).collect()
    }
}
