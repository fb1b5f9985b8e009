//! `GET` and `POST /reset/recovery-code`: a gate that is passed with one of the codes that were kept on paper.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use ritorno_identity::method::Method;
use ritorno_identity::recovery_code::RecoveryCode;
use ritorno_protocol::ids::UserId;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::i18n::key;
use crate::page::PageError;
use crate::portal::gate::{Typed, check_typed, place, show_typed};
use crate::reader::Reader;
use crate::state::AppState;

static TYPED: Typed = Typed {
    method: Method::RecoveryCode,
    place: place(Method::RecoveryCode),
    title: key("recovery-title"),
    lead: key("recovery-lead"),
    label: key("recovery-label"),
    hint: key("recovery-hint"),
    unread: key("recovery-not-a-code"),
    wrong: key("recovery-wrong"),
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

/// A code was typed.
pub(super) async fn check(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let read = RecoveryCode::parse(&Zeroizing::new(input.code));
    check_typed(&state, &reader, &jar, &TYPED, read, async |attempt, code| {
        // A code is its owner's: where there is none, it is nobody's.
        let owner = attempt.user.unwrap_or(UserId(uuid::Uuid::nil()));
        let digest = code.digest(&state.pepper, attempt.tenant, owner);
        state.store.recovery_codes().attempt(attempt, &digest, state.clock.now()).await
    })
    .await
}
