//! `GET` and `POST /reset/passkey`: a gate that is passed with a passkey. Which passkeys there are is for the person's device to know:
//! the page names none, and is the same for every name.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::flow::Flow;
use ritorno_identity::method::Method;
use ritorno_identity::tenant::Tenant;
use serde::Deserialize;
use webauthn_rs::prelude::PublicKeyCredential;

use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::passkeys::{RelyingParty, VALID, read, stored_id};
use crate::portal::code::ended;
use crate::portal::gate::{Judged, Way, instead_of, judge, place, stop, ways};
use crate::portal::refusal::Refusal;
use crate::portal::visit::{current, tenant};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/passkey.html")]
struct PasskeyPage<'a> {
    t: Words,
    frame: Frame,
    /// For the browser; none where passkeys can't be used.
    options: Option<String>,
    fault: Option<&'static str>,
    stopped: Option<Refusal>,
    ways: Vec<Way>,
    support_code: &'a str,
}

/// What the form sends: what the browser said, as JSON.
#[derive(Deserialize)]
pub(super) struct Input {
    credential: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, Method::Passkey) {
        return Ok(Redirect::to(place).into_response());
    }
    let page = asked(&state, &reader, &tenant, &flow, None).await?;
    Ok((reader.remember(jar), page).into_response())
}

/// The page with a new ceremony.
async fn asked(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    flow: &Flow,
    fault: Option<&'static str>,
) -> Result<Response, PageError> {
    let party = RelyingParty::new(&state.settings.public_url, &tenant.name);
    let begun = party.ok().and_then(|party| party.begin_gate());
    if let Some(begun) = &begun {
        let until = state.clock.now().plus(VALID);
        let passkeys = state.store.passkeys();
        passkeys.begin(tenant.id, flow.id, &begun.state, until).await.map_err(PageError::behind)?;
    }
    let shown =
        PasskeyPage { options: begun.map(|begun| begun.options), fault, ..bare(reader, tenant, flow) };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &shown))
}

fn bare<'a>(reader: &Reader, tenant: &Tenant, flow: &'a Flow) -> PasskeyPage<'a> {
    PasskeyPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, place(Method::Passkey)),
        options: None,
        fault: None,
        stopped: None,
        ways: ways(tenant, flow, Some(Method::Passkey)),
        support_code: &flow.support_code.0,
    }
}

/// A passkey answered. The try is counted before it is looked at.
pub(super) async fn check(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, Method::Passkey) {
        return Ok(Redirect::to(place).into_response());
    }
    let answer = read::<PublicKeyCredential>(&input.credential);
    let Some((answer, party)) = answer.zip(RelyingParty::new(&state.settings.public_url, &tenant.name).ok())
    else {
        return asked(&state, &reader, &tenant, &flow, Some(key("passkey-unread"))).await;
    };
    let wrong = key("passkey-wrong");
    let judged = judge(&state, &reader, &jar, &flow, (Method::Passkey, wrong), async |attempt| {
        let (passkeys, id, now) = (state.store.passkeys(), stored_id(&answer), state.clock.now());
        let verify = |ceremony: &str, credential: &str| party.finish_gate(&answer, ceremony, credential);
        passkeys.attempt(attempt, flow.id, &id, now, verify).await
    });
    match judged.await? {
        Judged::Passed(passed) => Ok(passed),
        Judged::Again(fault) => asked(&state, &reader, &tenant, &flow, Some(fault)).await,
        Judged::Stopped => {
            let shown = PasskeyPage { stopped: Some(stop(&flow)), ..bare(&reader, &tenant, &flow) };
            Ok(page(StatusCode::TOO_MANY_REQUESTS, &shown))
        }
    }
}
