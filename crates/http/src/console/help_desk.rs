//! What the help desk does for a caller who can pass no gate, on the page of the person: `POST /console/people/code` sends them a
//! code to read out, `/console/people/code/check` takes it; where no code can reach them `/console/people/ask` asks a colleague, who
//! answers at `/console/people/approve`; `/console/people/pass` makes the temporary pass, and shows it once.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use ritorno_identity::administrator::Action;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::device_code::UserCode;
use ritorno_identity::help_desk::{
    self, Case, PASS_VALID, REASON_AT_MOST, code_digest, may_help, pass_digest,
};
use ritorno_identity::ids::CaseId;
use ritorno_identity::limit::{HELP_DESK_CASES, HELP_DESK_CODES};
use ritorno_identity::mail::{Letter, Mail, Template as Letters, notices};
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::{AddressKind, User};
use ritorno_protocol::ids::UserId;
use serde::Deserialize;

use super::people::{find, page_of, standing};
use super::session::{Menu, SignedIn};
use crate::i18n::Words;
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

/// The person whom this operator may help; `None` if there is no such person, or they may not.
async fn helped(
    state: &AppState,
    signed_in: &SignedIn,
    name: &str,
) -> Result<Option<(Tenant, User)>, PageError> {
    about(state, signed_in, Action::HelpPerson, name).await
}

/// The person about whom this operator may do that; `None` if there is no such person, or they may not: nobody does it for
/// themselves, or for whoever administers the tenant.
pub(super) async fn about(
    state: &AppState,
    signed_in: &SignedIn,
    action: Action,
    name: &str,
) -> Result<Option<(Tenant, User)>, PageError> {
    signed_in.require(action)?;
    let tenant = signed_in.tenant.clone();
    let Some(user) = find(state, signed_in, &tenant, name).await? else { return Ok(None) };
    let administers = standing(state, &user).await?.administrator;
    let may = may_help(&signed_in.administrator, &user, administers).is_ok();
    Ok(may.then_some((tenant, user)))
}

/// Back to the page of the person, with what came of it.
pub(super) fn back(user: &User, told: &str) -> Response {
    Redirect::to(&format!("{}&helped={told}", page_of(user))).into_response()
}

pub(super) fn nobody() -> Response {
    Redirect::to("/console/people").into_response()
}

/// A new case, if the operator may open one more. Its reason is told to the person, so that there has to be one.
async fn new_case(
    state: &AppState,
    signed_in: &SignedIn,
    user: &User,
    reason: &str,
) -> Result<Result<Case, &'static str>, PageError> {
    let reason: String = reason.trim().chars().filter(|c| !c.is_control()).take(REASON_AT_MOST).collect();
    if reason.is_empty() {
        return Ok(Err("no-reason"));
    }
    let now = state.clock.now();
    let operator = Subject::of_user(&state.pepper, user.tenant, UserId(signed_in.administrator.id.0));
    let limits = state.store.limits();
    if !limits.count(user.tenant, &HELP_DESK_CASES, &operator, now).await.map_err(PageError::behind)? {
        return Ok(Err("too-many"));
    }
    Ok(Ok(Case {
        id: CaseId::random(&*state.random),
        tenant: user.tenant,
        user: user.id,
        operator: signed_in.administrator.id,
        reason,
        by_code: false,
        cleared: false,
        passed: false,
        created_at: now,
        expires_at: now.plus(help_desk::VALID),
    }))
}

/// A code goes to the address of the caller.
pub(super) async fn send_code(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let Some((tenant, user)) = helped(&state, &signed_in, &input.name).await? else { return Ok(nobody()) };
    let Some(address) = user.code_address(AddressKind::default()) else {
        return Ok(back(&user, "no-address"));
    };
    let case = match new_case(&state, &signed_in, &user, &input.reason).await? {
        Ok(case) => case,
        Err(told) => return Ok(back(&user, told)),
    };
    let person = Subject::of_user(&state.pepper, tenant.id, user.id);
    let (limits, now) = (state.store.limits(), state.clock.now());
    if !limits.count(tenant.id, &HELP_DESK_CODES, &person, now).await.map_err(PageError::behind)? {
        return Ok(back(&user, "too-many"));
    }
    let code = UserCode::random(&*state.random);
    let digest = code_digest(&code, &state.pepper, tenant.id, case.id);
    state.store.help_desk().open(&case, Some(&digest)).await.map_err(PageError::behind)?;
    let (operator, reason) = (signed_in.administrator.name.clone(), case.reason.clone());
    let template = Letters::HelpDeskCode { code: code.to_string(), operator, reason };
    let to = Some(address.to_owned());
    let letter = Letter { to, language: user.language.unwrap_or_default(), template };
    let valid = case.expires_at.since(now);
    queue(&state, &Mail::new(user.tenant, letter, valid, now, &*state.random)).await?;
    let reason = format!("code sent: {}", case.reason);
    signed_in.note(&state, &reader, Activity::HelpDeskCase, reason, Some(user.id)).await?;
    Ok(back(&user, "sent"))
}

