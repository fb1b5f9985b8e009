//! What an agent told of itself, kept until it tells again.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::AgentId;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::row::Row;

/// One agent's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<R> {
    /// The agent.
    pub agent: AgentId,
    /// The server's time when it came.
    pub received_at: Timestamp,
    /// What it says.
    pub report: R,
}

/// Reads a row.
pub(crate) fn told<R: DeserializeOwned>(row: &Row) -> Result<Told<R>, StoreError> {
    Ok(Told {
        agent: row.parsed("agent")?,
        received_at: row.moment("received_at")?,
        report: row.json("report")?,
    })
}
