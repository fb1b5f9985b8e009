//! `GET` and `POST /reset/pass`: a gate that is passed with a temporary pass of the help desk.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use ritorno_identity::device_code::UserCode;
use ritorno_identity::help_desk::pass_digest;
use ritorno_identity::method::Method;
use ritorno_protocol::ids::UserId;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::i18n::key;
use crate::page::PageError;
use crate::portal::gate::{Typed, check_typed, place, show_typed};
use crate::reader::Reader;
use crate::state::AppState;

static TYPED: Typed = Typed {
    method: Method::TemporaryPass,
    place: place(Method::TemporaryPass),
    title: key("pass-title"),
    lead: key("pass-lead"),
    label: key("pass-label"),
    hint: key("pass-hint"),
    unread: key("pass-not-a-pass"),
    wrong: key("pass-wrong"),
    digits: false,
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

/// A pass was typed.
pub(super) async fn check(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let read = UserCode::parse(&Zeroizing::new(input.code));
    check_typed(&state, &reader, &jar, &TYPED, read, async |attempt, pass| {
        // A pass is one person's: where there is none, it is nobody's.
        let owner = attempt.user.unwrap_or(UserId(uuid::Uuid::nil()));
        let digest = pass_digest(&pass, &state.pepper, attempt.tenant, owner);
        state.store.help_desk().attempt(attempt, &digest, &state.pepper, state.clock.now()).await
    })
    .await
}
