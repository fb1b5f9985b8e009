//! `GET` and `POST /reset/code`: a gate that is passed with a code by mail.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::code::{Method, OneTimeCode, Tried};
use ritorno_identity::flow::{Flow, FlowState};
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::Attempt;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::i18n::{Words, key};
use crate::page::{Course, Frame, PageError, page};
use crate::portal::gate::{Way, instead_of, pass, stop, ways};
use crate::portal::refusal::Refusal;
use crate::portal::visit::{current, is_known, led_on, note, tenant};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/code.html")]
struct CodePage<'a> {
    t: Words,
    frame: Frame,
    support_code: &'a str,
    fault: Option<&'static str>,
    resent: bool,
    /// Whether to tell that this is another reset than the one of the page before.
    other: bool,
    stopped: Option<Refusal>,
    ways: Vec<Way>,
}

/// What the link behind a new code says.
#[derive(Deserialize)]
pub(super) struct Shown {
    pub(super) sent: Option<String>,
    #[serde(default)]
    pub(super) other: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    code: String,
}

/// What came of a code that was typed.
pub(super) enum CodeTried {
    /// On to the next gate, or to the password.
    Passed(Response),
    /// It can be tried again; what is told.
    Again(&'static str),
    /// The method is stopped for the day.
    Stopped,
}

/// Where a flow that is at another step goes on.
pub(super) fn elsewhere(flow: &Flow) -> Option<&'static str> {
    match flow.state {
        FlowState::Started | FlowState::CodeSent => None,
        FlowState::GatePassed => Some("/reset/password"),
        FlowState::Kept | FlowState::Submitted(_) | FlowState::Finished(_) => Some("/reset/outcome"),
    }
}

/// The page for a browser that is in no flow, or in one that has ended.
pub(super) fn ended() -> Response {
    PageError::Ended(Course::Reset).into_response()
}

fn render(
    status: StatusCode,
    reader: &Reader,
    tenant: &Tenant,
    (flow, now): (&Flow, Timestamp),
    fault: Option<&'static str>,
    shown: &Shown,
) -> Response {
    let shown = CodePage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/reset/code").ending(flow.expires_at, now),
        support_code: &flow.support_code.0,
        fault,
        resent: shown.sent.is_some(),
        other: shown.other.is_some(),
        stopped: None,
        ways: ways(tenant, flow, Some(Method::Mail)),
    };
    page(status, &shown)
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Query(shown): Query<Shown>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, Method::Mail) {
        return Ok(Redirect::to(place).into_response());
    }
    let page = render(StatusCode::OK, &reader, &tenant, (&flow, state.clock.now()), None, &shown);
    Ok((reader.remember(jar), page).into_response())
}

/// A code was typed.
pub(super) async fn check(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, Method::Mail) {
        return Ok(Redirect::to(place).into_response());
    }
    Ok(match try_code(&state, &reader, &jar, &flow, Method::Mail, input).await? {
        CodeTried::Passed(passed) => passed,
        CodeTried::Again(fault) => {
            let plain = Shown { sent: None, other: None };
            let standing = (&flow, state.clock.now());
            render(StatusCode::UNPROCESSABLE_ENTITY, &reader, &tenant, standing, Some(fault), &plain)
        }
        CodeTried::Stopped => stopped(&reader, &tenant, &flow),
    })
}

/// A code that was sent by `method` was typed. The try is counted before the code is looked at.
pub(super) async fn try_code(
    state: &AppState,
    reader: &Reader,
    jar: &CookieJar,
    flow: &Flow,
    method: Method,
    input: Input,
) -> Result<CodeTried, PageError> {
    let Some(typed) = OneTimeCode::parse(&Zeroizing::new(input.code)) else {
        return Ok(CodeTried::Again(key("code-not-a-code")));
    };
    let now = state.clock.now();
    let attempt = Attempt {
        tenant: flow.tenant,
        flow: flow.id,
        method,
        typed: typed.digest(&state.pepper, flow.tenant, flow.id, method),
        subject: flow.subject,
        known_browser: is_known(state, jar, flow.tenant, &flow.subject),
    };
    let tried = state.store.codes().attempt(&attempt, now).await.map_err(PageError::behind)?;
    if tried == Tried::Spent
        && let Some(place) = led_on(|| further(state, jar, flow)).await?
    {
        return Ok(CodeTried::Passed(Redirect::to(place).into_response()));
    }
    let (fault, reason) = match tried {
        // Whoever may not reset gets no code; a lucky guess of theirs is as wrong as any.
        Tried::Right => match pass(state, reader, jar, flow, method).await? {
            Some(passed) => return Ok(CodeTried::Passed(passed)),
            None => (key("code-wrong"), "code right, but withheld"),
        },
        Tried::Wrong { left: 0 } => (key("code-too-many"), "wrong code, the last try"),
        Tried::Wrong { .. } | Tried::NoCode => (key("code-wrong"), "wrong code"),
        Tried::Expired => (key("code-expired"), "code expired"),
        Tried::Spent => (key("code-too-many"), "code tried too often, or used"),
        Tried::Stopped => {
            let (at, reason) = (Activity::Blocked, "too many wrong codes today");
            note(state, reader, flow, at, Success::Failure, reason, None).await?;
            return Ok(CodeTried::Stopped);
        }
    };
    note(state, reader, flow, Activity::FlowProgress, Success::Failure, reason, None).await?;
    Ok(CodeTried::Again(fault))
}

/// Where the flow goes on, if it is further than `before` by now.
async fn further(
    state: &AppState,
    jar: &CookieJar,
    before: &Flow,
) -> Result<Option<&'static str>, PageError> {
    let Some(flow) = current(state, jar).await?.filter(|flow| flow.id == before.id) else { return Ok(None) };
    let passed = flow.gates.passed().len() > before.gates.passed().len();
    Ok(elsewhere(&flow).or(passed.then_some("/reset/gate")))
}

fn stopped(reader: &Reader, tenant: &Tenant, flow: &Flow) -> Response {
    let shown = CodePage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/reset/code"),
        support_code: &flow.support_code.0,
        fault: None,
        resent: false,
        other: false,
        stopped: Some(stop(flow)),
        ways: ways(tenant, flow, Some(Method::Mail)),
    };
    page(StatusCode::TOO_MANY_REQUESTS, &shown)
}
