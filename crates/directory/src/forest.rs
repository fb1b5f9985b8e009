//! One forest: its PDC emulator found and kept track of, and a few connections to it kept alive.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ritorno_protocol::clock::Clock;
use ritorno_protocol::ids::Forest;
use ritorno_protocol::outcome::Fault;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::choice::{Remembered, SEARCH_WITHIN};
use crate::config::{ConfigError, ForestConfig, tls};
use crate::elsewhere::{Elsewhere, ForWriting};
use crate::error::DirectoryError;
use crate::kerberos::{Kerberos, principal};
use crate::ldap::{Connection, Connector, Control, Entry, LdapError, Search, Transport};
use crate::nearest::Nearest;
use crate::operations::attempts::Attempts;
use crate::own_password::{OwnPassword, is_refused};
use crate::resolve::Names;
use crate::root_dse::RootDse;

/// Connections to the PDC emulator in use at once. It takes writes one after the other anyway.
const CONNECTIONS: usize = 16;
/// Idle connections that are kept: as many as there may be, since a new one costs a DC more than many reads.
const KEPT: usize = CONNECTIONS;
/// After this long without use a connection is tried with a read before it may carry a write.
const TRUSTED_FOR: Duration = Duration::from_secs(5);
/// Longest wait for a connection to come up.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Longest wait for the answer to a trial read.
const PROBE_WITHIN: Duration = Duration::from_secs(2);

/// A forest, ready to work with. Cheap to clone; all clones share connections.
#[derive(Clone)]
pub struct Directory {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: ForestConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) connector: Connector,
    /// Who we are for Kerberos, if that is how we sign in.
    pub(crate) principal: Option<(Kerberos, String)>,
    permits: Semaphore,
    known: Mutex<Known>,
    pub(crate) remembered: Remembered,
    pub(crate) nearest: Nearest,
    pub(crate) attempts: Attempts,
    pub(crate) own: OwnPassword,
}

#[derive(Default)]
pub(crate) struct Known {
    pdc: Option<Arc<RootDse>>,
    idle: Vec<Connection>,
    /// The domain's password settings, and when they were read.
    domain_settings: Option<(Entry, Instant)>,
    /// Who is written to in the PDC emulator's place.
    elsewhere: Option<Elsewhere>,
    /// When the PDC emulator answered the last time.
    answered: Option<Instant>,
    /// Hosts of which it was said that their certificate has no channel binding.
    pub(crate) unbound: BTreeSet<String>,
}

