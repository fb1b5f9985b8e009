//! From any controller of the forest to the PDC emulator of the configured domain.

use std::time::Duration;

use ritorno_protocol::outcome::Fault;
use tokio::time::Instant;

use crate::choice::SEARCH_WITHIN;
use crate::error::DirectoryError;
use crate::forest::{Inner, read};
use crate::identity::{dns_name, parent};
use crate::ldap::{Connection, Filter, LdapError, Scope, Search};
use crate::own_password::is_refused;
use crate::root_dse::RootDse;
use crate::topology::domain_of_forest;

/// Longest wait for controllers to agree on who is the PDC emulator.
const AGREE_WITHIN: Duration = Duration::from_secs(6);
/// Pause before they are asked once more.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);

impl Inner {
    /// Whether a controller is one of the configured domain.
    pub(crate) fn is_of_domain(&self, dse: &RootDse) -> bool {
        dns_name(&dse.domain).is_some_and(|name| name.eq_ignore_ascii_case(&self.config.forest.0))
    }

    /// From an authenticated connection to a controller of another domain of the forest to one of the configured domain.
    async fn enter_domain(
        &self,
        mut connection: Connection,
        dse: &RootDse,
    ) -> Result<(Connection, RootDse), DirectoryError> {
        let limit = self.config.timeout;
        let (domain, hosts) = domain_of_forest(&mut connection, dse, &self.config.forest.0, limit).await?;
        connection.close().await;
        self.remember(hosts.clone());
        let (since, mut last) = (Instant::now(), None);
        for host in hosts {
            if since.elapsed() > SEARCH_WITHIN {
                break;
            }
            let entered = async {
                let mut connection = self.connect(&host).await?;
                let dse = RootDse::read(&mut connection, limit).await;
                Ok((connection, dse.map_err(|error| DirectoryError::read(&error))?))
            };
            match entered.await {
                Ok((connection, dse)) if dse.domain.eq_ignore_ascii_case(&domain) => {
                    return Ok((connection, dse));
                }
                Ok((_, other)) => {
                    let detail = format!("it is a controller of {}, not of {domain}", other.domain);
                    last = Some(DirectoryError::fault(Fault::DirectoryUnavailable, &host, detail));
                }
                Err(error) if is_refused(&error) => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("a domain that was found has at least one controller, and each left an error"))
    }

    /// From an authenticated connection to any DC to one to the PDC emulator: the role's owner is an `nTDSDSA` object below the
    /// server object that names the host (MS-ADTS 6.1.5.3). SRV records go stale and are not asked.
    pub(crate) async fn find_pdc(
        &self,
        mut connection: Connection,
        dead: &[String],
    ) -> Result<(Connection, RootDse), DirectoryError> {
        let limit = self.config.timeout;
        let wrong =
            |host: &str, detail: String| DirectoryError::fault(Fault::DirectoryUnavailable, host, detail);
        let failed = |error: LdapError| DirectoryError::read(&error);
        let mut dse = RootDse::read(&mut connection, limit).await.map_err(failed)?;
        if !self.is_of_domain(&dse) {
            (connection, dse) = self.enter_domain(connection, &dse).await?;
        }
        let since = Instant::now();
        for hop in 0.. {
            if since.elapsed() > AGREE_WITHIN {
                break;
            }
            // Two hops find it, if it stays where it is. While it moves, old and new holder can name each other for a moment.
            if hop > 2 {
                tokio::time::sleep(ASK_AGAIN_AFTER).await;
            }
            let domain =
                read(&mut connection, &dse.domain, &["fSMORoleOwner"], limit).await.map_err(failed)?;
            let owner = domain.text("fSMORoleOwner").unwrap_or_default().to_owned();
            if owner.eq_ignore_ascii_case(&dse.service_name) {
                return Ok((connection, dse));
            }
            let settings = Search {
                base: owner.clone(),
                scope: Scope::Base,
                filter: Filter::text("objectClass", "nTDSDSA"),
                attributes: vec!["objectClass".to_owned()],
            };
            let backed = connection.search(&settings, &[], limit).await.map_err(failed)?.entries.len() == 1;
            let server = parent(&owner).filter(|_| backed);
            let Some(server) = server else {
                return Err(wrong(
                    &dse.host,
                    format!("the PDC emulator's role is held by {owner}, which is no DC"),
                ));
            };
            let server = read(&mut connection, server, &["dNSHostName"], limit).await.map_err(failed)?;
            let Some(host) = server.text("dNSHostName") else {
                return Err(wrong(&dse.host, format!("{} has no dNSHostName", server.dn)));
            };
            if dead.iter().any(|dead| dead.eq_ignore_ascii_case(host)) {
                let fault = Fault::PdcUnreachable { name: host.to_owned() };
                let detail = format!("{} names it as the PDC emulator, and it did not answer", dse.host);
                return Err(DirectoryError::fault(fault, host, detail));
            }
            connection = self.connect_regardless(host).await?;
            dse = RootDse::read(&mut connection, limit).await.map_err(failed)?;
            // It has the last word: if the role has moved on meanwhile, follow once more.
        }
        Err(wrong(&dse.host, "the domain controllers do not agree on who is the PDC emulator".to_owned()))
    }
}
