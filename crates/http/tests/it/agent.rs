//! The agent's end of a link, without a directory: it proves its keys and speaks the protocol as the real one does, and
//! what it says of a directory is the test's script. The real agent with a real directory is in the end-to-end tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ritorno_identity::agent::Agent;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole, RecipientChain};
use ritorno_protocol::clock::{Clock as _, SystemClock};
use ritorno_protocol::ids::{EpochId, Forest};
use ritorno_protocol::key::{OpeningKey, SigningKey};
use ritorno_protocol::link::{ForestHealth, Health, Hello, ToAgent, ToRelay};
use ritorno_protocol::outcome::{Done, Fault, Operator, Outcome};
use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Vendor};
use ritorno_protocol::query::{Answer, Found};
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::{Says, Statement};
use ritorno_relay::frames::{Frames, Gone, Received};
use ritorno_relay::session::LinkEnd;
use ritorno_relay::tenant_state::TenantState;
use tokio::sync::mpsc;

use crate::world::World;

/// What the agent says next.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) found: Found,
    pub(crate) outcome: Outcome,
    /// Whether it answers no question.
    pub(crate) silent: bool,
    /// What it opened, in order.
    pub(crate) opened: Vec<String>,
    /// What the orders for these said, as they were signed.
    pub(crate) orders: Vec<serde_json::Value>,
}

/// The agent of a world.
pub(crate) struct TestAgent {
    pub(crate) script: Arc<Mutex<Script>>,
    agent: Agent,
    identity: SigningKey,
    chain: RecipientChain,
}

struct Pipe {
    to_agent: mpsc::UnboundedSender<String>,
    from_agent: mpsc::UnboundedReceiver<String>,
}

#[async_trait]
impl Frames for Pipe {
    async fn send(&mut self, text: String) -> Result<(), Gone> {
        self.to_agent.send(text).map_err(|_| Gone("the test is over".into()))
    }
    async fn ping(&mut self) -> Result<(), Gone> {
        Ok(())
    }
    async fn receive(&mut self) -> Result<Received, Gone> {
        self.from_agent.recv().await.map(Received::Text).ok_or_else(|| Gone("the test is over".into()))
    }
    async fn close(&mut self, _: &str) {}
}

/// The policy that the script begins with.
pub(crate) fn policy() -> EffectivePolicy {
    EffectivePolicy {
        source: PolicySource::Domain,
        vendor: Vendor::Samba,
        minimum_length: 7,
        complexity: true,
        history: 24,
        hints: true,
        not_before: None,
        forbid_names: false,
        banned_words: Vec::new(),
        breached: false,
        account_name: "anna.rossi".into(),
        display_name: "Anna Rossi".into(),
    }
}

pub(crate) fn done() -> Outcome {
    let operator = Operator { dc: Some("dc1.contoso.test".into()), ..Operator::default() };
    Outcome::Done(Done { unlocked: true, must_change: false, history_enforced: true, operator })
}

impl TestAgent {
    /// Links an agent to the world's relay and waits until resets are possible.
    pub(crate) async fn link(world: &World) -> Self {
        let (agent, identity) = world.enrolled("lab-agent").await;
        let opening = OpeningKey::generate(&*world.state.random);
        let now = SystemClock.now();
        let forests = vec![Forest("contoso.test".into())];
        let sealing = KeyCertificate {
            tenant: world.tenant.id,
            role: KeyRole::AgentSealing { agent: agent.id, forests: forests.clone() },
            key: opening.public().clone(),
            not_before: now.minus(Duration::from_secs(3_600)),
            not_after: now.plus(Duration::from_secs(86_400)),
            sequence: 1,
        };
        let chain =
            RecipientChain { identity: agent.identity.clone(), sealing: Signed::sign(&sealing, &identity) };
        let (to_agent, mut frames) = mpsc::unbounded_channel::<String>();
        let (out, from_agent) = mpsc::unbounded_channel();
        let (relay, tenant) = (world.state.relay.clone(), world.tenant.id);
        let mut pipe = Pipe { to_agent, from_agent };
        tokio::spawn(async move { relay.serve(tenant, &mut pipe, "test").await });

        let person = Found::Person { policy: policy(), locked: false, disabled: false };
        let script = Arc::new(Mutex::new(Script {
            found: person,
            outcome: done(),
            silent: false,
            opened: Vec::new(),
            orders: Vec::new(),
        }));
        let (said, epoch) = (script.clone(), EpochId::random(&*world.state.random));
        let (row, key, own_chain) = (agent.clone(), identity.clone(), chain.clone());
        tokio::spawn(async move {
            let send = |frame: &ToRelay| out.send(serde_json::to_string(frame).unwrap()).is_ok();
            while let Some(text) = frames.recv().await {
                match serde_json::from_str(&text).unwrap() {
                    ToAgent::Challenge { nonce, .. } => {
                        let hello = Hello {
                            agent: agent.id,
                            nonce,
                            agent_time: SystemClock.now(),
                            agent_nonce: Bytes(vec![5; 32]),
                            version: "0.1.0".into(),
                            epoch,
                            chain: chain.clone(),
                            go_ahead: false,
                        };
                        send(&ToRelay::Hello { hello: Signed::sign(&hello, &identity) });
                    }
                    ToAgent::Welcome { .. } => {
                        tokio::spawn(report(out.clone(), forests[0].clone()));
                    }
                    ToAgent::Ask { query } => {
                        let id = query_id(&query);
                        let (found, silent) = {
                            let script = said.lock().unwrap();
                            (script.found.clone(), script.silent)
                        };
                        if silent {
                            continue;
                        }
                        let answer = Answer { id, agent: agent.id, found };
                        send(&ToRelay::Answer { answer: Signed::sign(&answer, &identity) });
                    }
                    ToAgent::Work { envelope, authorisation } => {
                        let sealed = envelope.open(&opening).unwrap();
                        // An unlocking carries none, a change two: the old one first.
                        let passwords = [&sealed.old, &sealed.new].into_iter().flatten();
                        let opened: Vec<&str> = passwords.map(|password| password.expose()).collect();
                        let order = payload(&authorisation);
                        let attempt = order["attempt"].as_u64().unwrap();
                        let outcome = {
                            let mut script = said.lock().unwrap();
                            script.orders.push(order);
                            script.opened.push(opened.join(" -> "));
                            script.outcome.clone()
                        };
                        for says in
                            [Says::Started { version_before: None, database: None }, Says::Ended { outcome }]
                        {
                            let statement = Statement {
                                agent: agent.id,
                                epoch,
                                request: envelope.context.request,
                                attempt: u32::try_from(attempt).unwrap(),
                                at: SystemClock.now(),
                                says,
                            };
                            send(&ToRelay::Statement { statement: Signed::sign(&statement, &identity) });
                        }
                    }
                    ToAgent::Keys { .. }
                    | ToAgent::Begin { .. }
                    | ToAgent::Acknowledged { .. }
                    | ToAgent::Restarting { .. } => {}
                }
            }
        });
        let ready = async {
            while world.state.relay.tenant_state(tenant).await.unwrap() != TenantState::Ready {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), ready).await.expect("the link stands");
        Self { script, agent: row, identity: key, chain: own_chain }
    }

