//! For load balancers: does the process live, and can it serve?

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::problem::Problem;
use crate::state::AppState;

/// `GET /health/live` and `GET /health/ready`.
pub fn router() -> Router<AppState> {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready))
}

async fn live() -> &'static str {
    "live\n"
}

/// Ready means that the database answers and there is a key to sign with.
async fn ready(State(state): State<AppState>) -> Result<&'static str, Problem> {
    let unready = |why: String| {
        tracing::warn!(reason = why, "not ready");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "Not ready", "The server's log says why.")
    };
    state.store.ping().await.map_err(|error| unready(error.to_string()))?;
    let now = state.clock.now();
    ritorno_relay::keyring::Keyring::keys(&*state.keys, state.tenant, now)
        .await
        .map_err(|error| unready(error.to_string()))?;
    Ok("ready\n")
}
