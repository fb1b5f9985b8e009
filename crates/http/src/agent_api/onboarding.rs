//! `POST /agent/v1/onboarding` and `GET /agent/v1/onboarding/{code}`: switching an agent's writeback on with a device code
//! that a cloud-only administrator confirms in the console (after RFC 8628). No cloud credential is typed on the agent.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::device_code::{DeviceCode, DeviceCodeState, UserCode};
use ritorno_identity::ids::{AdministratorId, CorrelationId, FactId};
use ritorno_protocol::enrolment::{OnboardingCode, OnboardingState};

use super::bearer::AgentBearer;
use crate::problem::Problem;
use crate::state::AppState;

/// Makes a code for the agent to show.
///
/// # Errors
/// [`Problem`], if the database failed.
pub async fn begin(
    State(state): State<AppState>,
    AgentBearer(agent): AgentBearer,
) -> Result<Json<OnboardingCode>, Problem> {
    let code = UserCode::random(&*state.random);
    let digest = code.digest(&state.pepper, state.tenant);
    let stored = DeviceCode::new(digest, state.tenant, agent.id, state.clock.now());
    state.store.device_codes().insert(&stored).await?;
    tracing::info!(agent = %agent.id, "onboarding begun");
    Ok(Json(OnboardingCode {
        code: code.to_string(),
        confirm_at: format!("{}/console/onboarding", state.settings.public_address()),
        expires_at: stored.expires_at,
    }))
}

/// How far a code is. The first answer 'confirmed' uses the code up and switches the agent's writeback on.
///
/// # Errors
/// [`Problem`], if the code is none of this agent's, or the database failed.
pub async fn state(
    State(state): State<AppState>,
    AgentBearer(agent): AgentBearer,
    Path(typed): Path<String>,
) -> Result<Json<OnboardingState>, Problem> {
    let code = UserCode::parse(&typed).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "device-code",
            "No such code",
            "The code is none of this agent's.",
        )
    })?;
    let digest = code.digest(&state.pepper, state.tenant);
    let now = state.clock.now();
    let codes = state.store.device_codes();
    let administrator = match codes.state(state.tenant, agent.id, &digest, now).await? {
        None => return Ok(Json(OnboardingState::Expired)),
        Some(DeviceCodeState::Pending) => return Ok(Json(OnboardingState::Pending)),
        Some(DeviceCodeState::Redeemed(administrator)) => administrator,
        Some(DeviceCodeState::Confirmed(administrator)) => {
            // Only the call that uses the code up acts on it.
            if codes.redeem(state.tenant, agent.id, &digest, now).await?.is_some() {
                switch_on(&state, &agent, administrator).await?;
            }
            administrator
        }
    };
    let name = state.store.administrators().get(state.tenant, administrator).await?;
    let administrator = name.map_or_else(|| administrator.to_string(), |found| found.name);
    Ok(Json(OnboardingState::Confirmed { administrator }))
}

async fn switch_on(
    state: &AppState,
    agent: &ritorno_identity::agent::Agent,
    administrator: AdministratorId,
) -> Result<(), Problem> {
    state.store.agents().set_writeback(state.tenant, agent.id, true).await?;
    let fact = Fact {
        id: FactId::random(&*state.random),
        tenant: state.tenant,
        at: state.clock.now(),
        activity: Activity::WritebackEnabled,
        actor: Actor::Administrator(administrator),
        target: None,
        from: None,
        success: Success::Success,
        reason: format!("agent {} ({})", agent.name, agent.id),
        support_code: None,
        correlation: CorrelationId::random(&*state.random),
        request: None,
    };
    state.store.audit().append(&fact).await?;
    tracing::info!(agent = %agent.id, administrator = %administrator, "writeback of the agent is on");
    Ok(())
}
