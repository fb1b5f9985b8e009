//! `POST /scim/v2/Groups` (RFC 7644 section 3.3): a group of the directory becomes a group of the tenant.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::audit::Activity;
use ritorno_protocol::scim;

use super::members;
use crate::scim::access::read;
use crate::scim::client::ScimClient;
use crate::scim::error::ScimError;
use crate::scim::group::{answer, resource, said};
use crate::state::AppState;

/// Adds a group, with the members that it names.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    body: Bytes,
) -> Result<Response, ScimError> {
    let agent = client.agent()?;
    let said_of: scim::Group = read(body)?;
    let group = said(&said_of, agent, None, &state)?;
    let coming = members::coming(&state, &group, &said_of.members).await?;
    state.store.groups().insert_with(&group, &coming).await?;
    let came = members::number(&coming);
    let reason = format!("{} of {}, {came} members", group.account_name, group.forest);
    client.audit(&state, Activity::GroupAdded, None, reason).await?;
    let address = state.settings.public_address();
    Ok(answer(StatusCode::CREATED, &group, &resource(&group, came, Vec::new(), address)))
}
