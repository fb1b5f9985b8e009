//! Why a question or a request got no answer from the directory.

use crate::keyring::KeyringError;
use crate::ledger::LedgerError;
use crate::tenant_state::TenantState;

/// Why there is no answer. In every case but [`DispatchError::Ledger`] nothing was written and nothing will be.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The person is mastered in the tenant: there is no directory to write to.
    #[error("the person is cloud-only")]
    NotHybrid,
    /// No agent can take it now.
    #[error("no agent can take it: {0}")]
    Unavailable(TenantState),
    /// Every agent that could take it is busy, and stayed so.
    #[error("every agent is busy")]
    Busy,
    /// The envelope is not the one that was asked for: another context, or other recipients.
    #[error("the envelope does not belong to the context that was handed out")]
    Envelope,
    /// The envelope has expired.
    #[error("the envelope has expired")]
    Expired,
    /// A request of that id was made for somebody else.
    #[error("the request id belongs to another request")]
    AnotherRequest,
    /// The flow that was to make the request has gone on another way: by a second tab, or a second click.
    #[error("the flow that was to make the request has taken another step")]
    StepTaken,
    /// An earlier request of the same person is not settled yet.
    #[error("an earlier request of the same person is not settled yet")]
    Unsettled,
    /// The question was not answered in time.
    #[error("the agent did not answer in time")]
    TimedOut,
    /// No key to sign with.
    #[error("{0}")]
    Keyring(#[from] KeyringError),
    /// The database failed. A request that was already dispatched may have been applied.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
}
