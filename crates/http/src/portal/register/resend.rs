//! `POST /register/resend`: another code to the same new address.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::mail::Channel;

use super::code::render;
use super::send::send;
use super::visit::{current, elsewhere, ended, owner};
use crate::i18n::key;
use crate::page::PageError;
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

/// The handler.
pub(super) async fn resend(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    let Some(address) = registration.state.address() else { return Ok(elsewhere(&registration)) };
    if let Err(refused) = owner(&state, &reader, &tenant, &registration).await? {
        return Ok(refused);
    }
    if send(&state, &reader, &registration, Channel::Mail, address).await? {
        return Ok(Redirect::to("/register/code?sent=1").into_response());
    }
    Ok(render(&reader, &tenant, &registration, Some(key("address-too-many")), false))
}
