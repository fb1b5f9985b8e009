//! `GET /register`: who are you? Before that, what is true of the whole tenant, the same for every name.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::tenant::Tenant;
use serde::Deserialize;

use crate::i18n::Words;
use crate::page::{Frame, PageError, page};
use crate::portal::front::told_to_everybody;
use crate::portal::refusal::Refusal;
use crate::portal::stops::Stops;
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

/// What follows when the password is proven. It decides over a link alone: a proof is the same for both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Then {
    /// What opens the gates is registered.
    #[default]
    Methods,
    /// The password is changed.
    Change,
}

/// What a link or a form says of it.
#[derive(Default, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    pub(super) then: Then,
}

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
    /// Whether a change follows.
    pub(super) change: bool,
}

impl FrontPage {
    /// The page on which a name is typed.
    pub(super) fn new(reader: &Reader, tenant: &Tenant, then: Then) -> Self {
        let change = then == Then::Change;
        let here = if change { "/change" } else { "/register" };
        Self { t: reader.words(tenant), frame: Frame::new(tenant, here), stopped: None, fault: None, change }
    }
}

/// `GET /change`: the same, for a change.
pub(super) async fn show_change(
    State(state): State<AppState>,
    Extension(stops): Extension<Arc<Stops>>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    front(&state, &stops, &reader, jar, Then::Change).await
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    Extension(stops): Extension<Arc<Stops>>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    front(&state, &stops, &reader, jar, Then::Methods).await
}

async fn front(
    state: &AppState,
    stops: &Stops,
    reader: &Reader,
    jar: CookieJar,
    then: Then,
) -> Result<Response, PageError> {
    let tenant = tenant(state).await?;
    let stopped = told_to_everybody(state, stops, reader, &tenant).await?;
    let front = FrontPage { stopped, ..FrontPage::new(reader, &tenant, then) };
    Ok((reader.remember(jar), page(StatusCode::OK, &front)).into_response())
}
