//! `POST /agent/v1/sync`: where the agent's synchronisation stands, for the console's page; the answer says which of the exports that its
//! deletion guard holds an administrator approved.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::sync_report::{Approved, SyncAnswer, SyncReport};

use super::bearer::AgentBearer;
use super::report;
use crate::problem::Problem;
use crate::state::AppState;

/// A report that is older than this says nothing of now: agents send one every ten minutes at least.
pub const FRESH_FOR: Duration = Duration::from_secs(30 * 60);

/// Whether a report that came then says how an agent's synchronisation is now.
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
) -> Result<Json<SyncAnswer>, Problem> {
    let report: SyncReport = report(&body, "sync-report")?;
    let (mut report, now) = (report.bounded(), state.clock.now());
    let (reports, mut answer) = (state.store.sync_reports(), SyncAnswer::default());
    for connector in &mut report.connectors {
        let Some(held) = &connector.held else { continue };
        let taken = reports.take_up(state.tenant, agent.id, &held.digest, held.since, now).await?;
        if let Some(until) = taken {
            let (digest, since, seconds) = (held.digest.clone(), held.since, until.since(now).as_secs());
            answer.approved.push(Approved { digest, since, seconds });
            // The page asks nobody for what was decided; if the agent still holds it, the next report says so.
            connector.held = None;
        }
    }
    reports.keep(state.tenant, agent.id, &report, now).await?;
    Ok(Json(answer))
}
