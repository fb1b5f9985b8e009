//! What the cloud side remembers of one request to a directory: never the envelope.

use ritorno_protocol::authorisation::Initiator;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::{AgentId, EpochId, RequestId, SourceAnchor, SupportCode, TenantId, UserId};
use ritorno_protocol::outcome::Outcome;
use ritorno_protocol::settle::Before;

use crate::ids::AdministratorId;

/// One request: committed before it is dispatched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// The tenant.
    pub tenant: TenantId,
    /// The person.
    pub user: UserId,
    /// The person's anchor, as authorised.
    pub anchor: SourceAnchor,
    /// What is asked.
    pub operation: Operation,
    /// The administrator who asks it for the person; `None` if it is the person.
    pub administrator: Option<AdministratorId>,
    /// Digest of the whole envelope, as authorised.
    pub envelope_digest: [u8; 32],
    /// What the person can give the help desk.
    pub support_code: SupportCode,
    /// The attempt under way.
    pub attempt: Attempt,
    /// How far it is.
    pub state: RequestState,
    /// The agent whose look at the directory proved the outcome, where that is not the agent that made the write. The latter knows
    /// better, should it come back.
    pub settled_by: Option<AgentId>,
    /// Whether it did come back, and said otherwise: the outcome is what it says.
    pub corrected: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
}

/// One attempt: which agent may act, and until when it may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// The one agent that may act.
    pub agent: AgentId,
    /// That agent's journal.
    pub epoch: EpochId,
    /// Not to be started after this.
    pub start_by: Timestamp,
    /// From this moment on, an attempt that was not heard of can't end any more: `start_by`, the allowed skew, and the
    /// directory's time-out. It may have written all the same: what the agent said of it can be lost with the link.
    pub dead_after: Timestamp,
    /// Whether the agent begins only once the server has written down that it does. Then silence is proof.
    pub go_ahead: bool,
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Handed to the agent, or about to be. While it is so, an attempt that needs a go-ahead has got none.
    Dispatched,
    /// The agent's intent is durable: nobody else may write.
    Started {
        /// What was known before the write, to settle by.
        before: Option<Before>,
    },
    /// The agent said that it did not begin, or can't any more; another attempt may be made.
    NotStarted,
    /// It ended. An unknown outcome can still be settled.
    Finished(Outcome),
}

impl RequestState {
    /// The state's name in the database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Dispatched => "dispatched",
            Self::Started { .. } => "started",
            Self::NotStarted => "not-started",
            Self::Finished(_) => "finished",
        }
    }
}

impl Request {
    /// Whether another attempt may be signed: only if the agent said that it did not begin, the order never left, or the agent
    /// got no go-ahead in time. Other silence proves nothing, since the agent's 'started' may have been lost on the way.
    pub const fn may_try_again(&self) -> bool {
        matches!(self.state, RequestState::NotStarted)
    }

    /// Who asks, as the agent is told.
    pub const fn initiator(&self) -> Initiator {
        match self.administrator {
            None => Initiator::Person,
            Some(_) => Initiator::Administrator,
        }
    }

    /// The outcome, once there is one.
    pub const fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            RequestState::Finished(outcome) => Some(outcome),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::outcome::Operator;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn another_attempt_only_when_the_first_is_known_not_to_have_begun() {
        let at = |ms| Timestamp::from_unix_ms(ms);
        let request = |state| Request {
            id: RequestId(Uuid::nil()),
            tenant: TenantId(Uuid::nil()),
            user: UserId(Uuid::nil()),
            anchor: SourceAnchor(String::new()),
            operation: Operation::Reset,
            administrator: None,
            envelope_digest: [0; 32],
            support_code: SupportCode(String::new()),
            attempt: Attempt {
                number: 1,
                agent: AgentId(Uuid::nil()),
                epoch: EpochId(Uuid::nil()),
                start_by: at(5_000),
                dead_after: at(150_000),
                go_ahead: false,
            },
            state,
            settled_by: None,
            corrected: false,
            created_at: at(0),
            updated_at: at(0),
        };
        assert!(request(RequestState::NotStarted).may_try_again());
        assert!(!request(RequestState::Dispatched).may_try_again());
        let started = RequestState::Started { before: None };
        assert!(!request(started).may_try_again());
        let unknown = RequestState::Finished(Outcome::Unknown { operator: Operator::default() });
        assert!(!request(unknown).may_try_again());
    }
}
