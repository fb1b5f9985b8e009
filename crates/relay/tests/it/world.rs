//! A tenant with agents: keys, rows in memory, and a clock that is moved by hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ritorno_identity::agent::Agent;
use ritorno_identity::agent_forests::ForestClaim;
use ritorno_identity::licence::Grant;
use ritorno_identity::user::{Mastered, OnPremises, Provisioned, User};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole, RecipientChain};
use ritorno_protocol::clock::{Clock, Timestamp};
use ritorno_protocol::envelope::{Operation, Passwords, seal};
use ritorno_protocol::ids::{
    AgentId, EpochId, Forest, RequestId, SourceAnchor, SupportCode, TenantId, UserId,
};
use ritorno_protocol::key::{OpeningKey, PublicKey, SigningKey};
use ritorno_protocol::link::{ForestHealth, Health, Hello, ToAgent, ToRelay};
use ritorno_protocol::outcome::{Done, Operator, Outcome, Settled};
use ritorno_protocol::random::Random;
use ritorno_protocol::secret::Password;
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::{Says, Statement};
use ritorno_relay::dispatch_error::DispatchError;
use ritorno_relay::frames::{Frames, Gone, Received};
use ritorno_relay::keyring::{Keyring, KeyringError, TenantKeys};
use ritorno_relay::relay::Relay;
use ritorno_relay::session::LinkEnd;
use ritorno_relay::submit::NewRequest;
use ritorno_relay::timer::Timer;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::memory::{Memory, Rows};

pub(crate) const START: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

pub(crate) fn forest() -> Forest {
    Forest("contoso.test".into())
}

/// A clock that stands until it is moved.
pub(crate) struct Time(watch::Sender<Timestamp>);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }
}

#[async_trait]
impl Timer for Time {
    async fn sleep_until(&self, moment: Timestamp) {
        let mut seen = self.0.subscribe();
        // The sender lives as long as the timer itself.
        let _ = seen.wait_for(|now| *now >= moment).await;
    }
}

/// Every task runs until it waits for something.
pub(crate) async fn settle() {
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
}

impl Time {
    pub(crate) async fn advance(&self, by: Duration) {
        settle().await;
        self.0.send_modify(|now| *now = now.plus(by));
        settle().await;
    }

    /// Moves the clock in small steps until `task` is over, and says what came of it and how long it took.
    pub(crate) async fn until_over<T>(&self, task: JoinHandle<T>) -> (T, Duration) {
        let started = self.now();
        settle().await;
        while !task.is_finished() {
            assert!(self.now().since(started) < Duration::from_secs(300), "it never ends");
            self.advance(Duration::from_millis(100)).await;
        }
        (task.await.unwrap(), self.now().since(started))
    }
}

/// Different bytes at each call, the same in each run.
#[derive(Default)]
pub(crate) struct Chance(AtomicU64);

impl Random for Chance {
    fn fill(&self, out: &mut [u8]) {
        let mut state =
            self.0.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66;
        for byte in out {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 33).to_le_bytes()[0];
        }
    }
}

struct Fixed(Arc<TenantKeys>);

#[async_trait]
impl Keyring for Fixed {
    async fn keys(&self, _: TenantId, _: Timestamp) -> Result<Arc<TenantKeys>, KeyringError> {
        Ok(self.0.clone())
    }
}

/// A tenant, its relay and what it stands on.
pub(crate) struct World {
    pub(crate) tenant: TenantId,
    pub(crate) root: SigningKey,
    pub(crate) signing: PublicKey,
    pub(crate) time: Arc<Time>,
    pub(crate) chance: Arc<Chance>,
    pub(crate) ledger: Arc<Memory>,
    pub(crate) relay: Arc<Relay>,
    keyring: Arc<dyn Keyring>,
    pub(crate) anna: User,
}

/// An enrolled agent's own side.
#[derive(Clone)]
pub(crate) struct Enrolled {
    pub(crate) id: AgentId,
    pub(crate) epoch: EpochId,
    /// Whether it begins on a go-ahead only. One that does not is an agent of the version before.
    pub(crate) go_ahead: bool,
    pub(crate) identity: SigningKey,
    pub(crate) chain: RecipientChain,
}

