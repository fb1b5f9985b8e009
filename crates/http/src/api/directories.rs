//! `GET /api/v1/directories`: the directories that agents serve, as those told of them last.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_identity::agent_state::AgentState;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use crate::operations::agents::Look;
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// A directory as one agent sees it.
#[derive(Serialize, ToSchema)]
struct Seen {
    /// The agent.
    #[schema(format = "uuid")]
    agent_id: String,
    /// What that is called.
    agent: String,
    /// Whether the agent is up and running; what it told last may be old if it is not.
    running: bool,
    /// When it told, by its own clock; `null` if it never did.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// The PDC emulator, through which passwords are written; `null` if it was never found.
    #[schema(example = "dc1.contoso.test")]
    pdc: Option<String>,
    /// Whether the PDC emulator answered it.
    reachable: bool,
    /// How long that took, in milliseconds.
    answered_in_ms: Option<u64>,
    /// What was tried and what was seen, when it did not answer.
    detail: Option<String>,
    /// When the agent last read the directory to its end.
    #[schema(format = DateTime)]
    cycled_at: Option<String>,
    /// The domain controller that it read last.
    read_from: Option<String>,
    /// DNs that people have to be below to be synchronised; none for the whole directory.
    scope: Vec<String>,
    /// DNs that groups are read from.
    groups: Vec<String>,
}

/// A directory: a forest, or a domain of one that is served by itself.
#[derive(Serialize, ToSchema)]
pub(super) struct Directory {
    /// Its name.
    #[schema(example = "contoso.test")]
    name: String,
    /// Whether a password could be written to it now, as far as its agents tell.
    reachable: bool,
    /// As each agent sees it that is not revoked.
    agents: Vec<Seen>,
}

/// The directories that agents serve, as those told of them last.
#[utoipa::path(
    get,
    path = "/api/v1/directories",
    tag = "agents",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "Every directory that an agent serves, by name.", body = [Directory]))
)]
pub(super) async fn list_directories(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Vec<Directory>>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    let look = Look::at(&state, tenant).await?;
    let reports = state.store.sync_reports().list(tenant.id).await?;
    let mut directories: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    for agent in look.agents.iter().filter(|agent| agent.revoked_at.is_none()) {
        let running = matches!(look.of(&state, tenant, agent).0, AgentState::Running | AgentState::OutOfDate);
        let report = reports.iter().find(|told| told.agent == agent.id).map(|told| &told.report);
        for forest in &agent.forests {
            let health = agent.health.as_ref();
            let told = health.and_then(|health| health.forests.iter().find(|one| one.forest == *forest));
            let synced = report.and_then(|report| report.connectors.iter().find(|one| one.name == forest.0));
            directories.entry(forest.0.clone()).or_default().push(Seen {
                agent_id: agent.id.to_string(),
                agent: agent.name.clone(),
                running,
                at: health.map(|health| rfc3339(health.at)),
                pdc: told.and_then(|told| told.pdc.clone()),
                reachable: told.is_some_and(|told| told.reachable),
                answered_in_ms: told.and_then(|told| told.answered_in_ms),
                detail: told.and_then(|told| told.detail.clone()),
                cycled_at: synced.and_then(|one| one.cycled_at).map(rfc3339),
                read_from: synced.and_then(|one| one.runs.iter().find_map(|run| run.server.clone())),
                scope: synced.map(|one| one.scope.clone()).unwrap_or_default(),
                groups: synced.map(|one| one.groups.clone()).unwrap_or_default(),
            });
        }
    }
    let directory = |(name, agents): (String, Vec<Seen>)| Directory {
        name,
        reachable: agents.iter().any(|one| one.running && one.reachable),
        agents,
    };
    Ok(Json(directories.into_iter().map(directory).collect()))
}
