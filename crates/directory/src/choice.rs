//! Which controller a read goes to, and which ones may be asked who the PDC emulator is.
//!
//! Writes never come this way: they go to the PDC emulator (`forest.rs`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ritorno_protocol::outcome::Fault;
use tokio::time::Instant;

use crate::error::DirectoryError;
use crate::forest::{Directory, Inner, Lease, is_wrong_password};
use crate::ldap::Connection;
use crate::root_dse::RootDse;
use crate::topology::{Answer, Topology, of_own_domain};

/// How old the list of controllers may become before it is read again.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);
/// Controllers that are looked for the PDC emulator's role, or a read, no longer than this; the one under way may end.
pub(crate) const SEARCH_WITHIN: Duration = Duration::from_secs(7);

/// The writable controllers of the pinned hosts' domain, as last read over an authenticated connection: when all pinned hosts are
/// gone, one of these may know where the role went.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Option<(Instant, Vec<String>)>>);

impl Remembered {
    fn lock(&self) -> MutexGuard<'_, Option<(Instant, Vec<String>)>> {
        // The lock guards plain values and no code that panics: a poisoned one is as good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Remembers the controllers.
    pub(crate) fn remember(&self, controllers: Vec<String>) {
        *self.remembered.lock() = Some((Instant::now(), controllers));
    }

    /// Every host that credentials may be sent to, in the order in which they are asked: pinned ones, preferred ones, remembered ones.
    pub(crate) fn candidates(&self) -> Vec<String> {
        let remembered = self.remembered.lock().as_ref().map(|(_, hosts)| hosts.clone());
        let all = self.config.hosts.iter().chain(&self.config.preferred).cloned();
        let mut candidates: Vec<String> = Vec::new();
        for host in all.chain(remembered.unwrap_or_default()) {
            if !candidates.iter().any(|known| known.eq_ignore_ascii_case(&host)) {
                candidates.push(host);
            }
        }
        candidates
    }

    pub(crate) async fn connect_reader(
        &self,
        host: &str,
    ) -> Result<(Connection, Arc<RootDse>), DirectoryError> {
        let mut connection = self.connect(host).await?;
        let dse = RootDse::read(&mut connection, self.config.timeout).await;
        let dse = dse.map_err(|error| DirectoryError::read(&error))?;
        match self.known_pdc() {
            Some(pdc) if !pdc.domain.eq_ignore_ascii_case(&dse.domain) => {
                let detail = format!("it is a controller of {}, not of {}", dse.domain, pdc.domain);
                Err(DirectoryError::fault(Fault::DirectoryUnavailable, host, detail))
            }
            _ => Ok((connection, Arc::new(dse))),
        }
    }
}

impl Directory {
    /// A connection for reading that nobody else uses: to the first preferred controller that answers; else, unless only preferred ones
    /// may be read, to the nearest one, by site and then by latency.
    ///
    /// # Errors
    /// [`Fault::DirectoryUnavailable`] that names each host that was tried.
    pub(crate) async fn connect_for_reading(&self) -> Result<(Connection, Arc<RootDse>), DirectoryError> {
        let config = &self.inner.config;
        let mut tried = Vec::new();
        if let Some(found) = self.first_of(&config.preferred, &mut tried).await? {
            return Ok(found);
        }
        if config.only_preferred {
            let detail = format!("only preferred domain controllers may be read from: {}", tried.join("; "));
            return Err(DirectoryError::fault(Fault::DirectoryUnavailable, &config.preferred[0], detail));
        }
        if !tried.is_empty() {
            let tried = tried.join("; ");
            tracing::warn!(forest = %config.forest, %tried, "no preferred domain controller can be read from");
        }
        match self.first_of(&self.nearest().await?, &mut tried).await? {
            Some(found) => Ok(found),
            None => self.connect_to_pdc().await,
        }
    }

    /// A connection to the controller that was read from before, if it is still the one to read from; else why it is not. It is
    /// kept to though another one may be nearer now: changes are told by one controller's history.
    ///
    /// # Errors
    /// A refused password.
    pub(crate) async fn connect_again(
        &self,
        host: &str,
    ) -> Result<Result<(Connection, Arc<RootDse>), String>, DirectoryError> {
        let config = &self.inner.config;
        let is_it = |known: &String| known.eq_ignore_ascii_case(host);
        if !config.preferred.iter().any(is_it) {
            if config.only_preferred {
                return Ok(Err(format!("{host} is not among the preferred domain controllers")));
            }
            if let Some((preferred, _)) = self.first_of(&config.preferred, &mut Vec::new()).await? {
                return Ok(Err(format!("{} is preferred to {host}, and answers", preferred.host())));
            }
            // Its name comes from a file: credentials go only where the configuration or the forest itself says.
            if !self.inner.candidates().iter().any(is_it) && !self.nearest().await?.iter().any(is_it) {
                return Ok(Err(format!("{host} is no domain controller of the forest any more")));
            }
        }
        match self.inner.connect_reader(host).await {
            Ok(connected) => Ok(Ok(connected)),
            Err(error) if is_wrong_password(&error) => Err(error),
            Err(error) => Ok(Err(format!("{host} can't be read: {}", error.operator().detail))),
        }
    }

