//! What of an agent, or of a program's token, the deletion guards hold, and the approval of exactly such a list.

use std::time::Duration;

use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::provisioner::Provisioner;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::AgentId;
use ritorno_protocol::sync_report::APPROVED_SECONDS;
use ritorno_storage::StoreError;
use uuid::Uuid;

use crate::operator::Operator;
use crate::scim::guard;
use crate::state::AppState;

/// Whose id that is, and what they are called; also a token that holds no more, whose list nobody asks for again.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn named(state: &AppState, id: Uuid) -> Result<Option<(Provisioner, String)>, StoreError> {
    let (store, tenant) = (&state.store, state.tenant);
    let agent = store.agents().list(tenant).await?.into_iter().find(|one| one.id.0 == id);
    if let Some(agent) = agent {
        return Ok(Some((agent.id.into(), agent.name)));
    }
    let token = store.api_tokens().list(tenant).await?.into_iter().find(|one| one.id.0 == id);
    Ok(token.map(|token| (token.id.into(), token.name)))
}

/// Lets the list of that digest through which the tenant's guard holds; how many removals it has. `None` if another list waits now.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn approve(
    state: &AppState,
    operator: &Operator,
    by: Provisioner,
    digest: &str,
) -> Result<Option<usize>, StoreError> {
    let told = |reason| operator.fact(state, Activity::RemovalsApproved, Success::Success, reason, None);
    guard::approve(&state.store, operator.tenant.id, by, digest, state.clock.now(), told).await
}

/// Lets the list of that digest through which an agent's own guard holds since the moment that was shown; how many removals it has. `None` if
/// another list waits now, or the agent did not tell all of it. The agent takes the approval up with its next report.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn approve_export(
    state: &AppState,
    operator: &Operator,
    agent: AgentId,
    digest: &str,
    held_since: impl Fn(Timestamp) -> bool,
) -> Result<Option<u64>, StoreError> {
    let (tenant, reports) = (operator.tenant.id, state.store.sync_reports());
    let all = reports.list(tenant).await?;
    let told = all.iter().find(|told| told.agent == agent).map(|told| &told.report);
    let found = told.and_then(|report| report.held(digest));
    let shown = found.filter(|(_, held)| held.is_whole() && held_since(held.since));
    let Some((connector, held)) = shown else { return Ok(None) };
    let reason = format!("agent {agent}: {} removals of {}, {digest}", held.number, connector.name);
    let fact = operator.fact(state, Activity::RemovalsApproved, Success::Success, reason, None);
    let until = state.clock.now().plus(Duration::from_secs(APPROVED_SECONDS));
    reports.approve(tenant, agent, digest, held.since, until, &fact).await?;
    Ok(Some(held.number))
}
