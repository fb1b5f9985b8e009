//! Lists that are looked through whole: one at a time of each agent.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use ritorno_protocol::ids::AgentId;

use super::error::ScimError;

/// The agents of which one goes on.
#[derive(Debug, Default)]
pub struct Scans(Mutex<HashSet<AgentId>>);

/// One that goes on, until it is dropped.
#[derive(Debug)]
pub struct Scan {
    of: Arc<Scans>,
    agent: AgentId,
}

impl Scans {
    /// Begins one.
    ///
    /// # Errors
    /// [`ScimError::Busy`] while another one of the agent goes on.
    pub fn begin(self: &Arc<Self>, agent: AgentId) -> Result<Scan, ScimError> {
        let is_first = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(agent);
        if is_first { Ok(Scan { of: self.clone(), agent }) } else { Err(ScimError::Busy) }
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.agent);
    }
}
