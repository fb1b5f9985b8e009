//! `GET /`: who are you? Before that, what is true of the whole tenant, the same for every name.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::sspr;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::SupportCode;

use crate::i18n::Words;
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::Refusal;
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
    /// The key of what is wrong with the name that was typed.
    pub(super) fault: Option<&'static str>,
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let stopped = stopped(&state, &tenant).await?;
    if let Some((refusal, detail)) = &stopped {
        note(&state, &reader, refusal, detail).await?;
    }
    let front = FrontPage {
        t: reader.words(&tenant),
        frame: Frame::new(&tenant, "/"),
        stopped: stopped.map(|(refusal, _)| refusal),
        fault: None,
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &front)).into_response())
}

/// What stops everybody, and its operator's face.
pub(super) async fn stopped(
    state: &AppState,
    tenant: &Tenant,
) -> Result<Option<(Refusal, String)>, PageError> {
    let support_code = SupportCode::random(&*state.random);
    if let Err(code) = sspr::tenant_allows(tenant) {
        return Ok(Some((Refusal::coded(code, None, support_code), code.as_str().to_owned())));
    }
    let standing = state.relay.tenant_state(tenant.id).await.map_err(PageError::behind)?;
    Ok(Refusal::of_state(&standing, &support_code).map(|refusal| {
        let code = refusal.code.map_or("", ritorno_protocol::outcome::SsprCode::as_str);
        let detail = format!("{code}: {standing}");
        (refusal, detail)
    }))
}

/// What the help desk finds under the support code.
async fn note(state: &AppState, reader: &Reader, refusal: &Refusal, detail: &str) -> Result<(), PageError> {
    let fact = Fact {
        id: FactId::random(&*state.random),
        tenant: state.tenant,
        at: state.clock.now(),
        activity: Activity::Blocked,
        actor: Actor::Anonymous,
        target: None,
        from: Some(reader.network.clone()),
        success: Success::Failure,
        reason: detail.to_owned(),
        support_code: Some(refusal.support_code.clone()),
        correlation: CorrelationId::random(&*state.random),
        request: None,
    };
    state.store.audit().append(&fact).await.map_err(PageError::behind)
}
