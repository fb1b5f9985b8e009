//! `GET /register/password`: the current password, to be sealed for the agents that can ask the directory about it. A name
//! that is nobody's gets the same page, for an object that is invented.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::realm::Realm;
use ritorno_identity::registration::RegistrationState;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::RequestId;
use std::sync::Arc;

use super::check;
use super::front::{FrontPage, Next};
use super::visit::{current, elsewhere, ended, note};
use crate::i18n::Words;
use crate::page::{Frame, PageError, page};
use crate::portal::offers::Offers;
use crate::portal::password::PageContext;
use crate::portal::refusal::Refusal;
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/password.html")]
struct PasswordPage<'a> {
    t: Words,
    frame: Frame,
    context: String,
    support_code: &'a str,
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    Extension(offers): Extension<Arc<Offers>>,
    reader: Reader,
    jar: CookieJar,
    Query(next): Query<Next>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    match registration.state {
        RegistrationState::Named => {}
        // Its answer goes to the page that asked; nothing can be typed meanwhile.
        RegistrationState::Checking(_) => return Ok(ended()),
        _ => return Ok(elsewhere(&registration)),
    }
    if registration.realm == Realm::Cloud {
        let shown = check::render(StatusCode::OK, &reader, &tenant, &registration, next.then, None);
        return Ok((reader.remember(jar), shown).into_response());
    }
    let request = RequestId::random(&*state.random);
    let sealed_for = &registration.sealed_for;
    let offered = state
        .relay
        .offer_for(tenant.id, &sealed_for.anchor, &sealed_for.forest, Operation::Verify, request)
        .await;
    let t = reader.words(&tenant);
    let offer = match offered {
        Ok(offer) => offer,
        Err(error) => {
            let (at, detail) = (Activity::Blocked, error.to_string());
            note(&state, &reader, &registration, at, Success::Failure, &detail).await?;
            let refusal = Refusal::of_dispatch(&error, registration.support_code.clone());
            let front = FrontPage { stopped: Some(refusal), ..FrontPage::new(&reader, &tenant, next.then) };
            return Ok(page(StatusCode::OK, &front));
        }
    };
    let now = state.clock.now();
    let context = PageContext {
        root: &tenant.root,
        server_time: now,
        context: &offer.context,
        recipients: &offer.recipients,
        policy: None,
        submit: next.then.verify(),
        next: next.then.after(),
    };
    let shown = PasswordPage {
        t,
        frame: Frame::new(&tenant, next.then.password_page()),
        context: serde_json::to_string(&context).map_err(PageError::behind)?,
        support_code: &registration.support_code.0,
    };
    let answer = page(StatusCode::OK, &shown);
    offers.keep(registration.id, offer, now);
    Ok((reader.remember(jar), answer).into_response())
}
