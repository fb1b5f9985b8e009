//! `POST /console/passkey`: an administrator signs in with a passkey alone. It verifies its owner, so that it is two factors: the device, and
//! a finger or a PIN. `POST /console/passkey/begin` gives the browser what it asks the device for, when the button is pressed: a page that is
//! only looked at leaves nothing behind.
//!
//! No passkey is named, nor any name: the device finds its own.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Form, Json};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use ritorno_identity::administrator::Administrator;
use ritorno_identity::audit::{Activity, Actor, Success};
use ritorno_identity::limit::{PASSKEYS_ASKED_FOR, SIGN_INS_BY_NETWORK};
use ritorno_identity::session::Session;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::{Token, TokenDigest};
use serde::Deserialize;
use serde_json::Value;
use webauthn_rs::prelude::PublicKeyCredential;

use super::passkeys::begin_use;
use super::session::{cookie, home_of};
use super::sign_in::{begin as begin_session, note, render};
use crate::i18n::key;
use crate::page::PageError;
use crate::passkeys::{RelyingParty, is_of, read, stored_id};
use crate::portal::tenant;
use crate::reader::Reader;
use crate::state::AppState;

/// The cookie that binds a ceremony to the browser in which it began.
const CEREMONY_COOKIE: &str = "__Host-console-passkey";

/// What the form sends: what the browser said, as JSON.
#[derive(Deserialize)]
pub(super) struct Input {
    credential: String,
}

fn ceremony_cookie(token: &Token) -> Cookie<'static> {
    Cookie::build((CEREMONY_COOKIE, token.to_text().to_string()))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .build()
}

fn named(jar: &CookieJar) -> Option<TokenDigest> {
    Some(Token::from_text(jar.get(CEREMONY_COOKIE)?.value())?.digest())
}

/// What the browser asks a device for, as JSON.
pub(super) async fn begin(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let network = Subject::of_network(&state.pepper, tenant.id, &reader.network);
    let limits = state.store.limits();
    let room = limits.count(tenant.id, &PASSKEYS_ASKED_FOR, &network, state.clock.now()).await;
    if !room.map_err(PageError::behind)? {
        return Ok(StatusCode::TOO_MANY_REQUESTS.into_response());
    }
    let token = Token::random(&*state.random);
    let Some(options) = begin_use(&state, &tenant, token.digest()).await? else {
        return Err(PageError::Missing);
    };
    let options: Value = serde_json::from_str(&options).map_err(PageError::behind)?;
    Ok((jar.add(ceremony_cookie(&token)), Json(options)).into_response())
}

/// A passkey answered. The try is counted before it is looked at; a passkey that is nobody's gets the same answer as one that answers wrong.
pub(super) async fn sign_in(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(Input { credential }): Form<Input>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let again = |status, fault| Ok(render(&state, status, &reader, &tenant, Some(fault)));
    let network = Subject::of_network(&state.pepper, tenant.id, &reader.network);
    let (limits, now) = (state.store.limits(), state.clock.now());
    if !limits.count(tenant.id, &SIGN_INS_BY_NETWORK, &network, now).await.map_err(PageError::behind)? {
        return again(StatusCode::TOO_MANY_REQUESTS, key("console-too-many"));
    }
    let Some(administrator) = verified(&state, &tenant, &jar, &credential).await? else {
        let reason = "a passkey that is not registered here, or did not answer right";
        let activity = Activity::AdministratorSignIn;
        note(&state, &reader, activity, Actor::Anonymous, Success::Failure, reason).await?;
        return again(StatusCode::UNPROCESSABLE_ENTITY, key("console-passkey-wrong"));
    };
    limits.give_back(tenant.id, &SIGN_INS_BY_NETWORK, &network).await.map_err(PageError::behind)?;
    let actor = Actor::Administrator(administrator.id);
    note(&state, &reader, Activity::AdministratorSignIn, actor, Success::Success, "passkey").await?;
    let token = Token::random(&*state.random);
    begin_session(&state, &jar, &Session::new(token.digest(), tenant.id, administrator.id, now)).await?;
    let jar = jar.remove(Cookie::build(CEREMONY_COOKIE).path("/").secure(true)).add(cookie(&token));
    Ok((jar, Redirect::to(home_of(&administrator))).into_response())
}

/// Whose passkey it is, if it answered right.
async fn verified(
    state: &AppState,
    tenant: &Tenant,
    jar: &CookieJar,
    credential: &str,
) -> Result<Option<Administrator>, PageError> {
    let answer = read::<PublicKeyCredential>(credential);
    let party = RelyingParty::new(&state.settings.public_url, &tenant.name).ok();
    let Some(((browser, answer), party)) = named(jar).zip(answer).zip(party) else { return Ok(None) };
    let (passkeys, id, now) = (state.store.administrator_passkeys(), stored_id(&answer), state.clock.now());
    let tried = passkeys.attempt(tenant.id, browser, (None, &id), now, |ceremony, passkey| {
        is_of(&answer, passkey.administrator.0)
            .then(|| party.finish_gate(&answer, ceremony, &passkey.credential))
            .flatten()
    });
    let Some(used) = tried.await.map_err(PageError::behind)? else { return Ok(None) };
    let found = state.store.administrators().get(tenant.id, used.administrator).await;
    // An account for the day on which everything is lost has its password, and nothing else.
    Ok(found.map_err(PageError::behind)?.filter(|one| !one.break_glass))
}
