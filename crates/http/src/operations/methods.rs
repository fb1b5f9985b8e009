//! What a person registered to open the gates with is taken back, because their telephone was lost, or somebody else registered it.
//! They hear of it at every address that was on file.

use ritorno_identity::audit::Activity;
use ritorno_identity::mail::{Template, notices};
use ritorno_identity::mask::mask;
use ritorno_identity::method::Method;
use ritorno_identity::registration::AddressChange;
use ritorno_identity::sspr::Standing;
use ritorno_identity::user::User;
use ritorno_protocol::ids::SupportCode;
use ritorno_storage::StoreError;

use super::help_desk::queue;
use crate::operator::{Behind, Operator};
use crate::state::AppState;

/// Whether a person has registered that. A temporary pass is nobody's own.
pub(crate) fn has(user: &User, standing: &Standing, method: Method) -> bool {
    match method {
        Method::App => standing.app,
        Method::Passkey => standing.passkeys > 0,
        Method::RecoveryCode => standing.recovery_codes > 0,
        Method::Questions => standing.questions > 0,
        Method::Mail => user.registered_mail.is_some(),
        Method::Sms => user.registered_mobile.is_some(),
        Method::TemporaryPass => false,
    }
}

/// Takes it back, tells the person, and writes it down; whether there was anything. People hear of it whether or not it can be written
/// down.
pub(crate) async fn revoke(
    state: AppState,
    operator: Operator,
    user: User,
    method: Method,
) -> Result<bool, Behind> {
    if !take_back(&state, &user, method).await? {
        return Ok(false);
    }
    // Whoever registered it, or is about to register another, is in no session of the person's any more.
    state.store.registrations().end_of(user.tenant, user.id).await?;
    let now = state.clock.now();
    let (display_name, at_ms) = (user.display_name.clone(), now.unix_ms());
    let (change, support_code) = (AddressChange::Removed, SupportCode::random(&*state.random).0);
    let template = if method == Method::Mail {
        let address = user.registered_mail.as_deref().and_then(mask).unwrap_or_default();
        Template::AddressChanged { display_name, change, address, at_ms, support_code }
    } else {
        Template::MethodChanged { display_name, method, change, at_ms, support_code }
    };
    for mail in notices(&user, operator.tenant.language_of(&user), &template, now, &*state.random) {
        if let Err(error) = queue(&state, &mail).await {
            tracing::error!(%error, "a notice of a method that was taken back could not be queued");
        }
    }
    operator.note(&state, Activity::MethodRevoked, method.as_str().to_owned(), Some(user.id)).await?;
    Ok(true)
}

/// Takes it back; whether there was anything.
async fn take_back(state: &AppState, user: &User, method: Method) -> Result<bool, StoreError> {
    let (store, tenant, id) = (&state.store, user.tenant, user.id);
    match method {
        Method::App => store.authenticators().remove(tenant, id).await,
        Method::RecoveryCode => store.recovery_codes().remove(tenant, id).await,
        Method::Passkey => store.passkeys().remove_all(tenant, id).await,
        Method::Questions => store.security_questions().remove(tenant, id).await,
        Method::Mail => match user.registered_mail.as_deref() {
            Some(address) => store.users().set_registered_mail(tenant, id, Some(address), None).await,
            None => Ok(false),
        },
        Method::Sms => match user.registered_mobile.as_deref() {
            Some(number) => store.users().set_registered_mobile(tenant, id, Some(number), None).await,
            None => Ok(false),
        },
        Method::TemporaryPass => Ok(false),
    }
}
