//! `GET /scim/v2/Users/{id}` (RFC 7644 section 3.4.1).

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::access::person;
use super::client::ScimClient;
use super::error::ScimError;
use super::resource::{answer, etag};
use super::version::{has_it, not_modified};
use crate::state::AppState;

/// Answers with one person, unless who asks has this version already.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let user = person(&state, &client, &id).await?;
    if has_it(&headers, user.version) {
        return Ok(not_modified(&etag(&user)));
    }
    Ok(answer(StatusCode::OK, &user, &state))
}
