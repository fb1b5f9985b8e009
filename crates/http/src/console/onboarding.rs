//! `GET /console/onboarding` and `POST /console/onboarding/confirm`: an agent showed a code, and a cloud-only
//! administrator confirms that its writeback goes on, and the tenant's with it.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::audit::Activity;
use ritorno_identity::device_code::UserCode;
use ritorno_identity::limit::DEVICE_CODES_TYPED;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::UserId;
use serde::Deserialize;

use super::session::{Menu, SignedIn};
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "console/onboarding.html")]
struct OnboardingPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    told: Option<&'static str>,
    done: bool,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    code: String,
}

fn render(
    status: StatusCode,
    signed_in: &SignedIn,
    reader: &Reader,
    tenant: &Tenant,
    told: Option<&'static str>,
) -> Response {
    let shown = OnboardingPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/console/onboarding"),
        menu: signed_in.menu("/console/onboarding"),
        told,
        done: told.is_some() && status == StatusCode::OK,
    };
    page(status, &shown)
}

/// The page.
pub(super) async fn show(signed_in: SignedIn, reader: Reader, jar: CookieJar) -> Result<Response, PageError> {
    signed_in.require(Action::EnableWriteback)?;
    let tenant = &signed_in.tenant;
    let page = render(StatusCode::OK, &signed_in, &reader, tenant, None);
    Ok((reader.remember(jar), page).into_response())
}

/// A code was typed.
pub(super) async fn confirm(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Input { code }): Form<Input>,
) -> Result<Response, PageError> {
    signed_in.require(Action::EnableWriteback)?;
    let mut tenant = signed_in.tenant.clone();
    let (store, now) = (&state.store, state.clock.now());
    let administrator = signed_in.administrator.id;
    let subject = Subject::of_user(&state.pepper, tenant.id, UserId(administrator.0));
    let counted = store.limits().count(tenant.id, &DEVICE_CODES_TYPED, &subject, now).await;
    if !counted.map_err(PageError::behind)? {
        let told = Some(key("console-onboarding-too-many"));
        return Ok(render(StatusCode::TOO_MANY_REQUESTS, &signed_in, &reader, &tenant, told));
    }
    let digest = UserCode::parse(&code).map(|code| code.digest(&state.pepper, tenant.id));
    let agent = match digest {
        Some(digest) => store.device_codes().confirm(tenant.id, &digest, administrator, now).await,
        None => Ok(None),
    };
    let Some(agent) = agent.map_err(PageError::behind)? else {
        let told = Some(key("console-onboarding-unknown"));
        return Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &signed_in, &reader, &tenant, told));
    };
    if !tenant.writeback_enabled {
        tenant.writeback_enabled = true;
        store.tenants().update(&tenant).await.map_err(PageError::behind)?;
    }
    let reason = format!("device code of agent {agent} confirmed");
    signed_in.note(&state, &reader, Activity::WritebackEnabled, reason, None).await?;
    Ok(render(StatusCode::OK, &signed_in, &reader, &tenant, Some(key("console-onboarding-done"))))
}
