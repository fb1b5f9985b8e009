//! Where an export goes.

use async_trait::async_trait;

use crate::person::Person;

/// What every request of an export carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportContext {
    /// Name of the connector whose people are exported.
    pub connector: String,
    /// Epoch of the sync lease under which this agent exports; an older one than the target has seen is refused.
    pub lease_epoch: u64,
}

/// The tenant, as an export needs it. Each operation may be repeated: doing one twice leaves what doing it once does.
#[async_trait]
pub trait Target: Send + Sync {
    /// Makes a person and returns the target's id for them.
    ///
    /// # Errors
    /// [`TargetError::Conflict`] if somebody has the anchor or the name already.
    async fn create(&self, context: &ExportContext, person: &Person) -> Result<String, TargetError>;

    /// Replaces all that the connector says of a person.
    ///
    /// # Errors
    /// [`TargetError::NotFound`] if the target has nobody of this id.
    async fn replace(&self, context: &ExportContext, id: &str, person: &Person) -> Result<(), TargetError>;

    /// Removes a person.
    ///
    /// # Errors
    /// [`TargetError::NotFound`] if the target has nobody of this id.
    async fn delete(&self, context: &ExportContext, id: &str) -> Result<(), TargetError>;

    /// The target's id of the person with this anchor, if it has them.
    ///
    /// # Errors
    /// [`TargetError`], as it comes.
    async fn find(&self, context: &ExportContext, anchor: &str) -> Result<Option<String>, TargetError>;
}

/// Why the target did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A unique value is taken by somebody else. Falls on this object only.
    #[error("a unique value is taken: {detail}")]
    Conflict {
        /// The target's words.
        detail: String,
    },
    /// The target has nobody of this id.
    #[error("the target does not know this id")]
    NotFound,
    /// The target refused this object. Falls on this object only.
    #[error("refused with status {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The target's words.
        detail: String,
    },
    /// Nothing further can be exported now.
    #[error(transparent)]
    Stop(#[from] Stop),
}

/// Why an export stopped. What was confirmed before stays confirmed; the next export goes on from there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The target could not be reached, or went on saying that it is busy, through all tries.
    #[error("the tenant cannot be reached: {reason}")]
    Unreachable {
        /// What the last try met.
        reason: String,
    },
    /// The target does not accept this agent's token.
    #[error("the tenant does not accept this agent's token: {reason}; is the agent still enrolled?")]
    Unauthorised {
        /// What was said.
        reason: String,
    },
    /// Another agent has taken the sync lease.
    #[error("another agent has taken over the export (lease epoch {epoch} is outdated)")]
    LeaseLost {
        /// This agent's epoch.
        epoch: u64,
    },
    /// The target answers, but not as RFC 7644 has it.
    #[error("the tenant's answer cannot be read: {reason}")]
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
}
