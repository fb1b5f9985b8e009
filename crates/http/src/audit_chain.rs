//! The audit chain at work: facts are linked as they come, the head is signed now and then, and both are sent to a sink; and the whole
//! chain is verified.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use ritorno_identity::audit::{Activity, Fact};
use ritorno_identity::audit_chain::{Head, Line};
use ritorno_protocol::audit::{AuditHead, Checkpoint};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::KeyCertificate;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::signed::Signed;
use ritorno_relay::keyring::Keyring as _;
use ritorno_storage::{Linked, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncBufReadExt as _;

use crate::audit_retention;
use crate::audit_walk::{self, KEPT_AT_LEAST};
use crate::keys::{Keys, KeysError};
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
/// How often it is looked for facts that are older than they are kept.
const RETAIN_EVERY: Duration = Duration::from_secs(3_600);
/// How often verifying begins anew because the chain was cut meanwhile.
const VERIFIED_ANEW: u32 = 3;

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
pub struct FileSink {
    path: PathBuf,
    name: String,
}

impl FileSink {
    /// The file at `path` on this host: another host's has facts of its own to catch up with.
    pub fn new(path: PathBuf, host: &str) -> Self {
        let name = format!("{host}:{}", path.display());
        Self { path, name }
    }
}

#[async_trait]
impl AuditSink for FileSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn take(&self, lines: &str) -> std::io::Result<()> {
        let (path, lines) = (self.path.clone(), lines.to_owned());
        // The runtime's own files tell of a failed write later than we ask whether all is on the disk.
        tokio::task::spawn_blocking(move || append(&path, lines.as_bytes())).await?
    }
}

/// Adds to a file, wholly or not at all.
fn append(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
    let before = file.metadata()?.len();
    let added = file.write_all(bytes).and_then(|()| file.sync_data());
    if added.is_err() {
        // Half a line would make the next one unreadable. If it can't be cut off, the error that is told is still the first one.
        let _ = file.set_len(before);
    }
    added
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
    /// The kept head can't be used.
    #[error("{0}")]
    Kept(#[from] KeptError),
    /// The head can't be kept.
    #[error("{0}")]
    Keep(#[from] KeysError),
    /// The chain is another one than was signed.
    #[error(
        "the audit was written anew: what was signed up to position {position} is not there, so nothing more is signed; \
         `ritorno audit verify` says more"
    )]
    Rewritten {
        /// Up to where it was signed.
        position: u64,
    },
    /// A fact is not what it was.
    #[error(
        "the fact at position {position} is not there, or not what it was when it was linked, so nothing more is signed or cut off; \
         `ritorno audit verify` says more"
    )]
    Changed {
        /// Where.
        position: u64,
    },
    /// It begins where nothing was signed.
    #[error(
        "facts are said to be cut off up to position {position}, and no head was signed there that is old enough, so nothing more is signed or \
         cut off; `ritorno audit verify` says more"
    )]
    NoCut {
        /// Where it is said to be cut.
        position: u64,
    },
}

/// Links everything that is not linked yet; `each` is told of every fact.
///
/// # Errors
/// [`StoreError`].
pub async fn link_all(store: &Store, tenant: TenantId, each: impl Fn(&Fact)) -> Result<(), StoreError> {
    loop {
        let linked = store.audit_chain().link(tenant, AT_ONCE).await?;
        linked.iter().for_each(&each);
        if linked.len() < AT_ONCE as usize {
            return Ok(());
        }
    }
}

/// The last signed head that this host knows of, which is kept outside the database: whoever has only that can't write the chain
/// anew without its being seen.
///
/// # Errors
/// What the system said, or that the file holds something else.
fn kept(keys: &Keys, tenant: TenantId) -> Result<Option<AuditHead>, KeptError> {
    let file = keys.audit_head_file();
    let bytes = match std::fs::read(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| KeptError(format!("{}: {error}", file.display())))?,
    };
    let broken = |why: String| KeptError(format!("{}: {why}", file.display()));
    let checkpoint: Checkpoint = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
    checkpoint.check(keys.root(), tenant).map(Some).map_err(|error| broken(error.to_string()))
}

/// The file with the last signed head can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeptError(String);