/// The code that the caller read out.
pub(super) async fn check_code(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let Some((_, user)) = helped(&state, &signed_in, &input.name).await? else { return Ok(nobody()) };
    let Some(case) = case_of(&state, &user, &input).await? else { return Ok(back(&user, "closed")) };
    let Some(typed) = UserCode::parse(&input.code) else { return Ok(back(&user, "wrong")) };
    let digest = code_digest(&typed, &state.pepper, user.tenant, case.id);
    let (desk, now) = (state.store.help_desk(), state.clock.now());
    let right = desk.try_code(user.tenant, case.id, signed_in.administrator.id, &digest, now).await;
    let right = right.map_err(PageError::behind)?;
    let (success, reason) = if right {
        (Success::Success, "the code that was read out is right")
    } else {
        (Success::Failure, "a wrong code was read out, or one more than may be tried")
    };
    let (at, whom) = (Activity::HelpDeskCase, Some(user.id));
    signed_in.write_down(&state, &reader, at, success, reason.to_owned(), whom).await?;
    Ok(back(&user, if right { "right" } else { "wrong" }))
}

/// No code can reach the caller: a colleague is asked.
pub(super) async fn ask(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let Some((_, user)) = helped(&state, &signed_in, &input.name).await? else { return Ok(nobody()) };
    // Whoever can get a code reads one out: a colleague's word is no replacement for it.
    if user.code_address(AddressKind::default()).is_some() {
        return Ok(back(&user, "has-address"));
    }
    let case = match new_case(&state, &signed_in, &user, &input.reason).await? {
        Ok(case) => case,
        Err(told) => return Ok(back(&user, told)),
    };
    state.store.help_desk().open(&case, None).await.map_err(PageError::behind)?;
    let reason = format!("approval asked for: {}", case.reason);
    signed_in.note(&state, &reader, Activity::HelpDeskCase, reason, Some(user.id)).await?;
    Ok(back(&user, "asked"))
}

/// A colleague approves.
pub(super) async fn approve(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let Some((_, user)) = helped(&state, &signed_in, &input.name).await? else { return Ok(nobody()) };
    let Some(case) = case_of(&state, &user, &input).await? else { return Ok(back(&user, "closed")) };
    let desk = state.store.help_desk();
    let approved = desk.approve(user.tenant, case.id, signed_in.administrator.id, state.clock.now()).await;
    if !approved.map_err(PageError::behind)? {
        return Ok(back(&user, "closed"));
    }
    let reason = format!("approved: {}", case.reason);
    signed_in.note(&state, &reader, Activity::HelpDeskCase, reason, Some(user.id)).await?;
    Ok(back(&user, "approved"))
}

/// The temporary pass, in this answer and never again. The person is told at every address on file.
pub(super) async fn make_pass(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let Some((tenant, user)) = helped(&state, &signed_in, &input.name).await? else { return Ok(nobody()) };
    let Some(case) = case_of(&state, &user, &input).await? else { return Ok(back(&user, "closed")) };
    let (desk, now) = (state.store.help_desk(), state.clock.now());
    let pass = UserCode::random(&*state.random);
    let digest = pass_digest(&pass, &state.pepper, user.tenant, user.id);
    let (operator, until) = (&signed_in.administrator, now.plus(PASS_VALID));
    let made = desk.put_pass(&case, operator.id, &digest, until, now).await.map_err(PageError::behind)?;
    if !made {
        return Ok(back(&user, "closed"));
    }
    // Before the pass is shown: nobody reads one out that its owner does not hear of.
    let template = Letters::PassMade {
        display_name: user.display_name.clone(),
        operator: operator.name.clone(),
        reason: case.reason.clone(),
        at_ms: now.unix_ms(),
    };
    for mail in notices(&user, user.language.unwrap_or_default(), &template, now, &*state.random) {
        queue(&state, &mail).await?;
    }
    signed_in.note(&state, &reader, Activity::PassMade, case.reason.clone(), Some(user.id)).await?;
    let shown = PassPage {
        t: reader.words(&tenant),
        frame: Frame::new(&tenant, "/console/people"),
        menu: signed_in.menu("/console/people"),
        principal: &user.user_principal_name,
        pass: pass.to_string(),
    };
    Ok(page(StatusCode::OK, &shown))
}

/// The case that a form is about, if it is that person's and open.
async fn case_of(state: &AppState, user: &User, input: &Input) -> Result<Option<Case>, PageError> {
    let Ok(id) = input.case.parse::<CaseId>() else { return Ok(None) };
    let now = state.clock.now();
    state.store.help_desk().get(user.tenant, user.id, id, now).await.map_err(PageError::behind)
}

/// The latest open case of a person.
pub(super) async fn open_case(state: &AppState, user: &User) -> Result<Option<Case>, PageError> {
    let now = state.clock.now();
    state.store.help_desk().open_case(user.tenant, user.id, now).await.map_err(PageError::behind)
}

pub(super) async fn queue(state: &AppState, mail: &Mail) -> Result<(), PageError> {
    let outbox = state.store.mail_outbox();
    outbox.queue(mail, &state.node_key, &*state.random).await.map_err(PageError::behind)?;
    state.mail_wake.notify_one();
    Ok(())
}
