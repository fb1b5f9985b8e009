//! `/api/v1/agents/{agent}/held-exports`: what an agent's own deletion guard holds, as the agent told it last, and the approval of exactly such a
//! list, which no token gives.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use ritorno_protocol::ids::AgentId;
use ritorno_protocol::sync_report::{HeldExport, HeldKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::input::{At, Body, not_found};
use super::removals::another_list;
use crate::operations::removals;
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// One removal that waits.
#[derive(Serialize, ToSchema)]
struct ExportRemoval {
    /// What would be done: `remove` or `disable` a person, or a member would `leave` a group.
    #[schema(example = "remove")]
    kind: &'static str,
    /// To whom.
    name: String,
}

/// An export that the agent's guard holds.
#[derive(Serialize, ToSchema)]
pub(super) struct HeldExportView {
    /// The connector: a domain.
    #[schema(example = "contoso.test")]
    connector: String,
    /// What an approval names: it is for exactly this list.
    digest: String,
    /// Since when it is held, which an approval names too.
    #[schema(format = DateTime)]
    since: String,
    /// What holds it.
    because: String,
    /// How many removals there are in all.
    number: u64,
    /// Whether `items` has all of them: no other list is approved here, but at the agent.
    whole: bool,
    /// Whether it is approved, and the agent has not taken that up yet.
    approved: bool,
    /// They.
    items: Vec<ExportRemoval>,
}

/// What is approved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportApproval {
    /// The `digest` of the list as it was shown.
    digest: String,
    /// Its `since`.
    #[schema(format = DateTime)]
    since: String,
}

const fn kind(kind: HeldKind) -> &'static str {
    match kind {
        HeldKind::Delete => "remove",
        HeldKind::Disable => "disable",
        HeldKind::Leave => "leave",
    }
}

fn view(connector: &str, held: HeldExport, approved: bool) -> HeldExportView {
    HeldExportView {
        connector: connector.to_owned(),
        since: rfc3339(held.since),
        number: held.number,
        whole: held.is_whole(),
        approved,
        items: held
            .removals
            .into_iter()
            .map(|one| ExportRemoval { kind: kind(one.kind), name: one.name })
            .collect(),
        digest: held.digest,
        because: held.because,
    }
}

/// What an agent's own deletion guard holds, as the agent told it last.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{agent}/held-exports",
    tag = "removals",
    security(("token" = ["removals.read"])),
    params(("agent" = String, Path, format = "uuid", description = "The agent's id.")),
    responses((status = 200, description = "A list for each connector that has one.", body = [HeldExportView]))
)]
pub(super) async fn list_held_exports(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<AgentId>,
) -> Result<Json<Vec<HeldExportView>>, Problem> {
    let tenant = caller.require(Action::ReadRemovals)?.tenant.id;
    let agents = state.store.agents().get(tenant, agent).await?;
    agents.filter(|agent| agent.revoked_at.is_none()).ok_or_else(not_found)?;
    let reports = state.store.sync_reports();
    let approved = reports.approved(tenant, agent, state.clock.now()).await?;
    let told = reports.list(tenant).await?.into_iter().find(|told| told.agent == agent);
    let connectors = told.map(|told| told.report.connectors).unwrap_or_default();
    let held = connectors.into_iter().filter_map(|connector| {
        let held = connector.held?;
        let is_approved = approved.contains(&(held.digest.clone(), held.since));
        Some(view(&connector.name, held, is_approved))
    });
    Ok(Json(held.collect()))
}

/// Lets exactly the list through that was shown, for a day. The agent takes it up with its next report.
#[utoipa::path(
    post,
    path = "/api/v1/agents/{agent}/held-exports/approvals",
    tag = "removals",
    security(("session" = [])),
    params(("agent" = String, Path, format = "uuid", description = "The agent's id.")),
    request_body = ExportApproval,
    responses(
        (status = 204, description = "It is approved."),
        (status = 409, description = "`another-list`: another one waits now, or not all of it was told; `idempotency-unanswered`.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`malformed`; `idempotency-key-reused`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn approve_held_export(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<AgentId>,
    body: Result<Body<ExportApproval>, Problem>,
) -> Result<StatusCode, Problem> {
    let operator = caller.require(Action::ApproveRemovals)?;
    let Body(ExportApproval { digest, since }) = body?;
    let held_since = |at| rfc3339(at) == since;
    let approved = removals::approve_export(&state, operator, agent, &digest, held_since).await?;
    approved.map(|_| StatusCode::NO_CONTENT).ok_or_else(another_list)
}
