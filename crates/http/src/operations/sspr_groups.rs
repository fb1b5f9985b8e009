//! Gates that a group has of its own.

use ritorno_identity::audit::Activity;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::sspr::ReconfirmAfter;
use ritorno_protocol::ids::GroupId;
use ritorno_storage::StoreError;

use super::sspr_policy::Fault;
use crate::operator::Operator;
use crate::state::AppState;

/// Gives a group gates of its own, in the place of those that it had. `name` is what it was called by whoever asked.
///
/// # Errors
/// [`Fault`], if they could not stand beside everybody's.
pub(crate) async fn set(
    state: &AppState,
    operator: &Operator,
    group: GroupId,
    name: &str,
    policy: &GatePolicy,
    reconfirm_after: Option<ReconfirmAfter>,
) -> Result<(), Fault> {
    let tenant = &operator.tenant;
    policy.stands_beside(&tenant.gate_policy).map_err(Fault::Group)?;
    state.store.group_policies().set(tenant.id, group, policy, reconfirm_after).await?;
    let reason = format!("gates of the group {name}: {policy}{}", ReconfirmAfter::told(reconfirm_after));
    Ok(operator.note(state, Activity::PolicyChanged, reason, None).await?)
}

/// Takes them away; whether it had any.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn remove(
    state: &AppState,
    operator: &Operator,
    group: GroupId,
) -> Result<bool, StoreError> {
    let tenant = operator.tenant.id;
    if !state.store.group_policies().remove(tenant, group).await? {
        return Ok(false);
    }
    let found = state.store.groups().find(tenant, group).await?;
    let name = found.map_or_else(|| group.to_string(), |group| group.full_name());
    let reason = format!("gates of the group {name}: those of the tenant");
    operator.note(state, Activity::PolicyChanged, reason, None).await?;
    Ok(true)
}
