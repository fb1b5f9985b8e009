//! `GET /agent/v1/release` and `GET /agent/v1/release/package`: the latest package of the agent that this side offers, for
//! `ritorno-agent update`. The agent checks by itself who released it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use ritorno_protocol::release::Release;
use ritorno_protocol::signed::Signed;
use serde::Deserialize;

use super::bearer::AgentBearer;
use crate::problem::Problem;
use crate::releases::Offered;
use crate::state::AppState;

/// What is asked for.
#[derive(Deserialize)]
pub struct Wanted {
    /// Debian's name of the machine.
    architecture: String,
}

async fn latest(state: &AppState, wanted: Wanted) -> Result<Offered, Problem> {
    let releases = state.settings.releases.clone();
    // Some small files are read and their signatures checked.
    let looked = tokio::task::spawn_blocking(move || releases.latest(Some(&wanted.architecture))).await;
    looked.ok().flatten().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "release",
            "No package is offered",
            "The server's folder of packages holds none for this machine that is signed by its release key.",
        )
    })
}

/// Tells what it is, signed by whoever released it.
///
/// # Errors
/// [`Problem`], if none is offered.
pub async fn show(
    State(state): State<AppState>,
    AgentBearer(_): AgentBearer,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Signed<Release>>, Problem> {
    Ok(Json(latest(&state, wanted).await?.signed))
}

/// Hands it out.
///
/// # Errors
/// [`Problem`], if none is offered, or its file can't be read.
pub async fn package(
    State(state): State<AppState>,
    AgentBearer(_): AgentBearer,
    Query(wanted): Query<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    let offered = latest(&state, wanted).await?;
    let bytes = tokio::fs::read(&offered.file).await.map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/vnd.debian.binary-package")], Bytes::from(bytes)))
}
