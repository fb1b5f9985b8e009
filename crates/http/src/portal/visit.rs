//! The flow that a browser is in, by its cookie, and what every step writes down.

use std::time::Duration;

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::flow::{Flow, FlowError, FlowState, ForFormer, Person, Purpose};
use ritorno_identity::ids::{CorrelationId, FactId, FlowId};
use ritorno_identity::known_browser;
use ritorno_identity::registration::Registration;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::Token;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{RequestId, SupportCode, TenantId};

use crate::page::PageError;
use crate::portal::code::elsewhere;
use crate::reader::Reader;
use crate::state::AppState;

/// The cookie that binds a flow to the browser in which it began. It goes when the browser is closed.
const FLOW_COOKIE: &str = "__Host-flow";

/// The cookie of a browser in which somebody succeeded. The last one counts, where several share a browser.
const KNOWN_COOKIE: &str = "__Host-known";

/// The cookie for a flow that begins.
pub(super) fn cookie(flow: FlowId, token: &Token) -> Cookie<'static> {
    Cookie::build((FLOW_COOKIE, format!("{flow}.{}", *token.to_text())))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .build()
}

/// The cookie for a browser in which a person succeeded: hammering from elsewhere does not stop them there.
pub(super) fn known_cookie(state: &AppState, tenant: TenantId, subject: &Subject) -> Cookie<'static> {
    known_from(state, tenant, subject, state.clock.now())
}

/// The jar with that cookie, for the answer which says that a reset is done. Gates that were passed are not enough: whoever breaks off then
/// would have made the browser one whose next reset is told as a usual one. A change that began with the password passed none.
pub(super) fn done_here(state: &AppState, jar: CookieJar, flow: &Flow) -> CookieJar {
    match flow.purpose {
        // The page of the outcome can be asked for whenever: it makes nobody known for longer than the flow could.
        Purpose::Reset => {
            let at = state.clock.now().min(flow.expires_at);
            jar.add(known_from(state, flow.tenant, &flow.subject, at))
        }
        Purpose::Change => jar,
    }
}

fn known_from(state: &AppState, tenant: TenantId, subject: &Subject, at: Timestamp) -> Cookie<'static> {
    let mark = known_browser::mark(&state.pepper, tenant, subject, at);
    Cookie::build((KNOWN_COOKIE, mark))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(known_browser::VALID.try_into().unwrap_or(time::Duration::MAX))
        .build()
}

/// Whether this person succeeded in this browser before.
pub(super) fn is_known(state: &AppState, jar: &CookieJar, tenant: TenantId, subject: &Subject) -> bool {
    known_mark(state, jar, tenant, subject).is_some()
}

/// The mark of this browser, if this person succeeded in it before.
pub(super) fn known_mark(
    state: &AppState,
    jar: &CookieJar,
    tenant: TenantId,
    subject: &Subject,
) -> Option<String> {
    let (mark, now) = (jar.get(KNOWN_COOKIE)?.value(), state.clock.now());
    known_browser::is_known(&state.pepper, tenant, subject, mark, now).then(|| mark.to_owned())
}

/// The mark of this browser, if this person succeeded in it, and not before `since`.
pub(super) fn mark_since(
    state: &AppState,
    jar: &CookieJar,
    tenant: TenantId,
    subject: &Subject,
    since: Option<Timestamp>,
) -> Option<String> {
    let mark = jar.get(KNOWN_COOKIE)?.value();
    let (pepper, now) = (&state.pepper, state.clock.now());
    let known =
        since.is_some_and(|since| known_browser::is_known_since(pepper, tenant, subject, mark, since, now));
    known.then(|| mark.to_owned())
}

/// The tenant of this server.
pub(crate) async fn tenant(state: &AppState) -> Result<Tenant, PageError> {
    state.store.tenants().get(state.tenant).await.map_err(PageError::behind)?.ok_or(PageError::Missing)
}

/// What a browser shows: the flow that it says it is in, and the token.
fn shown(jar: &CookieJar) -> Option<(FlowId, Token)> {
    let (id, token) = jar.get(FLOW_COOKIE)?.value().split_once('.')?;
    Some((id.parse().ok()?, Token::from_text(token)?))
}

