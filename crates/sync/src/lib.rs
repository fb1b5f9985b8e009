//! The sync engine: connector space, metaverse, rules, run profiles, deletion guard and run history.
//!
//! A *full import* stages what an [`ImportSource`] gives in the connector space. A *full sync* judges each staged
//! object by the [`Rules`], joins it to the metaverse by its source anchor and works out what the tenant should hold.
//! A *delta* of either does the same for what changed. An *export* brings the [`Target`] there and records what it
//! answered, and a *confirming import* checks that against what the target has. Each stage reads only what the one
//! before has committed, so that a crash anywhere costs a repetition and nothing else. The engine knows no LDAP.

mod anchor;
mod backoff;
mod connector;
mod engine;
mod error;
mod fault;
mod fill;
mod flow;
mod group;
mod guard;
mod history;
mod metaverse;
mod object;
mod pending;
mod person;
mod preview;
mod profiles;
mod report;
mod resource;
mod rules;
mod run;
mod scim_target;
mod search;
mod sid;
mod source;
mod staging;
mod status;
mod store;
mod target;

pub use backoff::{Backoff, LONGEST_ASKED};
pub use connector::Connector;
pub use engine::Engine;
pub use error::SyncError;
pub use fault::ObjectFault;
pub use group::Group;
pub use guard::{Guard, HELD_IN_TENANT_AGAIN, HeldBecause, Removal, RemovalKind, Removals};
pub use object::{ImportedObject, Kind, Members};
pub use pending::{PendingChange, PendingKind};
pub use person::Person;
pub use preview::{Flow, Judged, NextExport, Preview};
pub use report::{Counts, ObjectError, Profile, Progress, RunOutcome, RunReport, UnknownProfile};
pub use resource::Resource;
pub use rules::{DEFAULTS as DEFAULT_RULES, Layer, Rules, RulesError};
pub use run::Run;
pub use scim_target::{ScimConfig, ScimConfigError, ScimTarget, TokenSource};
pub use search::{Found, Standing};
pub use source::{
    AnchorWriter, AnchorWritten, Begun, Changed, Changes, Counting, DeltaSource, ImportSource, Page,
    SourceError, Watermark,
};
pub use status::{ConnectorStatus, Waiting};
pub use target::{
    Answer, Ask, ExportContext, GroupPage, Stop, Target, TargetError, TargetGroup, TargetPage, TargetPerson,
};
