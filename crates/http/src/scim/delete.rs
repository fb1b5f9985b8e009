//! `DELETE /scim/v2/Users/{id}` (RFC 7644 section 3.6), as far as the deletion guard lets it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ritorno_identity::audit::Activity;
use ritorno_identity::removal::{Removal, RemovalKind};

use super::access::{ScimAgent, audit, person};
use super::error::ScimError;
use super::guard;
use super::version::if_match;
use crate::state::AppState;

/// Removes a person.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    ScimAgent(agent): ScimAgent,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ScimError> {
    let user = person(&state, &agent, &id).await?;
    if_match(&headers).check(user.version)?;
    let (id, name) = (user.id.to_string(), user.user_principal_name.clone());
    let passed =
        guard::pass(&state, &agent, Removal { kind: RemovalKind::DeleteUser, id: id.clone(), name }).await?;
    let deleted = state.store.users().remove(state.tenant, user.id, state.clock.now()).await;
    let made = matches!(deleted, Ok(true));
    guard::end(&state, &agent, RemovalKind::DeleteUser, id, passed, made).await?;
    if !deleted? {
        return Err(ScimError::NotFound);
    }
    audit(&state, &agent, Activity::UserDeleted, user.id, user.user_principal_name).await?;
    Ok(StatusCode::NO_CONTENT)
}