/// Signs the head, unless it is signed already or there is none.
///
/// # Errors
/// [`ChainError`]; nothing is signed of a chain that does not contain what was signed before.
pub async fn sign_head(state: &AppState) -> Result<Option<Checkpoint>, ChainError> {
    let (chain, tenant, now) = (state.store.audit_chain(), state.tenant, state.clock.now());
    let kept = kept(&state.keys, tenant)?;
    let cut = chain.cut_at(tenant).await?;
    // Where the chain was cut is only what the database says. What this host signed last is in the chain, unless it was cut further on, at a
    // head that was signed: the tenant's root says whether.
    let begin = match &kept {
        Some(kept) if kept.position > cut => {
            let begin = audit_walk::from(kept);
            let there = chain.hash_at(tenant, kept.position).await?;
            begin.filter(|begin| there == Some(begin.hash)).ok_or(kept.position)
        }
        Some(kept) => {
            let begin = audit_walk::begin(&chain, state.keys.root(), tenant, cut, now).await?;
            let same = kept.position < cut || begin.hash.as_slice() == kept.hash.0;
            if same { Ok(begin) } else { Err(kept.position) }
        }
        None => Ok(audit_walk::begin(&chain, state.keys.root(), tenant, cut, now).await?),
    };
    let begin = begin.map_err(|position| ChainError::Rewritten { position })?;
    let head = chain.head(tenant).await?;
    let signed = chain.last_signed(tenant).await?.max(kept.map_or(0, |kept| kept.position));
    if head.position <= signed {
        return Ok(None);
    }
    if audit_walk::recompute(&chain, tenant, begin, head.position).await? != head {
        return Err(ChainError::Changed { position: head.position });
    }
    let keys = state.keys.keys(tenant, now).await?;
    let own = keys.signing.public().id();
    let certified =
        |one: &&Signed<KeyCertificate>| one.verify(&keys.root).is_ok_and(|named| named.key.id() == own);
    let Some(certificate) = keys.certificates.iter().find(certified) else { return Ok(None) };
    let said = AuditHead { tenant, position: head.position, hash: Bytes(head.hash.to_vec()), at: now };
    let checkpoint = Checkpoint::sign(&said, &keys.signing, certificate.clone());
    chain.keep(tenant, head.position, &checkpoint).await?;
    state.keys.keep_audit_head(&serde_json::to_vec(&checkpoint).unwrap_or_default())?;
    Ok(Some(checkpoint))
}

/// Sends the sink the facts that it has not got, in their order.
///
/// # Errors
/// [`ChainError`].
pub async fn send(store: &Store, tenant: TenantId, sink: &dyn AuditSink) -> Result<(), ChainError> {
    let chain = store.audit_chain();
    loop {
        let told = chain.told(tenant, sink.name()).await?;
        let facts = chain.linked(tenant, told, AT_ONCE).await?;
        let Some(last) = facts.last().map(|linked| linked.head.position) else { return Ok(()) };
        let mut lines = String::new();
        for Linked { head, fact } in &facts {
            push(&mut lines, &SentFact { fact: Line::new(head.position, fact), hash: hex(&head.hash) });
        }
        sink.take(&lines).await?;
        chain.set_told(tenant, sink.name(), last).await?;
    }
}

