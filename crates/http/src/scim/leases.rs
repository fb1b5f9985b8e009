//! The newest lease epoch that an export named, for each connector: an older one is a former active agent that does not
//! know yet.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ritorno_protocol::ids::AgentId;

/// Newest lease epochs, by agent and connector. They are as old as the process: after a restart the first export of each
/// connector sets its epoch anew.
#[derive(Debug, Default)]
pub struct Leases(Mutex<HashMap<(AgentId, String), u64>>);

/// An export under an outdated lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease epoch {named} is outdated: {newest} was seen")]
pub struct Outdated {
    /// What the export named.
    pub named: u64,
    /// What was seen before.
    pub newest: u64,
}

impl Leases {
    /// Takes note of an epoch.
    ///
    /// # Errors
    /// [`Outdated`] if a newer one was seen.
    pub fn see(&self, agent: AgentId, connector: &str, named: u64) -> Result<(), Outdated> {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = leases.entry((agent, connector.to_owned())).or_insert(named);
        if named < *newest {
            return Err(Outdated { named, newest: *newest });
        }
        *newest = named;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_epoch_is_outdated_for_its_connector_only() {
        let leases = Leases::default();
        let agent = AgentId(uuid::Uuid::nil());
        assert_eq!(leases.see(agent, "contoso.test", 7), Ok(()));
        assert_eq!(leases.see(agent, "contoso.test", 7), Ok(()));
        assert_eq!(leases.see(agent, "contoso.test", 6), Err(Outdated { named: 6, newest: 7 }));
        assert_eq!(leases.see(agent, "fabrikam.test", 1), Ok(()));
    }
}
