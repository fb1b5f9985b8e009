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
use crate::topology::of_own_domain;

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
    /// A connection for reading that nobody else uses: to the first preferred controller that answers and is whole; else, unless only preferred ones
    /// may be read, to the PDC emulator, which lags behind nobody in what concerns passwords and is watched anyway.
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
        self.connect_to_pdc().await
    }

    /// A connection to the controller that was read from before: a preferred one, else the PDC emulator, whose database tells whether
    /// it is the same one. `None` if that controller is not to be read from any more. One that does not answer is an error and not
    /// a reason to read elsewhere: another controller may lag behind, and whoever it does not know yet would count as gone.
    ///
    /// # Errors
    /// What kept us from connecting.
    pub(crate) async fn connect_again(
        &self,
        host: &str,
    ) -> Result<Option<(Connection, Arc<RootDse>)>, DirectoryError> {
        let config = &self.inner.config;
        if config.preferred.iter().any(|known| known.eq_ignore_ascii_case(host)) {
            return self.inner.connect_reader(host).await.map(Some);
        }
        if config.only_preferred {
            return Ok(None);
        }
        self.connect_to_pdc().await.map(Some)
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
                Ok((_, dse)) if !dse.synchronized => {
                    tried.push(format!(
                        "{host}: it has not got all of the domain yet (isSynchronized is FALSE)"
                    ));
                }
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
