//! `GET /console/onboarding` and `POST /console/onboarding/confirm`: an agent showed a code, and a cloud-only
//! administrator confirms that its writeback goes on, and the tenant's with it.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::tenant::Tenant;
use serde::Deserialize;

use super::session::{Menu, SignedIn};
use crate::i18n::{Words, key};
use crate::operations::onboarding::{self, Confirmed};
use crate::page::{Frame, PageError, page};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "console/onboarding.html")]
struct OnboardingPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    told: Option<&'static str>,
    done: bool,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    code: String,
}

fn render(
    status: StatusCode,
    signed_in: &SignedIn,
    reader: &Reader,
    tenant: &Tenant,
    told: Option<&'static str>,
) -> Response {
    let shown = OnboardingPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/console/onboarding"),
        menu: signed_in.menu("/console/onboarding"),
        told,
        done: told.is_some() && status == StatusCode::OK,
    };
    page(status, &shown)
}

/// The page.
pub(super) async fn show(signed_in: SignedIn, reader: Reader, jar: CookieJar) -> Result<Response, PageError> {
    signed_in.require(Action::EnableWriteback)?;
    let tenant = &signed_in.tenant;
    let page = render(StatusCode::OK, &signed_in, &reader, tenant, None);
    Ok((reader.remember(jar), page).into_response())
}

/// A code was typed.
pub(super) async fn confirm(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Input { code }): Form<Input>,
) -> Result<Response, PageError> {
    signed_in.require(Action::EnableWriteback)?;
    let tenant = &signed_in.tenant;
    let operator = signed_in.operator(&reader);
    let (status, told) =
        match onboarding::confirm(&state, &operator, &code).await.map_err(PageError::behind)? {
            Confirmed::Done(_) => (StatusCode::OK, key("console-onboarding-done")),
            Confirmed::Unknown => (StatusCode::UNPROCESSABLE_ENTITY, key("console-onboarding-unknown")),
            Confirmed::TooMany => (StatusCode::TOO_MANY_REQUESTS, key("console-onboarding-too-many")),
        };
    Ok(render(status, &signed_in, &reader, tenant, Some(told)))
}
