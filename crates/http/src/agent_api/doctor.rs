//! `POST /agent/v1/doctor`: what the running agent's checks found, for the console's page and for whoever watches the metrics.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::doctor::DoctorReport;

use super::bearer::AgentBearer;
use super::report;
use crate::problem::Problem;
use crate::state::AppState;

/// A report that is older than this says nothing of now: agents send one every hour at least.
pub const FRESH_FOR: Duration = Duration::from_secs(2 * 3_600);

/// Whether a report that came then says how an agent is now.
pub fn is_fresh(received_at: Timestamp, now: Timestamp) -> bool {
    now.since(received_at) < FRESH_FOR
}

/// Keeps it in the place of the one before.
///
/// # Errors
/// [`Problem`], if it can't be read, or the database failed.
pub async fn handle(
    State(state): State<AppState>,
    AgentBearer(agent): AgentBearer,
    body: Bytes,
) -> Result<Json<()>, Problem> {
    let report: DoctorReport = report(&body, "doctor-report")?;
    let now = state.clock.now();
    state.store.doctor_reports().keep(state.tenant, agent.id, &report.bounded(), now).await?;
    Ok(Json(()))
}
