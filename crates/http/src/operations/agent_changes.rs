//! What is done to one agent for good: another name, one more forest, its end.

use ritorno_identity::agent_forests::is_forest;
use ritorno_identity::agent_state::is_name;
use ritorno_identity::audit::Activity;
use ritorno_protocol::ids::{AgentId, Forest};

use crate::operator::{Behind, Operator};
use crate::state::AppState;

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// It is so now.
    Done,
    /// There is no such agent, or it is revoked, or nothing waits for this.
    Nothing,
    /// It can't be so.
    Unfit,
}

/// Gives an agent another name.
///
/// # Errors
/// [`Behind`].
pub(crate) async fn rename(
    state: &AppState,
    operator: &Operator,
    agent: AgentId,
    name: &str,
) -> Result<Changed, Behind> {
    let name = name.trim();
    if !is_name(name) {
        return Ok(Changed::Unfit);
    }
    if !state.store.agents().rename(operator.tenant.id, agent, name).await? {
        return Ok(Changed::Nothing);
    }
    operator.note(state, Activity::AgentRenamed, format!("agent {agent}: {name}"), None).await?;
    Ok(Changed::Done)
}

/// Allows an agent a forest that another one has, or had.
///
/// # Errors
/// [`Behind`].
pub(crate) async fn allow_forest(
    state: &AppState,
    operator: &Operator,
    agent: AgentId,
    forest: &Forest,
) -> Result<Changed, Behind> {
    if !is_forest(forest) {
        return Ok(Changed::Unfit);
    }
    let agents = state.store.agents();
    if !agents.allow_forest(operator.tenant.id, agent, forest).await? {
        return Ok(Changed::Nothing);
    }
    operator.note(state, Activity::AgentForestAllowed, format!("agent {agent}: {forest}"), None).await?;
    Ok(Changed::Done)
}

/// Revokes an agent for good: its link closes, and no page seals for it any more.
///
/// # Errors
/// [`Behind`].
pub(crate) async fn revoke(state: &AppState, operator: &Operator, agent: AgentId) -> Result<Changed, Behind> {
    let tenant = operator.tenant.id;
    if !state.store.agents().revoke(tenant, agent, state.clock.now()).await? {
        return Ok(Changed::Nothing);
    }
    state.relay.disconnect(tenant, agent);
    operator.note(state, Activity::AgentRevoked, format!("agent {agent}"), None).await?;
    state.relay.keys_changed(tenant).await.map_err(Behind::of)?;
    Ok(Changed::Done)
}
