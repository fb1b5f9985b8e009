//! One run of a profile, with what it works on.

use crate::report::Profile;
use crate::source::ImportSource;
use crate::target::Target;

/// What to run.
pub enum Run<'a> {
    /// Stage all that the source gives in the connector space; what it no longer gives is marked as gone.
    FullImport(&'a mut dyn ImportSource),
    /// Judge every staged object, join it to the metaverse, and work out what the target should hold.
    FullSync,
    /// Bring the target there.
    Export {
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
            Self::FullSync => Profile::FullSync,
            Self::Export { .. } => Profile::Export,
        }
    }
}
