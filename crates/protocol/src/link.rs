//! The frames of the link between relay and agent: JSON text messages on a WebSocket that the agent dialled.
//!
//! ```text
//! agent                                   relay
//!   |  <---- Challenge { nonce } --------   |
//!   |  --- Hello (signed, both nonces) ->   |
//!   |  <-- Welcome { keys, signed time } -   |
//!   |  ----- Health, every 10 s -------->   |
//!   |  <---- Work { authorisation } -----   |
//!   |  ----- Statement: started -------->   |   committed before it counts
//!   |  <---- Begin { go_ahead } ---------   |   nothing is written without it
//!   |  ----- Statement: ended ---------->   |
//!   |  <---- Acknowledged ---------------   |
//! ```
//!
//! Both sides send a WebSocket ping every [`PING_EVERY`]; a side that hears nothing for [`SILENT_AFTER`] closes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::authorisation::Authorisation;
use crate::bytes::Bytes;
use crate::certificate::{KeyCertificate, RecipientChain};
use crate::clock::Timestamp;
use crate::envelope::Envelope;
use crate::ids::{AgentId, EpochId, Forest, RequestId, TenantId};
use crate::query::{Answer, Query};
use crate::signed::{Signable, Signed};
use crate::statement::Statement;

/// Under the 30 s after which the most impatient middleboxes forget an idle flow.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// One ping and the time for its answer, missed: so that a cut is noticed within 25 s.
pub const SILENT_AFTER: Duration = Duration::from_secs(24);
/// How often the agent reports its health.
pub const HEALTH_EVERY: Duration = Duration::from_secs(10);
/// A report older than this counts as none: one missed, and the way there.
pub const HEALTH_STALE_AFTER: Duration = Duration::from_secs(13);
/// Largest frame either side takes, in bytes: an envelope for eight agents is about 6 KB.
pub const MAXIMUM_FRAME: usize = 64 * 1024;
/// Bytes of a nonce of the handshake.
pub const NONCE: usize = 32;
/// How long either side waits for the other's next step of the handshake.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// From the relay to the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum ToAgent {
    /// First frame: prove who you are.
    Challenge {
        /// 32 random bytes, to be signed.
        nonce: Bytes,
        /// The server's clock, so that a clock that is far off is told before anything else. Nothing is decided by it.
        server_time: Timestamp,
    },
    /// The hello holds.
    Welcome {
        /// Every signing key in force, certified by the root.
        signing_keys: Vec<Signed<KeyCertificate>>,
        /// The recipients' chains of the tenant, so that the agent can check an envelope's recipient list. A replaced key's is
        /// among them for [`OLD_SEALING_KEY_KEPT`](crate::certificate::OLD_SEALING_KEY_KEPT).
        recipients: Vec<RecipientChain>,
        /// Signed by one of those keys: what orders are judged by.
        time: Signed<ServerTime>,
    },
    /// The keys changed.
    Keys {
        /// As in `Welcome`.
        signing_keys: Vec<Signed<KeyCertificate>>,
        /// As in `Welcome`.
        recipients: Vec<RecipientChain>,
    },
    /// Do this, once.
    Work {
        /// The order.
        authorisation: Signed<Authorisation>,
        /// The sealed passwords.
        envelope: Box<Envelope>,
    },
    /// Tell this.
    Ask {
        /// The question.
        query: Signed<Query>,
    },
    /// The 'started' is durable here: begin.
    Begin {
        /// Signed, so that nobody on the way can say so of what was never written down.
        go_ahead: Signed<GoAhead>,
    },
    /// That statement about this attempt is durable here.
    Acknowledged {
        /// The request.
        request: RequestId,
        /// The attempt.
        attempt: u32,
        /// The statement's own time: an acknowledgement of an earlier one must not pass for that of a later one.
        at: Timestamp,
    },
    /// This node goes away; come back then.
    Restarting {
        /// Milliseconds to wait, at least.
        after_ms: u64,
    },
}

/// From the agent to the relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum ToRelay {
    /// Answer to the challenge.
    Hello {
        /// Signed by the identity key.
        hello: Signed<Hello>,
    },
    /// The state of things, every [`HEALTH_EVERY`].
    Health {
        /// The state.
        health: Health,
    },
    /// The agent rolled its keys, or renewed their certificate. The answer is `Keys` with this chain among the recipients;
    /// from then on the agent signs with the new identity key.
    Chain {
        /// The new keys.
        chain: RecipientChain,
    },
    /// About a request.
    Statement {
        /// Signed by the identity key.
        statement: Signed<Statement>,
    },
    /// About a question.
    Answer {
        /// Signed by the identity key.
        answer: Signed<Answer>,
    },
}

/// Proof of possession, and what the agent is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The agent.
    pub agent: AgentId,
    /// The challenge's nonce.
    pub nonce: Bytes,
    /// The agent's clock, to measure the skew by.
    pub agent_time: Timestamp,
    /// 32 random bytes of the agent's own, for the server to sign with its time: an old time can't be told again.
    pub agent_nonce: Bytes,
    /// The program's version.
    pub version: String,
    /// Its journal.
    pub epoch: EpochId,
    /// Its keys.
    pub chain: RecipientChain,
    /// Whether it can be told to begin nothing without a [`GoAhead`]. Agents from before there was one can't.
    #[serde(default)]
    pub go_ahead: bool,
}

impl Signable for Hello {
    const PURPOSE: &'static str = "hello";
}

/// The server's time, told to one agent on one link, so that nobody on the way can shift that agent's idea of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerTime {
    /// The tenant.
    pub tenant: TenantId,
    /// The agent that it is told to.
    pub agent: AgentId,
    /// [`Hello::agent_nonce`].
    pub agent_nonce: Bytes,
    /// The server's clock after the hello came.
    pub now: Timestamp,
}

impl Signable for ServerTime {
    const PURPOSE: &'static str = "server-time";
}

/// The server has written down that this attempt begins, so that from here on it is never taken for one that did not. An order
/// with [`Authorisation::go_ahead`] is not begun without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoAhead {
    /// The tenant.
    pub tenant: TenantId,
    /// The agent that may begin.
    pub agent: AgentId,
    /// Its journal.
    pub epoch: EpochId,
    /// The request.
    pub request: RequestId,
    /// The attempt.
    pub attempt: u32,
}

impl Signable for GoAhead {
    const PURPOSE: &'static str = "go-ahead";
}

/// An agent's state, as it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The agent's clock.
    pub at: Timestamp,
    /// Whether the agent's own switch is on.
    pub writeback_on: bool,
    /// One for each forest that it serves.
    pub forests: Vec<ForestHealth>,
    /// How long the latest ping took to the relay and back, in milliseconds. Earlier agents don't measure it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u64>,
}

impl Health {
    /// How far the PDC emulator of `forest` is from the relay by way of this agent, in milliseconds; the longest where that was
    /// not measured.
    pub fn distance_ms(&self, forest: &Forest) -> u64 {
        let known = self.forests.iter().find(|known| known.forest == *forest);
        let answered = known.and_then(|known| known.answered_in_ms);
        answered.zip(self.round_trip_ms).map_or(u64::MAX, |(pdc, link)| pdc.saturating_add(link))
    }
}

/// Whether a forest can be written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForestHealth {
    /// The forest.
    pub forest: Forest,
    /// The PDC emulator's host name, if it was ever found.
    pub pdc: Option<String>,
    /// Whether it answered just now.
    pub reachable: bool,
    /// For operators: what was tried and what was seen, when not.
    pub detail: Option<String>,
    /// How long its answer took, in milliseconds. Earlier agents don't say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_in_ms: Option<u64>,
}
