//! One run of a profile, with what it works on.

use crate::report::Profile;
use crate::source::{DeltaSource, ImportSource};
use crate::target::Target;

/// What to run.
pub enum Run<'a> {
    /// Stage all that the source gives in the connector space; what it no longer gives is marked as gone.
    FullImport(&'a mut dyn ImportSource),
    /// Stage what changed since the last import; all, when there is nothing to go on from.
    DeltaImport(&'a mut dyn DeltaSource),
    /// Judge every staged object, join it to the metaverse, and work out what the target should hold.
    FullSync,
    /// The same for the objects that changed since a sync judged them last; all, when the rules have changed.
    DeltaSync,
    /// Bring the target there.
    Export {
        /// The target.
        target: &'a dyn Target,
        /// Epoch of the sync lease that this agent holds.
        lease_epoch: u64,
    },
    /// Read the target's people and confirm what was exported.
    ConfirmingImport {
        /// The target.
        target: &'a dyn Target,
        /// Epoch of the sync lease that this agent holds.
        lease_epoch: u64,
    },
    /// The same of whom the target says that they changed since it was read last; of all, when it was not. Who is not there any more only
    /// the former notices.
    ConfirmingDeltaImport {
        /// The target.
        target: &'a dyn Target,
        /// Epoch of the sync lease that this agent holds.
        lease_epoch: u64,
    },
}

impl Run<'_> {
    /// The profile's name.
    pub fn profile(&self) -> Profile {
        match self {
            Self::FullImport(_) => Profile::FullImport,
            Self::DeltaImport(_) => Profile::DeltaImport,
            Self::FullSync => Profile::FullSync,
            Self::DeltaSync => Profile::DeltaSync,
            Self::Export { .. } => Profile::Export,
            Self::ConfirmingImport { .. } => Profile::ConfirmingImport,
            Self::ConfirmingDeltaImport { .. } => Profile::ConfirmingDeltaImport,
        }
    }
}
