//! One link from challenge to close: the agent proves possession of its keys, then frames go both ways.

use std::sync::Arc;
use std::time::Duration;

use ritorno_identity::agent::Agent;
use ritorno_identity::ids::LinkId;
use ritorno_protocol::authorisation::MAXIMUM_SKEW;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::CertificateError;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::link::{
    HANDSHAKE_WITHIN, Hello, NONCE, PING_EVERY, SILENT_AFTER, ServerTime, ToAgent, ToRelay,
};
use ritorno_protocol::random::array;
use ritorno_protocol::signed::Signed;
use tokio::sync::mpsc;

use crate::dispatch_error::DispatchError;
use crate::frames::{CLOSED_BY_AGENT, Frames, Gone, Received};
use crate::ledger::LedgerError;
use crate::link::Link;
use crate::relay::Relay;
use crate::seldom::Seldom;
use crate::statement::StatementError;

/// How often a refused link is told.
const REFUSED_TOLD_EVERY: Duration = Duration::from_secs(60);
/// How long a link that has ended waits for the other side to take the reason.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// Why a link ended. Its text is told to the agent as the reason of the close.
#[derive(Debug, thiserror::Error)]
pub enum LinkEnd {
    /// The socket closed.
    #[error("{0}")]
    Gone(#[from] Gone),
    /// The agent did not answer the challenge in time, or answered with something else.
    #[error("no hello in time")]
    NoHello,
    /// No agent of the tenant has the key that signed.
    #[error("no enrolled agent has this key")]
    UnknownAgent,
    /// The agent was revoked.
    #[error("this agent was revoked")]
    Revoked,
    /// The signature, or what it says, does not hold.
    #[error("the hello is not signed by the agent's key, or names another agent")]
    Proof,
    /// The hello answers another challenge: an old one was replayed.
    #[error("the hello answers another challenge, or has no nonce of its own")]
    Nonce,
    /// The agent's keys do not chain to the root.
    #[error("the agent's keys do not chain to the root: {0}")]
    Chain(CertificateError),
    /// The agent's chain is older than the one that it showed before.
    #[error("these keys are older than those that the agent showed before")]
    OlderKeys,
    /// The clocks differ by more than is allowed.
    #[error("the agent's clock differs from the server's by {0} ms, more than is allowed")]
    Skew(u64),
    /// A frame that can't be read.
    #[error("a frame could not be read")]
    Garbled,
    /// Nothing was heard.
    #[error("nothing was heard for too long")]
    Silent,
    /// The link was closed from here: another one took its place, the agent was revoked, or this node stops.
    #[error("closed by the server")]
    Closed,
    /// A statement or an answer that no honest agent sends.
    #[error("{0}")]
    Statement(#[from] StatementError),
    /// No keys, or no database.
    #[error("the server can't serve links now")]
    Server(#[from] DispatchError),
}

impl From<LedgerError> for LinkEnd {
    fn from(error: LedgerError) -> Self {
        Self::Server(error.into())
    }
}

/// Who was refused a link: one line a minute however many there are, since strangers would fill the disk otherwise. They hide nobody
/// who holds an enrolled agent's key: that is told beside it.
#[derive(Debug)]
pub(crate) struct Refused {
    strangers: Seldom<Timestamp>,
    agents: Seldom<Timestamp>,
}

impl Refused {
    pub(crate) const fn new() -> Self {
        Self { strangers: Seldom::new(REFUSED_TOLD_EVERY), agents: Seldom::new(REFUSED_TOLD_EVERY) }
    }

    fn tell(&self, peer: &str, end: &LinkEnd, now: Timestamp) {
        // Whoever closes in order before saying anything only looked whether a link would come up, as the agent's doctor does.
        if matches!(end, LinkEnd::Gone(gone) if gone.0 == CLOSED_BY_AGENT) {
            tracing::debug!(peer, "a link was opened and closed");
            return;
        }
        let who = if end.is_an_agents() { &self.agents } else { &self.strangers };
        match who.due(now, |at| now.since(at)) {
            Some(untold) => tracing::warn!(peer, reason = %end, untold, "link refused"),
            None => tracing::debug!(peer, reason = %end, "link refused"),
        }
    }
}

impl LinkEnd {
    /// Whether only the holder of an enrolled agent's key can come to this end before the link is up.
    const fn is_an_agents(&self) -> bool {
        matches!(
            self,
            Self::Nonce | Self::Revoked | Self::Chain(_) | Self::OlderKeys | Self::Skew(_) | Self::Server(_)
        )
    }
}

impl Relay {
    /// Serves one link of the tenant until it ends, and says why it did. `peer` is for the log only.
    pub async fn serve(&self, tenant: TenantId, frames: &mut dyn Frames, peer: &str) -> LinkEnd {
        let (link, outbox) = match self.handshake(tenant, frames).await {
            Ok(opened) => opened,
            Err(end) => {
                self.refused.tell(peer, &end, self.timer.now());
                self.close_link(frames, &end).await;
                return end;
            }
        };
        tracing::info!(peer, agent = %link.agent, epoch = %link.epoch, skew_ms = link.skew_ms(), "link up");
        let end = match self.begin_link(&link).await {
            Ok(()) => self.carry(&link, outbox, frames).await,
            Err(end) => end,
        };
        self.links.remove(&link);
        if let Err(error) = self.ledger.link_down(tenant, &self.held(&link)).await {
            // Its lease ends by itself.
            tracing::warn!(agent = %link.agent, %error, "the end of a link could not be written down");
        }
        tracing::info!(peer, agent = %link.agent, reason = %end, "link down");
        self.close_link(frames, &end).await;
        end
    }

    /// Tells why, as far as the other side takes it at once: one that reads nothing more would keep the socket for ever.
    async fn close_link(&self, frames: &mut dyn Frames, end: &LinkEnd) {
        let (until, reason) = (self.timer.now().plus(CLOSED_WITHIN), end.to_string());
        tokio::select! {
            () = frames.close(&reason) => {}
            () = self.timer.sleep_until(until) => {}
        }
    }

    /// Sends a frame, unless the other side takes nothing for too long.
    async fn send(&self, frames: &mut dyn Frames, frame: &ToAgent, within: Duration) -> Result<(), LinkEnd> {
        let until = self.timer.now().plus(within);
        tokio::select! {
            sent = frames.send(text(frame)) => sent.map_err(LinkEnd::from),
            () = self.timer.sleep_until(until) => Err(LinkEnd::Silent),
        }
    }

    async fn handshake(
        &self,
        tenant: TenantId,
        frames: &mut dyn Frames,
    ) -> Result<(Arc<Link>, mpsc::Receiver<ToAgent>), LinkEnd> {
        let nonce = Bytes(array::<NONCE>(&*self.random).to_vec());
        let opened_at = self.timer.now();
        let challenge = ToAgent::Challenge { nonce: nonce.clone(), server_time: opened_at };
        self.send(frames, &challenge, HANDSHAKE_WITHIN).await?;
        let signed = tokio::select! {
            hello = first_frame(frames) => hello?,
            () = self.timer.sleep_until(opened_at.plus(HANDSHAKE_WITHIN)) => return Err(LinkEnd::NoHello),
        };
        let now = self.timer.now();
        let keys = self.keyring.keys(tenant, now).await.map_err(DispatchError::from)?;
        let standing = self.ledger.standing(tenant).await?;
        let agent = standing
            .agents
            .iter()
            .find(|agent| agent.key(signed.key()).is_some())
            .ok_or(LinkEnd::UnknownAgent)?;
        let hello = prove(agent, &signed, &nonce)?;
        // The chain's identity must be the very key that signed the hello, not another one of the same tenant.
        if hello.chain.sealing.key() != signed.key() {
            return Err(LinkEnd::Proof);
        }
        let skew_ms = skew(hello.agent_time, opened_at, now);
        if u128::from(skew_ms) > MAXIMUM_SKEW.as_millis() {
            return Err(LinkEnd::Skew(skew_ms));
        }
        let link_keys =
            self.introduce(agent, &keys.root, &hello.chain, hello.epoch, hello.version.clone()).await?;
        let standing = self.ledger.standing(tenant).await?;
        let id = LinkId::random(&*self.random);
        let (link, outbox) = Link::new(tenant, agent.id, hello.epoch, id, hello.go_ahead, link_keys, skew_ms);
        let time = ServerTime {
            tenant,
            agent: agent.id,
            agent_nonce: hello.agent_nonce.clone(),
            now: self.timer.now(),
        };
        let welcome = ToAgent::Welcome {
            time: Signed::sign(&time, &keys.signing),
            signing_keys: keys.certificates.clone(),
            recipients: standing
                .agents
                .iter()
                .filter(|agent| agent.revoked_at.is_none())
                .flat_map(|agent| agent.chains(now))
                .collect(),
        };
        self.send(frames, &welcome, HANDSHAKE_WITHIN).await?;
        self.ledger.link_up(tenant, &self.held(&link)).await?;
        Ok((link, outbox))
    }

    /// Has others find the link. Whatever ends it from here on, [`Relay::serve`] takes it away again.
    async fn begin_link(&self, link: &Arc<Link>) -> Result<(), LinkEnd> {
        self.links.add(link);
        if self.is_closed() {
            return Err(LinkEnd::Closed);
        }
        Ok(self.spread_keys(link.tenant, Some(link.agent)).await?)
    }

    async fn carry(
        &self,
        link: &Link,
        mut outbox: mpsc::Receiver<ToAgent>,
        frames: &mut dyn Frames,
    ) -> LinkEnd {
        let mut heard_at = self.timer.now();
        let mut ping_at = heard_at.plus(PING_EVERY);
        loop {
            let step = tokio::select! {
                biased;
                () = link.closing.notified() => Err(LinkEnd::Closed),
                received = frames.receive() => match received {
                    Ok(received) => {
                        heard_at = self.timer.now();
                        self.received(link, received).await
                    }
                    Err(gone) => Err(gone.into()),
                },
                frame = outbox.recv() => match frame {
                    // A socket that takes nothing for that long is as dead as a silent one.
                    Some(frame) => self.send(frames, &frame, SILENT_AFTER).await,
                    None => Err(LinkEnd::Closed),
                },
                () = self.timer.sleep_until(ping_at.min(heard_at.plus(SILENT_AFTER))) => {
                    let now = self.timer.now();
                    if now >= heard_at.plus(SILENT_AFTER) {
                        Err(LinkEnd::Silent)
                    } else {
                        ping_at = now.plus(PING_EVERY);
                        tokio::select! {
                            sent = frames.ping() => sent.map_err(LinkEnd::from),
                            () = self.timer.sleep_until(heard_at.plus(SILENT_AFTER)) => Err(LinkEnd::Silent),
                        }
                    }
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn received(&self, link: &Link, received: Received) -> Result<(), LinkEnd> {
        let Received::Text(text) = received else { return Ok(()) };
        match serde_json::from_str(&text).map_err(|_| LinkEnd::Garbled)? {
            ToRelay::Hello { .. } => Err(LinkEnd::Garbled),
            ToRelay::Health { health } => self.health(link, health).await,
            ToRelay::Chain { chain } => self.rolled(link, chain).await,
            ToRelay::Statement { statement } => Ok(self.take_statement(link, &statement).await?),
            ToRelay::Answer { answer } => {
                let answer = link.verify(&answer).ok_or(StatementError::Signature)?;
                if answer.agent != link.agent {
                    return Err(StatementError::Speaker.into());
                }
                link.answer(answer.id, answer.found);
                Ok(())
            }
        }
    }

    /// Keeps a report. It is also the moment at which a revocation made by another process is noticed.
    async fn health(&self, link: &Link, health: ritorno_protocol::link::Health) -> Result<(), LinkEnd> {
        let now = self.timer.now();
        link.report_health(health.clone(), now);
        if u128::from(link.skew_ms()) > MAXIMUM_SKEW.as_millis() {
            return Err(LinkEnd::Skew(link.skew_ms()));
        }
        self.ledger.heard(link.tenant, link.agent, &health, now).await?;
        if !self.ledger.link_kept(link.tenant, &self.held(link)).await? {
            // The agent has dialled another node since.
            return Err(LinkEnd::Closed);
        }
        let standing = self.ledger.standing(link.tenant).await?;
        let known = standing.agents.iter().find(|agent| agent.id == link.agent);
        match known.map(|agent| agent.revoked_at) {
            Some(None) => Ok(()),
            Some(Some(_)) => Err(LinkEnd::Revoked),
            None => Err(LinkEnd::UnknownAgent),
        }
    }
}

/// The hello's content, if that agent signed it for that challenge and is not revoked.
fn prove(agent: &Agent, signed: &Signed<Hello>, nonce: &Bytes) -> Result<Hello, LinkEnd> {
    let key = agent.key(signed.key()).ok_or(LinkEnd::Proof)?;
    let hello = signed.verify(key).map_err(|_| LinkEnd::Proof)?;
    if hello.agent != agent.id {
        return Err(LinkEnd::Proof);
    }
    if hello.nonce != *nonce || hello.agent_nonce.0.len() != NONCE {
        return Err(LinkEnd::Nonce);
    }
    if agent.revoked_at.is_some() {
        return Err(LinkEnd::Revoked);
    }
    Ok(hello)
}

/// By how much the agent's clock is outside of the time that passed between challenge and hello, in milliseconds.
fn skew(agent_time: Timestamp, challenged: Timestamp, answered: Timestamp) -> u64 {
    if agent_time < challenged {
        challenged.unix_ms().abs_diff(agent_time.unix_ms())
    } else {
        u64::try_from(agent_time.since(answered).as_millis()).unwrap_or(u64::MAX)
    }
}

async fn first_frame(frames: &mut dyn Frames) -> Result<Signed<Hello>, LinkEnd> {
    loop {
        if let Received::Text(text) = frames.receive().await? {
            return match serde_json::from_str(&text) {
                Ok(ToRelay::Hello { hello }) => Ok(hello),
                Ok(_) | Err(_) => Err(LinkEnd::NoHello),
            };
        }
    }
}

fn text(frame: &ToAgent) -> String {
    serde_json::to_string(frame).expect("protocol types always serialise")
}
