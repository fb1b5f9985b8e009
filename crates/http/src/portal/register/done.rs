//! `GET /register/done`: what was changed, as often as it is asked.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::registration::AddressChange;

use super::visit::{current, elsewhere, ended};
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/done.html")]
struct DonePage<'a> {
    t: Words,
    frame: Frame,
    title: &'static str,
    told: &'static str,
    support_code: &'a str,
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    let Some(change) = registration.state.change() else { return Ok(elsewhere(&registration)) };
    let (title, told) = match change {
        AddressChange::Registered => (key("registered-title"), key("registered-told")),
        AddressChange::Replaced => (key("replaced-title"), key("registered-told")),
        AddressChange::Removed => (key("removed-title"), key("removed-told")),
    };
    let shown = DonePage {
        t: reader.words(&tenant),
        frame: Frame::new(&tenant, "/register/done"),
        title,
        told,
        support_code: &registration.support_code.0,
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}