/// The agent's end of a link.
pub(crate) struct Wire {
    sender: mpsc::UnboundedSender<Received>,
    receiver: mpsc::UnboundedReceiver<Sent>,
    pub(crate) session: JoinHandle<LinkEnd>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Sent {
    Frame(ToAgent),
    Ping,
    Close(String),
}

struct Channel {
    receiver: mpsc::UnboundedReceiver<Received>,
    sender: mpsc::UnboundedSender<Sent>,
}

fn gone() -> Gone {
    Gone("the test is over".into())
}

#[async_trait]
impl Frames for Channel {
    async fn send(&mut self, text: String) -> Result<(), Gone> {
        self.sender.send(Sent::Frame(serde_json::from_str(&text).unwrap())).map_err(|_| gone())
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        self.sender.send(Sent::Ping).map_err(|_| gone())
    }

    async fn receive(&mut self) -> Result<Received, Gone> {
        self.receiver.recv().await.ok_or_else(gone)
    }

    async fn close(&mut self, reason: &str) {
        let _ = self.sender.send(Sent::Close(reason.to_owned()));
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let chance = Arc::new(Chance::default());
        let tenant = TenantId::random(&*chance);
        let root = SigningKey::generate(&*chance);
        let signing = SigningKey::generate(&*chance);
        let certificate = KeyCertificate {
            tenant,
            role: KeyRole::ServerSigning,
            key: signing.public(),
            not_before: START.minus(Duration::from_secs(60)),
            not_after: START.plus(Duration::from_secs(86_400)),
            sequence: 1,
        };
        let keys = TenantKeys {
            root: root.public(),
            signing: signing.clone(),
            certificates: vec![Signed::sign(&certificate, &root)],
        };
        let time = Arc::new(Time(watch::Sender::new(START)));
        let ledger = Arc::new(Memory(Mutex::new(Rows { writeback_enabled: true, ..Rows::default() })));
        let keyring = Arc::new(Fixed(Arc::new(keys)));
        let relay = Relay::new(ledger.clone(), keyring.clone(), time.clone(), chance.clone());
        let object = OnPremises {
            source_anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
            object_guid: Bytes((0..16).collect()),
            object_sid: Bytes(vec![1, 1, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]),
            forest: forest(),
            domain: "CONTOSO".into(),
            account_name: "anna".into(),
            exported_by: AgentId::random(&*chance),
        };
        ledger.0.lock().unwrap().object = Some(object.clone());
        let anna = User {
            id: UserId::random(&*chance),
            tenant,
            user_principal_name: "anna@contoso.test".into(),
            display_name: "Anna Rossi".into(),
            mail: None,
            alternate_mail: None,
            registered_mail: None,
            mobile: None,
            registered_mobile: None,
            language: None,
            enabled: true,
            mastered: Mastered::Hybrid(object),
            provisioned: Provisioned::default(),
            password_expires_at: None,
            licence: Grant::Free,
            selected: true,
            version: 1,
            created_at: START,
            updated_at: START,
        };
        Self { tenant, root, signing: signing.public(), time, chance, ledger, relay, keyring, anna }
    }

    /// Another node on the same rows takes this one's place in this value, and gives it back.
    pub(crate) fn on_another_node(&mut self) -> Arc<Relay> {
        let other =
            Relay::new(self.ledger.clone(), self.keyring.clone(), self.time.clone(), self.chance.clone());
        std::mem::replace(&mut self.relay, other)
    }

    /// An agent whose row is there and whose writeback is on, but which has not dialled yet.
    pub(crate) fn enrol(&self) -> Enrolled {
        self.enrol_for(vec![forest()])
    }

