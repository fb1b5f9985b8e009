//! `POST /api/v1/onboarding/confirmations`: an agent showed a code, and a cloud-only administrator confirms that its writeback goes on, and
//! the tenant's with it. No token does it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::input::{Body, unfit};
use crate::operations::onboarding::{self, Confirmed};
use crate::problem::Problem;
use crate::state::AppState;

/// What the agent shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnboardingCode {
    /// The code.
    #[schema(example = "BCDF-GHJK")]
    code: String,
}

/// Whose code it was.
#[derive(Serialize, ToSchema)]
pub(super) struct Onboarded {
    /// The agent's id.
    #[schema(format = "uuid")]
    agent: String,
}

/// Confirms the code that an agent shows, which switches its writeback on, and the tenant's.
#[utoipa::path(
    post,
    path = "/api/v1/onboarding/confirmations",
    tag = "agents",
    security(("session" = [])),
    request_body = OnboardingCode,
    responses(
        (status = 200, description = "The agent whose code it is.", body = Onboarded),
        (status = 422, description = "`code`: no agent shows it, or not any more; `malformed`; `idempotency-key-reused`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn confirm_onboarding(
    State(state): State<AppState>,
    caller: Caller,
    body: Result<Body<OnboardingCode>, Problem>,
) -> Result<Json<Onboarded>, Problem> {
    let operator = caller.require(Action::EnableWriteback)?;
    let Body(OnboardingCode { code }) = body?;
    match onboarding::confirm(&state, operator, &code).await? {
        Confirmed::Done(agent) => Ok(Json(Onboarded { agent: agent.to_string() })),
        Confirmed::Unknown => {
            let detail = "`code` is no agent's, or it showed it too long ago.";
            Err(unfit("code", "No agent shows this code", detail))
        }
        Confirmed::TooMany => {
            let detail = "The administrator typed too many codes this hour.";
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many codes", detail))
        }
    }
}
