//! `/api/v1/deletion-guard`: how many removals the tenant's deletion guard lets through by itself.

use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_identity::removal_guard::RemovalGuard;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::etag::{IfMatch, Tagged, changed};
use super::input::{Body, unfit};
use crate::operations::guard::{also_takes, set};
use crate::problem::Problem;
use crate::state::AppState;

/// How many removals of one agent, or of one program, go through in 24 hours. More wait for an administrator's approval.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeletionGuard {
    /// People who are removed or disabled, and groups that are removed.
    #[schema(maximum = 1_000_000, example = 500)]
    removals: u32,
    /// The same as a part of the people whom it provisions, in percent; whichever is less counts. `null` for no part.
    #[schema(maximum = 100, example = 10)]
    percent: Option<u8>,
    /// Members who leave groups and stay themselves.
    #[schema(maximum = 1_000_000, example = 5000)]
    memberships: u32,
}

impl From<RemovalGuard> for DeletionGuard {
    fn from(guard: RemovalGuard) -> Self {
        Self { removals: guard.removals, percent: guard.percent, memberships: guard.memberships }
    }
}

/// How many removals go through.
#[utoipa::path(
    get,
    path = "/api/v1/deletion-guard",
    tag = "removals",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "How many.", body = DeletionGuard, headers(("ETag" = String, description = "For If-Match."))))
)]
pub(super) async fn get_guard(caller: Caller) -> Result<Tagged<DeletionGuard>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    Ok(Tagged(tenant.removal_guard.into()))
}

/// Says how many removals go through.
///
/// In person it takes a cloud-only administrator who has just shown the second factor. A token says fewer than now; more, of anything, no token says.
#[utoipa::path(
    put,
    path = "/api/v1/deletion-guard",
    tag = "removals",
    security(("token" = ["tenant.write"])),
    params(("If-Match" = Option<String>, Header, description = "The guard as you saw it.")),
    request_body = DeletionGuard,
    responses(
        (status = 200, description = "The guard as it is now.", body = DeletionGuard, headers(("ETag" = String, description = "For If-Match."))),
        (status = 403, description = "`in-person`: no token lets more through. `forbidden`, `token-scope` and `fresh-proof` as elsewhere.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`guard`: the numbers are too large.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_guard(
    State(state): State<AppState>,
    caller: Caller,
    if_match: IfMatch,
    Body(asked): Body<DeletionGuard>,
) -> Result<Tagged<DeletionGuard>, Problem> {
    let guard = RemovalGuard::new(asked.removals, asked.percent, asked.memberships);
    let looser = guard.as_ref().ok().and_then(|guard| also_takes(&caller.operator().tenant, *guard));
    // What makes it stricter is one more rule of the tenant to a token, which is no fresh proof of anybody.
    let first = if caller.token().is_some() { Action::ChangeTenant } else { Action::ChangeGuard };
    let operator = match looser {
        // Who may not have more let through is told that, and not to show who they are.
        Some(also) if caller.token().is_none() => caller.require(also).and_then(|_| caller.require(first))?,
        also => caller.require(also.unwrap_or(first))?,
    };
    if_match.check(&DeletionGuard::from(operator.tenant.removal_guard))?;
    let guard = guard.map_err(|fault| unfit("guard", "The guard can't be so", format!("{fault}.")))?;
    if !set(&state, operator, guard).await? {
        return Err(changed());
    }
    Ok(Tagged(guard.into()))
}
