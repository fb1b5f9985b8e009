//! `GET` and `POST /reset/app`: a gate that is passed with the code of an authenticator app.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use ritorno_identity::authenticator::AppCode;
use ritorno_identity::method::Method;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::i18n::key;
use crate::page::PageError;
use crate::portal::gate::{Typed, check_typed, place, show_typed};
use crate::reader::Reader;
use crate::state::AppState;

static TYPED: Typed = Typed {
    method: Method::App,
    place: place(Method::App),
    title: key("app-title"),
    lead: key("app-lead"),
    label: key("code-label"),
    hint: key("app-hint"),
    unread: key("app-not-a-code"),
    wrong: key("app-wrong"),
    digits: true,
};

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    code: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    show_typed(&state, &reader, jar, &TYPED).await
}

/// A code was typed.
pub(super) async fn check(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let read = AppCode::parse(&Zeroizing::new(input.code));
    check_typed(&state, &reader, &jar, &TYPED, read, async |attempt, code| {
        let (key, random, now) = (&state.node_key, &*state.random, state.clock.now());
        state.store.authenticators().attempt(attempt, &code, key, random, now).await
    })
    .await
}
