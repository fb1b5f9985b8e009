//! `GET /agent/v1/standing`: what the cloud side knows of the agent and its tenant, for `ritorno-agent doctor`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_protocol::enrolment::Standing;

use super::bearer::AgentBearer;
use crate::problem::Problem;
use crate::state::AppState;

/// Tells it.
///
/// # Errors
/// [`Problem`], if the database failed.
pub async fn handle(
    State(state): State<AppState>,
    AgentBearer(agent): AgentBearer,
) -> Result<Json<Standing>, Problem> {
    let tenant = state.store.tenants().get(state.tenant).await?.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "tenant", "No such tenant", "The tenant is not there any more.")
    })?;
    Ok(Json(Standing {
        sspr: tenant.sspr_enabled,
        writeback: tenant.writeback_enabled,
        agent_writeback: agent.writeback_on,
        linked: state.relay.is_live(state.tenant, agent.id),
        server_time: state.clock.now(),
    }))
}
