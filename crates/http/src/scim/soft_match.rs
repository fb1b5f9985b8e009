//! The soft match: who comes out of a directory becomes a cloud-only person of the same name, if the tenant wants it. A name is no proof,
//! so that it is off by default, and never attaches to an administrator.

use ritorno_identity::audit::Activity;
use ritorno_identity::name::SignInName;
use ritorno_identity::tenant::SoftMatch;
use ritorno_identity::user::User;

use super::client::ScimClient;
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
    client: &ScimClient,
    coming: &User,
    by: SoftMatch,
) -> Result<Option<User>, ScimError> {
    // A program's people come from nowhere else.
    if client.program_in().is_some() {
        return Ok(None);
    }
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
    joined.version = guard::join(state, client.provisioner(), &person, &joined).await?;
    let reason =
        format!("matched softly, by {how}: {} comes from a directory now", person.user_principal_name);
    client.audit(state, Activity::UserUpdated, Some(joined.id), reason).await?;
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
    let name = SignInName::of_principal(&coming.user_principal_name);
    if let Some(person) = users.by_sign_in_name(state.tenant, &name).await? {
        // Who comes from a directory already is somebody else.
        return Ok(person.on_premises().is_none().then_some((person, "userName")));
    }
    let Some(mail) = coming.mail.as_deref().filter(|_| by == SoftMatch::UserNameOrMail) else {
        return Ok(None);
    };
    let mut found = users.cloud_only_of_mail(state.tenant, mail).await?;
    Ok(found.pop().filter(|_| found.is_empty()).map(|person| (person, "mail")))
}
