//! One tight client at the directory: the bar that the whole way is measured against.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ritorno_directory::ldap::{
    Change, ChangeKind, Connection, Connector, Control, Filter, Modify, Scope, Search, unicode_pwd,
};
use ritorno_directory::{Names, roots_from_pem_file};
use ritorno_lab::ForestHandle;

/// The policy-hints control (MS-ADTS 3.1.1.3.4.1.27): the directory holds the password against its history.
const POLICY_HINTS: &str = "1.2.840.113556.1.4.2239";
/// Entries in a page, as the agent asks for.
const PAGE: i32 = 500;
/// The same of groups, which come with all their members.
const GROUPS_PAGE: i32 = 50;
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections to the domain controller, bound as the service account and kept.
pub(crate) struct Direct {
    connections: Vec<Connection>,
}

impl Direct {
    /// Opens `count` connections over LDAPS.
    ///
    /// # Errors
    /// When one can't be opened.
    pub(crate) async fn open(forest: &ForestHandle, count: usize) -> Result<Self> {
        let dns = SocketAddr::from((forest.dc_ip, 53));
        let names = Names::new(&[dns]).map_err(anyhow::Error::msg)?;
        let connector = Connector::new(names, Arc::new(tls(&forest.ca_pem)?), 636, PATIENCE);
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            let mut connection = connector.connect(&forest.dc_host).await?;
            let account = &forest.service_account;
            connection.bind(&account.upn, &account.password, PATIENCE).await?;
            connections.push(connection);
        }
        Ok(Self { connections })
    }

    /// Sets the passwords, `in_flight` at a time, with history enforced as in a reset; returns how long each took, in
    /// milliseconds.
    ///
    /// # Errors
    /// When the directory refuses one.
    pub(crate) async fn set(&mut self, in_flight: usize, jobs: Vec<(String, String)>) -> Result<Vec<f64>> {
        let jobs = Arc::new(std::sync::Mutex::new(jobs));
        let mut workers = Vec::new();
        for mut connection in self.connections.drain(..in_flight) {
            let jobs = Arc::clone(&jobs);
            workers.push(tokio::spawn(async move {
                let mut times = Vec::new();
                while let Some((dn, password)) = take(&jobs)? {
                    let change = Change {
                        kind: ChangeKind::Replace,
                        attribute: "unicodePwd",
                        value: unicode_pwd(&password),
                    };
                    let since = Instant::now();
                    let hints = [Control::flags(POLICY_HINTS, 1)];
                    connection.modify(&Modify { dn, changes: vec![change] }, &hints, PATIENCE).await?;
                    times.push(since.elapsed().as_secs_f64() * 1_000.0);
                }
                anyhow::Ok((connection, times))
            }));
        }
        let mut times = Vec::new();
        for worker in workers {
            let (connection, own) = worker.await??;
            self.connections.push(connection);
            times.extend(own);
        }
        Ok(times)
    }
}

impl Direct {
    /// Reads everybody below `base` with the attributes that an import asks for, in its pages, and does nothing with them; how many.
    ///
    /// # Errors
    /// When the directory refuses.
    pub(crate) async fn read_everybody(&mut self, base: &str) -> Result<usize> {
        let connection = self.connections.first_mut().context("a connection")?;
        let mut attributes = ritorno_sync::Rules::default().attributes();
        attributes.push("objectGUID".to_owned());
        let person = [Filter::text("objectCategory", "person"), Filter::text("objectClass", "user")];
        let (scope, filter) = (Scope::Subtree, Filter::And(person.to_vec()));
        let search = Search { base: base.to_owned(), scope, filter, attributes };
        read(connection, &search, PAGE, &[]).await
    }

    /// Reads all groups below `base`, with the attributes that an import asks for and all members, and throws them away. How many
    /// there were.
    ///
    /// # Errors
    /// When the directory refuses.
    pub(crate) async fn read_groups(&mut self, base: &str) -> Result<usize> {
        let connection = self.connections.first_mut().context("a connection")?;
        let attributes = [
            "cn",
            "displayName",
            "isCriticalSystemObject",
            "mS-DS-ConsistencyGuid",
            "objectSid",
            "sAMAccountName",
        ];
        let mut attributes: Vec<String> = attributes.map(str::to_owned).to_vec();
        attributes.extend(["objectGUID".to_owned(), "member".to_owned()]);
        let (scope, filter) = (Scope::Subtree, Filter::text("objectClass", "group"));
        let search = Search { base: base.to_owned(), scope, filter, attributes };
        read(connection, &search, GROUPS_PAGE, &[Control::extended_dn()]).await
    }
}

/// Reads a search page by page; how many entries there were.
async fn read(
    connection: &mut Connection,
    search: &Search,
    size: i32,
    controls: &[Control],
) -> Result<usize> {
    let (mut cookie, mut read) = (Vec::new(), 0);
    loop {
        let mut all = controls.to_vec();
        all.push(Control::paged(size, &cookie));
        let page = connection.search(search, &all, PATIENCE).await?;
        read += page.entries.len();
        cookie = page.cookie;
        if cookie.is_empty() {
            return Ok(read);
        }
    }
}

fn take<T>(jobs: &std::sync::Mutex<Vec<T>>) -> Result<Option<T>> {
    Ok(jobs.lock().ok().context("another worker panicked")?.pop())
}

fn tls(ca_pem: &Path) -> Result<rustls::ClientConfig> {
    let roots = roots_from_pem_file(ca_pem)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
