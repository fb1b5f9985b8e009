//! `GET /scim/v2/Users/{id}` (RFC 7644 section 3.4.1).

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::access::{has_it, person};
use super::client::ScimClient;
use super::error::ScimError;
use super::projection::Named;
use super::resource::answer_with;
use crate::state::AppState;

/// Answers with one person, unless who asks has this version already.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    Path(id): Path<String>,
    Query(named): Query<Named>,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let projection = named.projection()?;
    let user = person(&state, &client, &id).await?;
    if has_it(&headers, user.version) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    Ok(answer_with(StatusCode::OK, &user, &projection, &state))
}
