//! `POST /console/enrolment-tokens`: a token for one new agent, shown once.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::administrator::Action;
use ritorno_protocol::enrolment::TOKEN_VALID;

use super::session::{Menu, SignedIn};
use crate::agent_api::enrolment_token;
use crate::i18n::Words;
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::Moment;
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "console/token.html")]
struct TokenPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    token: String,
    valid: Moment,
}

/// The handler.
pub(super) async fn make(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
) -> Result<Response, PageError> {
    signed_in.require(Action::EnrolAgent)?;
    let tenant = &signed_in.tenant;
    let now = state.clock.now();
    let token = enrolment_token::make(
        &state.store,
        tenant.id,
        &tenant.root,
        state.settings.public_address(),
        Some(signed_in.administrator.id),
        now,
        &*state.random,
    )
    .await
    .map_err(PageError::behind)?;
    let shown = TokenPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/console"),
        menu: signed_in.menu("/console"),
        token: token.to_text(),
        valid: Moment::new(now.plus(TOKEN_VALID)),
    };
    Ok(page(StatusCode::OK, &shown))
}
