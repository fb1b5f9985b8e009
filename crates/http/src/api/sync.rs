//! `GET /api/v1/sync`: where each agent's synchronisation stands.

use axum::Json;
use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::sync_report::{ConnectorReport, RunReport, SyncMode};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use crate::agent_api::sync::is_fresh;
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// What an agent is for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Imports, exports, writes back.
    Active,
    /// Imports and writes back; does not export.
    Standby,
    /// Imports only.
    Staging,
}

/// One run of a run profile.
#[derive(Serialize, ToSchema)]
struct SyncRun {
    /// Its number at the agent.
    id: i64,
    /// Which.
    #[schema(example = "delta-import")]
    profile: String,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it ended; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// How it ended.
    #[schema(example = "succeeded")]
    outcome: String,
    /// New objects.
    adds: u64,
    /// Changed ones.
    updates: u64,
    /// Removed ones.
    deletes: u64,
    /// Ones that could not be carried on.
    errors: u64,
    /// Anchors that were written into the directory.
    anchors: u64,
    /// Anchors that the directory did not take.
    anchors_refused: u64,
    /// The directory server that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    /// Why it failed, or what else is to be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// An export that the agent's deletion guard holds. `/api/v1/agents/{agent}/held-exports` has what is in it.
#[derive(Serialize, ToSchema)]
struct SyncHeld {
    /// What an approval names: it is for exactly this list.
    digest: String,
    /// Since when it is held: of the same list, held once more, somebody has to decide anew.
    #[schema(format = DateTime)]
    since: String,
    /// How many removals there are in all.
    number: u64,
    /// What holds it.
    because: String,
}

/// One connector: a domain.
#[derive(Serialize, ToSchema)]
struct SyncConnector {
    /// The domain's name.
    #[schema(example = "contoso.test")]
    name: String,
    /// DNs that people have to be below; empty for the whole domain.
    scope: Vec<String>,
    /// DNs that groups are imported from.
    groups: Vec<String>,
    /// Objects in the connector space.
    objects: u64,
    /// Of them, those that are joined to a person.
    joined: u64,
    /// Of them, those that the rules leave out.
    out_of_scope: u64,
    /// Of them, those that could not be carried on.
    faulty: u64,
    /// What the next export would make.
    pending_adds: u64,
    /// What it would change.
    pending_updates: u64,
    /// What it would remove.
    pending_deletes: u64,
    /// Members of groups that it would put in or take out.
    pending_members: u64,
    /// What the tenant refused at the last export.
    refused: u64,
    /// What the deletion guard holds; absent if nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<SyncHeld>,
    /// When the directory was last read to the end; absent if it never was, or the agent does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    cycled_at: Option<String>,
    /// Whether that is seven days ago or more: what changed since then does not come to the tenant.
    overdue: bool,
    /// The latest runs, newest first.
    runs: Vec<SyncRun>,
}

/// One agent's synchronisation, as the agent says it.
#[derive(Serialize, ToSchema)]
pub(super) struct AgentSync {
    /// The agent's id.
    #[schema(format = "uuid")]
    agent: String,
    /// Its name.
    name: String,
    /// When the report came; absent if none ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    received_at: Option<String>,
    /// Whether it says how the agent is now: an older one does not.
    fresh: bool,
    /// What the agent is for; absent if it never reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    /// Whether its scheduler was suspended.
    suspended: bool,
    /// Each connector.
    connectors: Vec<SyncConnector>,
}

fn run(run: &RunReport) -> SyncRun {
    SyncRun {
        id: run.id,
        profile: run.profile.clone(),
        started_at: rfc3339(run.started),
        ended_at: run.ended.map(rfc3339),
        outcome: run.outcome.clone(),
        adds: run.adds,
        updates: run.updates,
        deletes: run.deletes,
        errors: run.errors,
        anchors: run.anchors,
        anchors_refused: run.anchors_refused,
        server: run.server.clone(),
        note: run.note.clone(),
    }
}

fn connector(connector: &ConnectorReport, now: Timestamp) -> SyncConnector {
    let counts = connector.counts;
    let held = connector.held.as_ref();
    SyncConnector {
        name: connector.name.clone(),
        scope: connector.scope.clone(),
        groups: connector.groups.clone(),
        objects: counts.objects,
        joined: counts.joined,
        out_of_scope: counts.out_of_scope,
        faulty: counts.faulty,
        pending_adds: counts.adds,
        pending_updates: counts.updates,
        pending_deletes: counts.deletes,
        pending_members: counts.members,
        refused: counts.refused,
        held: held.map(|held| SyncHeld {
            digest: held.digest.clone(),
            since: rfc3339(held.since),
            number: held.number,
            because: held.because.clone(),
        }),
        cycled_at: connector.cycled_at.map(rfc3339),
        overdue: connector.overdue(now).is_some(),
        runs: connector.runs.iter().map(run).collect(),
    }
}

/// Where the synchronisation of each agent stands.
#[utoipa::path(
    get,
    path = "/api/v1/sync",
    tag = "sync",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "A report of each agent that is not revoked.", body = [AgentSync]))
)]
pub(super) async fn list_synchronisations(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Vec<AgentSync>>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    let now = state.clock.now();
    let reports = state.store.sync_reports().list(tenant.id).await?;
    let agents = state.store.agents().list(tenant.id).await?;
    let enrolled = agents.into_iter().filter(|agent| agent.revoked_at.is_none());
    let all = enrolled.map(|agent| {
        let told = reports.iter().find(|told| told.agent == agent.id);
        let report = told.map(|told| &told.report);
        AgentSync {
            agent: agent.id.to_string(),
            name: agent.name,
            received_at: told.map(|told| rfc3339(told.received_at)),
            fresh: told.is_some_and(|told| is_fresh(told.received_at, now)),
            mode: report.map(|report| match report.mode {
                SyncMode::Active => Mode::Active,
                SyncMode::Standby => Mode::Standby,
                SyncMode::Staging => Mode::Staging,
            }),
            suspended: report.is_some_and(|report| report.suspended),
            connectors: report
                .map(|report| report.connectors.iter().map(|one| connector(one, now)).collect())
                .unwrap_or_default(),
        }
    });
    Ok(Json(all.collect()))
}
