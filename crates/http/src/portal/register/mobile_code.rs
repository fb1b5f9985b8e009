//! `GET` and `POST /register/mobile/code`: the code that proves the new mobile number, which is registered by it.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::code::{OneTimeCode, Tried};
use ritorno_identity::method::Method;
use ritorno_identity::phone::Phone;
use ritorno_identity::registration::{AddressChange, Registration};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_storage::Attempt;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::methods::here;
use super::tell::method_changed;
use super::visit::note;
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page, to_the_end};
use crate::portal::visit::{is_known, known_cookie, led_on};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/mobile-code.html")]
struct CodePage<'a> {
    t: Words,
    frame: Frame,
    /// Masked, as everywhere.
    number: String,
    fault: Option<&'static str>,
    support_code: &'a str,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    code: String,
}

fn render(
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    number: &Phone,
    fault: Option<&'static str>,
) -> Response {
    let shown = CodePage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/register/mobile/code"),
        number: number.mask(),
        fault,
        support_code: &registration.support_code.0,
    };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, &shown)
}

/// The number that was given in this registration.
async fn proposed(state: &AppState, registration: &Registration) -> Result<Option<Phone>, PageError> {
    let found = state.store.registrations().proposed_mobile(registration.tenant, registration.id).await;
    Ok(found.map_err(PageError::behind)?.and_then(|number| Phone::parse(&number)))
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, _) = match here(&state, &reader, &jar, Method::Sms).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let Some(number) = proposed(&state, &registration).await? else {
        return Ok(Redirect::to("/register/mobile").into_response());
    };
    let page = render(&reader, &tenant, &registration, &number, None);
    Ok((reader.remember(jar), page).into_response())
}

/// A code was typed. The try is counted before the code is looked at.
pub(super) async fn check(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::Sms).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let Some(number) = proposed(&state, &registration).await? else {
        return Ok(Redirect::to("/register/mobile").into_response());
    };
    let again = |fault| Ok(render(&reader, &tenant, &registration, &number, Some(fault)));
    let Some(typed) = OneTimeCode::parse(&Zeroizing::new(input.code)) else {
        return again(key("code-not-a-code"));
    };
    let attempt = Attempt {
        tenant: tenant.id,
        flow: registration.id,
        method: Method::Sms,
        typed: typed.digest_for_address(&state.pepper, tenant.id, registration.id, number.as_str()),
        subject: registration.subject,
        known_browser: is_known(&state, &jar, tenant.id, &registration.subject),
    };
    let tried = state.store.codes().attempt(&attempt, state.clock.now()).await.map_err(PageError::behind)?;
    if tried == Tried::Spent && led_on(|| registered(&state, &user, &number)).await?.is_some() {
        return Ok(Redirect::to("/register/methods?done=sms").into_response());
    }
    let (fault, reason) = match tried {
        Tried::Right => {
            let known = known_cookie(&state, tenant.id, &registration.subject);
            let former = user.registered_mobile.clone();
            let change = AddressChange::from_to(former.as_deref(), Some(number.as_str()));
            to_the_end(async move {
                let users = state.store.users();
                let (former, number) = (former.as_deref(), Some(number.as_str()));
                let stored = users.set_registered_mobile(tenant.id, user.id, former, number).await;
                // If another tab was faster, what it registered stands.
                if stored.map_err(PageError::behind)? {
                    method_changed(&state, &reader, &registration, &user, Method::Sms, change).await?;
                }
                Ok(())
            })
            .await?;
            return Ok((jar.add(known), Redirect::to("/register/methods?done=sms")).into_response());
        }
        Tried::Wrong { left: 0 } => (key("code-too-many"), "wrong code, the last try"),
        Tried::Wrong { .. } | Tried::NoCode => (key("code-wrong"), "wrong code"),
        Tried::Expired => (key("code-expired"), "code expired"),
        Tried::Spent => (key("code-too-many"), "code tried too often, or used"),
        Tried::Stopped => (key("code-locked-told"), "too many wrong codes today"),
    };
    note(&state, &reader, &registration, Activity::RegistrationProgress, Success::Failure, reason).await?;
    again(fault)
}

/// The person, if the number is theirs by now.
async fn registered(state: &AppState, before: &User, number: &Phone) -> Result<Option<User>, PageError> {
    let user = state.store.users().get(before.tenant, before.id).await.map_err(PageError::behind)?;
    Ok(user.filter(|user| user.registered_mobile.as_deref() == Some(number.as_str())))
}
