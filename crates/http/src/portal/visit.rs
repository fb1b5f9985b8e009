//! The flow that a browser is in, by its cookie, and what every step writes down.

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::flow::{Flow, FlowError, Person};
use ritorno_identity::ids::{FactId, FlowId};
use ritorno_identity::known_browser;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::Token;
use ritorno_protocol::ids::RequestId;

use crate::page::PageError;
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

/// The cookie for a browser in which a person came through the gate: hammering from elsewhere does not stop them there.
pub(super) fn known_cookie(state: &AppState, flow: &Flow) -> Cookie<'static> {
    let mark = known_browser::mark(&state.pepper, flow.tenant, &flow.subject, state.clock.now());
    Cookie::build((KNOWN_COOKIE, mark))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(known_browser::VALID.try_into().unwrap_or(time::Duration::MAX))
        .build()
}

/// Whether the person of this flow succeeded in this browser before.
pub(super) fn is_known(state: &AppState, jar: &CookieJar, flow: &Flow) -> bool {
    jar.get(KNOWN_COOKIE).is_some_and(|cookie| {
        let now = state.clock.now();
        known_browser::is_known(&state.pepper, flow.tenant, &flow.subject, cookie.value(), now)
    })
}

/// The tenant of this server.
pub(crate) async fn tenant(state: &AppState) -> Result<Tenant, PageError> {
    state.store.tenants().get(state.tenant).await.map_err(PageError::behind)?.ok_or(PageError::Missing)
}

/// The flow that this browser is in, ended or not; `None` if it is in none, or the cookie is another browser's.
pub(super) async fn of_browser(state: &AppState, jar: &CookieJar) -> Result<Option<Flow>, PageError> {
    let Some((id, token)) = jar.get(FLOW_COOKIE).and_then(|cookie| {
        let (id, token) = cookie.value().split_once('.')?;
        Some((id.parse::<FlowId>().ok()?, Token::from_text(token)?))
    }) else {
        return Ok(None);
    };
    let flow = state.store.flows().get(state.tenant, id).await.map_err(PageError::behind)?;
    // Too late is not another browser: the outcome can be looked up after the 15 minutes.
    Ok(flow.filter(|flow| flow.check(&token.digest(), state.clock.now()) != Err(FlowError::OtherBrowser)))
}

/// The flow that this browser is in and may go on with.
pub(super) async fn current(state: &AppState, jar: &CookieJar) -> Result<Option<Flow>, PageError> {
    Ok(of_browser(state, jar).await?.filter(|flow| state.clock.now() < flow.expires_at))
}

/// Writes down one step of a flow.
pub(super) async fn note(
    state: &AppState,
    reader: &Reader,
    flow: &Flow,
    activity: Activity,
    success: Success,
    reason: &str,
    request: Option<RequestId>,
) -> Result<(), PageError> {
    let target = match flow.person {
        Person::Known(user) | Person::Withheld { user, .. } => Some(user),
        Person::Stranger => None,
    };
    let passed = request.is_some() || flow.state == ritorno_identity::flow::FlowState::GatePassed;
    let fact = Fact {
        id: FactId::random(&*state.random),
        tenant: flow.tenant,
        at: state.clock.now(),
        activity,
        actor: target.filter(|_| passed).map_or(Actor::Anonymous, Actor::User),
        target,
        from: Some(reader.network.clone()),
        success,
        reason: reason.to_owned(),
        support_code: Some(flow.support_code.clone()),
        correlation: flow.correlation,
        request,
    };
    state.store.audit().append(&fact).await.map_err(PageError::behind)
}
