//! `GET /reset/password`: after the gate. What is wrong with the account is told now; else the rules that hold for this
//! person are shown, and the page gets what it needs to seal.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::flow::{Flow, FlowState, Purpose};
use ritorno_identity::sspr;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::certificate::RecipientChain;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Context;
use ritorno_protocol::ids::RequestId;
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::outcome::{Fault, SsprCode};
use ritorno_protocol::policy::EffectivePolicy;
use ritorno_protocol::query::Found;
use ritorno_relay::dispatch_error::DispatchError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::i18n::Words;
use crate::page::{Frame, PageError, page};
use crate::portal::cloud_password;
use crate::portal::code::{elsewhere, ended};
use crate::portal::offers::Offers;
use crate::portal::outcome::{End, OutcomePage};
use crate::portal::refusal::Refusal;
use crate::portal::rules::{RuleLine, lines, unreadable};
use crate::portal::submit::OUTCOME;
use crate::portal::visit::{current, note, tenant};
use crate::reader::Reader;
use crate::state::AppState;

/// Where whoever asks for an outcome goes on when nothing of theirs has arrived.
pub(super) const NOT_ARRIVED: &str = "/reset/password?arrived=nothing";

/// What the link says.
#[derive(Deserialize)]
pub(super) struct Asked {
    arrived: Option<String>,
}

#[derive(Template)]
#[template(path = "portal/password.html")]
struct PasswordPage<'a> {
    t: Words,
    frame: Frame,
    rules: Vec<RuleLine>,
    unreadable: bool,
    /// Whether to tell that no new password came before.
    not_arrived: bool,
    /// Whether the account is locked and may be unlocked without a new password.
    unlock: bool,
    /// Whether the current password goes along.
    change: bool,
    context: String,
    user_name: &'a str,
    support_code: &'a str,
}

/// What the script gets, as JSON in `data-context`.
#[derive(Serialize)]
pub(super) struct PageContext<'a> {
    pub(super) root: &'a PublicKey,
    pub(super) server_time: Timestamp,
    pub(super) context: &'a Context,
    pub(super) recipients: &'a [RecipientChain],
    /// What a new password is judged by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<&'a EffectivePolicy>,
    pub(super) submit: &'static str,
    pub(super) next: &'static str,
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    Extension(offers): Extension<Arc<Offers>>,
    reader: Reader,
    jar: CookieJar,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if flow.state != FlowState::GatePassed {
        return Ok(Redirect::to(elsewhere(&flow).unwrap_or("/reset/code")).into_response());
    }
    if offers.sent_by(flow.id).is_some() {
        return Ok(Redirect::to(OUTCOME).into_response());
    }
    let user = person(&state, &flow).await?;
    if user.on_premises().is_none() {
        let shown = match allowed(&tenant, &user, &flow) {
            Ok(()) => cloud_password::render(&reader, &tenant, (&flow, state.clock.now()), &user)?,
            Err(code) => {
                note(&state, &reader, &flow, Activity::Blocked, Success::Failure, code.as_str(), None)
                    .await?;
                let refusal = Refusal::coded(code, None, flow.support_code.clone());
                refused(&reader, &tenant, &flow, refusal)
            }
        };
        return Ok((reader.remember(jar), shown).into_response());
    }
    let (policy, locked) = match policy(&state, &tenant, &user, &flow).await? {
        Ok(found) => found,
        Err((refusal, detail)) => {
            note(&state, &reader, &flow, Activity::Blocked, Success::Failure, &detail, None).await?;
            return Ok((reader.remember(jar), refused(&reader, &tenant, &flow, refusal)).into_response());
        }
    };
    let request = RequestId::random(&*state.random);
    let operation = flow.purpose.operation();
    let offer = match state.relay.offer(&user, operation, request).await {
        Ok(offer) => offer,
        Err(error) => {
            let refusal = Refusal::of_dispatch(&error, flow.support_code.clone());
            let detail = error.to_string();
            note(&state, &reader, &flow, Activity::Blocked, Success::Failure, &detail, None).await?;
            return Ok(refused(&reader, &tenant, &flow, refusal));
        }
    };
    let now = state.clock.now();
    let context = PageContext {
        root: &tenant.root,
        server_time: now,
        context: &offer.context,
        recipients: &offer.recipients,
        policy: Some(&policy),
        submit: "/reset/submit",
        next: "/reset/outcome",
    };
    let t = reader.words(&tenant);
    let shown = PasswordPage {
        t,
        frame: Frame::new(&tenant, "/reset/password").ending(flow.expires_at, now),
        rules: lines(t, &policy),
        unreadable: unreadable(&policy),
        not_arrived: asked.arrived.is_some(),
        unlock: locked && tenant.unlock_enabled && flow.purpose == Purpose::Reset,
        change: flow.purpose == Purpose::Change,
        context: serde_json::to_string(&context).map_err(PageError::behind)?,
        user_name: &user.user_principal_name,
        support_code: &flow.support_code.0,
    };
    let answer = page(StatusCode::OK, &shown);
    offers.keep(flow.id, offer, now);
    Ok((reader.remember(jar), answer).into_response())
}

