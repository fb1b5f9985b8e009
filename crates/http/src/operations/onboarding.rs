//! An agent showed a code, and a cloud-only administrator confirms that its writeback goes on, and the tenant's with it.

use ritorno_identity::audit::Activity;
use ritorno_identity::device_code::UserCode;
use ritorno_identity::limit::DEVICE_CODES_TYPED;
use ritorno_identity::subject::Subject;
use ritorno_protocol::ids::{AgentId, UserId};
use ritorno_storage::{StoreError, TenantSwitch};

use crate::operator::Operator;
use crate::state::AppState;

/// What came of a code that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// It is this agent's, whose writeback goes on.
    Done(AgentId),
    /// No agent shows it, or not any more.
    Unknown,
    /// The administrator typed too many.
    TooMany,
}

/// Confirms a code.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn confirm(
    state: &AppState,
    operator: &Operator,
    code: &str,
) -> Result<Confirmed, StoreError> {
    let (store, now) = (&state.store, state.clock.now());
    let (tenant, administrator) = (&operator.tenant, operator.administrator.id);
    let subject = Subject::of_user(&state.pepper, tenant.id, UserId(administrator.0));
    if !store.limits().count(tenant.id, &DEVICE_CODES_TYPED, &subject, now).await? {
        return Ok(Confirmed::TooMany);
    }
    let Some(code) = UserCode::parse(code) else { return Ok(Confirmed::Unknown) };
    let digest = code.digest(&state.pepper, tenant.id);
    let confirmed = store.device_codes().confirm(tenant.id, &digest, administrator, now).await?;
    let Some(agent) = confirmed else { return Ok(Confirmed::Unknown) };
    if !tenant.writeback_enabled {
        store.tenants().turn(tenant.id, TenantSwitch::Writeback, true).await?;
    }
    let reason = format!("device code of agent {agent} confirmed");
    operator.note(state, Activity::WritebackEnabled, reason, None).await?;
    Ok(Confirmed::Done(agent))
}
