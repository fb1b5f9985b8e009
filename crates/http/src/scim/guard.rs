//! The deletion guard in the tenant: deletes and disables of one agent's people are counted over 24 hours, and so are
//! members who leave groups. The agent has
//! its own guard; this one holds if that one is conquered.

use std::time::Duration;

use ritorno_identity::agent::Agent;
use ritorno_identity::limit::Limit;
use ritorno_identity::subject::Subject;
use sha2::{Digest as _, Sha256};

use super::error::ScimError;
use crate::state::AppState;

/// Most removals of one agent in 24 hours without approval: Microsoft's default for the same guard.
pub const REMOVALS: Limit =
    Limit { name: "directory-removals", most: 500, window: Duration::from_secs(24 * 3_600) };

/// Most members of one agent's groups who may leave them in 24 hours while they stay themselves.
pub const MEMBERS: Limit =
    Limit { name: "directory-members-removed", most: 5_000, window: Duration::from_secs(24 * 3_600) };

fn subject(agent: &Agent) -> Subject {
    Subject(Sha256::digest(agent.id.0.as_bytes()).into())
}

/// Counts one removal before it is made.
///
/// # Errors
/// [`ScimError::Guard`] if the limit is reached; [`ScimError::Store`].
pub async fn count(state: &AppState, agent: &Agent) -> Result<(), ScimError> {
    let now = state.clock.now();
    if state.store.limits().count(state.tenant, &REMOVALS, &subject(agent), now).await? {
        return Ok(());
    }
    tracing::error!(agent = %agent.id, most = REMOVALS.most, "the deletion guard holds");
    Err(ScimError::Guard(REMOVALS.most))
}

/// Takes a count back: the removal was not made.
///
/// # Errors
/// [`ScimError::Store`].
pub async fn give_back(state: &AppState, agent: &Agent) -> Result<(), ScimError> {
    Ok(state.store.limits().give_back(state.tenant, &REMOVALS, &subject(agent)).await?)
}

/// Counts members before they leave a group.
///
/// # Errors
/// [`ScimError::GuardMembers`] if they are more than the limit leaves; [`ScimError::Store`].
pub async fn count_members(state: &AppState, agent: &Agent, leaving: u64) -> Result<(), ScimError> {
    let (number, now) = (u32::try_from(leaving).unwrap_or(u32::MAX), state.clock.now());
    if number == 0
        || state.store.limits().count_many(state.tenant, &MEMBERS, &subject(agent), number, now).await?
    {
        return Ok(());
    }
    tracing::error!(agent = %agent.id, leaving, most = MEMBERS.most, "the deletion guard holds members of groups");
    Err(ScimError::GuardMembers(MEMBERS.most))
}
