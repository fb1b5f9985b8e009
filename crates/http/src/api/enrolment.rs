//! `POST /api/v1/enrolment-tokens`: a token for one new agent, shown once. No token of the API makes one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use ritorno_identity::administrator::Action;
use ritorno_protocol::enrolment::TOKEN_VALID;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::idempotency::ShownOnce;
use crate::agent_api::enrolment_token;
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// A token that enrols one agent, which is shown only now.
#[derive(Serialize, ToSchema)]
pub(super) struct EnrolmentToken {
    /// The token, for `ritorno-agent enrol`.
    token: String,
    /// Until when it holds.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Makes a token that enrols an agent: here, or by `ritorno agent token`.
///
/// It is in this answer and nowhere else: whoever repeats the request with its idempotency key is told `shown-once`.
#[utoipa::path(
    post,
    path = "/api/v1/enrolment-tokens",
    tag = "agents",
    security(("session" = [])),
    responses(
        (status = 201, description = "The token.", body = EnrolmentToken),
        (status = 409, description = "`shown-once`; `idempotency-unanswered`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn make_enrolment_token(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Response, Problem> {
    let operator = caller.require(Action::EnrolAgent)?;
    let now = state.clock.now();
    let token = enrolment_token::make(
        &state.store,
        operator.tenant.id,
        &operator.tenant.root,
        state.settings.public_address(),
        Some(operator.administrator.id),
        now,
        &*state.random,
    )
    .await?;
    let shown = EnrolmentToken { token: token.to_text(), expires_at: rfc3339(now.plus(TOKEN_VALID)) };
    let mut response = (StatusCode::CREATED, Json(shown)).into_response();
    response.extensions_mut().insert(ShownOnce);
    Ok(response)
}
