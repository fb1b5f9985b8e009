//! `POST /console/people/revoke`: what a person registered to open the gates with is taken back, because their telephone was lost, or
//! somebody else registered it. They hear of it at every address that was on file.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use ritorno_identity::administrator::Action;
use ritorno_identity::help_desk::may_help;
use ritorno_identity::method::Method;
use ritorno_identity::sspr::Standing;
use ritorno_identity::user::User;
use serde::Deserialize;

use super::help_desk::{about, back, nobody};
use super::session::SignedIn;
use crate::i18n::key;
use crate::operations::methods;
use crate::operator::to_the_end;
use crate::page::PageError;
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
const OWN: [(Method, &str); 6] = [
    (Method::App, key("revoke-app")),
    (Method::Passkey, key("revoke-passkeys")),
    (Method::RecoveryCode, key("revoke-recovery-codes")),
    (Method::Questions, key("revoke-questions")),
    (Method::Mail, key("revoke-mail")),
    (Method::Sms, key("revoke-sms")),
];

/// What this administrator may take back from the person.
pub(super) fn revocable(signed_in: &SignedIn, user: &User, standing: &Standing) -> Vec<Revocable> {
    let may = signed_in.may(Action::RevokeMethods)
        && may_help(&signed_in.administrator, user, standing.administrator).is_ok();
    let theirs = OWN.into_iter().filter(|(method, _)| may && methods::has(user, standing, *method));
    theirs.map(|(method, told)| Revocable { name: method.as_str(), told }).collect()
}

/// The handler.
pub(super) async fn revoke(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    signed_in.require(Action::RevokeMethods)?;
    let operator = signed_in.operator(&reader);
    let Some(user) = about(&state, &operator, &input.name).await? else { return Ok(nobody()) };
    let Some((method, _)) = OWN.into_iter().find(|(method, _)| method.as_str() == input.what) else {
        return Err(PageError::Request);
    };
    let revoking = methods::revoke(state, operator, user.clone(), method);
    let taken = to_the_end(revoking).await?;
    Ok(back(&user, if taken { "revoked" } else { "nothing" }))
}
