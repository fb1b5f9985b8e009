//! `GET` and `POST /console/second`: the second factor of an administrator, at sign-in and again before what a session left open on a
//! desk must not do. `/console/second/app` sets an app up: at the first sign-in, at the next one after the app was taken away, and beside a
//! passkey. What is about passkeys is in [`super::second_passkey`].

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Actor, Success};
use ritorno_identity::authenticator::{AppCode, AppSecret};
use ritorno_identity::limit::{ADMINISTRATOR_CODES, ADMINISTRATOR_CODES_ANYWHERE, Limit};
use ritorno_identity::session::Session;
use ritorno_identity::subject::Subject;
use ritorno_identity::token::Token;
use ritorno_protocol::ids::UserId;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::passkeys::begin_use;
use super::session::{HalfSignedIn, cookie, home_of};
use super::sign_in::{begin, note};
use crate::app_picture::picture_of;
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::reader::Reader;
use crate::state::AppState;

const APP: &str = "/console/second/app";

#[derive(Template)]
#[template(path = "console/second.html")]
struct CodePage<'a> {
    t: Words,
    frame: Frame,
    who: &'a str,
    then: &'a str,
    /// Whether they have an app.
    app: bool,
    /// Whether they have a passkey, and what a browser asks for it with; none where passkeys can't be used.
    passkey: bool,
    options: Option<String>,
    fault: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "console/second-app.html")]
struct AppPage<'a> {
    t: Words,
    frame: Frame,
    who: &'a str,
    /// Whether it is the first factor, so that a passkey may be set up instead.
    first: bool,
    key: &'a str,
    fault: Option<&'static str>,
}

/// Where to go on.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    then: String,
}

/// What the forms send.
#[derive(Deserialize)]
pub(super) struct Input {
    code: String,
    #[serde(default)]
    then: String,
}

/// A page of the console, or `None`: nobody is led elsewhere by a link, nor by one that climbs out of the console again.
fn own_page(then: &str) -> Option<&str> {
    let rest = then.strip_prefix("/console")?;
    let plain = |c: char| c.is_ascii_graphic() && c != '\\';
    let path = rest.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
    let climbs = path.split('/').any(|part| part == "." || part == "..");
    let own = rest.is_empty() || rest.starts_with(['/', '?', '#']);
    (own && !climbs && then.chars().all(plain)).then_some(then)
}

/// The page that asks for a factor.
pub(super) async fn show(
    State(state): State<AppState>,
    half: HalfSignedIn,
    reader: Reader,
    jar: CookieJar,
    Query(Asked { then }): Query<Asked>,
) -> Result<Response, PageError> {
    if !half.asks_for_factor() {
        return Ok(Redirect::to(home_of(&half.administrator)).into_response());
    }
    if !half.administrator.has_factor() {
        return Ok(Redirect::to(APP).into_response());
    }
    let page = ask(&state, &half, &reader, &then, None).await?;
    Ok((reader.remember(jar), page).into_response())
}

