//! `POST /console/people/revoke`: what a person registered to open the gates with is taken back, because their telephone was lost, or
//! somebody else registered it. They hear of it at every address that was on file.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use ritorno_identity::administrator::Action;
use ritorno_identity::audit::Activity;
use ritorno_identity::help_desk::may_help;
use ritorno_identity::mail::{Template, notices};
use ritorno_identity::mask::mask;
use ritorno_identity::method::Method;
use ritorno_identity::registration::AddressChange;
use ritorno_identity::sspr::Standing;
use ritorno_identity::user::User;
use ritorno_protocol::ids::SupportCode;
use serde::Deserialize;

use super::help_desk::{about, back, nobody, queue};
use super::session::SignedIn;
use crate::i18n::key;
use crate::page::{PageError, to_the_end};
use crate::reader::Reader;
use crate::state::AppState;

/// One thing that can be taken back.
pub(super) struct Revocable {
    /// Its name in the form.
    pub(super) name: &'static str,
    /// The key of the button's words.
    pub(super) told: &'static str,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    name: String,
    what: String,
}

/// What people register, and how it is called on the button. A temporary pass is nobody's own.
const OWN: [(Method, &str); 5] = [
    (Method::App, key("revoke-app")),
    (Method::Passkey, key("revoke-passkeys")),
    (Method::RecoveryCode, key("revoke-recovery-codes")),
    (Method::Mail, key("revoke-mail")),
    (Method::Sms, key("revoke-sms")),
];

/// What this administrator may take back from the person.
pub(super) fn revocable(signed_in: &SignedIn, user: &User, standing: &Standing) -> Vec<Revocable> {
    let may = signed_in.may(Action::RevokeMethods)
        && may_help(&signed_in.administrator, user, standing.administrator).is_ok();
    let has = |method| match method {
        Method::App => standing.app,
        Method::Passkey => standing.passkeys > 0,
        Method::RecoveryCode => standing.recovery_codes > 0,
        Method::Mail => user.registered_mail.is_some(),
        Method::Sms => user.registered_mobile.is_some(),
        Method::TemporaryPass => false,
    };
    let theirs = OWN.into_iter().filter(|(method, _)| may && has(*method));
    theirs.map(|(method, told)| Revocable { name: method.as_str(), told }).collect()
}

/// The handler.
pub(super) async fn revoke(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let Some((_, user)) = about(&state, &signed_in, Action::RevokeMethods, &input.name).await? else {
        return Ok(nobody());
    };
    let Some((method, _)) = OWN.into_iter().find(|(method, _)| method.as_str() == input.what) else {
        return Err(PageError::Request);
    };
    let (to, revoking) = (user.clone(), revoked(state, signed_in, reader, user, method));
    let taken = to_the_end(revoking).await?;
    Ok(back(&to, if taken { "revoked" } else { "nothing" }))
}

/// Takes it back, tells the person, and writes it down; whether there was anything. People hear of it whether or not it can be written
/// down.
async fn revoked(
    state: AppState,
    signed_in: SignedIn,
    reader: Reader,
    user: User,
    method: Method,
) -> Result<bool, PageError> {
    if !take_back(&state, &user, method).await? {
        return Ok(false);
    }
    let now = state.clock.now();
    let (display_name, at_ms) = (user.display_name.clone(), now.unix_ms());
    let (change, support_code) = (AddressChange::Removed, SupportCode::random(&*state.random).0);
    let template = if method == Method::Mail {
        let address = user.registered_mail.as_deref().and_then(mask).unwrap_or_default();
        Template::AddressChanged { display_name, change, address, at_ms, support_code }
    } else {
        Template::MethodChanged { display_name, method, change, at_ms, support_code }
    };
    for mail in notices(&user, user.language.unwrap_or_default(), &template, now, &*state.random) {
        if let Err(error) = queue(&state, &mail).await {
            tracing::error!(%error, "a notice of a method that was taken back could not be queued");
        }
    }
    let reason = method.as_str().to_owned();
    signed_in.note(&state, &reader, Activity::MethodRevoked, reason, Some(user.id)).await?;
    Ok(true)
}

/// Takes it back; whether there was anything.
async fn take_back(state: &AppState, user: &User, method: Method) -> Result<bool, PageError> {
    let (store, tenant, id) = (&state.store, user.tenant, user.id);
    let taken = match method {
        Method::App => store.authenticators().remove(tenant, id).await,
        Method::RecoveryCode => store.recovery_codes().remove(tenant, id).await,
        Method::Passkey => store.passkeys().remove_all(tenant, id).await,
        Method::Mail => match user.registered_mail.as_deref() {
            Some(address) => store.users().set_registered_mail(tenant, id, Some(address), None).await,
            None => Ok(false),
        },
        Method::Sms => match user.registered_mobile.as_deref() {
            Some(number) => store.users().set_registered_mobile(tenant, id, Some(number), None).await,
            None => Ok(false),
        },
        Method::TemporaryPass => Ok(false),
    };
    taken.map_err(PageError::behind)
}
