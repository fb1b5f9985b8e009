//! What this crate needs of a directory, whichever product it is.

use async_trait::async_trait;
use ritorno_protocol::authorisation::Authorisation;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::ids::{Forest, SourceAnchor};
use ritorno_protocol::outcome::{Done, Fault, Operator, Outcome};
use ritorno_protocol::policy::{EffectivePolicy, Rule};
use ritorno_protocol::query::Query;
use ritorno_protocol::secret::Password;
use ritorno_protocol::settle::SeenVersion;
use serde::{Deserialize, Serialize};

/// Whose object is meant, with everything that has to agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The forest.
    pub forest: Forest,
    /// The source anchor.
    pub anchor: SourceAnchor,
    /// `objectGUID`, as the directory stores it.
    pub object_guid: Bytes,
    /// `objectSid`, as the directory stores it.
    pub object_sid: Bytes,
}

impl From<&Authorisation> for Target {
    fn from(order: &Authorisation) -> Self {
        Self {
            forest: order.forest.clone(),
            anchor: order.anchor.clone(),
            object_guid: order.object_guid.clone(),
            object_sid: order.object_sid.clone(),
        }
    }
}

impl From<&Query> for Target {
    fn from(query: &Query) -> Self {
        Self {
            forest: query.forest.clone(),
            anchor: query.anchor.clone(),
            object_guid: query.object_guid.clone(),
            object_sid: query.object_sid.clone(),
        }
    }
}

/// Why a directory did not do what was asked; each is an [`Outcome`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryError {
    /// The password breaks a rule; nothing changed.
    Refused {
        /// The rule.
        rule: Rule,
        /// For operators.
        operator: Operator,
    },
    /// It failed and was provably not applied.
    NotApplied {
        /// Why.
        fault: Fault,
        /// For operators.
        operator: Operator,
    },
    /// The answer to a write never came.
    Unknown {
        /// For operators.
        operator: Operator,
    },
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

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Locked now.
    pub locked: bool,
    /// Disabled.
    pub disabled: bool,
}

/// Every forest that the agent serves. Each call goes to the PDC emulator of the person's domain.
#[async_trait]
pub trait Directory: Send + Sync {
    /// A located object.
    type Person: Send + Sync;

    /// Finds the one object that `target` names; all of its identifiers have to agree.
    ///
    /// # Errors
    /// [`DirectoryError::NotApplied`] with what does not hold.
    async fn locate(&self, target: &Target) -> Result<Self::Person, DirectoryError>;

    /// Whether the located object may be touched: in scope, not protected.
    ///
    /// # Errors
    /// [`DirectoryError::NotApplied`] with what forbids it.
    async fn judge(&self, person: &Self::Person) -> Result<(), DirectoryError>;

    /// The policy that holds for the person.
    ///
    /// # Errors
    /// [`DirectoryError::NotApplied`] if it can't be read.
    async fn policy(&self, person: &Self::Person) -> Result<EffectivePolicy, DirectoryError>;

    /// The policy as it was some seconds ago at most: enough to let a password pass, since the directory judges it again,
    /// and not to refuse one.
    ///
    /// # Errors
    /// [`DirectoryError::NotApplied`] if it can't be read.
    async fn recent_policy(&self, person: &Self::Person) -> Result<EffectivePolicy, DirectoryError>;

    /// The password's version when the person was located, or later.
    ///
    /// # Errors
    /// [`DirectoryError::NotApplied`] if it can't be read.
    async fn password_version(&self, person: &Self::Person) -> Result<SeenVersion, DirectoryError>;

    /// The account's state when the person was located, or later.
    ///
    /// # Errors
    /// [`DirectoryError::NotApplied`] if it can't be read.
    async fn state(&self, person: &Self::Person) -> Result<AccountState, DirectoryError>;

    /// Writes a new password, and clears a lockout with it.
    ///
    /// # Errors
    /// [`DirectoryError`]; `Unknown` if the answer did not come.
    async fn reset(
        &self,
        person: &Self::Person,
        new: &Password,
        must_change: bool,
    ) -> Result<Done, DirectoryError>;

    /// Writes a new password for one who knows the old one.
    ///
    /// # Errors
    /// [`DirectoryError`]; `Unknown` if the answer did not come.
    async fn change(
        &self,
        person: &Self::Person,
        old: &Password,
        new: &Password,
    ) -> Result<Done, DirectoryError>;

    /// Clears a lockout.
    ///
    /// # Errors
    /// [`DirectoryError`]; `Unknown` if the answer did not come.
    async fn unlock(&self, person: &Self::Person) -> Result<Done, DirectoryError>;

    /// Whether `typed` is the person's password. Done if it is. `known` says that the browser is one in which the person succeeded
    /// before; others have to leave some of the wrong passwords that an account may have to it.
    ///
    /// # Errors
    /// [`DirectoryError::NotApplied`] with the reason if it is not, or if that could not be found out.
    async fn verify(
        &self,
        person: &Self::Person,
        typed: &Password,
        known: bool,
    ) -> Result<Done, DirectoryError>;
}
