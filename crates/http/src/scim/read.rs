//! `GET /scim/v2/Users/{id}` (RFC 7644 section 3.4.1).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::access::{ScimAgent, person};
use super::error::ScimError;
use super::resource::answer;
use crate::state::AppState;

/// Answers with one person.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    ScimAgent(agent): ScimAgent,
    Path(id): Path<String>,
) -> Result<Response, ScimError> {
    let user = person(&state, &agent, &id).await?;
    Ok(answer(StatusCode::OK, &user, &state))
}
