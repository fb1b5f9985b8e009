//! `DELETE /scim/v2/Users/{id}` (RFC 7644 section 3.6), as far as the deletion guard lets it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ritorno_identity::audit::Activity;
use ritorno_identity::removal::{Removal, RemovalKind};

use super::access::person;
use super::client::ScimClient;
use super::error::ScimError;
use super::guard;
use super::version::if_match;
use crate::state::AppState;

/// Removes a person, with everything that they registered and the pages that they are signed in to.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ScimError> {
    let user = person(&state, &client, &id).await?;
    if_match(&headers).check(user.version)?;
    let (id, name) = (user.id.to_string(), user.user_principal_name.clone());
    let (kind, by) = (RemovalKind::DeleteUser, client.provisioner());
    let passed = guard::pass(&state, by, Removal { kind, id: id.clone(), name }).await?;
    let deleted = state.store.users().remove(state.tenant, user.id, state.clock.now()).await;
    let made = matches!(deleted, Ok(true));
    guard::end(&state, by, kind, id, passed, made).await?;
    if !deleted? {
        return Err(ScimError::NotFound);
    }
    client.audit(&state, Activity::UserDeleted, Some(user.id), user.user_principal_name).await?;
    Ok(StatusCode::NO_CONTENT)
}
