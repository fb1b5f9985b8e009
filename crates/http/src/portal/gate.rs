//! `GET /reset/gate`: a gate is passed, and another one follows. And what the pages of all methods share.
//!
//! Before the first gate a page offers what the tenant allows, the same for every name; what a person has of it shows only to
//! whoever has passed one.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::flow::{Flow, FlowState};
use ritorno_identity::method::Method;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_storage::{GateTried, GateTry};

use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::portal::code::{elsewhere, ended};
use crate::portal::refusal::Refusal;
use crate::portal::visit::{current, is_known, note, renewed, tenant};
use crate::reader::Reader;
use crate::state::AppState;

/// One way to pass the gate, as a page offers it.
pub(super) struct Way {
    /// What it is.
    pub(super) told: &'static str,
    /// Where it is done.
    pub(super) place: &'static str,
    /// Whether something has to be sent first, which a link must not do.
    pub(super) sends: bool,
}

#[derive(Template)]
#[template(path = "portal/gate.html")]
struct GatePage<'a> {
    t: Words,
    frame: Frame,
    ways: Vec<Way>,
    support_code: &'a str,
}

/// The page of a method whose code is typed.
#[derive(Template)]
#[template(path = "portal/typed.html")]
struct TypedPage<'a> {
    t: Words,
    frame: Frame,
    typed: &'static Typed,
    fault: Option<&'static str>,
    stopped: Option<Refusal>,
    ways: Vec<Way>,
    support_code: &'a str,
}

/// What is particular to the page of one method.
pub(super) struct Typed {
    pub(super) method: Method,
    /// Where the page is, and where it sends to.
    pub(super) place: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    /// What is said of something that can't be a code.
    pub(super) unread: &'static str,
    pub(super) wrong: &'static str,
    /// Whether it is digits alone.
    pub(super) digits: bool,
}

/// Where a gate is passed with that method.
pub(super) const fn place(method: Method) -> &'static str {
    match method {
        Method::Mail => "/reset/code",
        Method::Sms => "/reset/sms",
        Method::App => "/reset/app",
        Method::Passkey => "/reset/passkey",
        Method::RecoveryCode => "/reset/recovery-code",
        Method::Questions => "/reset/questions",
        Method::TemporaryPass => "/reset/pass",
    }
}

/// What can open the gate that the flow is at, as far as its browser may know.
fn choices(tenant: &Tenant, flow: &Flow) -> Vec<Method> {
    if flow.gates.passed().is_empty() { tenant.gate_policy.begins_with() } else { flow.gates.choices() }
}

/// The ways beside `current`.
pub(super) fn ways(tenant: &Tenant, flow: &Flow, current: Option<Method>) -> Vec<Way> {
    let others = choices(tenant, flow).into_iter().filter(|method| Some(*method) != current);
    let way = |method| match method {
        Method::Mail => Way { told: key("way-mail"), place: "/reset/resend", sends: true },
        Method::Sms => Way { told: key("way-sms"), place: "/reset/sms/send", sends: true },
        Method::App => Way { told: key("way-app"), place: place(Method::App), sends: false },
        Method::Passkey => Way { told: key("way-passkey"), place: place(Method::Passkey), sends: false },
        Method::TemporaryPass => {
            Way { told: key("way-pass"), place: place(Method::TemporaryPass), sends: false }
        }
        Method::Questions => {
            Way { told: key("way-questions"), place: place(Method::Questions), sends: false }
        }
        Method::RecoveryCode => {
            Way { told: key("way-recovery-code"), place: place(Method::RecoveryCode), sends: false }
        }
    };
    others.map(way).collect()
}

/// Where a browser goes on that asked for the page of `method`, if it is not there that the flow is.
pub(super) fn instead_of(tenant: &Tenant, flow: &Flow, method: Method) -> Option<&'static str> {
    if let Some(place) = elsewhere(flow) {
        return Some(place);
    }
    let choices = choices(tenant, flow);
    if choices.contains(&method) {
        None
    } else if flow.gates.passed().is_empty() {
        choices.first().copied().map(place)
    } else {
        Some("/reset/gate")
    }
}

/// A gate was passed with `method`: on to the next one, or to the password. `None` if it opens none of this person's: then
/// it is as wrong as any.
pub(super) async fn pass(
    state: &AppState,
    reader: &Reader,
    jar: &CookieJar,
    flow: &Flow,
    method: Method,
) -> Result<Option<Response>, PageError> {
    let Ok(passed) = flow.gate_passed(method, state.clock.now()) else { return Ok(None) };
    let Some((passed, cookie)) = renewed(state, jar, &passed) else { return Ok(None) };
    let all = passed.state == FlowState::GatePassed;
    let next = Redirect::to(if all { "/reset/password" } else { "/reset/gate" });
    // If another tab was faster, its step stands: the next page shows it, and gives the browser its token.
    if !state.store.flows().advance(flow, &passed).await.map_err(PageError::behind)? {
        return Ok(Some(next.into_response()));
    }
    let reason = format!(
        "gate {} of {} passed: {}",
        passed.gates.passed().len(),
        passed.gates.required(),
        method.as_str()
    );
    note(state, reader, &passed, Activity::FlowProgress, Success::Success, &reason, None).await?;
    Ok(Some((CookieJar::new().add(cookie), next).into_response()))
}

