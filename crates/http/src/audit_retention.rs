//! Audit facts that are older than the tenant keeps them go, up to a signed head: from there on the rest is verified, as before.

use std::time::Duration;

use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};

use crate::audit_chain::ChainError;
use crate::audit_walk::{self, KEPT_AT_LEAST_DAYS};
use crate::state::AppState;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// How much older than they are kept facts are when they go: a head is signed some minutes after what it is about, and is as old then, too.
const SPARE: Duration = Duration::from_secs(3_600);

/// What the fact says that tells of a cut at `position`.
pub(crate) fn reason(position: u64) -> String {
    format!("up to position {position}")
}

/// Cuts off what is older than the tenant keeps it, as far as the sink has it, and deletes what was cut off; up to which position, if it did.
/// The fact that tells of it is in the chain that goes on, so that nobody cuts without its being seen.
///
/// # Errors
/// [`ChainError`]; nothing is cut off at a head that is not the chain's, and of facts that are not what they were.
pub async fn retain(state: &AppState, sink: Option<&str>) -> Result<Option<u64>, ChainError> {
    let (chain, tenant, now) = (state.store.audit_chain(), state.tenant, state.clock.now());
    let root = state.keys.root();
    // Who can write to the database can say anything of where it was cut, and for how long facts are kept.
    let was = chain.cut_at(tenant).await?;
    let begin = audit_walk::begin(&chain, root, tenant, was, now).await?;
    let days = chain.kept_days(tenant).await?.map(|days| days.max(KEPT_AT_LEAST_DAYS));
    let mut cut = None;
    if let Some(days) = days
        && let Some((position, checkpoint)) =
            chain.last_before(tenant, now.minus(DAY * days).minus(SPARE)).await?
    {
        let told = match sink {
            Some(sink) => chain.told(tenant, sink).await?,
            None => u64::MAX,
        };
        let signed = checkpoint.check(root, tenant).ok().filter(|head| head.position == position);
        let signed = signed.ok_or(ChainError::Rewritten { position })?;
        // Every fact is what it was, or it stays, and its traces with it.
        let there = audit_walk::recompute(&chain, tenant, begin, position).await?;
        if audit_walk::from(&signed) != Some(there) {
            return Err(ChainError::Rewritten { position });
        }
        let fact = Fact {
            id: FactId::random(&*state.random),
            tenant,
            at: now,
            activity: Activity::AuditCut,
            actor: Actor::System,
            target: None,
            from: None,
            success: Success::Success,
            reason: reason(position),
            support_code: None,
            correlation: CorrelationId::random(&*state.random),
            request: None,
        };
        let old_enough = signed.at <= now.minus(DAY * days);
        if old_enough && position <= told && chain.cut(tenant, position, &fact).await? {
            tracing::info!(position, days, "audit facts that are older than they are kept were cut off");
            cut = Some(position);
        }
    }
    while chain.sweep(tenant).await? {}
    Ok(cut)
}
