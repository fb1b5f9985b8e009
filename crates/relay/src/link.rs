//! Live links, and what each is known to be able to do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ritorno_identity::ids::LinkId;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, EpochId, Forest, KeyId, TenantId};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::link::{HEALTH_STALE_AFTER, Health, ToAgent};
use ritorno_protocol::query::Found;
use ritorno_protocol::signed::{Signable, Signed};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use uuid::Uuid;

/// Frames that may wait for a slow socket.
const OUTBOX: usize = 256;
/// Requests that one agent works on at the same time, and as many questions.
pub const IN_FLIGHT: usize = 64;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One live link to one agent.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) tenant: TenantId,
    pub(crate) agent: AgentId,
    pub(crate) epoch: EpochId,
    /// What other nodes know it by.
    pub(crate) id: LinkId,
    /// Whether the agent can be told to begin nothing without a go-ahead.
    pub(crate) go_ahead: bool,
    pub(crate) in_flight: Arc<Semaphore>,
    pub(crate) asked: Semaphore,
    pub(crate) closing: Notify,
    outbox: mpsc::Sender<ToAgent>,
    keys: Mutex<LinkKeys>,
    known: Mutex<Known>,
    questions: Mutex<HashMap<Uuid, oneshot::Sender<Found>>>,
    unanswered: AtomicU32,
}

/// The agent's keys as far as this link needs them.
#[derive(Debug)]
pub(crate) struct LinkKeys {
    /// What its statements may be signed with. A key that was replaced while the link was up stays until its end, since
    /// statements may have been under way.
    pub(crate) identities: Vec<PublicKey>,
    /// The sealing key in use.
    pub(crate) sealing: KeyId,
    /// The sealing keys that it replaced, each with the first moment at which it counts no more.
    pub(crate) former: Vec<(KeyId, Timestamp)>,
}

#[derive(Debug, Default)]
struct Known {
    report: Option<Report>,
    skew_ms: u64,
}

/// The latest health report.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) health: Health,
    pub(crate) received_at: Timestamp,
    pub(crate) unreachable_since: Option<Timestamp>,
}

/// The link is gone: what was to be sent was provably not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotSent;

impl Link {
    pub(crate) fn new(
        tenant: TenantId,
        agent: AgentId,
        epoch: EpochId,
        id: LinkId,
        go_ahead: bool,
        keys: LinkKeys,
        skew_ms: u64,
    ) -> (Arc<Self>, mpsc::Receiver<ToAgent>) {
        let (outbox, frames) = mpsc::channel(OUTBOX);
        let link = Self {
            tenant,
            agent,
            epoch,
            id,
            go_ahead,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            asked: Semaphore::new(IN_FLIGHT),
            closing: Notify::new(),
            outbox,
            keys: Mutex::new(keys),
            known: Mutex::new(Known { report: None, skew_ms }),
            questions: Mutex::default(),
            unanswered: AtomicU32::new(0),
        };
        (Arc::new(link), frames)
    }

    /// Queues a frame; a full queue counts as a dead link.
    pub(crate) fn send(&self, frame: ToAgent) -> Result<(), NotSent> {
        self.outbox.try_send(frame).map_err(|_| NotSent)
    }

    /// The content of something that the agent signed on this link; none if it did not.
    pub(crate) fn verify<T: Signable>(&self, signed: &Signed<T>) -> Option<T> {
        let keys = lock(&self.keys);
        let key = keys.identities.iter().find(|key| key.id() == signed.key())?;
        signed.verify(key).ok()
    }

    /// Whether the agent can open what was sealed for `keys`.
    pub(crate) fn opens(&self, keys: &[KeyId], now: Timestamp) -> bool {
        let own = lock(&self.keys);
        let former = own.former.iter().filter(|(_, until)| now < *until).map(|(key, _)| key);
        std::iter::once(&own.sealing).chain(former).any(|key| keys.contains(key))
    }

