//! `/api/v1/agents`: the agents, how they are, and the tenant's side of their writeback.

use axum::Json;
use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_identity::agent::Agent;
use ritorno_identity::agent_forests::waiting;
use ritorno_identity::agent_state::AgentState;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::AgentId;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::etag::{IfMatch, Tagged};
use super::input::{At, Body, not_found};
use super::switches::Position;
use crate::operations::agents::{Look, action, set_writeback};
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// How an agent is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum AgentCondition {
    /// A reset through it can be written now.
    Running,
    /// It works, and there is a newer version.
    OutOfDate,
    /// It is so old that what it reports is not understood.
    TooOld,
    /// It is not connected.
    Away,
    /// Nothing can be written through it: a switch is off, or no PDC emulator answers it.
    NotConfigured,
    /// It is not connected, and that may be the server's fault.
    ServerSide,
    /// It was revoked.
    Revoked,
}

impl From<AgentState> for AgentCondition {
    fn from(state: AgentState) -> Self {
        match state {
            AgentState::Running => Self::Running,
            AgentState::OutOfDate => Self::OutOfDate,
            AgentState::TooOld => Self::TooOld,
            AgentState::Away => Self::Away,
            AgentState::NotConfigured => Self::NotConfigured,
            AgentState::ServerSide => Self::ServerSide,
            AgentState::Revoked => Self::Revoked,
        }
    }
}

/// A PDC emulator, as an agent reported it.
#[derive(Serialize, ToSchema)]
struct Controller {
    /// Its name.
    name: String,
    /// Whether the agent reaches it.
    reachable: bool,
}

/// An agent.
#[derive(Serialize, ToSchema)]
pub(super) struct AgentView {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// Its name.
    name: String,
    /// How it is.
    state: AgentCondition,
    /// Its version.
    version: String,
    /// Whether there is a later one.
    out_of_date: bool,
    /// Whether the tenant's side of its writeback is on.
    writeback_on: bool,
    /// The forests that it serves.
    forests: Vec<String>,
    /// Forests that it says it serves, and does not until an administrator allows it.
    forests_waiting: Vec<String>,
    /// The PDC emulators that it reported.
    controllers: Vec<Controller>,
    /// Removals that the deletion guard holds.
    removals_held: u32,
    /// When it was enrolled.
    #[schema(format = DateTime)]
    enrolled_at: String,
    /// When it was heard last.
    #[schema(format = DateTime)]
    last_seen_at: Option<String>,
    /// When it was revoked.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

fn view(state: &AppState, tenant: &Tenant, look: &Look, agent: &Agent) -> AgentView {
    let (standing, out_of_date) = look.of(state, tenant, agent);
    let reported = agent.health.iter().flat_map(|health| &health.forests);
    AgentView {
        id: agent.id.to_string(),
        name: agent.name.clone(),
        state: standing.into(),
        version: agent.version.clone(),
        out_of_date,
        writeback_on: agent.writeback_on,
        forests: agent.forests.iter().map(ToString::to_string).collect(),
        forests_waiting: waiting(agent).map(ToString::to_string).collect(),
        controllers: reported
            .filter_map(|forest| Some(Controller { name: forest.pdc.clone()?, reachable: forest.reachable }))
            .collect(),
        removals_held: look.held_of(agent.id),
        enrolled_at: rfc3339(agent.enrolled_at),
        last_seen_at: agent.last_seen_at.map(rfc3339),
        revoked_at: agent.revoked_at.map(rfc3339),
    }
}

/// Every agent, also revoked ones.
#[utoipa::path(
    get,
    path = "/api/v1/agents",
    tag = "agents",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "Every agent.", body = [AgentView]))
)]
pub(super) async fn list_agents(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Vec<AgentView>>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    let look = Look::at(&state, tenant).await?;
    Ok(Json(look.agents.iter().map(|agent| view(&state, tenant, &look, agent)).collect()))
}

/// One agent.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{agent}",
    tag = "agents",
    security(("token" = ["tenant.read"])),
    params(("agent" = String, Path, format = "uuid", description = "Its id.")),
    responses((status = 200, description = "The agent.", body = AgentView))
)]
pub(super) async fn get_agent(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<AgentId>,
) -> Result<Json<AgentView>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    let look = Look::at(&state, tenant).await?;
    let found = look.agents.iter().find(|one| one.id == agent).ok_or_else(not_found)?;
    Ok(Json(view(&state, tenant, &look, found)))
}

/// The tenant's side of an agent's writeback.
#[derive(Serialize, ToSchema)]
pub(super) struct Writeback {
    /// Whether it is on.
    on: bool,
}

async fn writeback(state: &AppState, agent: AgentId) -> Result<Writeback, Problem> {
    let found = state.store.agents().get(state.tenant, agent).await?;
    let found = found.filter(|agent| agent.revoked_at.is_none()).ok_or_else(not_found)?;
    Ok(Writeback { on: found.writeback_on })
}

/// The tenant's side of one agent's writeback.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{agent}/writeback",
    tag = "agents",
    security(("token" = ["tenant.read"])),
    params(("agent" = String, Path, format = "uuid", description = "The agent's id.")),
    responses((status = 200, description = "Whether it is on.", body = Writeback, headers(("ETag" = String, description = "For If-Match."))))
)]
pub(super) async fn get_agent_writeback(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<AgentId>,
) -> Result<Tagged<Writeback>, Problem> {
    caller.require(Action::ReadTenant)?;
    Ok(Tagged(writeback(&state, agent).await?))
}

/// Switches the tenant's side of one agent's writeback.
///
/// The agent has a switch of its own, which this does not touch. Switching it on no token does.
#[utoipa::path(
    put,
    path = "/api/v1/agents/{agent}/writeback",
    tag = "agents",
    security(("token" = ["writeback.disable"])),
    params(
        ("agent" = String, Path, format = "uuid", description = "The agent's id."),
        ("If-Match" = Option<String>, Header, description = "The switch as you saw it."),
    ),
    request_body = Position,
    responses(
        (status = 200, description = "Whether it is on now.", body = Writeback, headers(("ETag" = String, description = "For If-Match."))),
        (status = 403, description = "`in-person`: no token switches it on. `forbidden`, `token-scope` and `fresh-proof` as elsewhere.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_agent_writeback(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<AgentId>,
    if_match: IfMatch,
    Body(Position { on }): Body<Position>,
) -> Result<Tagged<Writeback>, Problem> {
    let operator = caller.require(action(on).0)?;
    if_match.check(&writeback(&state, agent).await?)?;
    if !set_writeback(&state, operator, agent, on).await? {
        return Err(not_found());
    }
    Ok(Tagged(Writeback { on }))
}