/// The page, with what was wrong before.
pub(super) async fn ask(
    state: &AppState,
    half: &HalfSignedIn,
    reader: &Reader,
    then: &str,
    fault: Option<(StatusCode, &'static str)>,
) -> Result<Response, PageError> {
    let passkey = half.administrator.passkeys > 0;
    let options = if passkey { begin_use(state, &half.tenant, half.session.digest).await? } else { None };
    let (status, fault) = fault.map_or((StatusCode::OK, None), |(status, fault)| (status, Some(fault)));
    let shown = CodePage {
        t: reader.words(&half.tenant),
        frame: Frame::new(&half.tenant, "/console/second"),
        who: &half.administrator.name,
        then: own_page(then).unwrap_or_default(),
        app: half.administrator.app,
        passkey,
        options,
        fault,
    };
    Ok(page(status, &shown))
}

/// What wrong codes and passkeys are counted against: nearer first, so that what it stops does not count further away.
fn counted(state: &AppState, half: &HalfSignedIn, reader: &Reader) -> [(&'static Limit, Subject); 2] {
    let tenant = half.tenant.id;
    let anywhere = Subject::of_user(&state.pepper, tenant, UserId(half.administrator.id.0));
    let here = anywhere.from_network(&state.pepper, tenant, &reader.network);
    [(&ADMINISTRATOR_CODES, here), (&ADMINISTRATOR_CODES_ANYWHERE, anywhere)]
}

/// A code was typed.
pub(super) async fn check(
    State(state): State<AppState>,
    half: HalfSignedIn,
    reader: Reader,
    jar: CookieJar,
    Form(Input { code, then }): Form<Input>,
) -> Result<Response, PageError> {
    if !half.asks_for_factor() || !half.administrator.app {
        return Ok(Redirect::to("/console/second").into_response());
    }
    let Some(code) = AppCode::parse(&Zeroizing::new(code)) else {
        let fault = (StatusCode::UNPROCESSABLE_ENTITY, key("app-not-a-code"));
        return ask(&state, &half, &reader, &then, Some(fault)).await;
    };
    if let Some(stopped) = count(&state, &half, &reader, &then).await? {
        return Ok(stopped);
    }
    let (tenant, id, now) = (half.tenant.id, half.administrator.id, state.clock.now());
    let right = state.store.administrator_apps().attempt(tenant, id, &code, &state.node_key, now).await;
    if !right.map_err(PageError::behind)? {
        return wrong(&state, &half, &reader, &then, ("the app's code", key("app-wrong"))).await;
    }
    give_back(&state, &half, &reader).await?;
    whole(&state, &half, &reader, jar, &then, "app").await
}

/// Counts a try before it is looked at; the answer if there were too many.
pub(super) async fn count(
    state: &AppState,
    half: &HalfSignedIn,
    reader: &Reader,
    then: &str,
) -> Result<Option<Response>, PageError> {
    let (limits, now) = (state.store.limits(), state.clock.now());
    for (limit, subject) in &counted(state, half, reader) {
        if !limits.count(half.tenant.id, limit, subject, now).await.map_err(PageError::behind)? {
            tracing::warn!(administrator = %half.administrator.name, network = %reader.network, limit = limit.name, "too many wrong second factors of an administrator");
            let fault = (StatusCode::TOO_MANY_REQUESTS, key("console-second-too-many"));
            return ask(state, half, reader, then, Some(fault)).await.map(Some);
        }
    }
    Ok(None)
}

/// A try that was right does not count.
pub(super) async fn give_back(
    state: &AppState,
    half: &HalfSignedIn,
    reader: &Reader,
) -> Result<(), PageError> {
    for (limit, subject) in &counted(state, half, reader) {
        let given = state.store.limits().give_back(half.tenant.id, limit, subject).await;
        given.map_err(PageError::behind)?;
    }
    Ok(())
}

/// What was shown is wrong: it is written down, and asked for again.
pub(super) async fn wrong(
    state: &AppState,
    half: &HalfSignedIn,
    reader: &Reader,
    then: &str,
    (what, fault): (&str, &'static str),
) -> Result<Response, PageError> {
    let reason = format!("the password was right, {what} was not");
    let actor = Actor::Administrator(half.administrator.id);
    note(state, reader, Activity::AdministratorSignIn, actor, Success::Failure, &reason).await?;
    ask(state, half, reader, then, Some((StatusCode::UNPROCESSABLE_ENTITY, fault))).await
}

/// The session goes on as one in which the second factor was shown just now, with a new token. `shown` says which for the audit.
pub(super) async fn whole(
    state: &AppState,
    half: &HalfSignedIn,
    reader: &Reader,
    jar: CookieJar,
    then: &str,
    shown: &str,
) -> Result<Response, PageError> {
    let (id, now) = (half.administrator.id, state.clock.now());
    let token = Token::random(&*state.random);
    let new = Session::new(token.digest(), half.tenant.id, id, now);
    // Showing the factor anew makes a session no longer.
    let session = match half.session.proved_at {
        Some(_) => {
            Session { created_at: half.session.created_at, expires_at: half.session.expires_at, ..new }
        }
        None => new,
    };
    begin(state, &jar, &session).await?;
    let reason = match half.session.proved_at {
        Some(_) => format!("shown anew: {shown}"),
        None => format!("password and {shown}"),
    };
    note(state, reader, Activity::AdministratorSignIn, Actor::Administrator(id), Success::Success, &reason)
        .await?;
    let then = own_page(then).unwrap_or_else(|| home_of(&half.administrator));
    Ok((jar.add(cookie(&token)), Redirect::to(then)).into_response())
}

/// The secret that is shown to them; `None` if they have an app.
async fn proposed(state: &AppState, half: &HalfSignedIn) -> Result<Option<AppSecret>, PageError> {
    if !half.asks_for_factor() || half.administrator.app {
        return Ok(None);
    }
    half.may_set_up(state.clock.now(), APP)?;
    let (apps, random) = (state.store.administrator_apps(), &*state.random);
    let fresh = AppSecret::random(random);
    apps.propose(half.tenant.id, half.administrator.id, &fresh, &state.node_key, random)
        .await
        .map_err(PageError::behind)
}

fn app_page(
    half: &HalfSignedIn,
    reader: &Reader,
    secret: &AppSecret,
    fault: Option<&'static str>,
) -> Response {
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let shown = AppPage {
        t: reader.words(&half.tenant),
        frame: Frame::new(&half.tenant, APP),
        who: &half.administrator.name,
        first: !half.administrator.has_factor(),
        key: &secret.text(),
        fault,
    };
    page(status, &shown)
}

/// The page that sets an app up.
pub(super) async fn show_app(
    State(state): State<AppState>,
    half: HalfSignedIn,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let Some(secret) = proposed(&state, &half).await? else {
        return Ok(Redirect::to("/console/second").into_response());
    };
    Ok((reader.remember(jar), app_page(&half, &reader, &secret, None)).into_response())
}

/// The picture that apps read.
pub(super) async fn picture(
    State(state): State<AppState>,
    half: HalfSignedIn,
) -> Result<Response, PageError> {
    let secret = proposed(&state, &half).await?.ok_or(PageError::Missing)?;
    picture_of(&secret, &half.tenant.name, &half.administrator.name)
}

/// A code was typed that the app made.
pub(super) async fn confirm_app(
    State(state): State<AppState>,
    half: HalfSignedIn,
    reader: Reader,
    jar: CookieJar,
    Form(Input { code, .. }): Form<Input>,
) -> Result<Response, PageError> {
    let Some(secret) = proposed(&state, &half).await? else {
        return Ok(Redirect::to("/console/second").into_response());
    };
    let Some(code) = AppCode::parse(&Zeroizing::new(code)) else {
        return Ok(app_page(&half, &reader, &secret, Some(key("app-not-a-code"))));
    };
    // Tries are not counted: whoever is here has the secret before their eyes.
    let Some(step) = secret.step_of(&code, state.clock.now()) else {
        return Ok(app_page(&half, &reader, &secret, Some(key("app-register-wrong"))));
    };
    let (apps, tenant, id) = (state.store.administrator_apps(), half.tenant.id, half.administrator.id);
    let beside = half.may_set_up(state.clock.now(), APP)?;
    if !apps.adopt(tenant, id, (&secret, step), &state.node_key, beside).await.map_err(PageError::behind)? {
        // Another page was quicker: its factor is the one.
        return Ok(Redirect::to("/console/second").into_response());
    }
    let reason = format!("{}: set up", half.administrator.name);
    let actor = Actor::Administrator(id);
    note(&state, &reader, Activity::AdministratorApp, actor, Success::Success, &reason).await?;
    whole(&state, &half, &reader, jar, "", "app").await
}

#[cfg(test)]
mod tests {
    use super::own_page;

    #[test]
    fn nobody_is_led_out_of_the_console() {
        for own in [
            "/console",
            "/console/people?name=anna%40contoso.test",
            "/console?x=1",
            "/console#/people",
            "/console/people?name=../x",
        ] {
            assert_eq!(own_page(own), Some(own));
        }
        for other in [
            "",
            "//evil.test",
            "/consolexyz",
            "https://evil.test/console",
            "/console/\r\nx: y",
            "/\\evil",
            "/console/..//evil.test",
            "/console/%2E%2e//evil.test",
            "/console/.%2e/signin",
        ] {
            assert_eq!(own_page(other), None, "{other:?}");
        }
    }
}
