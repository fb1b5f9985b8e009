//! `GET /api/v1/agents/{agent}/removals`: what of an agent the deletion guard holds.

use axum::Json;
use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_protocol::ids::AgentId;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::input::{Asked, At, not_found};
use super::paging::{Paging, cursor};
use crate::problem::Problem;
use crate::scim::guard;
use crate::state::AppState;

/// One removal that waits.
#[derive(Serialize, ToSchema)]
struct HeldRemoval {
    /// What would be done: `remove` or `disable` a person, `remove-group`, or a member would `leave` a group.
    #[schema(example = "remove")]
    kind: &'static str,
    /// To whom or what.
    name: String,
}

/// What is held, a page of it.
#[derive(Serialize, ToSchema)]
pub(super) struct HeldList {
    /// How many removals wait in all.
    number: usize,
    /// What an approval names: it is for exactly this list.
    digest: String,
    /// A page of it.
    items: Vec<HeldRemoval>,
    /// The `cursor` of the page after this one; absent from the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The removals of one agent that wait for an approval.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{agent}/removals",
    tag = "removals",
    security(("token" = ["removals.read"])),
    params(("agent" = String, Path, format = "uuid", description = "The agent's id."), Paging),
    responses((status = 200, description = "What waits.", body = HeldList))
)]
pub(super) async fn list_removals(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<AgentId>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<HeldList>, Problem> {
    caller.require(Action::ReadRemovals)?;
    state.store.agents().get(state.tenant, agent).await?.ok_or_else(not_found)?;
    let (from, limit) = (paging.cursor::<usize>()?.unwrap_or(0), paging.limit() as usize);
    let held = guard::held(&state.store, state.tenant, agent, state.clock.now()).await?;
    let number = held.list.len();
    let items = held.list.into_iter().skip(from).take(limit);
    let items = items.map(|one| HeldRemoval { kind: one.kind.name(), name: one.name });
    let after = from.saturating_add(limit);
    Ok(Json(HeldList {
        number,
        digest: held.digest,
        items: items.collect(),
        next: (after < number).then(|| cursor(after)),
    }))
}
