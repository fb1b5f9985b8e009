//! What the help desk does for a caller who can pass no gate, on the page of the person: `POST /console/people/code` sends them a
//! code to read out, `/console/people/code/check` takes it; where no code can reach them `/console/people/ask` asks a colleague, who
//! answers at `/console/people/approve`; `/console/people/pass` makes the temporary pass, and shows it once.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use ritorno_identity::administrator::Action;
use ritorno_identity::user::User;
use serde::Deserialize;

use super::people::page_of;
use super::session::{Menu, SignedIn};
use crate::i18n::Words;
use crate::operations::help_desk::{Checked, NotOpened};
use crate::operations::{help_desk, people};
use crate::operator::Operator;
use crate::page::{Frame, PageError, page};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "console/pass.html")]
struct PassPage<'a> {
    t: Words,
    frame: Frame,
    menu: Menu,
    principal: &'a str,
    pass: String,
}

/// Whom a form is about, and what was typed.
#[derive(Deserialize)]
pub(super) struct Input {
    name: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    code: String,
    /// The case that the form was about: another one may have been opened since the page was read.
    #[serde(default)]
    case: String,
}

/// The person whom this operator may help, if they may do that; `None` if there is no such person, or they may not: nobody does it for
/// themselves, or for whoever administers the tenant.
async fn helped(
    state: &AppState,
    signed_in: &SignedIn,
    reader: &Reader,
    action: Action,
    name: &str,
) -> Result<(Operator, Option<User>), PageError> {
    signed_in.require(action)?;
    let operator = signed_in.operator(reader);
    let user = about(state, &operator, name).await?;
    Ok((operator, user))
}

/// The person whom this operator may help; `None` if there is no such person, or they may not.
pub(super) async fn about(
    state: &AppState,
    operator: &Operator,
    name: &str,
) -> Result<Option<User>, PageError> {
    let found = people::find(state, operator, name).await.map_err(PageError::behind)?;
    let Some(user) = found else { return Ok(None) };
    let may = help_desk::may(state, operator, &user).await.map_err(PageError::behind)?;
    Ok(may.then_some(user))
}

/// Back to the page of the person, with what came of it.
pub(super) fn back(user: &User, told: &str) -> Response {
    Redirect::to(&format!("{}&helped={told}", page_of(user))).into_response()
}

pub(super) fn nobody() -> Response {
    Redirect::to("/console/people").into_response()
}

/// What is told of a case that was not opened.
const fn why(not: NotOpened) -> &'static str {
    match not {
        NotOpened::NoReason => "no-reason",
        NotOpened::TooMany => "too-many",
        NotOpened::NoAddress => "no-address",
        NotOpened::HasAddress => "has-address",
    }
}

/// A code goes to the address of the caller.
pub(super) async fn send_code(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let asked = helped(&state, &signed_in, &reader, Action::HelpPerson, &input.name).await?;
    let (operator, Some(user)) = asked else { return Ok(nobody()) };
    let sent = help_desk::send_code(&state, &operator, &user, &input.reason).await;
    Ok(back(&user, sent.map_err(PageError::behind)?.map_or_else(why, |_| "sent")))
}

/// The code that the caller read out.
pub(super) async fn check_code(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let asked = helped(&state, &signed_in, &reader, Action::HelpPerson, &input.name).await?;
    let (operator, Some(user)) = asked else { return Ok(nobody()) };
    let checked = help_desk::check_code(&state, &operator, &user, &input.case, &input.code).await;
    let told = match checked.map_err(PageError::behind)? {
        Checked::Right => "right",
        Checked::Wrong => "wrong",
        Checked::Closed => "closed",
    };
    Ok(back(&user, told))
}

/// No code can reach the caller: a colleague is asked.
pub(super) async fn ask(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let asked = helped(&state, &signed_in, &reader, Action::HelpPerson, &input.name).await?;
    let (operator, Some(user)) = asked else { return Ok(nobody()) };
    let opened = help_desk::ask(&state, &operator, &user, &input.reason).await;
    Ok(back(&user, opened.map_err(PageError::behind)?.map_or_else(why, |_| "asked")))
}

/// A colleague approves.
pub(super) async fn approve(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let asked = helped(&state, &signed_in, &reader, Action::ApproveCase, &input.name).await?;
    let (operator, Some(user)) = asked else { return Ok(nobody()) };
    let approved = help_desk::approve(&state, &operator, &user, &input.case).await;
    Ok(back(&user, if approved.map_err(PageError::behind)? { "approved" } else { "closed" }))
}

/// The temporary pass, in this answer and never again. The person is told at every address on file.
pub(super) async fn make_pass(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let asked = helped(&state, &signed_in, &reader, Action::HelpPerson, &input.name).await?;
    let (operator, Some(user)) = asked else { return Ok(nobody()) };
    let made = help_desk::make_pass(&state, &operator, &user, &input.case).await;
    let Some((pass, _)) = made.map_err(PageError::behind)? else { return Ok(back(&user, "closed")) };
    let tenant = &signed_in.tenant;
    let shown = PassPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/console/people"),
        menu: signed_in.menu("/console/people"),
        principal: &user.user_principal_name,
        pass: pass.to_string(),
    };
    Ok(page(StatusCode::OK, &shown))
}
