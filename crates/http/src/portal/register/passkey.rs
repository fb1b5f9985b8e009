//! `GET` and `POST /register/passkey`: a passkey is made on the device that is at hand. `POST /register/passkey/remove` removes one.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::method::Method;
use ritorno_identity::registration::{AddressChange, Registration};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use serde::Deserialize;
use webauthn_rs::prelude::RegisterPublicKeyCredential;

use super::methods::here;
use super::tell::method_changed;
use crate::i18n::{Words, key, moment};
use crate::page::{Frame, PageError, page, to_the_end};
use crate::passkeys::{Owner, RelyingParty, VALID, read};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/passkey.html")]
struct PasskeyPage<'a> {
    t: Words,
    frame: Frame,
    /// For the browser; none where passkeys can't be used.
    options: Option<String>,
    there: Vec<There>,
    fault: Option<&'static str>,
    support_code: &'a str,
}

/// A passkey that is registered.
struct There {
    id: String,
    registered: String,
}

/// What the form sends: what the browser said, as JSON.
#[derive(Deserialize)]
pub(super) struct Input {
    credential: String,
}

/// Which one is to go.
#[derive(Deserialize)]
pub(super) struct Which {
    id: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::Passkey).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let page = asked(&state, &reader, &tenant, &registration, &user, None).await?;
    Ok((reader.remember(jar), page).into_response())
}

/// The page with a new ceremony.
async fn asked(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    user: &User,
    fault: Option<&'static str>,
) -> Result<Response, PageError> {
    let passkeys = state.store.passkeys();
    let there = passkeys.list(tenant.id, user.id).await.map_err(PageError::behind)?;
    let party = RelyingParty::new(&state.settings.public_url, &tenant.name);
    let ids = || there.iter().map(|one| one.id.as_str());
    let begun = party.ok().and_then(|party| party.begin_registration(&Owner::from(user), ids()));
    if let Some(begun) = &begun {
        let until = state.clock.now().plus(VALID);
        passkeys.begin(tenant.id, registration.id, &begun.state, until).await.map_err(PageError::behind)?;
    }
    let shown = PasskeyPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/register/passkey"),
        options: begun.map(|begun| begun.options),
        there: there
            .into_iter()
            .map(|one| There { id: one.id, registered: moment(one.registered_at) })
            .collect(),
        fault,
        support_code: &registration.support_code.0,
    };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &shown))
}

/// A passkey was made.
pub(super) async fn register(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::Passkey).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let (passkeys, now) = (state.store.passkeys(), state.clock.now());
    let ceremony = passkeys.take(tenant.id, registration.id, now).await.map_err(PageError::behind)?;
    let party = RelyingParty::new(&state.settings.public_url, &tenant.name).ok();
    let made = read::<RegisterPublicKeyCredential>(&input.credential)
        .zip(ceremony)
        .zip(party)
        .and_then(|((made, ceremony), party)| party.finish_registration(&made, &ceremony, now));
    let Some(made) = made else {
        let fault = Some(key("passkey-register-failed"));
        return asked(&state, &reader, &tenant, &registration, &user, fault).await;
    };
    let (then, again) = (state.clone(), reader.clone());
    let (tenant_then, registration_then, user_then) = (tenant.clone(), registration.clone(), user.clone());
    let stored = to_the_end(async move {
        let passkeys = then.store.passkeys();
        let stored = passkeys.insert(tenant_then.id, user_then.id, &made).await;
        let stored = stored.map_err(PageError::behind)?;
        if stored {
            let change = AddressChange::Registered;
            method_changed(&then, &again, &registration_then, &user_then, Method::Passkey, change).await?;
        }
        Ok(stored)
    })
    .await?;
    if stored {
        return Ok(Redirect::to("/register/methods?done=passkey").into_response());
    }
    asked(&state, &reader, &tenant, &registration, &user, Some(key("passkey-register-failed"))).await
}

/// A passkey is removed.
pub(super) async fn remove(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(which): Form<Which>,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::Passkey).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    to_the_end(async move {
        let passkeys = state.store.passkeys();
        if passkeys.remove(tenant.id, user.id, &which.id).await.map_err(PageError::behind)? {
            let change = AddressChange::Removed;
            method_changed(&state, &reader, &registration, &user, Method::Passkey, change).await?;
        }
        Ok(())
    })
    .await?;
    Ok(Redirect::to("/register/methods?done=passkey-removed").into_response())
}