    /// The same for other forests.
    pub(crate) fn enrol_for(&self, forests: Vec<Forest>) -> Enrolled {
        let id = AgentId::random(&*self.chance);
        let identity = SigningKey::generate(&*self.chance);
        let opening = OpeningKey::generate(&*self.chance);
        let certificate = |role, key| KeyCertificate {
            tenant: self.tenant,
            role,
            key,
            not_before: START.minus(Duration::from_secs(60)),
            not_after: START.plus(Duration::from_secs(86_400)),
            sequence: 1,
        };
        let identity_certificate =
            Signed::sign(&certificate(KeyRole::AgentIdentity { agent: id }, identity.public()), &self.root);
        let role = KeyRole::AgentSealing { agent: id, forests: forests.clone() };
        let sealing = Signed::sign(&certificate(role, opening.public().clone()), &identity);
        self.ledger.0.lock().unwrap().agents.push(Agent {
            id,
            tenant: self.tenant,
            name: format!("agent {id}"),
            version: "0".into(),
            identity_key: identity.public(),
            identity: identity_certificate.clone(),
            next_identity: None,
            former: Vec::new(),
            sealing: None,
            forests: forests.clone(),
            claim: ForestClaim::enrolled(forests),
            writeback_on: true,
            epoch: None,
            enrolled_at: START,
            revoked_at: None,
            last_seen_at: None,
            health: None,
        });
        let chain = RecipientChain { identity: identity_certificate, sealing };
        Enrolled { id, epoch: EpochId::random(&*self.chance), go_ahead: true, identity, chain }
    }

    /// The same agent once its own file names these forests.
    pub(crate) fn serving(&self, agent: &Enrolled, forests: Vec<Forest>) -> Enrolled {
        let role = KeyRole::AgentSealing { agent: agent.id, forests };
        let content = agent.chain.sealing.verify(&agent.identity.public()).unwrap();
        let sealing = Signed::sign(&KeyCertificate { role, ..content }, &agent.identity);
        let chain = RecipientChain { sealing, ..agent.chain.clone() };
        Enrolled { chain, ..agent.clone() }
    }

    /// The same of the version before, which knows no go-ahead.
    pub(crate) fn enrol_older(&self) -> Enrolled {
        Enrolled { go_ahead: false, ..self.enrol() }
    }

    /// A socket to the relay.
    pub(crate) fn dial(&self) -> Wire {
        let (sender, incoming) = mpsc::unbounded_channel();
        let (outgoing, receiver) = mpsc::unbounded_channel();
        let (relay, tenant) = (self.relay.clone(), self.tenant);
        let session = tokio::spawn(async move {
            let mut frames = Channel { receiver: incoming, sender: outgoing };
            relay.serve(tenant, &mut frames, "test").await
        });
        Wire { sender, receiver, session }
    }

    /// The hello that answers `nonce`.
    pub(crate) fn hello(&self, agent: &Enrolled, nonce: Bytes) -> Hello {
        Hello {
            agent: agent.id,
            nonce,
            agent_time: self.time.now(),
            agent_nonce: Bytes(vec![5; 32]),
            version: "1".into(),
            epoch: agent.epoch,
            chain: agent.chain.clone(),
            go_ahead: agent.go_ahead,
        }
    }

    /// A live link of that agent.
    pub(crate) async fn link(&self, agent: &Enrolled) -> Wire {
        let mut wire = self.dial();
        let nonce = wire.challenged().await;
        let hello = Signed::sign(&self.hello(agent, nonce), &agent.identity);
        wire.say(&ToRelay::Hello { hello });
        assert!(matches!(wire.frame().await, ToAgent::Welcome { .. }));
        self.report(&wire, true).await;
        wire
    }

    /// Says how the agent is.
    pub(crate) async fn report(&self, wire: &Wire, reachable: bool) {
        let pdc = Some("dc1.contoso.test".to_owned());
        let forests =
            vec![ForestHealth { forest: forest(), pdc, reachable, detail: None, answered_in_ms: None }];
        let (at, round_trip_ms) = (self.time.now(), None);
        wire.say(&ToRelay::Health { health: Health { at, writeback_on: true, forests, round_trip_ms } });
        settle().await;
    }

