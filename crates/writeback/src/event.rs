//! Which of Microsoft's event numbers tell about a request.

use ritorno_protocol::authorisation::Initiator;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::event::EventId;
use ritorno_protocol::ids::{RequestId, SourceAnchor};
use ritorno_protocol::outcome::Operator;
use serde::Serialize;

/// One line of the event log. It never holds a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When, by the agent's clock.
    pub at: Timestamp,
    /// The number.
    pub id: EventId,
    /// The request, by which the lines of one reset are found; the same id is in the cloud side's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<RequestId>,
    /// Whose password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<SourceAnchor>,
    /// The domain controller that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dc: Option<String>,
    /// LDAP result code (RFC 4511 section 4.1.9).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ldap_code: Option<u32>,
    /// What happened, in words, for operators.
    pub reason: String,
}

impl Event {
    /// A line that is about no request.
    pub fn new(at: Timestamp, id: EventId, reason: impl Into<String>) -> Self {
        Self { at, id, tracking_id: None, anchor: None, dc: None, ldap_code: None, reason: reason.into() }
    }

    /// A line about a request.
    pub fn about(
        at: Timestamp,
        id: EventId,
        request: RequestId,
        anchor: &SourceAnchor,
        operator: &Operator,
    ) -> Self {
        Self {
            at,
            id,
            tracking_id: Some(request),
            anchor: Some(anchor.clone()),
            dc: operator.dc.clone(),
            ldap_code: operator.ldap_code,
            reason: operator.detail.clone(),
        }
    }
}

/// The numbers for start, success and failure of one kind of request. An unlock and a sign-in have none of their own in
/// Microsoft's table: they count as a reset and a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// It came in.
    pub start: EventId,
    /// It was done.
    pub success: EventId,
    /// It failed.
    pub fail: EventId,
}

impl Numbers {
    /// The numbers for `operation`, asked for by `initiator`.
    pub const fn of(operation: Operation, initiator: Initiator) -> Self {
        match (operation, initiator) {
            (Operation::Change | Operation::Verify, _) => Self {
                start: EventId::ChangePasswordStart,
                success: EventId::ChangePasswordSuccess,
                fail: EventId::ChangePasswordFail,
            },
            (Operation::Reset | Operation::Unlock, Initiator::Person) => Self {
                start: EventId::PasswordResetStart,
                success: EventId::PasswordResetSuccess,
                fail: EventId::PasswordResetFail,
            },
            (Operation::Reset | Operation::Unlock, Initiator::Administrator) => Self {
                start: EventId::AdminResetStart,
                success: EventId::AdminResetSuccess,
                fail: EventId::AdminResetFail,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_by_the_person_is_31001_to_31003_and_by_an_administrator_31009_to_31011() {
        let numbers = |initiator| {
            let numbers = Numbers::of(Operation::Reset, initiator);
            [numbers.start, numbers.success, numbers.fail].map(EventId::number)
        };
        assert_eq!(numbers(Initiator::Person), [31001, 31002, 31003]);
        assert_eq!(numbers(Initiator::Administrator), [31009, 31010, 31011]);
    }

    #[test]
    fn a_change_is_31006_to_31008_and_so_is_a_sign_in_and_an_unlock_counts_as_a_reset() {
        for initiator in [Initiator::Person, Initiator::Administrator] {
            let changed = Numbers::of(Operation::Change, initiator);
            assert_eq!(
                [changed.start, changed.success, changed.fail].map(EventId::number),
                [31006, 31007, 31008]
            );
            assert_eq!(Numbers::of(Operation::Verify, initiator), changed);
            assert_eq!(Numbers::of(Operation::Unlock, initiator), Numbers::of(Operation::Reset, initiator));
        }
    }
}
