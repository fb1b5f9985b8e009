//! What agents call: enrolment, access tokens, onboarding, packages, and the link. Every answer that is an error is problem details
//! (RFC 9457).

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::state::AppState;

pub mod bearer;
pub mod doctor;
pub mod enrol;
pub mod enrolment_token;
pub mod identity;
pub mod idle;
pub mod link;
pub mod onboarding;
pub mod person;
pub mod release;
pub mod standing;
pub mod sync;
pub mod sync_lease;
pub mod token;

/// Largest body that an agent may send here, in bytes.
const MAXIMUM_BODY: usize = 64 * 1024;

/// Largest report of an agent's checks or of its synchronisation, in bytes; it is far larger than any that an honest one sends.
const MAXIMUM_REPORT: usize = 512 * 1024;

/// Reads what an agent reports of itself. `kind` is what a refusal is called.
fn report<R: DeserializeOwned>(body: &[u8], kind: &'static str) -> Result<R, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("It is no report that this version understands: {error}.");
        Problem::new(StatusCode::BAD_REQUEST, kind, "The report can't be read", detail)
    })
}

/// The agents' routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/agent/v1/enrol", post(enrol::handle))
        .route("/agent/v1/identity", post(identity::handle))
        .route("/agent/v1/token", post(token::handle))
        .route("/agent/v1/onboarding", post(onboarding::begin))
        .route("/agent/v1/onboarding/{code}", get(onboarding::state))
        .route("/agent/v1/release", get(release::show))
        .route("/agent/v1/release/package", get(release::package))
        .route("/agent/v1/standing", get(standing::handle))
        .route("/agent/v1/person", get(person::handle))
        .route("/agent/v1/doctor", post(doctor::handle).layer(DefaultBodyLimit::max(MAXIMUM_REPORT)))
        .route("/agent/v1/sync", post(sync::handle).layer(DefaultBodyLimit::max(MAXIMUM_REPORT)))
        .route("/agent/v1/sync-lease", post(sync_lease::handle))
        .route("/agent/v1/idle", get(idle::handle))
        .route("/agent/v1/link", get(link::handle))
        .layer(DefaultBodyLimit::max(MAXIMUM_BODY))
}
