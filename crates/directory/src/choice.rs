//! Which controller an import is read at (`nearest.rs` where none is preferred), and which ones may be asked who the PDC emulator is.
//!
//! Writes never come this way: they go to the PDC emulator (`forest.rs`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ritorno_protocol::outcome::Fault;
use tokio::time::Instant;

use crate::error::DirectoryError;
use crate::forest::{Directory, Inner, Lease};
use crate::ldap::Connection;
use crate::own_password::is_refused;
use crate::root_dse::RootDse;
use crate::topology::places;

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

    /// The controllers that are remembered.
    pub(crate) fn remembered(&self) -> Vec<String> {
        self.remembered.lock().as_ref().map(|(_, hosts)| hosts.clone()).unwrap_or_default()
    }

    /// Every host that credentials may be sent to, in the order in which they are asked: pinned ones, preferred ones, remembered ones.
    pub(crate) fn candidates(&self) -> Vec<String> {
        let all = self.config.hosts.iter().chain(&self.config.preferred).cloned();
        let mut candidates: Vec<String> = Vec::new();
        for host in all.chain(self.remembered()) {
            if !candidates.iter().any(|known| known.eq_ignore_ascii_case(&host)) {
                candidates.push(host);
            }
        }
        candidates
    }

    /// A connection to `host`, which has to be a controller of the configured domain.
    pub(crate) async fn connect_reader(
        &self,
        host: &str,
    ) -> Result<(Connection, Arc<RootDse>), DirectoryError> {
        let mut connection = self.connect(host).await?;
        let dse = RootDse::read(&mut connection, self.config.timeout).await;
        let dse = dse.map_err(|error| DirectoryError::read(&error))?;
        if self.is_of_domain(&dse) {
            return Ok((connection, Arc::new(dse)));
        }
        let detail = format!("it is a controller of {}, not of {}", dse.domain, self.config.forest);
        Err(DirectoryError::fault(Fault::DirectoryUnavailable, host, detail))
    }
}

impl Directory {
    /// A connection for reading that nobody else uses: to the first preferred controller that answers and is whole; else, unless only preferred ones
    /// may be read, to the nearest one ([`Directory::connect_to_nearest`]).
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
        self.connect_to_nearest().await
    }

    /// A connection to the controller that was read from before: a preferred one, or where none is preferred any of the domain that has not
    /// been left behind; else the PDC emulator, whose database tells whether it is the same one. `None` if that controller is not to be read from any more. One that does not answer is an error and not
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
        let is_pdc = |pdc: &str| pdc.eq_ignore_ascii_case(host);
        let (connection, pdc) = match self.known_pdc() {
            // Read there without the PDC emulator, so that the import goes on while that is away.
            Some(pdc) if !is_pdc(&pdc.host) && self.is_remembered(host) => {
                return self.still_near(host).await;
            }
            _ => self.connect_to_pdc().await?,
        };
        if !config.preferred.is_empty() || is_pdc(&pdc.host) {
            return Ok(Some((connection, pdc)));
        }
        // The agent has just started: who is a controller of the domain is read before anybody is sent a credential.
        let mut connection = connection;
        let found = places(&mut connection, &pdc, config.timeout).await;
        let found = found.map_err(|error| DirectoryError::read(&error))?;
        self.inner.remember(found.into_iter().map(|place| place.host).collect());
        if self.is_remembered(host) {
            connection.close().await;
            return self.still_near(host).await;
        }
        Ok(Some((connection, pdc)))
    }

    /// Whether imports may go on at a host that nobody prefers, since it is a controller of the domain.
    fn is_remembered(&self, host: &str) -> bool {
        self.inner.config.preferred.is_empty()
            && self.inner.remembered().iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    async fn still_near(&self, host: &str) -> Result<Option<(Connection, Arc<RootDse>)>, DirectoryError> {
        let (mut connection, dse) = self.inner.connect_reader(host).await?;
        let left = self.is_left_behind(&mut connection, &dse).await;
        Ok((!left).then_some((connection, dse)))
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
                Err(error) if is_refused(&error) => return Err(error),
                Err(error) => tried.push(format!("{host}: {}", error.operator().detail)),
            }
        }
        Ok(None)
    }

    /// A signed-in connection to any controller of the forest that we may send credentials to.
    pub(crate) async fn connect_to_any(&self) -> Result<(Connection, Arc<RootDse>), DirectoryError> {
        let since = Instant::now();
        let mut first_error = None;
        for host in self.inner.candidates() {
            let read = async {
                let mut connection = self.inner.connect(&host).await?;
                let dse = RootDse::read(&mut connection, self.inner.config.timeout).await;
                Ok((connection, Arc::new(dse.map_err(|error| DirectoryError::read(&error))?)))
            };
            match read.await {
                Ok(found) => return Ok(found),
                Err(error) if is_refused(&error) => return Err(error),
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
    /// Reads the list of controllers again if it is a minute old, and notes what the PDC emulator's database has reached.
    pub(crate) async fn refresh_controllers(&mut self, inner: &Inner) -> Result<(), DirectoryError> {
        let age = inner.remembered.lock().as_ref().map(|(at, _)| at.elapsed());
        if age.is_none_or(|age| age > REMEMBERED_FOR) {
            let (limit, pdc) = (self.timeout(), Arc::clone(&self.pdc));
            let found = places(&mut self.connection, &pdc, limit).await;
            let found = found.map_err(|error| DirectoryError::read(&error))?;
            inner.remember(found.into_iter().map(|place| place.host).collect());
            if let Some(invocation) = pdc.invocation_id {
                inner.note_reached(&mut self.connection, invocation).await;
            }
        }
        Ok(())
    }
}
