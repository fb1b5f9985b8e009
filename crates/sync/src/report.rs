//! What is known of a run, while it goes on and afterwards.

use std::fmt;
use std::str::FromStr;

use ritorno_protocol::clock::Timestamp;

use crate::fault::ObjectFault;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Its name in commands, logs and the store.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Whatever has this name.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named!(
    /// A run profile.
    Profile {
        /// Reads all of the directory into the connector space.
        FullImport = "full-import",
        /// Reads what changed in the directory since the last import.
        DeltaImport = "delta-import",
        /// Judges all of the connector space and works out what the tenant should hold.
        FullSync = "full-sync",
        /// The same for what changed since the last sync.
        DeltaSync = "delta-sync",
        /// Brings the tenant there.
        Export = "export",
        /// Reads the tenant and confirms what was exported.
        ConfirmingImport = "confirming-import",
        /// The same for what changed in the tenant since it was read last.
        ConfirmingDeltaImport = "confirming-delta-import",
    }
);

named!(
    /// How a run ended.
    RunOutcome {
        /// It has not ended yet.
        Running = "running",
        /// Everything was carried on.
        Succeeded = "succeeded",
        /// It reached its end; some objects have errors.
        CompletedWithErrors = "completed-with-errors",
        /// It stopped before its end; `failure` says why.
        Failed = "failed",
        /// The agent went away in the middle of it.
        Interrupted = "interrupted",
    }
);

/// A word that names no run profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no run profile {0}; there are full-import, delta-import, full-sync, delta-sync, export, confirming-import and confirming-delta-import"
)]
pub struct UnknownProfile(pub String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Self::named(name).ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What runs.
    pub profile: Profile,
    /// Objects done.
    pub done: u64,
    /// Objects in all; in an import, as many as the last one saw, or in the first one as were counted meanwhile.
    pub total: Option<u64>,
}

/// Objects of a run by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// New ones.
    pub adds: u64,
    /// Changed ones.
    pub updates: u64,
    /// Removed ones.
    pub deletes: u64,
    /// Ones that stayed as they were.
    pub unchanged: u64,
    /// Ones that could not be carried on.
    pub errors: u64,
    /// Source anchors that an import wrote into the directory before it read it.
    pub anchors: u64,
    /// Those that the directory refused.
    pub anchors_refused: u64,
}

impl Counts {
    /// Objects handled in all; anchors are of objects that are counted as they are read.
    pub fn done(&self) -> u64 {
        self.adds + self.updates + self.deletes + self.unchanged + self.errors
    }
}

/// One run, as the history keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// Its number.
    pub id: i64,
    /// The connector.
    pub connector: String,
    /// What ran.
    pub profile: Profile,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, if it did.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// The directory server that an import read.
    pub server: Option<String>,
    /// What became of the objects.
    pub counts: Counts,
    /// Why it failed, for the operator.
    pub failure: Option<String>,
    /// What the operator should know of it all the same, such as that it was a full import in place of a delta import.
    pub note: Option<String>,
}

impl RunReport {
    /// Whether it reached its end.
    pub fn is_good(&self) -> bool {
        matches!(self.outcome, RunOutcome::Succeeded | RunOutcome::CompletedWithErrors)
    }
}

/// One object that a run could not carry on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectError {
    /// Its DN, or in an export its userPrincipalName.
    pub object: String,
    /// Why.
    pub fault: ObjectFault,
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.fault)
    }
}
