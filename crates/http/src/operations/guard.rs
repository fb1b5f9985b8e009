//! How many removals the tenant's deletion guard lets through by itself.

use ritorno_identity::administrator::Action;
use ritorno_identity::audit::Activity;
use ritorno_identity::removal_guard::RemovalGuard;
use ritorno_identity::tenant::Tenant;
use ritorno_storage::StoreError;

use crate::operator::Operator;
use crate::state::AppState;

/// What it takes beside the right to change it at all: whoever has more let through lets removals through.
pub(crate) fn also_takes(tenant: &Tenant, to: RemovalGuard) -> Option<Action> {
    to.is_looser_than(tenant.removal_guard).then_some(Action::ApproveRemovals)
}

/// Says how many. `false` if it was changed since the operator's tenant was read.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn set(
    state: &AppState,
    operator: &Operator,
    guard: RemovalGuard,
) -> Result<bool, StoreError> {
    if !state.store.tenants().set_guard(&operator.tenant, guard).await? {
        return Ok(false);
    }
    operator.note(state, Activity::PolicyChanged, format!("deletion guard: {guard}"), None).await?;
    Ok(true)
}
