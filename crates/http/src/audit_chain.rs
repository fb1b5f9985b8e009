//! The audit chain at work: facts are linked as they come, the head is signed now and then, and both are sent to a sink; and the whole
//! chain is verified.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use ritorno_identity::audit_chain::{Head, Line};
use ritorno_protocol::audit::{AuditHead, Checkpoint};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::KeyCertificate;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::signed::Signed;
use ritorno_relay::keyring::Keyring as _;
use ritorno_storage::{Linked, Store, StoreError};
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;

use crate::measures;
use crate::state::AppState;

/// How often it is looked for facts that are not linked yet.
const LINK_EVERY: Duration = Duration::from_secs(1);
/// How long after a fault it is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Facts that are linked in one transaction.
const AT_ONCE: u32 = 200;
/// How long a head may go unsigned.
const SIGN_EVERY: Duration = Duration::from_secs(10 * 60);
/// Facts that are verified at once.
const VERIFIED_AT_ONCE: u32 = 1_000;

/// Where linked facts and signed heads are sent, so that nobody who gets hold of the database can change what was said.
#[async_trait]
pub trait AuditSink: Send + Sync {
    /// Its name, by which is kept what it has.
    fn name(&self) -> &str;

    /// Takes lines, each with an end. They are there for good when this returns; what it had before a fault may come again.
    ///
    /// # Errors
    /// Why not.
    async fn take(&self, lines: &str) -> std::io::Result<()>;
}

/// A file that lines are added to. It may be moved away at any time; the next lines begin another.
pub struct FileSink(pub PathBuf);

#[async_trait]
impl AuditSink for FileSink {
    fn name(&self) -> &'static str {
        "file"
    }

    async fn take(&self, lines: &str) -> std::io::Result<()> {
        let mut options = tokio::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).mode(0o640).open(&self.0).await?;
        file.write_all(lines.as_bytes()).await?;
        file.sync_data().await
    }
}

/// A fact as a sink has it, with its hash in hexadecimal.
#[derive(Serialize)]
struct SentFact {
    fact: Line,
    hash: String,
}

/// A signed head as a sink has it.
#[derive(Serialize)]
struct SentCheckpoint<'a> {
    checkpoint: &'a Checkpoint,
}

