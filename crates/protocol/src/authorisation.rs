//! The server's signed order to exactly one agent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::clock::Timestamp;
use crate::envelope::{Envelope, Operation};
use crate::ids::{AgentId, EpochId, Forest, RequestId, SourceAnchor, TenantId};
use crate::signed::Signable;

/// Longest validity of an authorisation.
pub const MAXIMUM_VALIDITY: Duration = Duration::from_secs(60);
/// How long after issue the agent may start.
pub const START_WITHIN: Duration = Duration::from_secs(5);
/// Largest difference between the agent's and the server's clock.
pub const MAXIMUM_SKEW: Duration = Duration::from_secs(120);

/// What the agent is authorised to do, once, with one envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorisation {
    /// The tenant.
    pub tenant: TenantId,
    /// The request.
    pub request: RequestId,
    /// 1 for the first; n+1 only when attempt n provably did not start.
    pub attempt: u32,
    /// The one agent that may act.
    pub agent: AgentId,
    /// The agent's journal; another one refuses.
    pub epoch: EpochId,
    /// What is asked.
    pub operation: Operation,
    /// Who asks: the person, or an administrator for them. Chooses the event numbers.
    pub initiator: Initiator,
    /// Whose password.
    pub anchor: SourceAnchor,
    /// The forest that the person lives in.
    pub forest: Forest,
    /// `objectGUID`, 16 bytes as the directory stores them; must agree with what is found.
    pub object_guid: Bytes,
    /// `objectSid` as the directory stores it; must agree with what is found.
    pub object_sid: Bytes,
    /// SHA-256 of the whole envelope.
    pub envelope: Bytes,
    /// Whether the person must change it at the next sign-in (an administrator's reset).
    pub must_change: bool,
    /// Whether the tenant forbids account and display name in the password, whatever the directory does.
    pub forbid_names: bool,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// Not to be started after this.
    pub start_by: Timestamp,
    /// Not to be opened after this.
    pub expires_at: Timestamp,
    /// Proof that the agent can check by itself that the person takes part. None is demanded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Bytes>,
}

impl Signable for Authorisation {
    const PURPOSE: &'static str = "authorisation";
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    /// The person.
    Person,
    /// An administrator or the help desk.
    Administrator,
}

/// Why an authorisation does not hold for this envelope at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorisationError {
    /// It is for another tenant, agent or journal.
    #[error("the authorisation is for another agent or journal")]
    Addressee,
    /// It, or its `start_by`, has passed, or it is valid for too long.
    #[error("the authorisation has expired")]
    Expired,
    /// It is dated in the future by more than the skew that is allowed.
    #[error("the authorisation is dated in the future: a clock is wrong")]
    Future,
    /// The envelope is another one, or about something else.
    #[error("the envelope is not the authorised one")]
    Envelope,
}

impl Authorisation {
    /// Checks what needs neither journal nor directory. `now` is the server's time: our clock, corrected by the skew that
    /// the hello measured.
    ///
    /// # Errors
    /// [`AuthorisationError`], by what does not hold.
    pub fn check(
        &self,
        envelope: &Envelope,
        tenant: TenantId,
        agent: AgentId,
        epoch: EpochId,
        now: Timestamp,
    ) -> Result<(), AuthorisationError> {
        if self.tenant != tenant || self.agent != agent || self.epoch != epoch {
            return Err(AuthorisationError::Addressee);
        }
        if self.issued_at > now.plus(MAXIMUM_SKEW) {
            return Err(AuthorisationError::Future);
        }
        let valid_for = self.expires_at.since(self.issued_at);
        if now >= self.expires_at || now >= self.start_by || valid_for > MAXIMUM_VALIDITY {
            return Err(AuthorisationError::Expired);
        }
        let about = &envelope.context;
        let same = about.tenant == self.tenant
            && about.operation == self.operation
            && about.anchor == self.anchor
            && about.request == self.request
            && about.expires_at <= self.issued_at.plus(Duration::from_secs(15 * 60))
            && envelope.digest().is_ok_and(|digest| digest.as_slice() == self.envelope.0);
        if !same {
            return Err(AuthorisationError::Envelope);
        }
        if now >= about.expires_at {
            return Err(AuthorisationError::Expired);
        }
        Ok(())
    }
}