    /// The agent rolled its keys.
    pub(crate) fn rolled(&self, rolled: LinkKeys) {
        let mut keys = lock(&self.keys);
        let before = std::mem::replace(&mut *keys, rolled).identities;
        for identity in before {
            if !keys.identities.contains(&identity) {
                keys.identities.push(identity);
            }
        }
    }

    /// Keeps a health report. The skew that it shows includes the way here.
    pub(crate) fn report_health(&self, health: Health, now: Timestamp) {
        // Whoever hung is tried again after a while.
        self.unanswered.store(self.unanswered() / 2, Ordering::Relaxed);
        let mut known = lock(&self.known);
        let reachable = health.forests.iter().any(|forest| forest.reachable);
        let before = known.report.as_ref().and_then(|report| report.unreachable_since);
        known.skew_ms = health.at.unix_ms().abs_diff(now.unix_ms());
        known.report = Some(Report {
            health,
            received_at: now,
            unreachable_since: (!reachable).then(|| before.unwrap_or(now)),
        });
    }

    /// The latest report, unless it is stale.
    pub(crate) fn report(&self, now: Timestamp) -> Option<Report> {
        lock(&self.known).report.clone().filter(|report| now <= report.received_at.plus(HEALTH_STALE_AFTER))
    }

    /// By how much the agent's clock differed from ours when it was last heard, in milliseconds.
    pub(crate) fn skew_ms(&self) -> u64 {
        lock(&self.known).skew_ms
    }

    /// Whether a request for somebody of `forest` would reach the directory now.
    pub(crate) fn reaches(&self, forest: &Forest, now: Timestamp) -> bool {
        self.report(now).is_some_and(|report| {
            report.health.writeback_on
                && report.health.forests.iter().any(|known| known.forest == *forest && known.reachable)
        })
    }

    /// How far the forest's PDC emulator is by way of this agent, in milliseconds.
    pub(crate) fn distance_ms(&self, forest: &Forest, now: Timestamp) -> u64 {
        self.report(now).map_or(u64::MAX, |report| report.health.distance_ms(forest))
    }

    pub(crate) fn expect_answer(&self, id: Uuid) -> oneshot::Receiver<Found> {
        let (answer, answered) = oneshot::channel();
        let mut questions = lock(&self.questions);
        questions.retain(|_, waiting| !waiting.is_closed());
        questions.insert(id, answer);
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        answered
    }

    /// Questions since it last answered one: few if it is idle, more under load, many if it hangs.
    pub(crate) fn unanswered(&self) -> u32 {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Hands an answer to whoever asked. An answer that nobody waits for is dropped.
    pub(crate) fn answer(&self, id: Uuid, found: Found) {
        self.unanswered.store(0, Ordering::Relaxed);
        if let Some(waiting) = lock(&self.questions).remove(&id) {
            // The asker may have gone; then nobody wants it.
            let _ = waiting.send(found);
        }
    }
}

/// Every live link of this node.
#[derive(Debug, Default)]
pub(crate) struct Links(Mutex<HashMap<(TenantId, AgentId), Arc<Link>>>);

impl Links {
    /// Adds a link. An older link of the same agent is closed: the agent dials again only when it has lost the first.
    pub(crate) fn add(&self, link: &Arc<Link>) {
        if let Some(older) = lock(&self.0).insert((link.tenant, link.agent), link.clone()) {
            older.closing.notify_one();
        }
    }

    /// Removes that very link, not a newer one of the same agent.
    pub(crate) fn remove(&self, link: &Arc<Link>) {
        let mut links = lock(&self.0);
        let key = (link.tenant, link.agent);
        if links.get(&key).is_some_and(|live| Arc::ptr_eq(live, link)) {
            links.remove(&key);
        }
    }

    pub(crate) fn get(&self, tenant: TenantId, agent: AgentId) -> Option<Arc<Link>> {
        lock(&self.0).get(&(tenant, agent)).cloned()
    }

    pub(crate) fn of(&self, tenant: TenantId) -> Vec<Arc<Link>> {
        lock(&self.0).values().filter(|link| link.tenant == tenant).cloned().collect()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Link>> {
        lock(&self.0).values().cloned().collect()
    }
}
