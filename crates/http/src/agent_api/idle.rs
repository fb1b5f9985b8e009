//! `GET /agent/v1/idle?seconds=…`: says nothing for so long, then answers. `ritorno-agent doctor` finds with it how long what is between
//! agent and server keeps a connection that nothing passes over.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use ritorno_protocol::ids::AgentId;
use serde::Deserialize;

use super::bearer::AgentBearer;
use crate::problem::Problem;
use crate::serve::Stillness;
use crate::shares::Shares;
use crate::state::AppState;

/// Longest silence, in seconds.
const LONGEST: u64 = 180;
/// Silent requests of one agent at a time, each of which holds a connection: as many as its doctor makes at once.
const EACH: usize = 8;
/// What each agent has under way.
static SILENT: LazyLock<Arc<Shares<AgentId>>> = LazyLock::new(|| Shares::new(EACH));

/// What is asked for.
#[derive(Deserialize)]
pub struct Silence {
    /// How long, in seconds; 180 at most.
    seconds: u64,
}

/// Is silent, then answers with 204.
///
/// # Errors
/// [`Problem`], if it is too long, or if too many are silent already.
pub async fn handle(
    State(_): State<AppState>,
    AgentBearer(agent): AgentBearer,
    stillness: Option<Extension<Stillness>>,
    Query(silence): Query<Silence>,
) -> Result<StatusCode, Problem> {
    if silence.seconds > LONGEST {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "idle",
            "That is too long",
            "A silence lasts 180 seconds at most.",
        ));
    }
    let _share = SILENT.take(agent.id).ok_or_else(|| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "idle",
            "Too many at a time",
            "This agent is trying already how long idle connections live. Try again in three minutes.",
        )
    })?;
    let length = Duration::from_secs(silence.seconds);
    if let Some(Extension(stillness)) = stillness {
        // The server itself would end it after a minute.
        stillness.allow(length);
    }
    tokio::time::sleep(length).await;
    Ok(StatusCode::NO_CONTENT)
}
