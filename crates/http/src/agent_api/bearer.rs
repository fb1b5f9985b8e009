//! The agent behind an access token.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use ritorno_identity::agent::Agent;
use ritorno_identity::token::Token;

use crate::problem::Problem;
use crate::state::AppState;

/// The agent that a request's bearer token (RFC 6750 section 2.1) was given to: enrolled and unrevoked.
#[derive(Clone, Debug)]
pub struct AgentBearer(pub Agent);

impl FromRequestParts<AppState> for AgentBearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let refused = || {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "access-token",
                "The access token is refused",
                "It is missing, wrong or expired, or the agent was revoked. Ask for a new one at /agent/v1/token.",
            )
        };
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .and_then(|(_, text)| Token::from_text(text.trim()))
            .ok_or_else(refused)?;
        let now = state.clock.now();
        let agent = state.store.agent_tokens().find(state.tenant, &token.digest(), now).await?;
        let agent = agent.ok_or_else(refused)?;
        let agent = state.store.agents().get(state.tenant, agent).await?;
        agent.filter(|agent| agent.revoked_at.is_none()).map(Self).ok_or_else(refused)
    }
}
