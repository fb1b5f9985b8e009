//! The seam to the database: rows of agents and requests. Every change of a request is one conditional update, so that
//! two nodes can't both make it.

use async_trait::async_trait;
use ritorno_identity::agent::{Agent, FormerChain};
use ritorno_identity::agent_forests::ForestClaim;
use ritorno_identity::audit::Fact;
use ritorno_identity::flow::Step;
use ritorno_identity::ids::{LinkId, NodeId};
use ritorno_identity::request::{Attempt, Request, RequestState};
use ritorno_identity::user::OnPremises;
use ritorno_protocol::certificate::KeyCertificate;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, EpochId, RequestId, TenantId, UserId};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::link::Health;
use ritorno_protocol::outcome::Outcome;
use ritorno_protocol::settle::Before;
use ritorno_protocol::signed::Signed;

/// The database failed.
#[derive(Debug, thiserror::Error)]
#[error("the database failed: {0}")]
pub struct LedgerError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A tenant as the relay sees it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whether passwords of the tenant are written back at all.
    pub writeback_enabled: bool,
    /// Every agent that was ever enrolled.
    pub agents: Vec<Agent>,
}

/// What came of a request's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is there, and so is the step.
    Now,
    /// A row of that id was there before.
    Before,
    /// The flow has taken another step since.
    StepTaken,
}

/// A link as other nodes see it: a row with a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldLink {
    /// The agent.
    pub agent: AgentId,
    /// The link.
    pub link: LinkId,
    /// The node that holds it.
    pub node: NodeId,
    /// Until when that is to be believed, unless it is renewed.
    pub lease_until: Timestamp,
}

/// What a hello told.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// The agent.
    pub agent: AgentId,
    /// The program's version.
    pub version: String,
    /// Its journal.
    pub epoch: EpochId,
    /// The identity key that signed: the one in use, or the next one, which is in use from now on.
    pub identity_key: PublicKey,
    /// That key, certified by the root.
    pub identity: Signed<KeyCertificate>,
    /// Its sealing key, certified by its identity key.
    pub sealing: Signed<KeyCertificate>,
    /// The sealing keys that it replaced.
    pub former: Vec<FormerChain>,
    /// What it says that it serves, and what it took up by that.
    pub claim: ForestClaim,
    /// What the administrators are to read of that in the audit.
    pub facts: Vec<Fact>,
}

/// A request that began and whose outcome is not proved.
#[derive(Clone, Debug)]
pub struct Unsettled {
    /// The request.
    pub request: Request,
    /// What was known before the write.
    pub before: Before,
    /// The person's object now; none if nobody of the request's anchor is there any more.
    pub object: Option<OnPremises>,
}

/// Rows of agents and requests.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The tenant's switch and agents.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn standing(&self, tenant: TenantId) -> Result<Standing, LedgerError>;

    /// Keeps what a hello told, with its facts; whether it did. It does not if the agent was revoked, or rolled its key, meanwhile.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn introduce(
        &self,
        tenant: TenantId,
        introduction: &Introduction,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Keeps a health report and that the agent was heard.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn heard(
        &self,
        tenant: TenantId,
        agent: AgentId,
        health: &Health,
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// Keeps that this node holds a new link of the agent; it takes the place of the one before, on whichever node.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn link_up(&self, tenant: TenantId, held: &HeldLink) -> Result<(), LedgerError>;

    /// Renews the lease of a link; whether it is still the agent's.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn link_kept(&self, tenant: TenantId, held: &HeldLink) -> Result<bool, LedgerError>;

    /// Forgets that very link.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn link_down(&self, tenant: TenantId, held: &HeldLink) -> Result<(), LedgerError>;

    /// Inserts the row, and takes the step of the flow that makes the request: both or neither.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn begin(&self, request: &Request, step: Option<&Step>) -> Result<Begun, LedgerError>;

    /// The row.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn request(&self, tenant: TenantId, id: RequestId) -> Result<Option<Request>, LedgerError>;

    /// Requests whose order went to that agent's journal, needs no go-ahead and can't be begun or end any more, and of which
    /// nothing was heard; a hundred at most, the earliest first.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn unheard(
        &self,
        tenant: TenantId,
        agent: AgentId,
        epoch: EpochId,
        now: Timestamp,
    ) -> Result<Vec<Request>, LedgerError>;

    /// Requests whose order needs a go-ahead, got none, and could not be begun any more at that moment; a hundred at most, the
    /// earliest first.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn lapsed(&self, tenant: TenantId, before: Timestamp) -> Result<Vec<Request>, LedgerError>;

    /// Requests that were made after that moment and began, of which is known what was before, and whose outcome is not proved;
    /// the earliest first, and not more than can be looked at in one go.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn unsettled(&self, tenant: TenantId, after: Timestamp) -> Result<Vec<Unsettled>, LedgerError>;

    /// Commits the outcome that another agent's look at the directory proved; whether it did. It does not if the outcome is known by
    /// now, or another attempt is under way.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn settle(
        &self,
        seen: &Request,
        outcome: &Outcome,
        by: AgentId,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Keeps that nothing will ever be proved about it by what was before.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn never_settled(&self, seen: &Request) -> Result<(), LedgerError>;

    /// Replaces what another agent's look proved by what the agent says that made the write, with the fact that it did; whether it
    /// did. It does not if the outcome was not settled by another agent, or was corrected before.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn correct(
        &self,
        seen: &Request,
        outcome: &Outcome,
        fact: &Fact,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// The person's latest request that could write: a verification is none.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn latest_of(&self, tenant: TenantId, user: UserId) -> Result<Option<Request>, LedgerError>;

    /// Moves a request from the state and attempt that `seen` holds to `state`; whether it did. It does not if somebody
    /// moved it since.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn advance(
        &self,
        seen: &Request,
        state: &RequestState,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Replaces the attempt that `seen` holds by the next one, dispatched; whether it did. It does not if somebody moved
    /// the request since, or another attempt may not be made ([`Request::may_try_again`]).
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn try_again(&self, seen: &Request, attempt: &Attempt, now: Timestamp)
    -> Result<bool, LedgerError>;
}
