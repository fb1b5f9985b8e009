//! `GET` and `POST /register/app`: an authenticator app is registered. Its secret is shown as a picture and as text, and becomes
//! the person's when the app has made a code of it. `POST /register/app/remove` removes it.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::authenticator::{AppCode, AppSecret};
use ritorno_identity::method::Method;
use ritorno_identity::registration::{AddressChange, Registration};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::methods::{here, standing};
use super::tell::method_changed;
use crate::app_picture::picture_of;
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page, to_the_end};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/app.html")]
struct AppPage<'a> {
    t: Words,
    frame: Frame,
    /// Whether it takes the place of another one.
    replaces: bool,
    key: &'a str,
    fault: Option<&'static str>,
    support_code: &'a str,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    code: String,
}

/// The secret that this registration shows: the same however often it is looked at.
async fn proposed(state: &AppState, registration: &Registration) -> Result<AppSecret, PageError> {
    let (apps, key, random) = (state.store.authenticators(), &state.node_key, &*state.random);
    let (tenant, id) = (registration.tenant, registration.id);
    if let Some(secret) = apps.proposed(tenant, id, key).await.map_err(PageError::behind)? {
        return Ok(secret);
    }
    apps.propose(tenant, id, &AppSecret::random(random), key, random).await.map_err(PageError::behind)?;
    apps.proposed(tenant, id, key).await.map_err(PageError::behind)?.ok_or(PageError::Request)
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::App).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let page = render(&state, &reader, &tenant, &registration, &user, None).await?;
    Ok((reader.remember(jar), page).into_response())
}

async fn render(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    user: &User,
    fault: Option<&'static str>,
) -> Result<Response, PageError> {
    let secret = proposed(state, registration).await?;
    let shown = AppPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/register/app"),
        replaces: standing(state, user).await?.app,
        key: &secret.text(),
        fault,
        support_code: &registration.support_code.0,
    };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &shown))
}

/// The picture that apps read.
pub(super) async fn picture(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::App).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let secret = proposed(&state, &registration).await?;
    picture_of(&secret, &tenant.name, &user.user_principal_name)
}

/// A code was typed that the app made.
pub(super) async fn confirm(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::App).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let again = async |fault| render(&state, &reader, &tenant, &registration, &user, Some(fault)).await;
    let Some(code) = AppCode::parse(&Zeroizing::new(input.code)) else {
        return again(key("app-not-a-code")).await;
    };
    let now = state.clock.now();
    // Tries are not counted: whoever is here has the secret before their eyes.
    let secret = proposed(&state, &registration).await?;
    let Some(step) = secret.step_of(&code, now) else {
        return again(key("app-register-wrong")).await;
    };
    let change =
        if standing(&state, &user).await?.app { AddressChange::Replaced } else { AddressChange::Registered };
    to_the_end(async move {
        let (apps, node_key, random) = (state.store.authenticators(), &state.node_key, &*state.random);
        let adopted =
            apps.adopt(tenant.id, registration.id, user.id, (&secret, step), node_key, random, now).await;
        // A second click finds it done.
        if adopted.map_err(PageError::behind)? {
            method_changed(&state, &reader, &registration, &user, Method::App, change).await?;
        }
        Ok(())
    })
    .await?;
    Ok(Redirect::to("/register/methods?done=app").into_response())
}

/// The app is removed.
pub(super) async fn remove(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::App).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    to_the_end(async move {
        if state.store.authenticators().remove(tenant.id, user.id).await.map_err(PageError::behind)? {
            let change = AddressChange::Removed;
            method_changed(&state, &reader, &registration, &user, Method::App, change).await?;
        }
        Ok(())
    })
    .await?;
    Ok(Redirect::to("/register/methods?done=app-removed").into_response())
}
