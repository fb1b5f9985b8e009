//! `PUT /scim/v2/Users/{id}` (RFC 7644 section 3.5.1).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ritorno_identity::audit::Activity;
use ritorno_identity::user::{Mastered, User};
use ritorno_protocol::scim;

use super::access::{may_be_called, person, read, tenant};
use super::client::ScimClient;
use super::error::ScimError;
use super::guard;
use super::resource::answer;
use super::said::Said;
use super::version::{Expected, if_match};
use crate::state::AppState;

/// Replaces what is known of a person.
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
    let expected = if_match(&headers);
    let resource = read(body)?;
    let user = person(&state, &client, &id).await?;
    store(&state, &client, &user, &resource, &expected).await
}

/// Stores what `resource` says of `user`. A person who is disabled by it counts at the deletion guard.
///
/// # Errors
/// [`ScimError`].
pub(super) async fn store(
    state: &AppState,
    client: &ScimClient,
    user: &User,
    resource: &scim::User,
    expected: &Expected,
) -> Result<Response, ScimError> {
    expected.check(user.version)?;
    let mut changed = Said::read(resource, client)?.apply(user, client, state)?;
    // What changes nothing is no change (RFC 7644 section 3.5.2.1).
    if (User { updated_at: user.updated_at, ..changed.clone() }) == *user {
        return Ok(answer(StatusCode::OK, user, state));
    }
    // Who has such a name from before the domain was said to be so may still be disabled.
    if changed.user_principal_name.to_lowercase() != user.user_principal_name.to_lowercase() {
        may_be_called(client, &tenant(state).await?, &changed.user_principal_name)?;
    }
    let disables = user.enabled && !changed.enabled;
    let mut reason = if disables { "disabled" } else { "changed" };
    let administrators = state.store.administrators();
    if is_other_object(user, &changed) {
        let is_administrative = administrators.has_account_of(state.tenant, user).await?
            || administrators.has_account_of(state.tenant, &changed).await?;
        if is_administrative && !disables {
            return Err(ScimError::Administrative);
        }
        // Whoever may sign in no more is not let in for that; of all else nothing comes through.
        if is_administrative {
            tracing::warn!(person = %user.id, "another directory object disables an administrator, and becomes theirs in nothing else");
            reason =
                "disabled; nothing else, for another directory object does not become an administrator's";
            changed = User { enabled: false, updated_at: changed.updated_at, ..user.clone() };
        }
    }
    if administrators.takes_a_name(state.tenant, user, &changed).await? {
        return Err(ScimError::AdministrativeName);
    }
    changed.version = guard::update(state, client.provisioner(), user, &changed).await?;
    // Whoever is of the tenant itself is signed out everywhere, as when they are removed: no directory does it.
    if disables && changed.mastered == Mastered::CloudOnly {
        state.store.registrations().end_of(state.tenant, user.id).await?;
    }
    client.audit(state, Activity::UserUpdated, Some(user.id), reason.into()).await?;
    Ok(answer(StatusCode::OK, &changed, state))
}

/// Whether `changed` is fed by another object of a directory than `user` is. An anchor can be written by whoever may write the
/// object, in any forest: it is no proof that somebody is an administrator.
fn is_other_object(user: &User, changed: &User) -> bool {
    let object =
        |user: &User| user.on_premises().map(|object| (object.forest.clone(), object.object_guid.clone()));
    object(user) != object(changed)
}