    /// The first of `hosts` that can be read from; the others' reasons are added to `tried`. A refused password ends it.
    async fn first_of(
        &self,
        hosts: &[String],
        tried: &mut Vec<String>,
    ) -> Result<Option<(Connection, Arc<RootDse>)>, DirectoryError> {
        let since = Instant::now();
        for host in hosts {
            if since.elapsed() > SEARCH_WITHIN {
                tried.push(format!("{host}: not tried any more"));
                continue;
            }
            match self.inner.connect_reader(host).await {
                Ok(found) => {
                    tracing::info!(forest = %self.inner.config.forest, dc = %host, "reading from");
                    return Ok(Some(found));
                }
                Err(error) if is_wrong_password(&error) => return Err(error),
                Err(error) => tried.push(format!("{host}: {}", error.operator().detail)),
            }
        }
        Ok(None)
    }

    /// Controllers to read from without preference; none if the topology can't be read. A refused password ends it.
    async fn nearest(&self) -> Result<Vec<String>, DirectoryError> {
        match self.topology().await {
            Ok(topology) => {
                let pdc = self.inner.known_pdc();
                Ok(nearest(&topology, pdc.as_ref().map(|pdc| pdc.domain.as_str())))
            }
            Err(error) if is_wrong_password(&error) => Err(error),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// A signed-in connection to any controller that we may send credentials to.
    pub(crate) async fn connect_to_any(&self) -> Result<(Connection, Arc<RootDse>), DirectoryError> {
        let since = Instant::now();
        let mut first_error = None;
        for host in self.inner.candidates() {
            match self.inner.connect_reader(&host).await {
                Ok(found) => return Ok(found),
                Err(error) if is_wrong_password(&error) => return Err(error),
                Err(error) => drop(first_error.get_or_insert(error)),
            }
            if since.elapsed() > SEARCH_WITHIN {
                break;
            }
        }
        Err(first_error.expect("a configuration has at least one host, and each left an error"))
    }
}

impl Lease<'_> {
    /// Reads the list of controllers again if it is a minute old.
    pub(crate) async fn refresh_controllers(&mut self, inner: &Inner) -> Result<(), DirectoryError> {
        let age = inner.remembered.lock().as_ref().map(|(at, _)| at.elapsed());
        if age.is_none_or(|age| age > REMEMBERED_FOR) {
            inner.remember(of_own_domain(self).await?);
        }
        Ok(())
    }
}

/// Controllers of `domain` (or of the root domain) that answered: writable ones before RODCs, which lack some attributes; our own site
/// before others; the fastest first.
fn nearest(topology: &Topology, domain: Option<&str>) -> Vec<String> {
    let domain = domain.or_else(|| topology.domains.first().map(|domain| domain.dn.as_str()));
    let mut answering: Vec<_> = topology
        .controllers
        .iter()
        .filter(|dc| domain.is_none_or(|domain| dc.domain.eq_ignore_ascii_case(domain)))
        .filter_map(|dc| match dc.answer {
            Answer::Here { milliseconds, .. } => {
                let own =
                    topology.own_site.as_deref().is_some_and(|site| site.eq_ignore_ascii_case(&dc.site));
                Some((!dc.writable, !own, milliseconds, dc.host.clone()))
            }
            Answer::Silent { .. } => None,
        })
        .collect();
    answering.sort();
    answering.into_iter().map(|(_, _, _, host)| host).collect()
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::ids::Forest;

    use super::*;
    use crate::topology::Controller;

    fn controller(host: &str, site: &str, writable: bool, milliseconds: Option<u64>) -> Controller {
        Controller {
            host: host.to_owned(),
            domain: "DC=contoso,DC=test".to_owned(),
            site: site.to_owned(),
            writable,
            global_catalog: true,
            level: None,
            system: None,
            in_dns: true,
            answer: match milliseconds {
                Some(milliseconds) => Answer::Here { milliseconds, is_pdc: Some(false) },
                None => Answer::Silent { why: "gone".to_owned() },
            },
        }
    }

    #[test]
    fn the_own_site_comes_first_then_latency_and_rodcs_last() {
        let mut elsewhere = controller("child", "Milano", true, Some(1));
        elsewhere.domain = "DC=emea,DC=contoso,DC=test".to_owned();
        let topology = Topology {
            forest: Forest("contoso.test".into()),
            read_from: "far".into(),
            level: None,
            own_site: Some("milano".into()),
            domains: Vec::new(),
            controllers: vec![
                controller("far", "Roma", true, Some(2)),
                controller("rodc", "Milano", false, Some(1)),
                controller("slow", "Milano", true, Some(40)),
                controller("near", "Milano", true, Some(3)),
                controller("dead", "Milano", true, None),
                elsewhere,
            ],
            strangers: Vec::new(),
            gaps: Vec::new(),
        };
        assert_eq!(nearest(&topology, Some("dc=contoso,dc=test")), ["near", "slow", "far", "rodc"]);
        let nowhere = Topology { own_site: None, ..topology };
        assert_eq!(nearest(&nowhere, Some("DC=contoso,DC=test")), ["far", "near", "slow", "rodc"]);
    }
}