/// The person behind a flow whose gate is passed.
pub(super) async fn person(state: &AppState, flow: &Flow) -> Result<User, PageError> {
    let id = flow.user().ok_or(PageError::Request)?;
    state.store.users().get(flow.tenant, id).await.map_err(PageError::behind)?.ok_or(PageError::Request)
}

/// Whether the person may still do what the flow is for.
///
/// # Errors
/// The code that is told.
pub(super) fn allowed(tenant: &Tenant, user: &User, flow: &Flow) -> Result<(), SsprCode> {
    sspr::tenant_allows(tenant)?;
    match flow.purpose {
        Purpose::Reset => sspr::may_reset(tenant, user),
        Purpose::Change => sspr::person_allowed(tenant, user),
    }
}

/// The policy that holds for this person and whether the account is locked, or why there can't be a reset, with the operator's face of it.
async fn policy(
    state: &AppState,
    tenant: &Tenant,
    user: &User,
    flow: &Flow,
) -> Result<Result<(EffectivePolicy, bool), (Refusal, String)>, PageError> {
    let support_code = || flow.support_code.clone();
    // Things may have changed since the name was given.
    if let Err(code) = allowed(tenant, user, flow) {
        return Ok(Err((Refusal::coded(code, None, support_code()), code.as_str().to_owned())));
    }
    let fault = match state.relay.ask(user, tenant.forbid_names).await {
        Ok(Found::Person { disabled: true, .. }) => {
            (Fault::AccountDisabled, "the account is disabled".to_owned())
        }
        Ok(Found::Person { mut policy, locked, .. }) => {
            policy.tighten(tenant.forbid_names, &tenant.banned_words);
            return Ok(Ok((policy, locked)));
        }
        Ok(Found::Nothing { fault, operator }) => {
            let dc = operator.dc.as_deref().unwrap_or("no DC");
            let detail = format!("{fault:?} at {dc}: {}", operator.detail);
            (fault, detail)
        }
        Ok(Found::Password { .. }) => {
            (Fault::DirectoryUnavailable, "the agent answered another question".to_owned())
        }
        Err(DispatchError::Ledger(error)) => return Err(PageError::behind(error)),
        Err(error) => {
            let detail = error.to_string();
            return Ok(Err((Refusal::of_dispatch(&error, support_code()), detail)));
        }
    };
    Ok(Err((Refusal::of_fault(&fault.0, support_code()), fault.1)))
}

fn refused(reader: &Reader, tenant: &Tenant, flow: &Flow, refusal: Refusal) -> Response {
    let end = End::Failed { refusal, again: true };
    let shown = OutcomePage::new(reader, tenant, flow, flow.purpose.operation(), end);
    page(StatusCode::OK, &shown)
}
