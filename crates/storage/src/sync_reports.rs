//! Where each agent's synchronisation stood last, and which of its held exports were approved.

use ritorno_identity::audit::Fact;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, TenantId};
use ritorno_protocol::sync_report::SyncReport;

use crate::audit::appended;
use crate::db::Db;
use crate::error::StoreError;
use crate::told::{Told, told};
use crate::value::{json, values};

/// Where each agent's synchronisation stood last.
pub struct SyncReports<'a>(pub(crate) &'a Db);

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
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<Told<SyncReport>>, StoreError> {
        const SQL: &str =
            "select agent, received_at, report from sync_reports where tenant = $1 order by agent";
        let rows = self.0.read(SQL, values![tenant]).await?;
        rows.iter().map(told).collect()
    }

    /// Lets a held export of this digest, which was held since then, through until then, and keeps the fact with it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approve(
        &self,
        tenant: TenantId,
        agent: AgentId,
        digest: &str,
        since: Timestamp,
        until: Timestamp,
        fact: &Fact,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into export_approvals (tenant, agent, digest, held_since, approved_until) \
             values ($1, $2, $3, $4, $5) on conflict (tenant, agent, digest) do update set held_since = excluded.held_since, \
             approved_until = excluded.approved_until";
        let statements = vec![(SQL, values![tenant, agent, digest, since, until]), appended(fact)];
        self.0.write_together(statements, 2).await.map(drop)
    }

    /// Held exports of an agent that were approved and not taken up yet: the digest of each, and since when it was held.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approved(
        &self,
        tenant: TenantId,
        agent: AgentId,
        now: Timestamp,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        const SQL: &str = "select digest, held_since from export_approvals where tenant = $1 and agent = $2 and approved_until > $3 \
             order by digest";
        let rows = self.0.read(SQL, values![tenant, agent, now]).await?;
        rows.iter().map(|row| Ok((row.text("digest")?, row.moment("held_since")?))).collect()
    }

    /// Uses up the approval of a held export, and tells until when it lasts; `None` if there is none, or its time is over. Of several who
    /// ask at once one gets it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_up(
        &self,
        tenant: TenantId,
        agent: AgentId,
        digest: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        const SQL: &str = "delete from export_approvals where tenant = $1 and agent = $2 and digest = $3 and held_since = $4 \
             and approved_until > $5 returning approved_until";
        let rows = self.0.write_returning(SQL, values![tenant, agent, digest, since, now]).await?;
        rows.first().map(|row| row.moment("approved_until")).transpose()
    }
}
