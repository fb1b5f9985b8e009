//! `POST /scim/v2/Groups` (RFC 7644 section 3.3): a group of the directory becomes a group of the tenant, or the tenant gets one of its own.

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
use crate::scim::group::{answer, audited, resource, said};
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
    let said_of: scim::Group = read(body)?;
    let group = said(&said_of, &client, None, &state)?;
    let coming = members::coming(&state, &client, &group, &said_of.members).await?;
    state.store.groups().insert_with(&group, &coming).await?;
    let came = members::number(&coming);
    let reason = format!("{}, {came} members", audited(&group));
    client.audit(&state, Activity::GroupAdded, None, reason).await?;
    let address = state.settings.public_address();
    Ok(answer(StatusCode::CREATED, &group, &resource(&group, came, Vec::new(), address)))
}