/// Sends the sink a signed head.
///
/// # Errors
/// What the sink said.
pub async fn send_head(sink: &dyn AuditSink, checkpoint: &Checkpoint) -> std::io::Result<()> {
    let mut line = String::new();
    push(&mut line, &SentCheckpoint { checkpoint });
    sink.take(&line).await
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

/// What a round has to know of the ones before.
struct Rounds {
    /// Facts from before are not counted: they were, or nobody counted yet.
    since: Timestamp,
    /// When the head was signed last.
    signed: Option<Timestamp>,
    /// A signed head that the sink has not got.
    unsent: Option<Checkpoint>,
    /// When it was looked last for facts that are older than they are kept.
    retained: Option<Timestamp>,
}

/// Links, signs and sends for as long as it is let.
pub async fn work(state: AppState, sink: Option<Box<dyn AuditSink>>) {
    let mut rounds = Rounds { since: state.clock.now(), signed: None, unsent: None, retained: None };
    loop {
        let pause = match round(&state, sink.as_deref(), &mut rounds).await {
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
    rounds: &mut Rounds,
) -> Result<(), ChainError> {
    let since = rounds.since;
    link_all(&state.store, state.tenant, |fact| {
        if fact.at >= since {
            measures::fact(fact);
        }
    })
    .await?;
    // What is not signed yet is sent all the same, so that a chain that is not signed any more is seen elsewhere too.
    if let Some(sink) = sink {
        send(&state.store, state.tenant, sink).await?;
    }
    let now = state.clock.now();
    if rounds.signed.is_none_or(|at| now.since(at) >= SIGN_EVERY) {
        if let Some(made) = sign_head(state).await? {
            rounds.unsent = Some(made);
        }
        rounds.signed = Some(now);
    }
    if let (Some(sink), Some(checkpoint)) = (sink, &rounds.unsent) {
        send_head(sink, checkpoint).await?;
        rounds.unsent = None;
    }
    if rounds.retained.is_none_or(|at| now.since(at) >= RETAIN_EVERY) {
        audit_retention::retain(state, sink.map(|sink| sink.name())).await?;
        rounds.retained = Some(now);
    }
    Ok(())
}

/// A chain that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How far it goes.
    pub head: Head,
    /// The position up to which facts were cut off, by the tenant's retention; 0 if none were.
    pub cut: u64,
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
    /// The begin is not there, and no signed head with a fact that tells of the cut.
    #[error("position {0}: facts were cut off, and no signed head and no later fact tells of that")]
    Cut(u64),
    /// The begin was cut off too early.
    #[error("position {0}: facts were cut off sooner than they may be")]
    CutEarly(u64),
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
    /// The head that is kept beside the root key is not in the chain.
    #[error("position {0}: what this host signed last is not what is there: the chain was written anew")]
    Kept(u64),
    /// The kept head can't be used.
    #[error("{0}")]
    Unusable(#[from] KeptError),
    /// A line of a file says another thing.
    #[error("{file}, line {line}: {why}", file = file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// The database failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Verifies the whole chain, every signed head up to the tenant's root, and that the one which is kept outside the database is in it.
/// `progress` is told each position that was reached. If facts are cut off meanwhile, it begins anew.
///
/// # Errors
/// [`VerifyError`], by the first thing that does not hold.
pub async fn verify(
    store: &Store,
    keys: &Keys,
    tenant: TenantId,
    now: Timestamp,
    progress: impl Fn(u64),
) -> Result<Verified, VerifyError> {
    let chain = store.audit_chain();
    let mut tries = 0;
    loop {
        let before = (chain.cut_at(tenant).await?, chain.head(tenant).await?.position);
        let verified = verify_from(store, keys, tenant, before.0, now, &progress).await;
        tries += 1;
        if tries > VERIFIED_ANEW || !matches!(verified, Err(VerifyError::Missing(_) | VerifyError::Cut(_))) {
            return verified;
        }
        // A cut moves first, and the fact that tells of it is linked after it.
        link_all(store, tenant, |_| {}).await?;
        if (chain.cut_at(tenant).await?, chain.head(tenant).await?.position) == before {
            return verified;
        }
    }
}

/// Verifies the chain from where it was cut.
async fn verify_from(
    store: &Store,
    keys: &Keys,
    tenant: TenantId,
    cut: u64,
    now: Timestamp,
    progress: &impl Fn(u64),
) -> Result<Verified, VerifyError> {
    let (chain, kept) = (store.audit_chain(), kept(keys, tenant)?);
    // Before the facts are read, since it moves on meanwhile.
    let known = chain.head(tenant).await?;
    let checkpoints = chain.checkpoints(tenant).await?;
    let count = checkpoints.len();
    let mut signed = BTreeMap::new();
    for (position, checkpoint) in checkpoints {
        let broken = |why: String| VerifyError::Checkpoint { position, why };
        let head = checkpoint.check(keys.root(), tenant).map_err(|error| broken(error.to_string()))?;
        if head.position != position {
            return Err(broken(format!("it was signed for position {}", head.position)));
        }
        signed.insert(position, head);
    }
    // What was cut off is verified no more; the head that was signed there says how the chain goes on.
    let cut_head = signed.get(&cut).cloned();
    let mut head = match (cut, &cut_head) {
        (0, _) => Head::default(),
        (_, Some(signed)) if !audit_walk::may_be_cut_at(signed, now) => {
            return Err(VerifyError::CutEarly(cut));
        }
        (_, signed) => signed.as_ref().and_then(audit_walk::from).ok_or(VerifyError::Cut(cut))?,
    };
    if cut > 0 && kept.as_ref().is_some_and(|kept| kept.position == cut && kept.hash.0 != head.hash) {
        return Err(VerifyError::Kept(cut));
    }
    // A fact that tells of the cut says when it was.
    let early = |at: Timestamp| cut_head.as_ref().is_some_and(|cut| at < cut.at.plus(KEPT_AT_LEAST));
    let mut signed = signed.split_off(&cut.saturating_add(1));
    let mut cut_is_told = cut == 0;
    loop {
        let facts = chain.linked(tenant, head.position, audit_walk::AT_ONCE).await?;
        if facts.is_empty() {
            break;
        }
        for linked in facts {
            cut_is_told |= linked.fact.activity == Activity::AuditCut
                && linked.fact.reason == audit_retention::reason(cut)
                && !early(linked.fact.at);
            let next = head.after(&linked.fact);
            if linked.head.position != next.position {
                return Err(VerifyError::Missing(next.position));
            }
            if linked.head.hash != next.hash {
                return Err(VerifyError::Changed(next.position));
            }
            if signed.remove(&next.position).is_some_and(|signed| signed.hash.0 != next.hash) {
                let why = "every fact up to it was written anew".to_owned();
                return Err(VerifyError::Checkpoint { position: next.position, why });
            }
            if kept.as_ref().is_some_and(|kept| kept.position == next.position && kept.hash.0 != next.hash) {
                return Err(VerifyError::Kept(next.position));
            }
            head = next;
        }
        progress(head.position);
    }
    let farthest = signed.keys().last().copied().unwrap_or(0).max(known.position);
    let farthest = farthest.max(kept.map_or(0, |kept| kept.position));
    if head.position < farthest {
        return Err(VerifyError::Shorter { found: head.position, known: farthest });
    }
    if !cut_is_told {
        return Err(VerifyError::Cut(cut));
    }
    Ok(Verified { head, cut, checkpoints: count, unlinked: chain.count_unlinked(tenant).await? })
}

/// A line of a file, as it is read back.
#[derive(Deserialize)]
#[serde(untagged)]
enum Read {
    Fact { fact: Placed, hash: String },
    Checkpoint { checkpoint: Checkpoint },
}

#[derive(Deserialize)]
struct Placed {
    position: u64,
}

/// Compares what a sink's file has with the database, whose chain has been verified. How many lines there are; those of facts that were cut
/// off since have nothing to be compared with, but for the signatures of heads.
///
/// # Errors
/// [`VerifyError::File`] by the first line that the database does not have so.
pub async fn compare(
    store: &Store,
    keys: &Keys,
    tenant: TenantId,
    file: &Path,
) -> Result<usize, VerifyError> {
    let chain = store.audit_chain();
    let wrong = |line: usize, why: String| VerifyError::File { file: file.to_owned(), line, why };
    let text = tokio::fs::File::open(file).await.map_err(|error| wrong(0, error.to_string()))?;
    let mut lines = tokio::io::BufReader::new(text).lines();
    let cut = chain.cut_at(tenant).await?;
    let (mut number, mut near) = (0, BTreeMap::new());
    while let Some(line) = lines.next_line().await.map_err(|error| wrong(number + 1, error.to_string()))? {
        number += 1;
        let (position, hash) = match serde_json::from_str(&line) {
            Err(error) => return Err(wrong(number, error.to_string())),
            Ok(Read::Fact { fact, hash }) => (fact.position, hash),
            Ok(Read::Checkpoint { checkpoint }) => {
                let head = checkpoint
                    .check(keys.root(), tenant)
                    .map_err(|error| wrong(number, error.to_string()))?;
                (head.position, hex(&head.hash.0))
            }
        };
        if position <= cut {
            continue;
        }
        if !near.contains_key(&position) {
            let some = chain.linked(tenant, position.saturating_sub(1), audit_walk::AT_ONCE).await?;
            near = some.into_iter().map(|linked| (linked.head.position, hex(&linked.head.hash))).collect();
        }
        if near.get(&position) != Some(&hash) {
            return Err(wrong(
                number,
                format!("the database has another fact at position {position}, or none"),
            ));
        }
    }
    Ok(number)
}
