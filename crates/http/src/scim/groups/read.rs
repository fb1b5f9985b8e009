//! `GET /scim/v2/Groups/{id}` (RFC 7644 section 3.4.1).

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::scim::client::ScimClient;
use crate::scim::error::ScimError;
use crate::scim::group::{answer, known, resource};
use crate::state::AppState;

/// What the address asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    excluded_attributes: Option<String>,
}

/// Answers with one group and its members, unless those are excluded (RFC 7644 section 3.9).
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, ScimError> {
    let agent = client.agent()?;
    let (group, count) = known(&state, agent, &id).await?;
    let excluded = asked.excluded_attributes.unwrap_or_default();
    let members = if excluded.split(',').any(|name| name.trim().eq_ignore_ascii_case("members")) {
        Vec::new()
    } else {
        state.store.groups().members(state.tenant, group.id).await?
    };
    let resource = resource(&group, count, members, state.settings.public_address());
    Ok(answer(StatusCode::OK, &group, &resource))
}
