//! Whether the PDC emulator can be reached. Asked every ten seconds, so it costs one small exchange.

use std::time::Duration;

use ritorno_protocol::outcome::Fault;
use tokio::time::{Instant, timeout};

use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::own_password::is_refused;

/// Longest wait for the answer, finding and connecting included: a fault must show within 15 seconds.
const WITHIN: Duration = Duration::from_secs(4);

/// What the probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PdcHealth {
    /// It answered, and says that it holds the role.
    Reachable {
        /// Its host name.
        dc: String,
        /// How long the exchange took.
        milliseconds: u64,
    },
    /// It did not.
    Unreachable {
        /// The host that was tried.
        name: String,
        /// Why, for operators.
        reason: String,
    },
    /// It did not, and another writable controller is written to in its place, as the configuration allows.
    Elsewhere {
        /// That controller's host name.
        dc: String,
        /// In whose place, and why, for operators.
        reason: String,
    },
}

impl Directory {
    /// Asks the PDC emulator whether it is one. When the role has moved, the next operation follows it. An agent that is too busy to ask
    /// goes by what the PDC emulator answered to others meanwhile.
    pub async fn pdc_health(&self) -> PdcHealth {
        match self.ask_health().await {
            PdcHealth::Reachable { dc, milliseconds } => {
                self.keep_elsewhere(None);
                PdcHealth::Reachable { dc, milliseconds }
            }
            health => match timeout(WITHIN, self.probe_elsewhere()).await {
                Ok(Some((dc, reason))) => PdcHealth::Elsewhere { dc, reason },
                _ => health,
            },
        }
    }

    async fn ask_health(&self) -> PdcHealth {
        let since = Instant::now();
        let directory = self.clone();
        let mut asking = Box::pin(async move { directory.ask_pdc().await });
        match timeout(WITHIN, &mut asking).await {
            Ok(Ok(dc)) => PdcHealth::Reachable { dc, milliseconds: super::milliseconds(since) },
            Ok(Err(error)) => {
                // It is ours that it was not asked: what it answered to others meanwhile counts as much.
                if let (Some(dc), DirectoryError::NotApplied { fault: Fault::DirectoryUnavailable, .. }) =
                    (self.answered_since(since), &error)
                    && !is_refused(&error)
                {
                    return PdcHealth::Reachable { dc, milliseconds: super::milliseconds(since) };
                }
                let name = match &error {
                    DirectoryError::NotApplied { fault: Fault::PdcUnreachable { name }, .. } => name.clone(),
                    _ => error.operator().dc.clone().unwrap_or_else(|| self.inner.pdc_name()),
                };
                PdcHealth::Unreachable { name, reason: error.operator().detail.clone() }
            }
            Err(_) => {
                // The search goes on by itself, and the next probe finds what it found.
                tokio::spawn(asking);
                if let Some(dc) = self.answered_since(since) {
                    return PdcHealth::Reachable { dc, milliseconds: super::milliseconds(since) };
                }
                let reason = format!("no answer within {} s", WITHIN.as_secs());
                PdcHealth::Unreachable { name: self.inner.pdc_name(), reason }
            }
        }
    }

    async fn ask_pdc(&self) -> Result<String, DirectoryError> {
        let mut lease = self.lease_at_once().await?;
        let domain = lease.pdc.domain.clone();
        let owner = lease.read(&domain, &["fSMORoleOwner"]).await?;
        if owner.has("fSMORoleOwner", &lease.pdc.service_name) {
            let host = lease.pdc.host.clone();
            if let Err(error) = lease.refresh_controllers(&self.inner).await {
                // Wanted only when the PDC emulator is lost; it answers now, so health is not in doubt.
                tracing::warn!(forest = %self.inner.config.forest, %error, "the list of controllers can't be read");
            }
            lease.finish().await;
            return Ok(host);
        }
        drop(lease);
        self.forget_pdc();
        let (connection, pdc) = self.connect_to_pdc().await?;
        connection.close().await;
        Ok(pdc.host.clone())
    }

    /// What the PDC emulator says about itself.
    ///
    /// # Errors
    /// What kept us from connecting.
    pub async fn root_dse(&self) -> Result<crate::RootDse, DirectoryError> {
        let lease = self.lease().await?;
        let dse = lease.pdc.as_ref().clone();
        lease.finish().await;
        Ok(dse)
    }
}