    /// A reset for Anna, as her page would send it.
    pub(crate) async fn reset(&self, id: RequestId) -> NewRequest {
        let new = Some(Password::new("Una bella giornata 7".into()));
        self.request(id, Operation::Reset, Passwords { new, old: None }).await
    }

    /// The password that Anna typed, to be verified.
    pub(crate) async fn verification(&self, id: RequestId) -> NewRequest {
        let old = Some(Password::new("Una bella giornata 7".into()));
        self.request(id, Operation::Verify, Passwords { new: None, old }).await
    }

    async fn request(&self, id: RequestId, operation: Operation, passwords: Passwords) -> NewRequest {
        let offer = self.relay.offer(&self.anna, operation, id).await.unwrap();
        let recipients: Vec<_> = offer
            .recipients
            .iter()
            .map(|chain| chain.check(&self.root.public(), self.tenant, self.time.now()).unwrap().key)
            .collect();
        let envelope = seal(&offer.context, &passwords, &recipients, &*self.chance).unwrap();
        NewRequest {
            user: self.anna.clone(),
            offer,
            envelope,
            administrator: None,
            support_code: SupportCode("AAAAA-BBBBB".into()),
            must_change: false,
            forbid_names: true,
            banned_words: Vec::new(),
            known_browser: false,
            step: None,
        }
    }

    pub(crate) fn submit(&self, new: NewRequest) -> JoinHandle<Result<Settled, DispatchError>> {
        let relay = self.relay.clone();
        tokio::spawn(async move { relay.submit(new).await })
    }

    pub(crate) fn request_id(&self) -> RequestId {
        RequestId::random(&*self.chance)
    }

    /// The acknowledgement of a statement that is made now.
    pub(crate) fn acknowledged(&self, request: RequestId, attempt: u32) -> ToAgent {
        ToAgent::Acknowledged { request, attempt, at: self.time.now() }
    }

    /// A statement about that attempt, signed by that agent.
    pub(crate) fn statement(
        &self,
        agent: &Enrolled,
        request: RequestId,
        attempt: u32,
        says: Says,
    ) -> ToRelay {
        let at = self.time.now();
        let statement = Statement { agent: agent.id, epoch: agent.epoch, request, attempt, at, says };
        ToRelay::Statement { statement: Signed::sign(&statement, &agent.identity) }
    }
}

pub(crate) fn done() -> Outcome {
    let operator = Operator::default();
    Outcome::Done(Done { unlocked: true, must_change: false, history_enforced: true, operator })
}

impl Wire {
    pub(crate) fn say(&self, frame: &ToRelay) {
        self.say_text(serde_json::to_string(frame).unwrap());
    }

    pub(crate) fn say_text(&self, text: String) {
        // The relay may have closed; then the test looks at that.
        let _ = self.sender.send(Received::Text(text));
    }

    pub(crate) fn sign_of_life(&self) {
        let _ = self.sender.send(Received::SignOfLife);
    }

    pub(crate) async fn next(&mut self) -> Sent {
        settle().await;
        self.receiver.try_recv().expect("the relay said nothing")
    }

    /// The next frame that is no ping.
    pub(crate) async fn frame(&mut self) -> ToAgent {
        loop {
            match self.next().await {
                Sent::Frame(frame) => return frame,
                Sent::Ping => {}
                Sent::Close(reason) => panic!("closed: {reason}"),
            }
        }
    }

    /// The next frame that is neither a ping nor news about keys, if there is one.
    pub(crate) async fn order(&mut self) -> Option<ToAgent> {
        settle().await;
        loop {
            match self.receiver.try_recv() {
                Ok(Sent::Frame(ToAgent::Keys { .. }) | Sent::Ping) => {}
                Ok(Sent::Frame(frame)) => return Some(frame),
                Ok(Sent::Close(_)) | Err(_) => return None,
            }
        }
    }

    pub(crate) async fn challenged(&mut self) -> Bytes {
        match self.frame().await {
            ToAgent::Challenge { nonce, .. } => nonce,
            other => panic!("not a challenge: {other:?}"),
        }
    }
}