/// A connection to the PDC emulator, bound as the service account. Given back by [`Lease::finish`] if it is still good;
/// else closed.
pub(crate) struct Lease<'a> {
    pub(crate) connection: Connection,
    pub(crate) pdc: Arc<RootDse>,
    /// In whose place another controller was taken, and why; `None` at the PDC emulator itself.
    pub(crate) note: Option<Arc<str>>,
    directory: &'a Directory,
    /// Whether it was kept from an earlier operation.
    kept: bool,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Lease<'_> {
    /// Gives the connection back.
    pub(crate) async fn finish(mut self) {
        if self.connection.is_usable().await {
            let mut known = self.directory.inner.known();
            let current = known.pdc.as_ref().is_some_and(|pdc| pdc.host == self.pdc.host);
            if current && self.note.is_none() {
                known.answered = Some(self.connection.last_used());
            }
            if current && known.idle.len() < KEPT {
                known.idle.push(self.connection);
            }
        }
    }

    /// That it goes to the PDC emulator itself: wrong passwords are counted for good nowhere else, so that none is tried elsewhere.
    ///
    /// # Errors
    /// [`Fault::PdcUnreachable`]: it goes to another controller in its place.
    pub(crate) fn is_the_pdc(&self) -> Result<(), DirectoryError> {
        let Some(note) = &self.note else { return Ok(()) };
        let name = self.directory.inner.pdc_name();
        let detail = format!("no password is tried {note}");
        Err(DirectoryError::fault(Fault::PdcUnreachable { name }, &self.pdc.host, detail))
    }

    /// Whether a write is waited for at any other controller.
    pub(crate) fn is_shown_anywhere(&self) -> bool {
        !self.directory.inner.config.show_at.is_empty()
    }

    /// Whether people are given their source anchor.
    pub(crate) fn fills_anchors(&self) -> bool {
        self.directory.inner.config.fill_anchors
    }

    /// Whom the agent may touch; everybody if it is empty.
    pub(crate) fn scope(&self) -> &[String] {
        &self.directory.inner.config.scope
    }

    /// Longest wait for one operation.
    pub(crate) fn timeout(&self) -> Duration {
        self.directory.inner.config.timeout
    }

    /// Remembers the domain's password settings as they are now.
    pub(crate) fn keep_domain_settings(&self, entry: &Entry) {
        self.directory.inner.known().domain_settings = Some((entry.clone(), Instant::now()));
    }

    /// Reads one entry with all that was asked of it.
    pub(crate) async fn read(&mut self, base: &str, attributes: &[&str]) -> Result<Entry, DirectoryError> {
        let entries = self.find(&Search::entry(base, attributes), &[]).await?;
        single(entries, self.connection.host()).map_err(|error| DirectoryError::read(&error))
    }

    /// All entries of a search that finds few. A kept connection that turns out to have ended is replaced, once: a read harms nobody.
    pub(crate) async fn find(
        &mut self,
        search: &Search,
        controls: &[Control],
    ) -> Result<Vec<Entry>, DirectoryError> {
        let mut found = self.connection.search(search, controls, self.timeout()).await;
        if self.kept && found.as_ref().is_err_and(LdapError::is_ended) {
            self.kept = false;
            (self.connection, self.pdc) = self.directory.connect_to_pdc().await?;
            found = self.connection.search(search, controls, self.timeout()).await;
        }
        found.map(|page| page.entries).map_err(|error| DirectoryError::read(&error))
    }
}

/// The one entry of a read; that it is not there is a refusal with result 32.
fn single(mut entries: Vec<Entry>, host: &str) -> Result<Entry, LdapError> {
    match (entries.pop(), entries.is_empty()) {
        (Some(entry), true) => Ok(entry),
        // AD answers success with no entry when the account may not see the object.
        _ => Err(LdapError::refused(host, 32, "the entry is not there, or may not be seen")),
    }
}

/// Reads one entry over a connection that is in nobody's pool.
pub(crate) async fn read(
    connection: &mut Connection,
    base: &str,
    attributes: &[&str],
    limit: Duration,
) -> Result<Entry, LdapError> {
    let page = connection.search(&Search::entry(base, attributes), &[], limit).await?;
    single(page.entries, connection.host())
}

