//! `GET` and `POST /register/mobile`: what is on file, and another mobile number, to which a code goes. `POST /register/mobile/remove`
//! removes the registered one.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::mail::Channel;
use ritorno_identity::method::Method;
use ritorno_identity::phone::Phone;
use ritorno_identity::registration::{AddressChange, Registration};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use serde::Deserialize;

use super::methods::here;
use super::send::send;
use super::tell::method_changed;
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page, to_the_end};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/mobile.html")]
struct MobilePage<'a> {
    t: Words,
    frame: Frame,
    /// Masked, as everywhere.
    registered: Option<String>,
    /// Masked, as everywhere.
    directory: Option<String>,
    typed: &'a str,
    fault: Option<&'static str>,
    support_code: &'a str,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    number: String,
}

/// A number as pages show it.
pub(super) fn masked(number: &Option<String>) -> Option<String> {
    Some(Phone::parse(number.as_deref()?)?.mask())
}

fn render(
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    user: &User,
    (typed, fault): (&str, Option<&'static str>),
) -> Response {
    let shown = MobilePage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/register/mobile"),
        registered: masked(&user.registered_mobile),
        directory: masked(&user.mobile),
        typed,
        fault,
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
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::Sms).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let page = render(&reader, &tenant, &registration, &user, ("", None));
    Ok((reader.remember(jar), page).into_response())
}

/// A number was given.
pub(super) async fn give(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::Sms).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let typed = input.number.trim();
    let again = |fault| Ok(render(&reader, &tenant, &registration, &user, (typed, Some(fault))));
    let Some(number) = Phone::parse(typed) else { return again(key("mobile-not-a-number")) };
    if [&user.registered_mobile, &user.mobile]
        .into_iter()
        .flatten()
        .any(|known| Phone::parse(known).as_ref() == Some(&number))
    {
        return again(key("mobile-on-file"));
    }
    // The number is stored before its code: a code holds for the very number that it was made for.
    let registrations = state.store.registrations();
    let proposed = registrations.propose_mobile(tenant.id, registration.id, number.as_str()).await;
    proposed.map_err(PageError::behind)?;
    if !send(&state, &reader, &registration, Channel::Sms, number.as_str()).await? {
        return again(key("mobile-too-many"));
    }
    Ok(Redirect::to("/register/mobile/code").into_response())
}

/// The registered number is removed.
pub(super) async fn remove(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::Sms).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    to_the_end(async move {
        let (users, former) = (state.store.users(), user.registered_mobile.as_deref());
        if former.is_some()
            && users
                .set_registered_mobile(tenant.id, user.id, former, None)
                .await
                .map_err(PageError::behind)?
        {
            let change = AddressChange::Removed;
            method_changed(&state, &reader, &registration, &user, Method::Sms, change).await?;
        }
        Ok(())
    })
    .await?;
    Ok(Redirect::to("/register/methods?done=sms-removed").into_response())
}