/// Why the chain does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The database failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// There is no key to sign with.
    #[error("{0}")]
    Keys(#[from] ritorno_relay::keyring::KeyringError),
    /// The sink takes nothing.
    #[error("the sink takes nothing: {0}")]
    Sink(#[from] std::io::Error),
}

/// Links everything that is not linked yet, and counts it.
///
/// # Errors
/// [`StoreError`].
pub async fn link_all(store: &Store, tenant: TenantId) -> Result<(), StoreError> {
    loop {
        let linked = store.audit_chain().link(tenant, AT_ONCE).await?;
        linked.iter().for_each(measures::fact);
        if linked.len() < AT_ONCE as usize {
            return Ok(());
        }
    }
}

/// Signs the head, unless it is signed already or there is none.
///
/// # Errors
/// [`ChainError`].
pub async fn sign_head(state: &AppState) -> Result<Option<Checkpoint>, ChainError> {
    let (chain, tenant, now) = (state.store.audit_chain(), state.tenant, state.clock.now());
    let head = chain.head(tenant).await?;
    let signed = chain.checkpoints(tenant).await?.last().map_or(0, |(position, _)| *position);
    if head.position <= signed {
        return Ok(None);
    }
    let keys = state.keys.keys(tenant, now).await?;
    let own = keys.signing.public().id();
    let certified =
        |one: &&Signed<KeyCertificate>| one.verify(&keys.root).is_ok_and(|named| named.key.id() == own);
    let Some(certificate) = keys.certificates.iter().find(certified) else { return Ok(None) };
    let said = AuditHead { tenant, position: head.position, hash: Bytes(head.hash.to_vec()), at: now };
    let checkpoint = Checkpoint::sign(&said, &keys.signing, certificate.clone());
    chain.keep(tenant, head.position, &checkpoint).await?;
    Ok(Some(checkpoint))
}

/// Sends the sink what it has not got, facts and signed heads in their order.
///
/// # Errors
/// [`ChainError`].
pub async fn send(store: &Store, tenant: TenantId, sink: &dyn AuditSink) -> Result<(), ChainError> {
    let chain = store.audit_chain();
    loop {
        let told = chain.told(tenant, sink.name()).await?;
        let facts = chain.linked(tenant, told, AT_ONCE).await?;
        let Some(last) = facts.last().map(|linked| linked.head.position) else { return Ok(()) };
        let checkpoints: BTreeMap<u64, Checkpoint> = chain.checkpoints(tenant).await?.into_iter().collect();
        let mut lines = String::new();
        for Linked { head, fact } in &facts {
            let line = Line::new(head.position, fact);
            push(&mut lines, &SentFact { fact: line, hash: hex(&head.hash) });
            if let Some(checkpoint) = checkpoints.get(&head.position) {
                push(&mut lines, &SentCheckpoint { checkpoint });
            }
        }
        sink.take(&lines).await?;
        chain.set_told(tenant, sink.name(), last).await?;
    }
}

fn push(lines: &mut String, sent: &impl Serialize) {
    lines.push_str(&serde_json::to_string(sent).expect("texts and numbers always serialise"));
    lines.push('\n');
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Links, signs and sends for as long as it is let.
pub async fn work(state: AppState, sink: Option<Box<dyn AuditSink>>) {
    let mut signed: Option<Timestamp> = None;
    loop {
        let pause = match round(&state, sink.as_deref(), &mut signed).await {
            Ok(()) => LINK_EVERY,
            Err(error) => {
                tracing::error!(%error, "the audit chain does not go on; it is tried again");
                AGAIN_AFTER
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn round(
    state: &AppState,
    sink: Option<&dyn AuditSink>,
    signed: &mut Option<Timestamp>,
) -> Result<(), ChainError> {
    link_all(&state.store, state.tenant).await?;
    let now = state.clock.now();
    if signed.is_none_or(|at| now.since(at) >= SIGN_EVERY) {
        let made = sign_head(state).await?;
        *signed = Some(now);
        // The facts up to it may have been sent before it was signed.
        if let (Some(checkpoint), Some(sink)) = (made, sink) {
            send(&state.store, state.tenant, sink).await?;
            let mut line = String::new();
            push(&mut line, &SentCheckpoint { checkpoint: &checkpoint });
            sink.take(&line).await?;
            return Ok(());
        }
    }
    match sink {
        Some(sink) => send(&state.store, state.tenant, sink).await,
        None => Ok(()),
    }
}

/// A chain that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How far it goes.
    pub head: Head,
    /// How many signed heads it has.
    pub checkpoints: usize,
    /// Facts that are not linked yet.
    pub unlinked: u32,
}

/// Where and why a chain does not hold.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A fact is not there.
    #[error("position {0}: the fact is not there")]
    Missing(u64),
    /// A fact is not what it was.
    #[error("position {0}: the fact is not what it was when it was linked")]
    Changed(u64),
    /// The end is not there.
    #[error("the chain ends at position {found}, and came to {known} once")]
    Shorter {
        /// Where it ends.
        found: u64,
        /// Where it came to, by the head or by what was signed.
        known: u64,
    },
    /// A signed head says another thing.
    #[error("position {position}: what was signed is not what is there: {why}")]
    Checkpoint {
        /// The position.
        position: u64,
        /// Why.
        why: String,
    },
    /// The database failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Verifies the whole chain, and every signed head up to the tenant's root. `progress` is told each position that was reached.
///
/// # Errors
/// [`VerifyError`], by the first thing that does not hold.
pub async fn verify(
    store: &Store,
    tenant: TenantId,
    root: &PublicKey,
    progress: impl Fn(u64),
) -> Result<Verified, VerifyError> {
    let chain = store.audit_chain();
    // Before the facts are read, since it moves on meanwhile.
    let known = chain.head(tenant).await?;
    let checkpoints = chain.checkpoints(tenant).await?;
    let count = checkpoints.len();
    let mut signed = BTreeMap::new();
    for (position, checkpoint) in checkpoints {
        let broken = |why: String| VerifyError::Checkpoint { position, why };
        let head = checkpoint.check(root, tenant).map_err(|error| broken(error.to_string()))?;
        if head.position != position {
            return Err(broken(format!("it was signed for position {}", head.position)));
        }
        signed.insert(position, head.hash);
    }
    let mut head = Head::default();
    loop {
        let facts = chain.linked(tenant, head.position, VERIFIED_AT_ONCE).await?;
        if facts.is_empty() {
            break;
        }
        for linked in facts {
            let next = head.after(&linked.fact);
            if linked.head.position != next.position {
                return Err(VerifyError::Missing(next.position));
            }
            if linked.head.hash != next.hash {
                return Err(VerifyError::Changed(next.position));
            }
            if signed.remove(&next.position).is_some_and(|hash| hash.0 != next.hash) {
                let why = "every fact up to it was written anew".to_owned();
                return Err(VerifyError::Checkpoint { position: next.position, why });
            }
            head = next;
        }
        progress(head.position);
    }
    let farthest = signed.keys().last().copied().unwrap_or(0).max(known.position);
    if head.position < farthest {
        return Err(VerifyError::Shorter { found: head.position, known: farthest });
    }
    Ok(Verified { head, checkpoints: count, unlinked: chain.count_unlinked(tenant).await? })
}
