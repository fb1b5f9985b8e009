//! `GET /agent/v1/idle?seconds=…`: says nothing for so long, then answers. `ritorno-agent doctor` finds with it how long what is between
//! agent and server keeps a connection that nothing passes over.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::bearer::AgentBearer;
use crate::problem::Problem;
use crate::state::AppState;

/// Longest silence, in seconds.
const LONGEST: u64 = 300;
/// Silent requests at a time: each holds a connection and nothing else.
static SILENT: Semaphore = Semaphore::const_new(60);

/// What is asked for.
#[derive(Deserialize)]
pub struct Silence {
    /// How long, in seconds; 300 at most.
    seconds: u64,
}

/// Is silent, then answers with 204.
///
/// # Errors
/// [`Problem`], if it is too long, or if too many are silent already.
pub async fn handle(
    State(_): State<AppState>,
    AgentBearer(_): AgentBearer,
    Query(silence): Query<Silence>,
) -> Result<StatusCode, Problem> {
    if silence.seconds > LONGEST {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "idle",
            "That is too long",
            "A silence lasts 300 seconds at most.",
        ));
    }
    let _place = SILENT.try_acquire().map_err(|_| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "idle",
            "Too many at a time",
            "Other agents are trying how long idle connections live. Try again in five minutes.",
        )
    })?;
    tokio::time::sleep(Duration::from_secs(silence.seconds)).await;
    Ok(StatusCode::NO_CONTENT)
}
