//! `PUT /scim/v2/Groups/{id}` (RFC 7644 section 3.5.1), for all of a group but who is in it: its members come and go by PATCH, since
//! a list of all of them may be larger than a body.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ritorno_identity::audit::Activity;
use ritorno_identity::group::Group;
use ritorno_protocol::scim;
use ritorno_storage::Updated;

use crate::scim::access::{if_match, read};
use crate::scim::client::ScimClient;
use crate::scim::error::ScimError;
use crate::scim::group::{answer, known, resource, said};
use crate::state::AppState;

/// Replaces what is known of a group.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ScimError> {
    let agent = client.agent()?;
    let expected = if_match(&headers)?;
    let said_of: scim::Group = read(body)?;
    if !said_of.members.is_empty() {
        return Err(ScimError::Value("members of a group are changed by PATCH".into()));
    }
    let (group, count) = known(&state, agent, &id).await?;
    if expected.is_some_and(|version| version != group.version) {
        return Err(ScimError::Version);
    }
    let changed = store(&state, &said(&said_of, agent, Some(&group), &state)?, group.version).await?;
    let reason = format!("{} of {}", changed.account_name, changed.forest);
    client.audit(&state, Activity::GroupUpdated, None, reason).await?;
    let resource = resource(&changed, count, Vec::new(), state.settings.public_address());
    Ok(answer(StatusCode::OK, &changed, &resource))
}

/// Stores a group as the version after `expected`.
pub(super) async fn store(state: &AppState, group: &Group, expected: i64) -> Result<Group, ScimError> {
    match state.store.groups().update(group, expected).await? {
        Updated::Done { version } => Ok(Group { version, ..group.clone() }),
        Updated::Conflict => Err(ScimError::Version),
    }
}
