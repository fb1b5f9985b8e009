//! `POST /register/change-password`: whoever has proven their password chooses another one. The way goes on as a flow of its own,
//! which may do nothing but change it.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::Cookie;
use ritorno_identity::flow::Flow;
use ritorno_identity::ids::FlowId;
use ritorno_identity::registration::Registration;
use ritorno_identity::token::Token;
use ritorno_protocol::ids::SupportCode;

use super::visit::{current, elsewhere, ended, person};
use crate::page::PageError;
use crate::portal::visit::{cookie, tenant};
use crate::reader::Reader;
use crate::state::AppState;

/// Begins the change, for a registration whose password is proven; the cookie of the browser in which it goes on.
pub(super) async fn begin(
    state: &AppState,
    registration: &Registration,
) -> Result<Cookie<'static>, PageError> {
    let (random, now) = (&*state.random, state.clock.now());
    let (id, token, code) = (FlowId::random(random), Token::random(random), SupportCode::random(random));
    let flow = Flow::of_proof(registration, id, token.digest(), code, now).ok_or(PageError::Request)?;
    state.store.flows().insert(&flow).await.map_err(PageError::behind)?;
    Ok(cookie(id, &token))
}

/// The handler.
pub(super) async fn change_password(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    if !registration.state.is_proven() {
        return Ok(elsewhere(&registration));
    }
    if let Err(refused) = person(&state, &reader, &tenant, &registration).await? {
        return Ok(refused);
    }
    let cookie = begin(&state, &registration).await?;
    Ok((jar.add(cookie), Redirect::to("/reset/password")).into_response())
}
