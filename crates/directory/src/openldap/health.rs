//! Whether the directory can be written to. Asked every ten seconds, so it costs one small exchange.

use std::time::Duration;

use ritorno_protocol::outcome::Fault;
use tokio::time::{Instant, timeout};

use super::OpenLdap;
use crate::PdcHealth;
use crate::error::DirectoryError;
use crate::operations::milliseconds;

/// Longest wait for the answer, connecting included.
const WITHIN: Duration = Duration::from_secs(4);

impl OpenLdap {
    /// Asks for the first base. What [`PdcHealth`] says of the PDC emulator is said of the server that is written to.
    pub async fn health(&self) -> PdcHealth {
        let since = Instant::now();
        let first = &self.inner.config.hosts[0];
        match timeout(WITHIN, self.ask()).await {
            Ok(Ok(dc)) => PdcHealth::Reachable { dc, milliseconds: milliseconds(since) },
            Ok(Err(error)) => {
                let name = error.operator().dc.clone().unwrap_or_else(|| first.clone());
                PdcHealth::Unreachable { name, reason: error.operator().detail.clone() }
            }
            Err(_) => {
                let reason = format!("no answer within {} s", WITHIN.as_secs());
                PdcHealth::Unreachable { name: first.clone(), reason }
            }
        }
    }

    async fn ask(&self) -> Result<String, DirectoryError> {
        let mut lease = self.lease().await?;
        let (host, base) = (lease.host(), self.inner.config.bases[0].clone());
        let found = lease.entry(&base, &["objectClass"]).await?;
        lease.finish().await;
        match found {
            Some(_) => Ok(host),
            None => {
                let detail = format!("{base} is not there, or may not be read");
                Err(DirectoryError::fault(Fault::NoPermission, &host, detail))
            }
        }
    }
}
