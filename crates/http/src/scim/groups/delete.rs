//! `DELETE /scim/v2/Groups/{id}` (RFC 7644 section 3.6), as far as the deletion guard lets it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ritorno_identity::audit::Activity;
use ritorno_identity::removal::{Removal, RemovalKind};

use crate::scim::client::ScimClient;
use crate::scim::error::ScimError;
use crate::scim::group::{audited, found};
use crate::scim::guard;
use crate::scim::version::if_match;
use crate::state::AppState;

/// Removes a group. Who was in it stays.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ScimError> {
    let by = client.provisioner();
    let group = found(&state, &client, &id).await?;
    if_match(&headers).check(group.version)?;
    let (id, name) = (group.id.to_string(), group.full_name());
    let passed =
        guard::pass(&state, by, Removal { kind: RemovalKind::DeleteGroup, id: id.clone(), name }).await?;
    let deleted = state.store.groups().delete(state.tenant, group.id, state.clock.now()).await;
    let made = matches!(deleted, Ok(true));
    guard::end(&state, by, RemovalKind::DeleteGroup, id, passed, made).await?;
    if !deleted? {
        return Err(ScimError::NotFound);
    }
    let policies = state.store.group_policies().list(state.tenant).await;
    if policies.is_ok_and(|policies| policies.iter().any(|one| one.group == group.id)) {
        tracing::warn!(group = %group.id, "a group that had gates of its own is gone; its people pass what others pass");
    }
    client.audit(&state, Activity::GroupDeleted, None, audited(&group)).await?;
    Ok(StatusCode::NO_CONTENT)
}
