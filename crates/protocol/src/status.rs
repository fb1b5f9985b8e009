//! What the running agent says of itself over its local socket: `ritorno-agent status --json` shows it as it is.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::link::ForestHealth;

/// How the link is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// Whether it is up.
    pub up: bool,
    /// Since when.
    pub since: Timestamp,
    /// Why it is down.
    pub reason: Option<String>,
    /// How long the latest ping took to the server and back, in milliseconds.
    #[serde(default)]
    pub round_trip_ms: Option<u64>,
}

/// Everything that is shown of the running agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The journal's epoch.
    pub epoch: String,
    /// The link.
    pub link: LinkStatus,
    /// Whether writeback is on here.
    pub writeback_on: bool,
    /// The forests.
    pub forests: Vec<ForestHealth>,
}
