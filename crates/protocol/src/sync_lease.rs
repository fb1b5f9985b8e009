//! Who exports for a connector: `POST /agent/v1/sync-lease`. A run asks for an epoch before it exports; of two agents the later one goes
//! on, and the earlier one's requests are refused from then on.

use serde::{Deserialize, Serialize};

/// What an agent asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseAsked {
    /// The connector: one of the agent's forests.
    pub connector: String,
}

/// What it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseGiven {
    /// What the export's requests name (see [`crate::scim::LEASE_EPOCH_HEADER`]): higher than any before it.
    pub epoch: u64,
}
