//! `/api/v1/switches`: what is on and off for the whole tenant.

use axum::Json;
use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_identity::tenant::Tenant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::etag::{IfMatch, Tagged};
use super::input::{At, Body};
use crate::operations::switches::{SwitchName, turn};
use crate::problem::Problem;
use crate::state::AppState;

/// A switch.
#[derive(Serialize, ToSchema)]
pub(super) struct Switch {
    /// Which.
    name: SwitchName,
    /// Whether it is on.
    on: bool,
}

/// On or off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    /// Whether it is to be on.
    pub(super) on: bool,
}

impl Switch {
    const fn of(name: SwitchName, tenant: &Tenant) -> Self {
        Self { name, on: name.is_on(tenant) }
    }
}

/// Every switch.
#[utoipa::path(
    get,
    path = "/api/v1/switches",
    tag = "switches",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "Every switch.", body = [Switch]))
)]
pub(super) async fn list_switches(caller: Caller) -> Result<Json<[Switch; SwitchName::ALL.len()]>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    Ok(Json(SwitchName::ALL.map(|name| Switch::of(name, tenant))))
}

/// One switch.
#[utoipa::path(
    get,
    path = "/api/v1/switches/{switch}",
    tag = "switches",
    security(("token" = ["tenant.read"])),
    params(("switch" = SwitchName, Path, description = "Which.")),
    responses((status = 200, description = "The switch.", body = Switch, headers(("ETag" = String, description = "For If-Match."))))
)]
pub(super) async fn get_switch(
    caller: Caller,
    At(switch): At<SwitchName>,
) -> Result<Tagged<Switch>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    Ok(Tagged(Switch::of(switch, tenant)))
}

/// Turns a switch.
///
/// Turning `writeback` off takes the scope `writeback.disable`. Turning it on no token does: it takes a cloud-only administrator
/// who has just shown the second factor.
#[utoipa::path(
    put,
    path = "/api/v1/switches/{switch}",
    tag = "switches",
    security(("token" = ["tenant.write"]), ("token" = ["writeback.disable"])),
    params(
        ("switch" = SwitchName, Path, description = "Which."),
        ("If-Match" = Option<String>, Header, description = "The switch as you saw it."),
    ),
    request_body = Position,
    responses(
        (status = 200, description = "The switch as it is now.", body = Switch, headers(("ETag" = String, description = "For If-Match."))),
        (status = 403, description = "`in-person`: no token switches writeback on. `forbidden`, `token-scope` and `fresh-proof` as elsewhere.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_switch(
    State(state): State<AppState>,
    caller: Caller,
    At(switch): At<SwitchName>,
    if_match: IfMatch,
    Body(Position { on }): Body<Position>,
) -> Result<Tagged<Switch>, Problem> {
    let operator = caller.require(switch.action(on).0)?;
    if_match.check(&Switch::of(switch, &operator.tenant))?;
    turn(&state, operator, switch, on).await?;
    Ok(Tagged(Switch { name: switch, on }))
}
