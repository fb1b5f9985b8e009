//! The audit chain, walked anew: what the database says of its begin, its facts and their hashes counts for nothing until it was computed
//! from something that was signed.

use std::time::Duration;

use ritorno_identity::audit_chain::Head;
use ritorno_protocol::audit::AuditHead;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::key::PublicKey;
use ritorno_storage::AuditChain;

use crate::audit_chain::ChainError;

/// For how many days facts are kept at least, whatever the database says: nobody who can write to it gets rid of what they just did.
pub const KEPT_AT_LEAST_DAYS: u32 = 30;
/// The same as a time.
pub(crate) const KEPT_AT_LEAST: Duration = Duration::from_secs(KEPT_AT_LEAST_DAYS as u64 * 24 * 3_600);
/// Facts that are read at once.
pub(crate) const AT_ONCE: u32 = 1_000;

/// Whether facts may be cut off at a head by now: not for as long as it is younger than facts are kept at least.
pub(crate) fn may_be_cut_at(head: &AuditHead, now: Timestamp) -> bool {
    head.at.plus(KEPT_AT_LEAST) <= now
}

/// Where a head leads on from; `None` if its hash is none.
pub(crate) fn from(head: &AuditHead) -> Option<Head> {
    Some(Head { position: head.position, hash: head.hash.0.as_slice().try_into().ok()? })
}

/// Where the chain begins that was cut at a position, or never if that is 0: at the head that was signed there.
///
/// # Errors
/// [`ChainError::NoCut`] if none was, or not long enough ago.
pub(crate) async fn begin(
    chain: &AuditChain<'_>,
    root: &PublicKey,
    tenant: TenantId,
    cut: u64,
    now: Timestamp,
) -> Result<Head, ChainError> {
    if cut == 0 {
        return Ok(Head::default());
    }
    let signed = chain.checkpoint_at(tenant, cut).await?;
    signed
        .and_then(|checkpoint| checkpoint.check(root, tenant).ok())
        .filter(|head| head.position == cut && may_be_cut_at(head, now))
        .and_then(|head| from(&head))
        .ok_or(ChainError::NoCut { position: cut })
}

/// Goes from a head that is known to hold up to a position, and computes each hash anew. The head there.
///
/// # Errors
/// [`ChainError::Changed`] by the first fact that is not there, or not what it was.
pub(crate) async fn recompute(
    chain: &AuditChain<'_>,
    tenant: TenantId,
    from: Head,
    to: u64,
) -> Result<Head, ChainError> {
    let mut head = from;
    while head.position < to {
        let facts = chain.linked(tenant, head.position, AT_ONCE).await?;
        if facts.is_empty() {
            return Err(ChainError::Changed { position: head.position.saturating_add(1) });
        }
        for linked in facts {
            head = head.after(&linked.fact);
            if linked.head != head {
                return Err(ChainError::Changed { position: head.position });
            }
            if head.position == to {
                break;
            }
        }
    }
    Ok(head)
}
