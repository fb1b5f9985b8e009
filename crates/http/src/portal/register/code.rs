//! `GET` and `POST /register/code`: the code that proves the new address, which is registered by it.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::code::{Method, OneTimeCode, Tried};
use ritorno_identity::mask::mask;
use ritorno_identity::registration::Registration;
use ritorno_identity::tenant::Tenant;
use ritorno_storage::Attempt;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::change::change;
use super::visit::{current, elsewhere, ended, note, owner};
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::portal::visit::{is_known, known_cookie, led_on, tenant};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/code.html")]
struct CodePage<'a> {
    t: Words,
    frame: Frame,
    /// Masked, as everywhere.
    address: String,
    fault: Option<&'static str>,
    resent: bool,
    support_code: &'a str,
}

/// What the link behind a new code says.
#[derive(Deserialize)]
pub(super) struct Shown {
    sent: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    code: String,
}

/// The page, with what is wrong.
pub(super) fn render(
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    fault: Option<&'static str>,
    resent: bool,
) -> Response {
    let shown = CodePage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/register/code"),
        address: registration.state.address().and_then(mask).unwrap_or_default(),
        fault,
        resent,
        support_code: &registration.support_code.0,
    };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, &shown)
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Query(shown): Query<Shown>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    if registration.state.address().is_none() {
        return Ok(elsewhere(&registration));
    }
    let page = render(&reader, &tenant, &registration, None, shown.sent.is_some());
    Ok((reader.remember(jar), page).into_response())
}

/// A code was typed. The try is counted before the code is looked at.
pub(super) async fn check(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    let Some(address) = registration.state.address() else { return Ok(elsewhere(&registration)) };
    if let Err(refused) = owner(&state, &reader, &tenant, &registration).await? {
        return Ok(refused);
    }
    let again = |fault| Ok(render(&reader, &tenant, &registration, Some(fault), false));
    let Some(typed) = OneTimeCode::parse(&Zeroizing::new(input.code)) else {
        return again(key("code-not-a-code"));
    };
    let attempt = Attempt {
        tenant: tenant.id,
        flow: registration.id,
        method: Method::Mail,
        typed: typed.digest_for_address(&state.pepper, tenant.id, registration.id, address),
        subject: registration.subject,
        known_browser: is_known(&state, &jar, tenant.id, &registration.subject),
    };
    let tried = state.store.codes().attempt(&attempt, state.clock.now()).await.map_err(PageError::behind)?;
    if tried == Tried::Spent
        && let Some(further) = led_on(|| further(&state, &jar, &registration)).await?
    {
        return Ok(elsewhere(&further));
    }
    let (fault, reason) = match tried {
        Tried::Right => {
            let answer = change(&state, &reader, &tenant, &registration, Some(address)).await?;
            let known = known_cookie(&state, tenant.id, &registration.subject);
            return Ok((jar.add(known), answer).into_response());
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

/// The registration, if it is at another step than `before` by now.
async fn further(
    state: &AppState,
    jar: &CookieJar,
    before: &Registration,
) -> Result<Option<Registration>, PageError> {
    let now = current(state, jar).await?;
    Ok(now.filter(|now| now.id == before.id && now.state != before.state))
}
