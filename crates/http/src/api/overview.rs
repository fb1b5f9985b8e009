//! `GET /api/v1/overview`: how the tenant stands.

use axum::Json;
use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_identity::agent_state::AgentState;
use ritorno_relay::tenant_state::TenantState;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use crate::operations::agents::{Look, only};
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// Whether a reset could be written now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    /// It could.
    Ready,
    /// No agent is live.
    NoAgent,
    /// Writeback is off, for the tenant or at every agent.
    WritebackOff,
    /// Agents are live, and none reaches a PDC emulator.
    PdcUnreachable,
}

/// How the tenant stands.
#[derive(Serialize, ToSchema)]
pub(super) struct Overview {
    /// Its name.
    organisation: String,
    /// The server's version.
    version: &'static str,
    /// Whether a reset could be written now.
    standing: Standing,
    /// Since when it could not, if that is known.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// The groups whose people may reset, if not everybody may, but for those that are gone; an empty list if nobody may, since all are.
    only_groups: Option<Vec<String>>,
    /// The first of `only_groups`, empty if there is none, for clients that know one group only.
    only_group: Option<String>,
    /// Agents that are not revoked.
    agents: usize,
    /// Those of them that are up and running, of whatever version.
    agents_running: usize,
}

/// How the tenant stands.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    tag = "overview",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "How the tenant stands now.", body = Overview))
)]
pub(super) async fn get_overview(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Overview>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    let look = Look::at(&state, tenant).await?;
    let (standing, since) = match &look.standing {
        TenantState::Ready => (Standing::Ready, None),
        TenantState::NoAgent { since } => (Standing::NoAgent, *since),
        TenantState::WritebackOff => (Standing::WritebackOff, None),
        TenantState::PdcUnreachable { since, .. } => (Standing::PdcUnreachable, Some(*since)),
    };
    let enrolled = || look.agents.iter().filter(|agent| agent.revoked_at.is_none());
    let running = enrolled().filter(|agent| {
        matches!(look.of(&state, tenant, agent).0, AgentState::Running | AgentState::OutOfDate)
    });
    let only_groups = only(&state, tenant).await?.map(|only| only.names);
    Ok(Json(Overview {
        organisation: tenant.name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        standing,
        since: since.map(rfc3339),
        only_group: only_groups.as_ref().map(|names| names.first().cloned().unwrap_or_default()),
        only_groups,
        agents: enrolled().count(),
        agents_running: running.count(),
    }))
}
