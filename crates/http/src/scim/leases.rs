//! Under which sync lease an agent's request comes: an older epoch than the connector's newest is a former active agent that does not know
//! yet. Whatever the request writes looks for the lease once more in its own transaction ([`ritorno_storage::fence`]).

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use ritorno_identity::agent::Agent;
use ritorno_protocol::ids::Forest;
use ritorno_protocol::scim::{CONNECTOR_HEADER, LEASE_EPOCH_HEADER};
use ritorno_storage::fence::{self, Fence};

use super::error::ScimError;
use crate::state::AppState;

/// How far an epoch that was not given out may be ahead of the time in seconds: one far ahead would keep every other agent out.
const AHEAD: i64 = 24 * 3_600;

/// Lets what a request writes be put under its lease.
pub(super) async fn fenced(request: Request, next: Next) -> Response {
    fence::fenced(next.run(request)).await
}

/// Takes note of the lease that a request names, if it names one, and puts whatever it writes under it.
///
/// # Errors
/// [`ScimError::Lease`] if another one is newer; [`ScimError::NotYours`] for a connector of another agent's; [`ScimError::Value`];
/// [`ScimError::Store`].
pub(super) async fn under(state: &AppState, agent: &Agent, headers: &HeaderMap) -> Result<(), ScimError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(epoch) = text(LEASE_EPOCH_HEADER) else { return Ok(()) };
    let now = state.clock.now().unix_ms() / 1_000;
    let wrong = || ScimError::Value(format!("{LEASE_EPOCH_HEADER} is no epoch of a lease"));
    let epoch: i64 = epoch.parse().ok().filter(|epoch| *epoch >= 0).ok_or_else(wrong)?;
    let connector = text(CONNECTOR_HEADER)
        .ok_or_else(|| ScimError::Value(format!("{LEASE_EPOCH_HEADER} comes with {CONNECTOR_HEADER}")))?;
    if !agent.forests.contains(&Forest(connector.to_owned())) {
        return Err(ScimError::NotYours);
    }
    let leases = state.store.sync_leases();
    // What was given out holds, however often it was asked for.
    if epoch > now.saturating_add(AHEAD) && leases.newest(state.tenant, connector).await? < Some(epoch) {
        return Err(wrong());
    }
    leases.hold(state.tenant, connector, agent.id, epoch).await??;
    fence::set(Fence { tenant: state.tenant, connector: connector.to_owned(), epoch });
    Ok(())
}
