//! The soft match: who comes out of a directory becomes a cloud-only person of the same name, if the tenant wants it. A name is no proof,
//! so that it is off by default, and never attaches to an administrator.

use ritorno_identity::agent::Agent;
use ritorno_identity::audit::Activity;
use ritorno_identity::removal::{Removal, RemovalKind};
use ritorno_identity::tenant::SoftMatch;
use ritorno_identity::user::User;
use ritorno_storage::{Updated, UserFilter};

use super::access::audit;
use super::error::ScimError;
use super::guard;
use crate::state::AppState;

/// Makes `coming` the cloud-only person whom they match; `None` if they match nobody. The person keeps their id and what they registered.
///
/// # Errors
/// [`ScimError::Administrative`], [`ScimError::Guard`] if they would be disabled by it and that is held, [`ScimError::Version`] if the person
/// changed meanwhile, and what the store answers.
pub(super) async fn matched(
    state: &AppState,
    agent: &Agent,
    coming: &User,
    by: SoftMatch,
) -> Result<Option<User>, ScimError> {
    let Some((person, how)) = find(state, coming, by).await? else { return Ok(None) };
    let mut joined = User {
        id: person.id,
        registered_mail: person.registered_mail.clone(),
        registered_mobile: person.registered_mobile.clone(),
        licence: person.licence,
        selected: person.selected,
        created_at: person.created_at,
        ..coming.clone()
    };
    // Neither by who they are nor by what they would be called.
    for one in [&person, &joined] {
        if state.store.administrators().has_account_of(state.tenant, one).await? {
            return Err(ScimError::Administrative);
        }
    }
    let (kind, id) = (RemovalKind::DisableUser, person.id.to_string());
    let passed = if person.enabled && !joined.enabled {
        let removal = Removal { kind, id: id.clone(), name: person.user_principal_name.clone() };
        Some(guard::pass(state, agent, removal).await?)
    } else {
        None
    };
    let updated = state.store.users().update(&joined, person.version).await;
    if let Some(passed) = passed {
        let made = matches!(updated, Ok(Updated::Done { .. }));
        guard::end(state, agent, kind, id, passed, made).await?;
    }
    match updated? {
        Updated::Done { version } => joined.version = version,
        Updated::Conflict => return Err(ScimError::Version),
    }
    // It counts no more since the person comes from a directory; nothing of it is kept, nor of what it proved.
    state.store.cloud_passwords().forget(state.tenant, joined.id).await?;
    state.store.registrations().end_of(state.tenant, joined.id).await?;
    let reason =
        format!("matched softly, by {how}: {} comes from a directory now", person.user_principal_name);
    audit(state, agent, Activity::UserUpdated, joined.id, reason).await?;
    Ok(Some(joined))
}

async fn find(
    state: &AppState,
    coming: &User,
    by: SoftMatch,
) -> Result<Option<(User, &'static str)>, ScimError> {
    let users = state.store.users();
    if by == SoftMatch::Off {
        return Ok(None);
    }
    let named = UserFilter::UserName(coming.user_principal_name.clone());
    if let Some(person) = users.list(state.tenant, &named, 1, 1).await?.users.pop() {
        // Who comes from a directory already is somebody else.
        return Ok(person.on_premises().is_none().then_some((person, "userName")));
    }
    let Some(mail) = coming.mail.as_deref().filter(|_| by == SoftMatch::UserNameOrMail) else {
        return Ok(None);
    };
    let mut found = users.cloud_only_of_mail(state.tenant, mail).await?;
    Ok(found.pop().filter(|_| found.is_empty()).map(|person| (person, "mail")))
}
