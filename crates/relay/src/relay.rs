//! The relay of one node: what it stands on, and how it ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use ritorno_identity::ids::NodeId;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, RequestId, TenantId};
use ritorno_protocol::link::{SILENT_AFTER, ToAgent};
use ritorno_protocol::random::Random;

use crate::dispatch_error::DispatchError;
use crate::keyring::Keyring;
use crate::ledger::{HeldLink, Ledger};
use crate::link::{Link, Links, lock};
use crate::session::Refused;
use crate::settle::Looks;
use crate::submit::Waiter;
use crate::timer::Timer;

/// An agent that lost its link waits half a minute at most before it dials again; some seconds more for the handshake.
const AGENTS_BACK_WITHIN: Duration = Duration::from_secs(40);

/// The cloud end of the agents' links on this node.
pub struct Relay {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) keyring: Arc<dyn Keyring>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) links: Links,
    /// What other nodes know this one by.
    node: NodeId,
    started_at: Timestamp,
    waiters: Mutex<HashMap<RequestId, Weak<Waiter>>>,
    pub(crate) looks: Mutex<Looks>,
    pub(crate) refused: Refused,
    closed: AtomicBool,
}

impl Relay {
    /// A relay without links.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        keyring: Arc<dyn Keyring>,
        timer: Arc<dyn Timer>,
        random: Arc<dyn Random>,
    ) -> Arc<Self> {
        let started_at = timer.now();
        let node = NodeId::random(&*random);
        let (links, waiters, looks) = (Links::default(), Mutex::default(), Mutex::default());
        Arc::new(Self {
            ledger,
            keyring,
            timer,
            random,
            links,
            node,
            started_at,
            waiters,
            looks,
            refused: Refused::new(),
            closed: AtomicBool::new(false),
        })
    }

    /// How many links are live on this node.
    pub fn live_links(&self) -> usize {
        self.links.all().len()
    }

    /// Whether that agent has a live link on this node.
    pub fn is_live(&self, tenant: TenantId, agent: AgentId) -> bool {
        self.links.get(tenant, agent).is_some()
    }

    /// Whether this node can take links, and has been up for so long that every agent which could dial it has. If not, an
    /// agent that is not connected may be none's fault but ours.
    pub async fn is_ready(&self, tenant: TenantId) -> bool {
        let now = self.timer.now();
        now >= self.started_at.plus(AGENTS_BACK_WITHIN) && self.keyring.keys(tenant, now).await.is_ok()
    }

    /// Closes an agent's link, because it was revoked.
    pub fn disconnect(&self, tenant: TenantId, agent: AgentId) {
        if let Some(link) = self.links.get(tenant, agent) {
            self.links.remove(&link);
            link.closing.notify_one();
        }
    }

    /// Sends every live agent of the tenant the signing keys in force and the recipients' chains. To be called when an
    /// agent was revoked or a key rolled; a hello does it by itself.
    ///
    /// # Errors
    /// [`DispatchError::Keyring`], [`DispatchError::Ledger`].
    pub async fn keys_changed(&self, tenant: TenantId) -> Result<(), DispatchError> {
        self.spread_keys(tenant, None).await
    }

    pub(crate) async fn spread_keys(
        &self,
        tenant: TenantId,
        except: Option<AgentId>,
    ) -> Result<(), DispatchError> {
        let now = self.timer.now();
        let keys = self.keyring.keys(tenant, now).await?;
        let standing = self.ledger.standing(tenant).await?;
        let recipients: Vec<_> = standing
            .agents
            .iter()
            .filter(|agent| agent.revoked_at.is_none())
            .flat_map(|agent| agent.chains(now))
            .collect();
        for link in self.links.of(tenant).into_iter().filter(|link| Some(link.agent) != except) {
            let frame =
                ToAgent::Keys { signing_keys: keys.certificates.clone(), recipients: recipients.clone() };
            if link.send(frame).is_err() {
                link.closing.notify_one();
            }
        }
        Ok(())
    }

    /// Tells every agent that this node goes away, and when to come back. Statements go on being taken until the links
    /// close.
    pub fn restarting(&self, after: Duration) {
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        for link in self.links.all() {
            if link.send(ToAgent::Restarting { after_ms }).is_err() {
                link.closing.notify_one();
            }
        }
    }

    /// How many requests somebody still waits for; a drain ends when there are none.
    pub fn waiting(&self) -> usize {
        lock(&self.waiters).values().filter(|waiter| waiter.strong_count() > 0).count()
    }

    /// Closes every link for good: an agent that is being welcomed at this moment gets none either.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        for link in self.links.all() {
            self.links.remove(&link);
            link.closing.notify_one();
        }
    }

    /// Whether it was closed. To be asked after a link was added: then either this tells, or the link was there to be closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// A link as other nodes see it, if it is heard of now.
    pub(crate) fn held(&self, link: &Link) -> HeldLink {
        let lease_until = self.timer.now().plus(SILENT_AFTER);
        HeldLink { agent: link.agent, link: link.id, node: self.node, lease_until }
    }

    pub(crate) fn waiter(&self, id: RequestId) -> Arc<Waiter> {
        let mut waiters = lock(&self.waiters);
        waiters.retain(|_, waiter| waiter.strong_count() > 0);
        if let Some(waiter) = waiters.get(&id).and_then(Weak::upgrade) {
            return waiter;
        }
        let waiter = Arc::new(Waiter::default());
        waiters.insert(id, Arc::downgrade(&waiter));
        waiter
    }

    pub(crate) fn waiting_for(&self, id: RequestId) -> Option<Arc<Waiter>> {
        lock(&self.waiters).get(&id).and_then(Weak::upgrade)
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Relay({} links)", self.live_links())
    }
}
