//! `POST /reset/resend`: another code, for whoever lost the first, to the kind of address that is asked for. Which kinds a
//! person has does not show: the choice is the same for every name. Beyond the limit the page goes on, and nothing is sent.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::flow::Person;
use ritorno_identity::user::AddressKind;
use ritorno_protocol::ids::UserId;
use serde::Deserialize;

use crate::page::PageError;
use crate::portal::code::ended;
use crate::portal::gate::{instead_of, place};
use crate::portal::start::{By, RELEASED_AFTER, send_code};
use crate::portal::visit::{current, is_known, note, tenant};
use crate::reader::Reader;
use crate::state::AppState;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    #[serde(default)]
    to: AddressKind,
}

/// The handler.
pub(super) async fn resend(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    send_another(&state, &reader, &jar, By::Mail(input.to)).await
}

/// Sends another code, released at the same time for every name.
pub(super) async fn send_another(
    state: &AppState,
    reader: &Reader,
    jar: &CookieJar,
    by: By,
) -> Result<Response, PageError> {
    let release = tokio::time::Instant::now() + RELEASED_AFTER;
    let answer = again(state, reader, jar, by).await;
    tokio::time::sleep_until(release).await;
    state.mail_wake.notify_one();
    state.sms_wake.notify_one();
    answer
}

async fn again(state: &AppState, reader: &Reader, jar: &CookieJar, by: By) -> Result<Response, PageError> {
    let tenant = tenant(state).await?;
    let method = by.channel().method();
    let Some(flow) = current(state, jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, method) {
        return Ok(Redirect::to(place).into_response());
    }
    // A stranger's flow looks for a person that can't be there, so that the statements are the same.
    let id = match flow.person {
        Person::Known(user) | Person::Withheld { user, .. } => user,
        Person::Stranger => UserId(uuid::Uuid::nil()),
    };
    let user = state.store.users().get(tenant.id, id).await.map_err(PageError::behind)?;
    let known = is_known(state, jar, flow.tenant, &flow.subject);
    send_code(state, &tenant, &flow, user.as_ref(), known, by).await?;
    note(state, reader, &flow, Activity::FlowProgress, Success::Success, "new code asked for", None).await?;
    Ok(Redirect::to(&format!("{}?sent=1", place(method))).into_response())
}
