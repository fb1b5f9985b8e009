//! `GET /scim/v2/Groups/{id}` (RFC 7644 section 3.4.1).

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::members;
use crate::scim::client::ScimClient;
use crate::scim::error::ScimError;
use crate::scim::group::{answer, etag, found, holds_members, known, resource};
use crate::scim::list::Asked;
use crate::scim::version::{has_it, not_modified};
use crate::state::AppState;

/// Answers with one group and its members, unless those are not asked for (RFC 7644 section 3.9) or who asks has this version already.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    Path(id): Path<String>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, ScimError> {
    let standing = found(&state, &client, &id).await?;
    if has_it(&headers, standing.version) {
        return Ok(not_modified(&etag(&standing)));
    }
    let (group, count) = known(&state, &client, &id).await?;
    let members = match asked.wants("members") {
        true => {
            holds_members(&group, count)?;
            members::seen(&state, &client, group.id).await?
        }
        false => Vec::new(),
    };
    let resource = resource(&group, count, members, state.settings.public_address());
    Ok(answer(StatusCode::OK, &group, &resource))
}
