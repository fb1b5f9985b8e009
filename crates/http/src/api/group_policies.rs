//! `/api/v1/sspr-policy/groups`: what people of a group prove before a reset, where it is not what everybody does.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::GroupId;
use ritorno_storage::GroupPolicy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::etag::{IfMatch, Tagged, changed};
use super::input::{At, Body, not_found};
use super::sspr_policy::{Gates, GroupRef, refused};
use crate::operations::sspr_groups;
use crate::operations::sspr_policy::reconfirm;
use crate::problem::Problem;
use crate::state::AppState;

/// What the people of a group prove.
#[derive(Serialize, ToSchema)]
pub(super) struct OfGroup {
    /// The group.
    group: GroupRef,
    /// What its people prove before a reset.
    proofs: Gates,
    /// After how many days they are asked to look through what they registered, 0 for never; `null` where what holds for everybody holds.
    reconfirm_days: Option<u16>,
}

/// What the people of a group are to prove.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// What its people prove before a reset: no fewer gates than everybody.
    proofs: Gates,
    /// After how many days they are asked to look through what they registered, 0 for never; `null` for what holds for everybody.
    #[schema(maximum = 730)]
    reconfirm_days: Option<u16>,
}

impl OfGroup {
    fn of(policy: &GroupPolicy) -> Self {
        Self {
            group: GroupRef { id: Some(policy.group.to_string()), name: policy.name.clone() },
            proofs: Gates::of(&policy.policy),
            reconfirm_days: policy.reconfirm_after.map(|after| after.days()),
        }
    }
}

/// The group that a path names, by its id or as it is called. One that is gone is known by the policy that it had.
async fn named(
    state: &AppState,
    tenant: &Tenant,
    group: &str,
) -> Result<(GroupId, Option<GroupPolicy>), Problem> {
    let mut policies = state.store.group_policies().list(tenant.id).await?.into_iter();
    let known = group.parse().ok().filter(|id| policies.as_slice().iter().any(|one| one.group == *id));
    let id = match known {
        Some(id) => id,
        None => match state.store.groups().named(tenant.id, group.trim()).await?.as_slice() {
            [one] => one.id,
            _ => return Err(not_found()),
        },
    };
    Ok((id, policies.find(|policy| policy.group == id)))
}

/// Every group that has gates of its own.
#[utoipa::path(
    get,
    path = "/api/v1/sspr-policy/groups",
    tag = "sspr-policy",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "Every group that has.", body = [OfGroup]))
)]
pub(super) async fn list_groups(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Vec<OfGroup>>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    let policies = state.store.group_policies().list(tenant.id).await?;
    Ok(Json(policies.iter().map(OfGroup::of).collect()))
}

/// What the people of one group prove.
#[utoipa::path(
    get,
    path = "/api/v1/sspr-policy/groups/{group}",
    tag = "sspr-policy",
    security(("token" = ["tenant.read"])),
    params(("group" = String, Path, description = "Its id, or what it is called.")),
    responses((status = 200, description = "What they prove.", body = OfGroup, headers(("ETag" = String, description = "For If-Match."))))
)]
pub(super) async fn get_group(
    State(state): State<AppState>,
    caller: Caller,
    At(group): At<String>,
) -> Result<Tagged<OfGroup>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    let (_, policy) = named(&state, tenant, &group).await?;
    Ok(Tagged(OfGroup::of(&policy.ok_or_else(not_found)?)))
}

/// Gives a group gates of its own, in the place of those that it had.
#[utoipa::path(
    put,
    path = "/api/v1/sspr-policy/groups/{group}",
    tag = "sspr-policy",
    security(("token" = ["tenant.write"])),
    params(
        ("group" = String, Path, description = "Its id, or what it is called."),
        ("If-Match" = Option<String>, Header, description = "What it had as you saw it."),
    ),
    request_body = Wanted,
    responses(
        (status = 200, description = "What its people prove now.", body = OfGroup, headers(("ETag" = String, description = "For If-Match."))),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`policy`: it can't be so. `member` says which part.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_group(
    State(state): State<AppState>,
    caller: Caller,
    At(group): At<String>,
    if_match: IfMatch,
    Body(wanted): Body<Wanted>,
) -> Result<Tagged<OfGroup>, Problem> {
    let operator = caller.require(Action::ChangeTenant)?;
    let (id, policy) = named(&state, &operator.tenant, &group).await?;
    as_seen(&if_match, policy.as_ref())?;
    let gates = wanted.proofs.read(&state).map_err(|fault| refused("/proofs", fault))?;
    let days = wanted.reconfirm_days.map(reconfirm).transpose();
    let days = days.map_err(|fault| refused("/reconfirm_days", fault))?;
    let found = state.store.groups().find(operator.tenant.id, id).await?.ok_or_else(not_found)?;
    let set = sspr_groups::set(&state, operator, id, &found.full_name(), &gates, days).await;
    set.map_err(|fault| refused("/proofs", fault))?;
    let now = GroupPolicy { group: id, name: Some(found.display_name), policy: gates, reconfirm_after: days };
    Ok(Tagged(OfGroup::of(&now)))
}

/// Takes a group's gates away: what holds for everybody holds for its people.
#[utoipa::path(
    delete,
    path = "/api/v1/sspr-policy/groups/{group}",
    tag = "sspr-policy",
    security(("token" = ["tenant.write"])),
    params(
        ("group" = String, Path, description = "Its id, or what it is called."),
        ("If-Match" = Option<String>, Header, description = "What it had as you saw it."),
    ),
    responses(
        (status = 204, description = "They are taken away."),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete_group(
    State(state): State<AppState>,
    caller: Caller,
    At(group): At<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let operator = caller.require(Action::ChangeTenant)?;
    let (id, policy) = named(&state, &operator.tenant, &group).await?;
    let Some(policy) = policy else { return Err(not_found()) };
    as_seen(&if_match, Some(&policy))?;
    if sspr_groups::remove(&state, operator, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found())
    }
}

/// Whether it is as whoever asks saw it: one that has none was seen by nobody.
fn as_seen(if_match: &IfMatch, now: Option<&GroupPolicy>) -> Result<(), Problem> {
    match now {
        Some(now) => if_match.check(&OfGroup::of(now)),
        None if if_match.is_said() => Err(changed()),
        None => Ok(()),
    }
}
