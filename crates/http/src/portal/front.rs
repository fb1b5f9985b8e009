//! `GET /`: who are you? Before that, what is true of the whole tenant, the same for every name.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::method::Method;
use ritorno_identity::realm::Realm;
use ritorno_identity::sspr;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::SupportCode;
use ritorno_protocol::outcome::SsprCode;

use crate::i18n::Words;
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::{Refusal, code_of_state};
use crate::portal::stops::Stops;
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

/// The first page.
#[derive(Template)]
#[template(path = "portal/front.html")]
pub(super) struct FrontPage {
    pub(super) t: Words,
    pub(super) frame: Frame,
    /// Why nobody can reset now.
    pub(super) stopped: Option<Refusal>,
    /// What is wrong with the name that was typed.
    pub(super) fault: Option<NameFault>,
    /// Whether a code goes out by mail as soon as the name is given.
    pub(super) by_mail: bool,
}

/// Why a name that was typed is not taken, the same for every name.
pub(super) struct NameFault {
    /// The key of what is told.
    pub(super) told: &'static str,
    /// For the help desk; the log has it.
    pub(super) support_code: SupportCode,
}

impl NameFault {
    /// Says so in the log, and not in the audit: whoever types as they like fills no database.
    pub(super) fn new(state: &AppState, told: &'static str) -> Self {
        let support_code = SupportCode::random(&*state.random);
        tracing::info!(%support_code, told, "a name was not taken");
        Self { told, support_code }
    }
}

/// Whether the pages begin with a code by mail.
pub(super) fn begins_by_mail(tenant: &Tenant) -> bool {
    tenant.gate_policy.begins_with().first() == Some(&Method::Mail)
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    Extension(stops): Extension<Arc<Stops>>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let refusal = told_to_everybody(&state, &stops, &reader, &tenant, Realm::widest(&tenant)).await?;
    let (t, frame) = (reader.words(&tenant), Frame::new(&tenant, "/"));
    let by_mail = begins_by_mail(&tenant);
    let front = FrontPage { t, frame, stopped: refusal, fault: None, by_mail };
    Ok((reader.remember(jar), page(StatusCode::OK, &front)).into_response())
}

/// What stops everybody, as it is told, with a support code under which the help desk finds it.
pub(super) async fn told_to_everybody(
    state: &AppState,
    stops: &Stops,
    reader: &Reader,
    tenant: &Tenant,
    realm: Realm,
) -> Result<Option<Refusal>, PageError> {
    let Some(Stopped { code, since, detail }) = stopped(state, tenant, realm).await? else { return Ok(None) };
    let (support_code, new) = stops.code(&detail, state.clock.now(), &*state.random);
    if new {
        note(state, reader, &support_code, detail).await?;
    }
    Ok(Some(Refusal::coded(code, since, support_code)))
}

/// What stops everybody.
pub(super) struct Stopped {
    code: SsprCode,
    since: Option<Timestamp>,
    /// For operators.
    detail: String,
}

/// What stops everybody of a realm, if anything does. What is kept in the tenant itself needs no agent.
pub(super) async fn stopped(
    state: &AppState,
    tenant: &Tenant,
    realm: Realm,
) -> Result<Option<Stopped>, PageError> {
    if let Err(code) = sspr::tenant_allows(tenant) {
        return Ok(Some(Stopped { code, since: None, detail: format!("{}: SSPR is off", code.as_str()) }));
    }
    if realm == Realm::Cloud {
        return Ok(None);
    }
    let standing = state.relay.tenant_state(tenant.id).await.map_err(PageError::behind)?;
    Ok(code_of_state(&standing).map(|(code, since)| Stopped {
        code,
        since,
        detail: format!("{}: {standing}", code.as_str()),
    }))
}

/// What the help desk finds under the support code.
async fn note(
    state: &AppState,
    reader: &Reader,
    support_code: &SupportCode,
    reason: String,
) -> Result<(), PageError> {
    let fact = Fact {
        id: FactId::random(&*state.random),
        tenant: state.tenant,
        at: state.clock.now(),
        activity: Activity::Blocked,
        actor: Actor::Anonymous,
        target: None,
        from: Some(reader.network.clone()),
        success: Success::Failure,
        reason,
        support_code: Some(support_code.clone()),
        correlation: CorrelationId::random(&*state.random),
        request: None,
    };
    state.store.audit().append(&fact).await.map_err(PageError::behind)
}
