//! OpenLDAP, and what speaks like it: passwords by the Password Modify extended operation (RFC 3062), rules and locks by the password
//! policy of draft-behera-ldap-password-policy-10. The same operations and the same typed reasons as [`crate::Directory`].
//!
//! A person is named by `entryUUID` (RFC 4530), which is the source anchor and the `object_guid` of the protocol; there is no SID.

mod change;
mod containers;
mod content;
mod count;
mod groups;
mod health;
mod judge;
mod locate;
mod moment;
mod parts;
mod policy;
mod refusal;
mod reset;
mod state;
mod unlock;
mod users;
mod verify;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ritorno_protocol::clock::Clock;
use ritorno_protocol::ids::Forest;
use ritorno_protocol::outcome::Fault;
use rustls::RootCertStore;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

pub use containers::Modified;
pub use content::Said;
pub use locate::{Identity, Person};
pub use state::AccountState;

use crate::config::{ConfigError, PasswordSource, tls};
use crate::error::DirectoryError;
use crate::ldap::{Connection, Connector, Control, Entry, PolicyError, Search};
use crate::operations::attempts::Attempts;
use crate::own_password::{OwnPassword, is_refused, may_have_counted};
use crate::resolve::Names;

/// Connections in use at once.
const CONNECTIONS: usize = 8;
/// A connection that was idle for longer is not used again: a firewall may have forgotten it, and a write must not be the first to learn.
const TRUSTED_FOR: Duration = Duration::from_secs(5);
/// Longest wait for a connection to come up.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// One directory, as the administrator configured it.
#[derive(Clone)]
pub struct Config {
    /// Its name, which stands where a forest's name stands.
    pub name: Forest,
    /// Servers that take writes, the one to use first; another one only if that can't be reached. By host name or address, over LDAPS.
    pub hosts: Vec<String>,
    /// Port of LDAPS, usually 636.
    pub port: u16,
    /// DNS servers for the hosts' names; empty for the machine's own.
    pub dns_servers: Vec<SocketAddr>,
    /// DN of the service account.
    pub account: String,
    /// Its password.
    pub password: Arc<dyn PasswordSource>,
    /// Authorities that may have issued the servers' certificates.
    pub roots: Arc<RootCertStore>,
    /// DNs that people are below; at least one.
    pub bases: Vec<String>,
    /// DNs that groups are below which are imported; empty for none.
    pub groups: Vec<String>,
    /// The attribute with the account's name, which the tenant's rules can forbid in a password, and by which a `posixGroup` names its
    /// members; usually `uid`.
    pub login: String,
    /// DN of the policy that holds for whoever has no `pwdPolicySubentry` (`ppolicy_default`), which the server does not tell. `None`:
    /// not known, so that nothing is refused by it here.
    pub policy: Option<String>,
    /// Groups whose members are never touched, directly or through other groups.
    pub protected_groups: Vec<String>,
    /// Longest wait for one operation of the directory.
    pub timeout: Duration,
    /// That each of the hosts is one server, and no address that several share. Without it, nothing is compared between two connections
    /// where the directory is replicated: what is not there at the one server may be at the other.
    pub one_server_per_host: bool,
    /// Entries in a page of the import, 1 to 1000.
    pub page: u16,
}

/// The directory, ready to work with. Cheap to clone; all clones share connections.
#[derive(Clone)]
pub struct OpenLdap {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    clock: Arc<dyn Clock>,
    connector: Connector,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
    attempts: Attempts,
    own: OwnPassword,
}

