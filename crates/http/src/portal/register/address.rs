//! `GET` and `POST /register/address`: what is on file, and a new address, to which a code goes.

use std::str::FromStr as _;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::address::{AddressFault, NewAddress};
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::mail::Channel;
use ritorno_identity::mask::mask;
use ritorno_identity::registration::{Registration, RegistrationState};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use serde::Deserialize;

use super::send::send;
use super::visit::{current, elsewhere, ended, note, owner, place};
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/address.html")]
struct AddressPage<'a> {
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
    address: String,
}

fn render(
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    user: &User,
    typed: &str,
    fault: Option<&'static str>,
) -> Response {
    let shown = AddressPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/register/address"),
        registered: user.registered_mail.as_deref().and_then(mask),
        directory: user.alternate_mail.as_deref().and_then(mask),
        typed,
        fault,
        support_code: &registration.support_code.0,
    };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, &shown)
}

/// The step at which an address is given: another one may be given while a code is on its way.
const fn may_give(registration: &Registration) -> bool {
    matches!(registration.state, RegistrationState::Proven | RegistrationState::CodeSent(_))
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    if !may_give(&registration) {
        return Ok(elsewhere(&registration));
    }
    let user = match owner(&state, &reader, &tenant, &registration).await? {
        Ok(user) => user,
        Err(refused) => return Ok(refused),
    };
    let page = render(&reader, &tenant, &registration, &user, "", None);
    Ok((reader.remember(jar), page).into_response())
}

/// An address was given.
pub(super) async fn give(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    if !may_give(&registration) {
        return Ok(elsewhere(&registration));
    }
    let user = match owner(&state, &reader, &tenant, &registration).await? {
        Ok(user) => user,
        Err(refused) => return Ok(refused),
    };
    let typed = input.address.trim();
    let again = |fault| Ok(render(&reader, &tenant, &registration, &user, typed, Some(fault)));
    let address = match read(&tenant, &user, typed) {
        Ok(address) => address,
        Err(fault) => {
            let (at, reason) = (Activity::RegistrationProgress, format!("address not taken: {fault}"));
            note(&state, &reader, &registration, at, Success::Failure, &reason).await?;
            return again(told(fault));
        }
    };
    let Ok(sent) = registration.code_sent(&address, state.clock.now()) else {
        return Ok(ended());
    };
    // The address is stored before its code: a code holds for the very address that it was made for.
    if !state.store.registrations().advance(&registration, &sent).await.map_err(PageError::behind)? {
        return Ok(Redirect::to("/register/address").into_response());
    }
    if !send(&state, &reader, &sent, Channel::Mail, address.as_str()).await? {
        return again(key("address-too-many"));
    }
    Ok(Redirect::to(place(&sent.state)).into_response())
}

/// Reads what was typed.
///
/// # Errors
/// [`AddressFault`], by what is wrong.
pub fn read(tenant: &Tenant, user: &User, typed: &str) -> Result<NewAddress, AddressFault> {
    let parsed = lettre::Address::from_str(typed).map_err(|_| AddressFault::NotAnAddress)?;
    NewAddress::judge(tenant, user, parsed.user(), parsed.domain())
}

const fn told(fault: AddressFault) -> &'static str {
    match fault {
        AddressFault::NotAnAddress => key("address-not-an-address"),
        AddressFault::OwnMailbox => key("address-own-mailbox"),
        AddressFault::ForbiddenDomain => key("address-forbidden"),
        AddressFault::OnFile => key("address-on-file"),
    }
}