/// The flow that this browser is in, ended or not; `None` if it is in none, or the cookie is another browser's.
///
/// # Errors
/// [`PageError`]; [`PageError::Moment`] and then [`PageError::Renewed`] if the browser lost the answer to a gate, and with it the token that
/// it is to show now.
pub(super) async fn of_browser(state: &AppState, jar: &CookieJar) -> Result<Option<Flow>, PageError> {
    let Some((id, token)) = shown(jar) else { return Ok(None) };
    let flow = state.store.flows().get(state.tenant, id).await.map_err(PageError::behind)?;
    let (Some(mut flow), now) = (flow, state.clock.now()) else { return Ok(None) };
    // Too late is not another browser: the outcome can be looked up after the 15 minutes.
    if flow.check(&token.digest(), now) != Err(FlowError::OtherBrowser) {
        if flow.former.take().is_some() {
            state.store.flows().forget_former(&flow).await.map_err(PageError::behind)?;
        }
        return Ok(Some(flow));
    }
    let then = elsewhere(&flow).unwrap_or("/reset/gate");
    match flow.for_former(&state.pepper, &token, now) {
        None => Ok(None),
        Some(ForFormer::NotYet) => Err(PageError::Moment { then }),
        Some(ForFormer::Token(token)) => {
            Err(PageError::Renewed { cookie: cookie(flow.id, &token).to_string(), then })
        }
    }
}

/// The flow behind the gate that it has passed, with another token than before it, and the cookie with that.
pub(super) fn renewed(state: &AppState, jar: &CookieJar, passed: &Flow) -> Option<(Flow, Cookie<'static>)> {
    let (_, token) = shown(jar)?;
    let (flow, token) = passed.renewed(&state.pepper, &token, state.clock.now());
    Some((flow, cookie(passed.id, &token)))
}

/// The flow that this browser is in and may go on with.
pub(super) async fn current(state: &AppState, jar: &CookieJar) -> Result<Option<Flow>, PageError> {
    Ok(of_browser(state, jar).await?.filter(|flow| state.clock.now() < flow.expires_at))
}

/// How long is waited before each look whether a code that was used already has led on.
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(600)];

/// Where a code led that was used already: whoever sent it twice at once goes where the first one came to, which may still be on its way.
/// `look` tells where that is, once it is there.
pub(super) async fn led_on<T, L: Future<Output = Result<Option<T>, PageError>>>(
    look: impl Fn() -> L,
) -> Result<Option<T>, PageError> {
    for wait in LOOKS {
        tokio::time::sleep(wait).await;
        if let Some(there) = look().await? {
            return Ok(Some(there));
        }
    }
    Ok(None)
}

/// What a fact says of the way through the pages that it belongs to.
pub(super) struct Way<'a> {
    tenant: TenantId,
    person: Person,
    /// Whether the browser proved that it is the person's.
    passed: bool,
    support_code: &'a SupportCode,
    correlation: CorrelationId,
}

impl<'a> From<&'a Flow> for Way<'a> {
    fn from(flow: &'a Flow) -> Self {
        Self {
            tenant: flow.tenant,
            person: flow.person,
            passed: flow.state == FlowState::GatePassed,
            support_code: &flow.support_code,
            correlation: flow.correlation,
        }
    }
}

impl<'a> From<&'a Registration> for Way<'a> {
    fn from(registration: &'a Registration) -> Self {
        Self {
            tenant: registration.tenant,
            person: registration.person,
            passed: registration.state.is_proven(),
            support_code: &registration.support_code,
            correlation: registration.correlation,
        }
    }
}

/// Writes down one step of a reset: it was the person's if a gate was passed, or a request was made.
pub(super) async fn note(
    state: &AppState,
    reader: &Reader,
    flow: &Flow,
    activity: Activity,
    success: Success,
    reason: &str,
    request: Option<RequestId>,
) -> Result<(), PageError> {
    let way = Way::from(flow);
    let way = Way { passed: way.passed || request.is_some(), ..way };
    write_down(state, reader, way, activity, success, reason, request).await
}

/// Writes down one step of a way through the pages.
pub(super) async fn write_down(
    state: &AppState,
    reader: &Reader,
    way: Way<'_>,
    activity: Activity,
    success: Success,
    reason: &str,
    request: Option<RequestId>,
) -> Result<(), PageError> {
    let target = match way.person {
        Person::Known(user) | Person::Withheld { user, .. } => Some(user),
        Person::Stranger => None,
    };
    let fact = Fact {
        id: FactId::random(&*state.random),
        tenant: way.tenant,
        at: state.clock.now(),
        activity,
        actor: target.filter(|_| way.passed).map_or(Actor::Anonymous, Actor::User),
        target,
        from: Some(reader.network.clone()),
        success,
        reason: reason.to_owned(),
        support_code: Some(way.support_code.clone()),
        correlation: way.correlation,
        request,
    };
    state.store.audit().append(&fact).await.map_err(PageError::behind)
}
