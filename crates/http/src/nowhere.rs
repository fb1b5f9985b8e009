//! What is below the API's path and no route of it: told as the API tells everything, to whoever asks.

use axum::Router;
use axum::routing::any;

use crate::problem::Problem;
use crate::state::AppState;

/// Every path that the API does not have.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1", any(nowhere))
        .route("/api/v1/", any(nowhere))
        .route("/api/v1/{*rest}", any(nowhere))
}

/// The answer.
async fn nowhere() -> Problem {
    Problem::no_such_path()
}