    /// Dials the relay of another installation and proves its keys there, as whoever pointed it elsewhere would have it; how that ended.
    pub(crate) async fn dials(&self, other: &World) -> LinkEnd {
        let (to_agent, mut frames) = mpsc::unbounded_channel::<String>();
        let (out, from_agent) = mpsc::unbounded_channel();
        let mut pipe = Pipe { to_agent, from_agent };
        let says = async {
            while let Some(text) = frames.recv().await {
                let ToAgent::Challenge { nonce, .. } = serde_json::from_str(&text).unwrap() else { continue };
                let hello = Hello {
                    agent: self.agent.id,
                    nonce,
                    agent_time: SystemClock.now(),
                    agent_nonce: Bytes(vec![5; 32]),
                    version: "0.1.0".into(),
                    epoch: EpochId::random(&*other.state.random),
                    chain: self.chain.clone(),
                    go_ahead: false,
                };
                let hello = ToRelay::Hello { hello: Signed::sign(&hello, &self.identity) };
                out.send(serde_json::to_string(&hello).unwrap()).unwrap();
            }
            std::future::pending::<LinkEnd>().await
        };
        tokio::select! {
            end = other.state.relay.serve(other.tenant.id, &mut pipe, "test") => end,
            end = says => end,
        }
    }

    /// It says from now on that it can't open what it is sent.
    pub(crate) fn opens_nothing(&self) {
        let operator = Operator { detail: "no key of this agent opens it".into(), ..Operator::default() };
        self.script.lock().unwrap().outcome =
            Outcome::NotApplied { fault: Fault::EnvelopeUnreadable, operator };
    }

    /// Its writeback is switched off and on: what was sealed for its key is opened by nobody any more, and there is another one.
    pub(crate) async fn renews_its_key(&self, world: &World) {
        self.opens_nothing();
        let (agents, now) = (world.state.store.agents(), SystemClock.now());
        let row = agents.get(world.tenant.id, self.agent.id).await.unwrap().unwrap();
        let before = row.sealing.clone().unwrap().verify(&self.identity.public()).unwrap();
        let key = OpeningKey::generate(&*world.state.random).public().clone();
        let sealing = KeyCertificate { key, sequence: before.sequence + 1, ..before };
        let hello = ritorno_storage::Hello {
            version: row.version.clone(),
            epoch: row.epoch.unwrap(),
            identity_key: row.identity_key.clone(),
            identity: row.identity.clone(),
            sealing: Signed::sign(&sealing, &self.identity),
            former: Vec::new(),
            claim: row.claim.clone(),
        };
        assert!(agents.said_hello(world.tenant.id, row.id, &hello, &[], now).await.unwrap());
    }
}

/// Says how the agent is, as often as the real one does, until the link is gone.
async fn report(out: mpsc::UnboundedSender<String>, forest: Forest) {
    loop {
        let pdc = Some("dc1.contoso.test".into());
        let forest = ForestHealth {
            forest: forest.clone(),
            pdc,
            reachable: true,
            detail: None,
            answered_in_ms: Some(3),
        };
        let health = Health {
            at: SystemClock.now(),
            writeback_on: true,
            forests: vec![forest],
            round_trip_ms: Some(20),
        };
        if out.send(serde_json::to_string(&ToRelay::Health { health }).unwrap()).is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

/// What a signed value says, read without the key: the server's signature is the real agent's to check.
fn payload<T>(signed: &Signed<T>) -> serde_json::Value
where
    Signed<T>: serde::Serialize,
{
    let text = serde_json::to_value(signed).unwrap();
    let bytes = ritorno_protocol::bytes::decode(text["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn query_id(query: &Signed<ritorno_protocol::query::Query>) -> uuid::Uuid {
    payload(query)["id"].as_str().unwrap().parse().unwrap()
}
