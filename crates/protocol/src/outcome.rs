//! How a request ends, in types that both ends and every page compare by value.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::envelope::Operation;
use crate::event::EventId;
use crate::policy::Rule;

/// How one attempt ended, as the agent states it. What can't be proved is `Unknown`, never guessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// The directory said that it is done.
    Done(Done),
    /// The directory, or the agent by the directory's policy, refused the password; nothing changed.
    Refused {
        /// The rule that refused it.
        rule: Rule,
        /// For operators: what the directory said, and where.
        operator: Operator,
    },
    /// It failed and was provably not applied.
    NotApplied {
        /// Why.
        fault: Fault,
        /// For operators: what the directory said, and where.
        operator: Operator,
    },
    /// The directory's answer never came; settled later by the password's version, never by writing again.
    Unknown {
        /// For operators: what was seen last, and where.
        operator: Operator,
    },
}

/// What was done, with the parts that were left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Whether the account's lockout was cleared with it (or there was none).
    pub unlocked: bool,
    /// Whether the person must change the password at the next sign-in.
    pub must_change: bool,
    /// Whether history and minimum age were enforced (the DC lists the policy-hints control).
    pub history_enforced: bool,
    /// For operators: which DC, how long.
    pub operator: Operator,
}

/// The operator's face of an outcome: never shown to the person, never holds a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Host name of the DC that was asked, if one was.
    pub dc: Option<String>,
    /// LDAP result code (RFC 4511 section 4.1.9), if one came.
    pub ldap_code: Option<u32>,
    /// The directory's diagnostic text, or our own words.
    pub detail: String,
    /// Milliseconds spent at the directory.
    pub directory_ms: u64,
    /// Milliseconds spent in the agent, the directory's share included.
    pub agent_ms: u64,
}

/// Why a request was provably not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The account is disabled.
    AccountDisabled,
    /// The account is locked, and the operation does not unlock.
    AccountLocked,
    /// The authorisation is not signed by a key that chains to the pinned root, or is for another agent, epoch or tenant.
    AuthorisationRefused,
    /// The authorisation, or its `start_by`, has passed.
    Expired,
    /// The directory could not be reached, or did not do what it should.
    DirectoryUnavailable,
    /// No key of this agent opens the envelope, it does not belong to the authorisation, or it was altered.
    EnvelopeUnreadable,
    /// Anchor, `objectGUID` and `objectSid` do not name the same object any more.
    IdentityMismatch,
    /// The agent's own limit of requests per minute is reached.
    LimitReached,
    /// More than one object carries the anchor.
    MultipleMatches,
    /// The agent's account lacks the right.
    NoPermission,
    /// The agent does not serve the person, or the person's object is not there.
    NotFound,
    /// The object is outside the agent's scope.
    OutOfScope,
    /// The PDC emulator could not be reached.
    PdcUnreachable {
        /// The name that was tried.
        name: String,
    },
    /// The account is a protected one: an administrator, the agent's own, a computer.
    Protected,
    /// This request id was seen before, and its outcome is no longer known.
    Replayed,
    /// The agent's clock and the server's differ by more than is allowed.
    ClockSkew,
    /// Writeback is switched off at the agent.
    SwitchedOff,
    /// The directory refused for a reason that is in no table: its own words are with the operator.
    Unrecognised,
    /// The old password is wrong.
    WrongOldPassword,
}

/// The stable code that a person may read, Microsoft's number and name where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SsprCode {
    /// SSPR is off for the tenant.
    #[serde(rename = "SSPR_0009")]
    TenantDisabled,
    /// Writeback is off.
    #[serde(rename = "SSPR_0010")]
    WritebackNotEnabled,
    /// The person's policy does not allow SSPR.
    #[serde(rename = "SSPR_0011")]
    NotEnabledInPolicy,
    /// No licence.
    #[serde(rename = "SSPR_0012")]
    NotLicensed,
    /// Not in the group that may reset.
    #[serde(rename = "SSPR_0013")]
    NotInGroup,
    /// Too few methods registered.
    #[serde(rename = "SSPR_0014")]
    NotProperlyConfigured,
    /// An administrator on premises must act.
    #[serde(rename = "SSPR_0029")]
    OnPremisesAdminActionRequired,
    /// The directory, or every agent, is out of reach.
    #[serde(rename = "SSPR_0030")]
    OnPremisesConnectivity,
}

