//! The deletion guard in the tenant: deletes and disables of one agent's people are counted over 24 hours. The agent has
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
