//! What each agent's checks found last.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::doctor::DoctorReport;
use ritorno_protocol::ids::{AgentId, TenantId};

use crate::db::Db;
use crate::error::StoreError;
use crate::told::{Told, told};
use crate::value::{json, values};

/// What each agent's checks found last.
pub struct DoctorReports<'a>(pub(crate) &'a Db);

impl DoctorReports<'_> {
    /// Keeps a report in the place of the agent's last one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep(
        &self,
        tenant: TenantId,
        agent: AgentId,
        report: &DoctorReport,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into doctor_reports (tenant, agent, received_at, report) values ($1, $2, $3, $4) \
             on conflict (tenant, agent) do update set received_at = excluded.received_at, report = excluded.report";
        self.0.write(SQL, values![tenant, agent, now, json(report)]).await.map(drop)
    }

    /// The last report of each agent that ever sent one, by the agent's id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<Told<DoctorReport>>, StoreError> {
        const SQL: &str =
            "select agent, received_at, report from doctor_reports where tenant = $1 order by agent";
        let rows = self.0.read(SQL, values![tenant]).await?;
        rows.iter().map(told).collect()
    }
}