impl Inner {
    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // The lock guards plain values and no code that panics: a poisoned one is as good.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is bound as the service account. Given back by [`Lease::finish`] if it is still good; else closed.
struct Lease<'a> {
    connection: Connection,
    directory: &'a OpenLdap,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Lease<'_> {
    async fn finish(mut self) {
        if self.connection.is_usable().await {
            let mut idle = self.directory.inner.idle();
            if idle.len() < CONNECTIONS {
                idle.push(self.connection);
            }
        }
    }

    fn host(&self) -> String {
        self.connection.host().to_owned()
    }

    /// All entries of a search that finds few.
    async fn find(&mut self, search: &Search) -> Result<Vec<Entry>, DirectoryError> {
        let limit = self.directory.inner.config.timeout;
        match self.connection.search(search, &[], limit).await {
            Ok(page) => Ok(page.entries),
            Err(error) => Err(refusal::read(&error)),
        }
    }

    /// One entry; `None` if it is not there, or may not be seen.
    async fn entry(&mut self, dn: &str, attributes: &[&str]) -> Result<Option<Entry>, DirectoryError> {
        match self.find(&Search::entry(dn, attributes)).await {
            Ok(mut found) => Ok(found.pop()),
            Err(DirectoryError::NotApplied { fault: Fault::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl OpenLdap {
    /// Takes over a configuration. Connects to nothing yet.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        if config.hosts.is_empty() {
            return Err(ConfigError::NoHosts(config.name));
        }
        let names = Names::new(&config.dns_servers).map_err(ConfigError::Dns)?;
        let connector = Connector::new(names, Arc::new(tls(&config.roots)?), config.port, CONNECT_WITHIN);
        let inner = Inner {
            config,
            clock,
            connector,
            permits: Semaphore::new(CONNECTIONS),
            idle: Mutex::default(),
            attempts: Attempts::default(),
            own: OwnPassword::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Its name.
    pub fn name(&self) -> &Forest {
        &self.inner.config.name
    }

    fn timeout(&self) -> Duration {
        self.inner.config.timeout
    }

    /// A connection that is bound as the service account. Waits its turn while all are in use.
    async fn lease(&self) -> Result<Lease<'_>, DirectoryError> {
        let inner = &*self.inner;
        let Ok(Ok(permit)) = tokio::time::timeout(self.timeout(), inner.permits.acquire()).await else {
            let detail = "all connections are in use";
            return Err(DirectoryError::fault(Fault::DirectoryUnavailable, &inner.config.hosts[0], detail));
        };
        loop {
            let Some(mut connection) = inner.idle().pop() else { break };
            if connection.idle() < TRUSTED_FOR && connection.is_usable().await {
                return Ok(Lease { connection, directory: self, _permit: Some(permit) });
            }
        }
        let connection = self.connect().await?;
        Ok(Lease { connection, directory: self, _permit: Some(permit) })
    }

    /// A new connection, bound as the service account, to the first host that can be reached. A refused password is tried nowhere else.
    async fn connect(&self) -> Result<Connection, DirectoryError> {
        let config = &self.inner.config;
        let mut tried = Vec::new();
        let connector = &self.inner.connector;
        // That all of them failed is no reason to try none: one may be back.
        let all_doubtful = config.hosts.iter().all(|host| connector.is_doubtful(host));
        for host in &config.hosts {
            let connected = if all_doubtful {
                connector.connect_regardless(host).await
            } else {
                connector.connect(host).await
            };
            let connection = match connected {
                Ok(connection) => connection,
                Err(error) => {
                    tried.push(error.to_string());
                    continue;
                }
            };
            match self.sign_in(connection).await {
                Ok(connection) => return Ok(connection),
                Err(error) if is_refused(&error) => return Err(error),
                Err(error) => tried.push(error.operator().detail.clone()),
            }
        }
        let fault = Fault::PdcUnreachable { name: config.hosts[0].clone() };
        Err(DirectoryError::fault(fault, &config.hosts[0], tried.join("; ")))
    }

    /// Signs in with what the account's file holds now, unless just that was refused before.
    async fn sign_in(&self, mut connection: Connection) -> Result<Connection, DirectoryError> {
        let inner = &*self.inner;
        let (host, account) = (connection.host().to_owned(), &inner.config.account);
        let _turn = inner.own.turn(&host).await?;
        let password = inner.config.password.password().map_err(|error| {
            let detail = format!("the password of {account} can't be read: {error}");
            DirectoryError::fault(Fault::DirectoryUnavailable, &host, detail)
        })?;
        let content = password.expose().as_bytes();
        inner.own.may_be_tried(content, Instant::now()).map_err(|words| {
            let mut error = DirectoryError::fault(Fault::DirectoryUnavailable, &host, words);
            error.operator_mut().ldap_code = Some(49);
            error
        })?;
        let controls = [Control::password_policy()];
        let bound = connection.bind_with(account, password.expose(), &controls, CONNECT_WITHIN).await;
        let locked = connection.policy_error() == Some(PolicyError::AccountLocked);
        let outcome = bound.map_err(|error| {
            let counted = may_have_counted(&error) && !locked;
            let mut error = refusal::read(&error);
            let why = if locked { ": the account is locked" } else { "" };
            error.operator_mut().detail =
                format!("{account} can't sign in{why}: {}", error.operator().detail);
            (counted, error)
        });
        inner.own.note(content, outcome, Instant::now())?;
        Ok(connection)
    }

    /// A connection to `host` of its own, signed in as the service account, for one person's own password: what is read on it and what is
    /// tried on it is at one server, whatever stands behind the name.
    async fn connection_of_its_own(&self, host: &str) -> Result<Lease<'_>, DirectoryError> {
        let connected = self.inner.connector.connect_regardless(host).await;
        let connection = self.sign_in(connected.map_err(|error| refusal::read(&error))?).await?;
        Ok(Lease { connection, directory: self, _permit: None })
    }
}
