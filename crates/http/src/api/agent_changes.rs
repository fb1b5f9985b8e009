//! What is done to one agent for good: another name, one more forest, its end. No token does it.

use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use ritorno_protocol::ids::{AgentId, Forest};
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::input::{At, Body, not_found, unfit};
use crate::operations::agent_changes::{self, Changed};
use crate::operator::to_the_end;
use crate::problem::Problem;
use crate::state::AppState;

/// What an agent is to be called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentName {
    /// The name.
    #[schema(min_length = 1, max_length = 255, example = "Verona 1")]
    name: String,
}

/// A forest that an agent says it serves.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentForest {
    /// Its DNS name.
    #[schema(value_type = String, example = "contoso.com")]
    forest: Forest,
}

fn answer(changed: Changed, unfit: impl FnOnce() -> Problem) -> Result<StatusCode, Problem> {
    match changed {
        Changed::Done => Ok(StatusCode::NO_CONTENT),
        Changed::Nothing => Err(not_found()),
        Changed::Unfit => Err(unfit()),
    }
}

/// Gives an agent another name.
#[utoipa::path(
    put,
    path = "/api/v1/agents/{agent}/name",
    tag = "agents",
    security(("session" = [])),
    params(("agent" = String, Path, format = "uuid", description = "The agent's id.")),
    request_body = AgentName,
    responses(
        (status = 204, description = "It is called so."),
        (status = 422, description = "`agent-name`: no agent can be called so; `malformed`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn rename_agent(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<AgentId>,
    body: Result<Body<AgentName>, Problem>,
) -> Result<StatusCode, Problem> {
    let operator = caller.require(Action::EnrolAgent)?;
    let Body(AgentName { name }) = body?;
    answer(agent_changes::rename(&state, operator, agent, &name).await?, || {
        let detail = "`name` is something that can be seen, on one line, of 255 bytes at most.";
        unfit("agent-name", "No agent can be called so", detail)
    })
}

/// Allows an agent a forest that another one has, or had.
#[utoipa::path(
    post,
    path = "/api/v1/agents/{agent}/forests",
    tag = "agents",
    security(("session" = [])),
    params(("agent" = String, Path, format = "uuid", description = "The agent's id.")),
    request_body = AgentForest,
    responses(
        (status = 204, description = "It is allowed."),
        (status = 404, description = "`not-found`: there is no such agent, or it has the forest already.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`forest`: it is no forest's name; `malformed`; `idempotency-key-reused`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn allow_agent_forest(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<AgentId>,
    body: Result<Body<AgentForest>, Problem>,
) -> Result<StatusCode, Problem> {
    let operator = caller.require(Action::EnrolAgent)?;
    let Body(AgentForest { forest }) = body?;
    answer(agent_changes::allow_forest(&state, operator, agent, &forest).await?, || {
        unfit("forest", "It is no forest", "`forest` is a DNS name in lower case.")
    })
}

/// Revokes an agent for good: its link closes, and nothing is sealed for it any more.
#[utoipa::path(
    delete,
    path = "/api/v1/agents/{agent}",
    tag = "agents",
    security(("session" = [])),
    params(("agent" = String, Path, format = "uuid", description = "The agent's id.")),
    responses((status = 204, description = "It is revoked."))
)]
pub(super) async fn revoke_agent(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<AgentId>,
) -> Result<StatusCode, Problem> {
    let operator = caller.require(Action::EnrolAgent)?.clone();
    let revoked: Result<_, Problem> =
        to_the_end(
            async move { agent_changes::revoke(&state, &operator, agent).await.map_err(Problem::from) },
        )
        .await;
    answer(revoked?, not_found)
}