impl SsprCode {
    /// The code as printed, such as `SSPR_0030`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantDisabled => "SSPR_0009",
            Self::WritebackNotEnabled => "SSPR_0010",
            Self::NotEnabledInPolicy => "SSPR_0011",
            Self::NotLicensed => "SSPR_0012",
            Self::NotInGroup => "SSPR_0013",
            Self::NotProperlyConfigured => "SSPR_0014",
            Self::OnPremisesAdminActionRequired => "SSPR_0029",
            Self::OnPremisesConnectivity => "SSPR_0030",
        }
    }
}

impl Fault {
    /// The person's code, where Microsoft has one for it.
    pub const fn sspr_code(&self) -> Option<SsprCode> {
        match self {
            Self::DirectoryUnavailable | Self::PdcUnreachable { .. } | Self::LimitReached => {
                Some(SsprCode::OnPremisesConnectivity)
            }
            Self::SwitchedOff => Some(SsprCode::WritebackNotEnabled),
            Self::WrongOldPassword | Self::Expired | Self::Replayed => None,
            _ => Some(SsprCode::OnPremisesAdminActionRequired),
        }
    }

    /// Microsoft's event number for the cause (33001 to 33009, or a 32000).
    pub const fn event(&self) -> EventId {
        match self {
            Self::AccountDisabled => EventId::AdUserAccountDisabled,
            Self::AccountLocked => EventId::AdUserAccountLockedOut,
            Self::EnvelopeUnreadable => EventId::DecryptionError,
            Self::AuthorisationRefused | Self::Expired | Self::ClockSkew | Self::Replayed => {
                EventId::ValidationError
            }
            Self::DirectoryUnavailable | Self::PdcUnreachable { .. } => EventId::AdConfigurationError,
            Self::IdentityMismatch | Self::LimitReached | Self::SwitchedOff | Self::Unrecognised => {
                EventId::AdUnknownError
            }
            Self::MultipleMatches => EventId::AdMultipleMatchError,
            Self::NoPermission | Self::Protected => EventId::AdPermissionsError,
            Self::NotFound | Self::OutOfScope => EventId::AdUserNotFound,
            Self::WrongOldPassword => EventId::AdUserIncorrectPassword,
        }
    }
}

/// The last word on a request for the person: what the page and the mail are made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// What was asked.
    pub operation: Operation,
    /// How it ended.
    pub outcome: Outcome,
    /// When that was known.
    pub at: Timestamp,
    /// Whether the request's row has it. If not, the agent said it while the database failed, and says it again until it is kept: what
    /// follows, such as the notice by mail, comes later.
    pub recorded: bool,
}

impl Outcome {
    /// The operator's face.
    pub const fn operator(&self) -> &Operator {
        match self {
            Self::Done(done) => &done.operator,
            Self::Refused { operator, .. }
            | Self::NotApplied { operator, .. }
            | Self::Unknown { operator } => operator,
        }
    }

    /// The operator's face, to complete its timings.
    pub const fn operator_mut(&mut self) -> &mut Operator {
        match self {
            Self::Done(done) => &mut done.operator,
            Self::Refused { operator, .. }
            | Self::NotApplied { operator, .. }
            | Self::Unknown { operator } => operator,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_number() {
        let faults = [
            (Fault::AccountDisabled, 33005),
            (Fault::AccountLocked, 33006),
            (Fault::AuthorisationRefused, 32008),
            (Fault::Expired, 32008),
            (Fault::DirectoryUnavailable, 33009),
            (Fault::EnvelopeUnreadable, 32004),
            (Fault::IdentityMismatch, 33001),
            (Fault::LimitReached, 33001),
            (Fault::MultipleMatches, 33003),
            (Fault::NoPermission, 33004),
            (Fault::NotFound, 33002),
            (Fault::OutOfScope, 33002),
            (Fault::PdcUnreachable { name: "dc1".into() }, 33009),
            (Fault::Protected, 33004),
            (Fault::Replayed, 32008),
            (Fault::ClockSkew, 32008),
            (Fault::SwitchedOff, 33001),
            (Fault::Unrecognised, 33001),
            (Fault::WrongOldPassword, 33007),
        ];
        for (fault, number) in faults {
            assert_eq!(fault.event().number(), number, "{fault:?}");
        }
    }
}
