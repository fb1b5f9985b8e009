//! How an operation fails, in the types that travel to the person and the operator.

use ritorno_protocol::outcome::{Fault, Operator, Outcome};
use ritorno_protocol::policy::Rule;

use crate::kerberos::KerberosFault;
use crate::ldap::LdapError;
use crate::refusal::{Refusal, classify};

/// An operation that did not succeed. It maps one to one on an [`Outcome`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The directory refused the password, by this rule. Nothing changed.
    #[error("the directory refused the password ({rule:?}): {}", operator.detail)]
    Refused {
        /// The rule.
        rule: Rule,
        /// The operator's face.
        operator: Operator,
    },
    /// Nothing was done.
    #[error("not done ({fault:?}): {}", operator.detail)]
    NotApplied {
        /// Why.
        fault: Fault,
        /// The operator's face.
        operator: Operator,
    },
    /// A write was sent and no answer came. Only writes end like this.
    #[error("not known whether it was done: {}", operator.detail)]
    Unknown {
        /// The operator's face.
        operator: Operator,
    },
}

impl DirectoryError {
    /// Nothing was done, for `fault`, seen at `dc`.
    pub(crate) fn fault(fault: Fault, dc: &str, detail: impl Into<String>) -> Self {
        Self::NotApplied { fault, operator: operator(dc, detail) }
    }

    /// A read that failed: nothing was written, so nothing is unknown.
    pub(crate) fn read(error: &LdapError) -> Self {
        let fault = match error {
            LdapError::Connect { host, .. }
            | LdapError::Kerberos { host, fault: KerberosFault::Unreachable, .. } => {
                Fault::PdcUnreachable { name: host.clone() }
            }
            LdapError::Kerberos { .. } | LdapError::NotSent { .. } | LdapError::NoAnswer { .. } => {
                Fault::DirectoryUnavailable
            }
            LdapError::Refused { answer, .. } => match classify(answer) {
                Refusal::Fault(fault) => fault,
                Refusal::Rule(_) | Refusal::Unrecognised => Fault::DirectoryUnavailable,
            },
        };
        Self::NotApplied { fault, operator: operator_of(error) }
    }

    /// A write that failed.
    pub(crate) fn write(error: &LdapError) -> Self {
        match error {
            LdapError::NoAnswer { .. } => Self::Unknown { operator: operator_of(error) },
            LdapError::Refused { answer, .. } => match classify(answer) {
                Refusal::Rule(rule) => Self::Refused { rule, operator: operator_of(error) },
                Refusal::Fault(fault) => Self::NotApplied { fault, operator: operator_of(error) },
                Refusal::Unrecognised => {
                    Self::NotApplied { fault: Fault::Unrecognised, operator: operator_of(error) }
                }
            },
            LdapError::Connect { .. } | LdapError::Kerberos { .. } | LdapError::NotSent { .. } => {
                Self::read(error)
            }
        }
    }

    /// The operator's face.
    pub const fn operator(&self) -> &Operator {
        match self {
            Self::Refused { operator, .. }
            | Self::NotApplied { operator, .. }
            | Self::Unknown { operator } => operator,
        }
    }

    /// The operator's face, to complete its timings.
    pub const fn operator_mut(&mut self) -> &mut Operator {
        match self {
            Self::Refused { operator, .. }
            | Self::NotApplied { operator, .. }
            | Self::Unknown { operator } => operator,
        }
    }
}

impl From<DirectoryError> for Outcome {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Refused { rule, operator } => Self::Refused { rule, operator },
            DirectoryError::NotApplied { fault, operator } => Self::NotApplied { fault, operator },
            DirectoryError::Unknown { operator } => Self::Unknown { operator },
        }
    }
}

/// The operator's face of something seen at `dc`.
pub(crate) fn operator(dc: &str, detail: impl Into<String>) -> Operator {
    Operator { dc: Some(dc.to_owned()), detail: detail.into(), ..Operator::default() }
}

pub(crate) fn operator_of(error: &LdapError) -> Operator {
    let answer = error.answer();
    // invalidCredentials, as a simple bind says it (RFC 4511 section 4.1.9).
    let by_kerberos =
        matches!(error, LdapError::Kerberos { fault: KerberosFault::WrongPassword, .. }).then_some(49);
    Operator {
        dc: Some(error.host().to_owned()),
        ldap_code: answer.map(|answer| answer.code).or(by_kerberos),
        detail: answer.map_or_else(|| error.to_string(), |answer| answer.text.trim().to_owned()),
        ..Operator::default()
    }
}
