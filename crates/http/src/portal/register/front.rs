//! `GET /register`: who are you? Before that, what is true of the whole tenant, the same for every name.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;

use crate::i18n::Words;
use crate::page::{Frame, PageError, page};
use crate::portal::front::told_to_everybody;
use crate::portal::refusal::Refusal;
use crate::portal::stops::Stops;
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

/// The first page.
#[derive(Template)]
#[template(path = "portal/register/front.html")]
pub(super) struct FrontPage {
    pub(super) t: Words,
    pub(super) frame: Frame,
    /// Why nobody can register now.
    pub(super) stopped: Option<Refusal>,
    /// The key of what is wrong with the name that was typed.
    pub(super) fault: Option<&'static str>,
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    Extension(stops): Extension<Arc<Stops>>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let stopped = told_to_everybody(&state, &stops, &reader, &tenant).await?;
    let (t, frame) = (reader.words(&tenant), Frame::new(&tenant, "/register"));
    let front = FrontPage { t, frame, stopped, fault: None };
    Ok((reader.remember(jar), page(StatusCode::OK, &front)).into_response())
}