/// The page on which the next gate is chosen.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if let Some(place) = elsewhere(&flow) {
        return Ok(Redirect::to(place).into_response());
    }
    if flow.gates.passed().is_empty() {
        return Ok(Redirect::to("/reset/code").into_response());
    }
    let shown = GatePage {
        t: reader.words(&tenant),
        frame: Frame::new(&tenant, "/reset/gate").ending(flow.expires_at, state.clock.now()),
        ways: ways(&tenant, &flow, None),
        support_code: &flow.support_code.0,
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// The page of a method whose code is typed.
pub(super) async fn show_typed(
    state: &AppState,
    reader: &Reader,
    jar: CookieJar,
    typed: &'static Typed,
) -> Result<Response, PageError> {
    let tenant = tenant(state).await?;
    let Some(flow) = current(state, &jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, typed.method) {
        return Ok(Redirect::to(place).into_response());
    }
    let page = render(reader, &tenant, &flow, typed, None);
    Ok((reader.remember(jar), page).into_response())
}

/// A code was typed; `look` compares it, and has counted the try before. The answer is the same for every name.
pub(super) async fn check_typed<T>(
    state: &AppState,
    reader: &Reader,
    jar: &CookieJar,
    typed: &'static Typed,
    read: Option<T>,
    look: impl AsyncFnOnce(&GateTry, T) -> Result<GateTried, ritorno_storage::StoreError>,
) -> Result<Response, PageError> {
    let tenant = tenant(state).await?;
    let Some(flow) = current(state, jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, typed.method) {
        return Ok(Redirect::to(place).into_response());
    }
    let Some(read) = read else { return Ok(render(reader, &tenant, &flow, typed, Some(typed.unread))) };
    let what = (typed.method, typed.wrong);
    Ok(match judge(state, reader, jar, &flow, what, async |attempt| look(attempt, read).await).await? {
        Judged::Passed(passed) => passed,
        Judged::Again(fault) => render(reader, &tenant, &flow, typed, Some(fault)),
        Judged::Stopped => stopped(reader, &tenant, &flow, typed),
    })
}

/// What came of a try at a gate.
pub(super) enum Judged {
    /// On to the next one, or to the password.
    Passed(Response),
    /// It can be tried again; what is told.
    Again(&'static str),
    /// The method is stopped for the day.
    Stopped,
}

/// A try at the gate with a method, and what is told if it is wrong; `look` compares it, and has counted it before. It is written
/// down whatever comes of it.
pub(super) async fn judge(
    state: &AppState,
    reader: &Reader,
    jar: &CookieJar,
    flow: &Flow,
    (method, wrong): (Method, &'static str),
    look: impl AsyncFnOnce(&GateTry) -> Result<GateTried, ritorno_storage::StoreError>,
) -> Result<Judged, PageError> {
    let attempt = GateTry {
        tenant: flow.tenant,
        // Whoever may not reset, or not with this, has nothing that could be right.
        user: flow.user().filter(|_| flow.gates.choices().contains(&method)),
        flow: Subject::of_flow(&state.pepper, flow.tenant, flow.id),
        subject: flow.subject,
        known_browser: is_known(state, jar, flow.tenant, &flow.subject),
    };
    let name = method.as_str();
    let (fault, reason) = match look(&attempt).await.map_err(PageError::behind)? {
        GateTried::Right => match pass(state, reader, jar, flow, method).await? {
            Some(passed) => return Ok(Judged::Passed(passed)),
            None => (wrong, format!("{name} right, but another step was faster")),
        },
        GateTried::Wrong => (wrong, format!("{name} wrong")),
        GateTried::WornOut => (wrong, format!("{name} not compared: the live one had its wrong tries")),
        GateTried::Spent => (key("typed-too-many"), format!("{name} tried too often")),
        GateTried::Stopped => {
            let reason = format!("too many wrong codes today: {name}");
            note(state, reader, flow, Activity::Blocked, Success::Failure, &reason, None).await?;
            return Ok(Judged::Stopped);
        }
    };
    note(state, reader, flow, Activity::FlowProgress, Success::Failure, &reason, None).await?;
    Ok(Judged::Again(fault))
}

/// What is told where a person's method is stopped for the day.
pub(super) fn stop(flow: &Flow) -> Refusal {
    Refusal {
        code: None,
        told: key("code-locked-told"),
        todo: key("code-locked-todo"),
        since: None,
        support_code: flow.support_code.clone(),
    }
}

fn render(
    reader: &Reader,
    tenant: &Tenant,
    flow: &Flow,
    typed: &'static Typed,
    fault: Option<&'static str>,
) -> Response {
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, &TypedPage { fault, ..bare(reader, tenant, flow, typed) })
}

fn stopped(reader: &Reader, tenant: &Tenant, flow: &Flow, typed: &'static Typed) -> Response {
    let shown = TypedPage { stopped: Some(stop(flow)), ..bare(reader, tenant, flow, typed) };
    page(StatusCode::TOO_MANY_REQUESTS, &shown)
}

fn bare<'a>(reader: &Reader, tenant: &Tenant, flow: &'a Flow, typed: &'static Typed) -> TypedPage<'a> {
    TypedPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, typed.place),
        typed,
        fault: None,
        stopped: None,
        ways: ways(tenant, flow, Some(typed.method)),
        support_code: &flow.support_code.0,
    }
}
