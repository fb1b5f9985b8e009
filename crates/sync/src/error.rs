//! Why a run, or a question to the engine, failed.

use std::path::PathBuf;

use crate::guard::HeldBecause;
use crate::source::SourceError;
use crate::target::Stop;

/// Why a run, or a question to the engine, failed.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The store's file, or the lock beside it, could not be opened.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store failed.
    #[error("the sync store failed: {0}")]
    Store(#[from] sqlx::Error),
    /// The store's tables could not be brought to this version.
    #[error("the sync store cannot be brought to this version: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The store holds what this version cannot read.
    #[error("the sync store holds a value in {column} that this version cannot read")]
    Unreadable {
        /// The column.
        column: &'static str,
    },
    /// Another run on the same store goes on, in this program or another.
    #[error("another sync run is in progress; wait for its end (ritorno-agent sync status)")]
    RunInProgress,
    /// The engine has never run for this connector.
    #[error("nothing has been run for a connector named {0}")]
    UnknownConnector(String),
    /// The history has no such run (any more: it keeps a week).
    #[error("there is no run {0} in the history; see `ritorno-agent sync history`")]
    UnknownRun(i64),
    /// The import broke off. What it had read is staged; nothing was taken as deleted.
    #[error("the import broke off, nothing was removed: {0}")]
    Source(#[from] SourceError),
    /// The import ended well and saw nothing where there were objects before. Nothing was taken as deleted.
    #[error(
        "the import saw no object at all where there were {before} before; nothing was removed. \
         Check the scope and the service account's rights"
    )]
    NothingSeen {
        /// Objects before.
        before: u64,
    },
    /// The export stopped.
    #[error("{0}")]
    Target(#[from] Stop),
    /// The deletion guard stopped the export before anything went out.
    #[error(
        "the deletion guard stopped the export before anything went out: {pending} removals are pending, {recent} \
         went out in the last 24 hours; {because}. See the list with `ritorno-agent sync removals`, then let exactly it \
         through with `ritorno-agent sync approve` and its digest {digest}"
    )]
    Held {
        /// Removals that nobody approved.
        pending: u64,
        /// Those that went out in the last 24 hours without approval.
        recent: u64,
        /// What tripped the guard.
        because: HeldBecause,
        /// Names exactly this list.
        digest: String,
    },
    /// A run that goes on while another one does, which failed.
    #[error("it was not finished, since what comes before it failed")]
    NotFinished,
    /// The list that was to be approved is no longer the one that is pending.
    #[error("the list of removals is another one now: its digest is {now}")]
    OtherList {
        /// Digest of the present list.
        now: String,
    },
}
