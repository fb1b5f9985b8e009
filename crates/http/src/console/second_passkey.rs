//! `POST /console/second/use`: a passkey as the second factor, after the password or anew. `GET` and `POST /console/second/passkey` set one up
//! at the first sign-in, in the place of an app.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_storage::Beside;
use serde::Deserialize;
use webauthn_rs::prelude::PublicKeyCredential;

use super::passkeys::{Made, begin_make, store};
use super::second::{ask, count, give_back, whole, wrong};
use super::session::HalfSignedIn;
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::passkeys::{RelyingParty, read, stored_id};
use crate::reader::Reader;
use crate::state::AppState;

const HERE: &str = "/console/second/passkey";

#[derive(Template)]
#[template(path = "console/second-passkey.html")]
struct MakePage<'a> {
    t: Words,
    frame: Frame,
    who: &'a str,
    /// For the browser; none where passkeys can't be used.
    options: Option<String>,
    fault: Option<&'static str>,
}

/// What the form sends: what the browser said, as JSON.
#[derive(Deserialize)]
pub(super) struct Input {
    credential: String,
    #[serde(default)]
    then: String,
}

/// A passkey answered. The try is counted before it is looked at.
pub(super) async fn check(
    State(state): State<AppState>,
    half: HalfSignedIn,
    reader: Reader,
    jar: CookieJar,
    Form(Input { credential, then }): Form<Input>,
) -> Result<Response, PageError> {
    if !half.asks_for_factor() || half.administrator.passkeys == 0 {
        return Ok(Redirect::to("/console/second").into_response());
    }
    let party = RelyingParty::new(&state.settings.public_url, &half.tenant.name).ok();
    let Some((answer, party)) = read::<PublicKeyCredential>(&credential).zip(party) else {
        let fault = (StatusCode::UNPROCESSABLE_ENTITY, key("passkey-unread"));
        return ask(&state, &half, &reader, &then, Some(fault)).await;
    };
    if let Some(stopped) = count(&state, &half, &reader, &then).await? {
        return Ok(stopped);
    }
    let (passkeys, id, now) = (state.store.administrator_passkeys(), stored_id(&answer), state.clock.now());
    let which = (Some(half.administrator.id), id.as_str());
    let tried = passkeys.attempt(half.tenant.id, half.session.digest, which, now, |ceremony, passkey| {
        party.finish_gate(&answer, ceremony, &passkey.credential)
    });
    if tried.await.map_err(PageError::behind)?.is_none() {
        return wrong(&state, &half, &reader, &then, ("the passkey", key("console-passkey-wrong"))).await;
    }
    give_back(&state, &half, &reader).await?;
    whole(&state, &half, &reader, jar, &then, "passkey").await
}

/// The page that sets the first factor up.
pub(super) async fn show(
    State(state): State<AppState>,
    half: HalfSignedIn,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    if !is_first(&half) {
        return Ok(Redirect::to("/console/second").into_response());
    }
    let page = asked(&state, &half, &reader, None).await?;
    Ok((reader.remember(jar), page).into_response())
}

/// Whether they have no factor yet, and need one. Any other one is made at `/console/passkeys`, after one that they have.
fn is_first(half: &HalfSignedIn) -> bool {
    half.asks_for_factor() && !half.administrator.has_factor()
}

async fn asked(
    state: &AppState,
    half: &HalfSignedIn,
    reader: &Reader,
    fault: Option<&'static str>,
) -> Result<Response, PageError> {
    let t = reader.words(&half.tenant);
    let options = begin_make(state, t, &half.tenant, &half.administrator, half.session.digest, &[]).await?;
    let frame = Frame::new(&half.tenant, HERE);
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &MakePage { t, frame, who: &half.administrator.name, options, fault }))
}

/// A passkey was made.
pub(super) async fn make(
    State(state): State<AppState>,
    half: HalfSignedIn,
    reader: Reader,
    jar: CookieJar,
    Form(made): Form<Made>,
) -> Result<Response, PageError> {
    if !is_first(&half) {
        return Ok(Redirect::to("/console/second").into_response());
    }
    let owner = (&half.tenant, &half.administrator, half.session.digest);
    match store(&state, &reader, owner, &made, Beside::Nothing).await? {
        Ok(()) => whole(&state, &half, &reader, jar, "", "passkey").await,
        Err(fault) => asked(&state, &half, &reader, Some(fault)).await,
    }
}
