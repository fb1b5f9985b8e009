//! What is true of a whole tenant: whether a writeback could succeed at all. Told to anybody, before any gate.

use ritorno_identity::agent::Agent;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::ledger::{LedgerError, Standing};
use crate::relay::Relay;

/// Whether passwords can be written back now, for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantState {
    /// At least one agent is live, switched on, and reaches a PDC emulator.
    Ready,
    /// No agent is live: none was ever enrolled (`since` is `None`), or none was heard since then.
    NoAgent {
        /// When one was heard last.
        since: Option<Timestamp>,
    },
    /// Writeback is off, for the tenant or at every agent.
    WritebackOff,
    /// Agents are live, but none reaches a PDC emulator.
    PdcUnreachable {
        /// The PDC emulator's name, for operators, if it was ever found.
        name: Option<String>,
        /// When it was first reported out of reach.
        since: Timestamp,
    },
}

impl std::fmt::Display for TenantState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::NoAgent { .. } => f.write_str("no agent is live"),
            Self::WritebackOff => f.write_str("writeback is off"),
            Self::PdcUnreachable { name: Some(name), .. } => {
                write!(f, "the PDC emulator {name} is out of reach")
            }
            Self::PdcUnreachable { name: None, .. } => f.write_str("no PDC emulator was found"),
        }
    }
}

impl Relay {
    /// The tenant's state, from live links and their latest health reports.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn tenant_state(&self, tenant: TenantId) -> Result<TenantState, LedgerError> {
        let standing = self.ledger.standing(tenant).await?;
        Ok(self.state_of(tenant, &standing))
    }

    /// The tenant's state by a standing that was just read.
    pub(crate) fn state_of(&self, tenant: TenantId, standing: &Standing) -> TenantState {
        if !standing.writeback_enabled {
            return TenantState::WritebackOff;
        }
        let enrolled: Vec<&Agent> =
            standing.agents.iter().filter(|agent| agent.revoked_at.is_none()).collect();
        let on: Vec<&&Agent> = enrolled.iter().filter(|agent| agent.writeback_on).collect();
        if !enrolled.is_empty() && on.is_empty() {
            return TenantState::WritebackOff;
        }
        let now = self.timer.now();
        let reports: Vec<_> = self
            .links
            .of(tenant)
            .into_iter()
            .filter(|link| on.iter().any(|agent| agent.id == link.agent))
            .filter_map(|link| link.report(now))
            .collect();
        if reports.is_empty() {
            let heard = on.iter().filter_map(|agent| agent.last_seen_at).max();
            return TenantState::NoAgent { since: heard };
        }
        if reports.iter().all(|report| !report.health.writeback_on) {
            return TenantState::WritebackOff;
        }
        let willing = || reports.iter().filter(|report| report.health.writeback_on);
        if willing().any(|report| report.health.forests.iter().any(|forest| forest.reachable)) {
            return TenantState::Ready;
        }
        let name = willing().flat_map(|report| &report.health.forests).find_map(|forest| forest.pdc.clone());
        let since = willing().filter_map(|report| report.unreachable_since).min().unwrap_or(now);
        TenantState::PdcUnreachable { name, since }
    }
}