impl Directory {
    /// Takes over a configuration. Connects to nothing yet.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: ForestConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        if config.hosts.is_empty() {
            return Err(ConfigError::NoHosts(config.forest));
        }
        if config.only_preferred && config.preferred.is_empty() {
            return Err(ConfigError::NoPreferred(config.forest));
        }
        let principal = if config.transport == Transport::Kerberos || config.by_keytab {
            let kerberos = config.kerberos.clone().filter(Kerberos::is_in_force);
            let kerberos = kerberos.ok_or_else(|| ConfigError::NoKerberos(config.forest.clone()))?;
            let name = principal(&config.account, &config.forest).ok_or_else(|| {
                ConfigError::NoPrincipal { forest: config.forest.clone(), account: config.account.clone() }
            })?;
            Some((kerberos, name))
        } else {
            None
        };
        let names = Names::new(&config.dns_servers).map_err(ConfigError::Dns)?;
        let connector = Connector::new(names, Arc::new(tls(&config.roots)?), config.port, CONNECT_WITHIN)
            .over(config.transport);
        let inner = Inner {
            config,
            clock,
            connector,
            principal,
            permits: Semaphore::new(CONNECTIONS),
            known: Mutex::default(),
            remembered: Remembered::default(),
            nearest: Nearest::default(),
            attempts: Attempts::default(),
            own: OwnPassword::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The forest's name.
    pub fn forest(&self) -> &Forest {
        &self.inner.config.forest
    }

    /// How its controllers are reached.
    pub fn transport(&self) -> Transport {
        self.inner.config.transport
    }

    /// A connection to the PDC emulator: a kept one that still answers, or a new one. Waits its turn while all are in use.
    ///
    /// # Errors
    /// [`Fault::PdcUnreachable`] or what the directory said to our bind.
    pub(crate) async fn lease(&self) -> Result<Lease<'_>, DirectoryError> {
        let inner = &*self.inner;
        match tokio::time::timeout(inner.config.timeout, inner.permits.acquire()).await {
            Ok(Ok(permit)) => match self.kept().await {
                Some((connection, pdc)) => Ok(self.leased(connection, pdc, None, true, Some(permit))),
                None => {
                    let ForWriting { connection, dse, note } = self.connect_for_writing().await?;
                    Ok(self.leased(connection, dse, note, false, Some(permit)))
                }
            },
            _ => {
                let detail = "all connections are in use";
                Err(DirectoryError::fault(Fault::DirectoryUnavailable, &inner.pdc_name(), detail))
            }
        }
    }

    /// A connection beyond the limit, for a probe: that we are busy must not look as if the directory were gone.
    pub(crate) async fn lease_at_once(&self) -> Result<Lease<'_>, DirectoryError> {
        match self.kept().await {
            Some((connection, pdc)) => Ok(self.leased(connection, pdc, None, true, None)),
            None => {
                let (connection, pdc) = self.connect_to_pdc().await?;
                Ok(self.leased(connection, pdc, None, false, None))
            }
        }
    }

    fn leased<'a>(
        &'a self,
        connection: Connection,
        pdc: Arc<RootDse>,
        note: Option<Arc<str>>,
        kept: bool,
        permit: Option<SemaphorePermit<'a>>,
    ) -> Lease<'a> {
        Lease { connection, pdc, note, directory: self, kept, _permit: permit }
    }

    /// A kept connection to the PDC emulator that still answers.
    async fn kept(&self) -> Option<(Connection, Arc<RootDse>)> {
        let inner = &*self.inner;
        loop {
            let kept = {
                let mut known = inner.known();
                known.idle.pop().zip(known.pdc.clone())
            };
            let (mut connection, pdc) = kept?;
            if !connection.is_usable().await {
                continue;
            }
            if connection.idle() < TRUSTED_FOR
                || read(&mut connection, "", &["dsServiceName"], PROBE_WITHIN).await.is_ok()
            {
                return Some((connection, pdc));
            }
            // A firewall that forgot this one forgot those of its age too: trying each would add up.
            inner.known().idle.retain(|other| other.idle() < TRUSTED_FOR);
        }
    }

    /// A connection to the PDC emulator that is nobody's: for one bind with a person's password.
    ///
    /// # Errors
    /// What kept us from connecting.
    pub(crate) async fn fresh_connection(&self, pdc: &RootDse) -> Result<Connection, DirectoryError> {
        self.inner.connector.connect_regardless(&pdc.host).await.map_err(|error| DirectoryError::read(&error))
    }

    /// A new connection to the PDC emulator, bound as the service account, not kept.
    pub(crate) async fn connect_to_pdc(&self) -> Result<(Connection, Arc<RootDse>), DirectoryError> {
        let inner = &*self.inner;
        let since = Instant::now();
        // Hosts that were named as the PDC emulator and could not be connected to, and why: the last one counts.
        let (mut dead, mut unreachable, mut first_error) = (Vec::new(), None, None);
        if let Some(pdc) = inner.known_pdc() {
            match inner.connect_regardless(&pdc.host).await {
                Ok(connection) => return Ok((connection, pdc)),
                Err(error) if is_refused(&error) => return Err(error),
                // It may have died and the role moved: ask the others.
                Err(error) => {
                    dead.push(pdc.host.clone());
                    unreachable = Some(error);
                }
            }
        }
        let candidates = inner.candidates();
        // That all of them failed is no reason to try none: one of them may be the PDC emulator, back again.
        let all_doubtful =
            unreachable.is_none() && candidates.iter().all(|host| inner.connector.is_doubtful(host));
        for host in candidates {
            if dead.iter().any(|dead| dead.eq_ignore_ascii_case(&host)) {
                continue;
            }
            // Each that keeps silent takes some seconds, and whoever waits for the outcome waits for all of them.
            if since.elapsed() > SEARCH_WITHIN {
                break;
            }
            let connected =
                if all_doubtful { inner.connect_regardless(&host).await } else { inner.connect(&host).await };
            let found = match connected {
                Ok(connection) => inner.find_pdc(connection, &dead).await,
                Err(error) if is_refused(&error) => return Err(error),
                Err(error) => {
                    first_error.get_or_insert(error);
                    continue;
                }
            };
            match found {
                Ok((connection, pdc)) => {
                    let pdc = Arc::new(pdc);
                    let mut known = inner.known();
                    if known.pdc.as_ref().is_none_or(|before| before.host != pdc.host) {
                        known.idle.clear();
                        known.domain_settings = None;
                        tracing::info!(forest = %inner.config.forest, pdc = %pdc.host, "the PDC emulator");
                    }
                    known.pdc = Some(Arc::clone(&pdc));
                    return Ok((connection, pdc));
                }
                Err(DirectoryError::NotApplied { fault: Fault::PdcUnreachable { name }, operator }) => {
                    if !dead.iter().any(|dead| dead.eq_ignore_ascii_case(&name)) {
                        dead.push(name.clone());
                        let fault = Fault::PdcUnreachable { name };
                        unreachable = Some(DirectoryError::NotApplied { fault, operator });
                    }
                }
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
        Err(unreachable
            .or(first_error)
            .expect("a configuration has at least one host, and each left an error"))
    }

    /// Who is written to in the PDC emulator's place.
    pub(crate) fn elsewhere(&self) -> Option<Elsewhere> {
        self.inner.known().elsewhere.clone()
    }

    /// Remembers who is.
    pub(crate) fn keep_elsewhere(&self, place: Option<Elsewhere>) {
        self.inner.known().elsewhere = place;
    }

    /// The PDC emulator, if it is known.
    pub(crate) fn known_pdc(&self) -> Option<Arc<RootDse>> {
        self.inner.known().pdc.clone()
    }

    /// The PDC emulator and the domain's password settings, if they were read within the last `age`.
    pub(crate) fn domain_settings(&self, age: Duration) -> Option<(Arc<RootDse>, Entry)> {
        let known = self.inner.known();
        let (entry, read_at) = known.domain_settings.as_ref()?;
        (read_at.elapsed() < age).then(|| known.pdc.clone().zip(Some(entry.clone())))?
    }

    /// The PDC emulator, if it has answered anything since `moment`.
    pub(crate) fn answered_since(&self, moment: Instant) -> Option<String> {
        let known = self.inner.known();
        let lately = known.answered.is_some_and(|answered| answered >= moment);
        known.pdc.as_ref().filter(|_| lately).map(|pdc| pdc.host.clone())
    }

    /// Forgets which host is the PDC emulator, so that the next operation looks for it.
    pub(crate) fn forget_pdc(&self) {
        let mut known = self.inner.known();
        let unbound = std::mem::take(&mut known.unbound);
        *known = Known { unbound, ..Known::default() };
    }
}

impl Inner {
    pub(crate) fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // The lock guards plain values and no code that panics: a poisoned one is as good.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The PDC emulator, if it is known.
    pub(crate) fn known_pdc(&self) -> Option<Arc<RootDse>> {
        self.known().pdc.clone()
    }

    /// The PDC emulator's name, or, as long as it is not known, the first pinned host's.
    pub(crate) fn pdc_name(&self) -> String {
        self.known().pdc.as_ref().map_or_else(|| self.config.hosts[0].clone(), |pdc| pdc.host.clone())
    }

    /// Connects to `host` and binds as the service account, unless the host has failed so often that it is left alone for a while.
    pub(crate) async fn connect(&self, host: &str) -> Result<Connection, DirectoryError> {
        let connection = self.connector.connect(host).await;
        self.sign_in(connection.map_err(|error| DirectoryError::read(&error))?).await
    }

    /// Connects to the PDC emulator, which is tried whatever came before: it alone can take a write.
    pub(crate) async fn connect_regardless(&self, host: &str) -> Result<Connection, DirectoryError> {
        let connection = self.connector.connect_regardless(host).await;
        self.sign_in(connection.map_err(|error| DirectoryError::read(&error))?).await
    }
}
