//! `POST /agent/v1/sync-lease`: the agent is about to export one of its forests, and takes the lease from whoever had it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_protocol::ids::Forest;
use ritorno_protocol::sync_lease::{LeaseAsked, LeaseGiven};

use super::bearer::AgentBearer;
use super::report;
use crate::problem::Problem;
use crate::state::AppState;

/// Gives it.
///
/// # Errors
/// [`Problem`], for a forest that is not the agent's, or if the database failed.
pub async fn handle(
    State(state): State<AppState>,
    AgentBearer(agent): AgentBearer,
    body: Bytes,
) -> Result<Json<LeaseGiven>, Problem> {
    let LeaseAsked { connector } = report(&body, "sync-lease")?;
    if !agent.forests.contains(&Forest(connector.clone())) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forest",
            "Not this agent's forest",
            "An agent exports the forests that it was enrolled for.",
        ));
    }
    let now = state.clock.now();
    let epoch = state.store.sync_leases().take(state.tenant, &connector, agent.id, now).await?;
    Ok(Json(LeaseGiven { epoch: epoch.unsigned_abs() }))
}
