//! `/api/v1/agents/{agent}/removals`: what of an agent, or of a program's token, the tenant's deletion guard holds, and the approval of exactly that
//! list, which no token gives.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::input::{Asked, At, Body, not_found};
use super::paging::{Paging, cursor_at};
use crate::operations::removals;
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

/// The removals of one agent, or of one program, that wait for an approval.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{agent}/removals",
    tag = "removals",
    security(("token" = ["removals.read"])),
    params(("agent" = String, Path, format = "uuid", description = "The id of the agent, or of the program's token."), Paging),
    responses((status = 200, description = "What waits.", body = HeldList))
)]
pub(super) async fn list_removals(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<Uuid>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<HeldList>, Problem> {
    caller.require(Action::ReadRemovals)?;
    let (by, _) = removals::named(&state, agent).await?.ok_or_else(not_found)?;
    let (after, limit) = (paging.place::<(String, String, String)>()?, paging.limit() as usize);
    let held = guard::held(&state.store, state.tenant, by, state.clock.now()).await?;
    let number = held.list.len();
    // In an order of our own: that of the database is its language's.
    let mut list: Vec<_> = held.list.into_iter().map(|one| (one.kind.name(), one.name, one.id)).collect();
    list.sort_unstable();
    if let Some((kind, name, id)) = after {
        list.retain(|one| *one > (kind.as_str(), name.clone(), id.clone()));
    }
    let more = list.len() > limit;
    list.truncate(limit);
    Ok(Json(HeldList {
        number,
        digest: held.digest,
        next: list.last().filter(|_| more).map(cursor_at),
        items: list.into_iter().map(|(kind, name, _)| HeldRemoval { kind, name }).collect(),
    }))
}

/// What is approved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListApproval {
    /// The `digest` of the list as it was shown.
    digest: String,
}

/// What was approved.
#[derive(Serialize, ToSchema)]
pub(super) struct ListApproved {
    /// How many removals the list has.
    number: usize,
}

/// Another list waits now than the one that was shown.
pub(super) fn another_list() -> Problem {
    let detail = "An approval is for exactly the list that was shown. Read it again, and decide again.";
    Problem::new(StatusCode::CONFLICT, "another-list", "Another list waits now", detail)
}

/// Lets exactly the list through that was shown, for an hour.
#[utoipa::path(
    post,
    path = "/api/v1/agents/{agent}/removals/approvals",
    tag = "removals",
    security(("session" = [])),
    params(("agent" = String, Path, format = "uuid", description = "The id of the agent, or of the program's token.")),
    request_body = ListApproval,
    responses(
        (status = 200, description = "How many it has.", body = ListApproved),
        (status = 409, description = "`another-list`: another one waits now; `idempotency-unanswered`.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`malformed`; `idempotency-key-reused`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn approve_removals(
    State(state): State<AppState>,
    caller: Caller,
    At(agent): At<Uuid>,
    body: Result<Body<ListApproval>, Problem>,
) -> Result<Json<ListApproved>, Problem> {
    let operator = caller.require(Action::ApproveRemovals)?;
    let Body(ListApproval { digest }) = body?;
    let (by, _) = removals::named(&state, agent).await?.ok_or_else(not_found)?;
    let number = removals::approve(&state, operator, by, &digest).await?.ok_or_else(another_list)?;
    Ok(Json(ListApproved { number }))
}
