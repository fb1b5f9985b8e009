//! OpenLDAP's refusals to the same typed reasons as Active Directory's. The policy's own word comes in a control of the answer; a result
//! code (RFC 4511 appendix A) without it names no rule.

use ritorno_protocol::outcome::Fault;
use ritorno_protocol::policy::Rule;

use crate::error::{DirectoryError, operator_of};
use crate::ldap::{LdapError, PolicyError};
use crate::refusal::Refusal;

/// What a refused write means. Rules are without the numbers that the policy has for them.
pub(super) fn classify(code: u32, policy: Option<PolicyError>) -> Refusal {
    match (policy, code) {
        (Some(PolicyError::TooShort), _) => Refusal::Rule(Rule::MinimumLength { minimum: 0 }),
        (Some(PolicyError::TooLong), _) => Refusal::Rule(Rule::MaximumLength { maximum: 0 }),
        (Some(PolicyError::TooYoung), _) => Refusal::Rule(Rule::MinimumAge { not_before: None }),
        (Some(PolicyError::InHistory), _) => Refusal::Rule(Rule::History { remembered: None }),
        (Some(PolicyError::InsufficientQuality), _) => Refusal::Rule(Rule::Unnamed),
        (Some(PolicyError::NotAllowed | PolicyError::MustSupplyOld), _) => {
            Refusal::Fault(Fault::NoPermission)
        }
        (Some(PolicyError::AccountLocked), _) => Refusal::Fault(Fault::AccountLocked),
        // insufficientAccessRights, noSuchObject.
        (_, 50) => Refusal::Fault(Fault::NoPermission),
        (_, 32) => Refusal::Fault(Fault::NotFound),
        // operationsError, strongerAuthRequired, referral (a consumer), confidentialityRequired, invalidCredentials of our own account,
        // busy, unavailable, unwillingToPerform (a server that takes no writes).
        (_, 1 | 8 | 10 | 13 | 49 | 51 | 52 | 53) => Refusal::Fault(Fault::DirectoryUnavailable),
        // constraintViolation: the server's check of passwords, which says no more.
        (None, 19) => Refusal::Rule(Rule::Unnamed),
        _ => Refusal::Unrecognised,
    }
}

/// A write that failed.
pub(super) fn write(error: &LdapError, policy: Option<PolicyError>) -> DirectoryError {
    let operator = operator_of(error);
    match error {
        LdapError::NoAnswer { .. } => DirectoryError::Unknown { operator },
        LdapError::Refused { answer, .. } => match classify(answer.code, policy) {
            Refusal::Rule(rule) => DirectoryError::Refused { rule, operator },
            Refusal::Fault(fault) => DirectoryError::NotApplied { fault, operator },
            Refusal::Unrecognised => DirectoryError::NotApplied { fault: Fault::Unrecognised, operator },
        },
        LdapError::Connect { .. } | LdapError::Kerberos { .. } | LdapError::NotSent { .. } => read(error),
    }
}

/// A read that failed: nothing was written, so nothing is unknown.
pub(super) fn read(error: &LdapError) -> DirectoryError {
    let fault = match error {
        LdapError::Connect { host, .. } => Fault::PdcUnreachable { name: host.clone() },
        LdapError::Kerberos { .. } | LdapError::NotSent { .. } | LdapError::NoAnswer { .. } => {
            Fault::DirectoryUnavailable
        }
        LdapError::Refused { answer, .. } => match classify(answer.code, None) {
            Refusal::Fault(fault) => fault,
            Refusal::Rule(_) | Refusal::Unrecognised => Fault::DirectoryUnavailable,
        },
    };
    DirectoryError::NotApplied { fault, operator: operator_of(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that the lab's server can't be brought to produce; the others are in `tests/it/openldap.rs`. Sources: the draft's section
    /// 6.2, slapo-ppolicy(5), and RFC 4511 appendix A.2.
    #[test]
    fn the_rows_that_the_lab_does_not_produce() {
        let rows = [
            (19, Some(PolicyError::InsufficientQuality), Refusal::Rule(Rule::Unnamed)),
            (19, None, Refusal::Rule(Rule::Unnamed)),
            (10, None, Refusal::Fault(Fault::DirectoryUnavailable)),
            (51, None, Refusal::Fault(Fault::DirectoryUnavailable)),
            (53, None, Refusal::Fault(Fault::DirectoryUnavailable)),
            (80, None, Refusal::Unrecognised),
            (19, Some(PolicyError::PasswordExpired), Refusal::Unrecognised),
        ];
        for (code, policy, expected) in rows {
            assert_eq!(classify(code, policy), expected, "{code} {policy:?}");
        }
    }
}
