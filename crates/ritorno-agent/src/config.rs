//! The configuration file. Every error names the file, the line and the key.

mod doctor;
mod domains;
mod openldap;
mod passwords;

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ritorno_protocol::ids::Forest;
use serde::Deserialize;
use time::Time;
use time::macros::format_description;
use toml::Spanned;
use url::Url;

mod transport;

pub(crate) use openldap::Settings as OpenLdapSettings;
pub(crate) use passwords::Look;
use transport::FileTransport;
pub(crate) use transport::{Access, Secret};

use crate::secret_file;

/// Least pause between two delta cycles, in seconds.
const MIN_EVERY: u32 = 5;

/// What the file holds, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    state_dir: PathBuf,
    ca_file: Option<PathBuf>,
    proxy: Option<FileProxy>,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    forest: Vec<FileForest>,
    #[serde(default)]
    limits: FileLimits,
    #[serde(default)]
    sync: FileSync,
    #[serde(default)]
    log: Log,
    #[serde(default)]
    passwords: passwords::File,
    #[serde(default)]
    doctor: doctor::File,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileProxy {
    url: Spanned<String>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    #[serde(default)]
    no_proxy: Vec<String>,
}

/// The `[proxy]` table, checked.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// Where it listens, `http://HOST:PORT`.
    pub(crate) url: Url,
    /// User name, if it wants Basic authentication (RFC 7617).
    pub(crate) user: Option<String>,
    /// File with the password.
    pub(crate) password_file: Option<PathBuf>,
    /// Host names, domains and networks that are reached straight.
    pub(crate) no_proxy: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForest {
    name: Spanned<String>,
    netbios_name: Option<String>,
    hosts: Spanned<Vec<String>>,
    #[serde(default)]
    preferred: Vec<String>,
    #[serde(default)]
    only_preferred: Option<Spanned<bool>>,
    write_elsewhere: Option<Spanned<bool>>,
    show_at: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    dns_servers: Vec<IpAddr>,
    account: Spanned<String>,
    transport: Option<FileTransport>,
    password_file: Option<Spanned<PathBuf>>,
    keytab_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    passwords_by_kerberos: bool,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    scope: Vec<String>,
    groups: Option<Spanned<Vec<String>>>,
    fill_consistency_guid: Option<Spanned<bool>>,
    #[serde(default)]
    attributes: Attributes,
    openldap: Option<Spanned<openldap::File>>,
    #[serde(default)]
    domain: Vec<domains::File>,
}

/// Which attributes of the directory hold what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Attributes {
    /// The person's address outside of the organisation, for the one-time code.
    pub(crate) alternate_mail: String,
    /// The person's mobile number, for codes by text message.
    pub(crate) mobile: String,
}

impl Default for Attributes {
    fn default() -> Self {
        Self { alternate_mail: "otherMailbox".to_owned(), mobile: "mobile".to_owned() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileLimits {
    resets_per_minute: Spanned<usize>,
    deletions_per_day: u32,
    deletions_percent: Option<Spanned<u8>>,
    memberships_per_day: u32,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            resets_per_minute: Spanned::new(0..0, 60),
            deletions_per_day: 500,
            deletions_percent: None,
            memberships_per_day: 5_000,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileSync {
    every_seconds: Spanned<u32>,
    reconcile_at: Spanned<String>,
    rules_file: Option<PathBuf>,
    suspend_first_days: u16,
}

impl Default for FileSync {
    fn default() -> Self {
        let spanned = |text: &str| Spanned::new(0..0, text.to_owned());
        Self {
            every_seconds: Spanned::new(0..0, 30),
            reconcile_at: spanned("02:30"),
            rules_file: None,
            suspend_first_days: 0,
        }
    }
}

/// What the agent is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Imports, exports, writes back.
    #[default]
    Active,
    /// Imports and writes back; does not export.
    Standby,
    /// Imports only.
    Staging,
}

/// The `[log]` table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// Where the event log's lines go, besides standard error.
    pub(crate) events_file: Option<PathBuf>,
    /// How those lines look.
    pub(crate) events_format: EventsFormat,
    /// How lines on standard error look.
    pub(crate) format: Format,
}

/// How the event log's lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventsFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// As a syslog server takes it (RFC 5424).
    Rfc5424,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// One domain of a forest, checked: a connector of its own.
#[derive(Clone, Debug)]
pub(crate) struct ForestSettings {
    /// The domain's DNS name in lower case.
    pub(crate) name: Forest,
    /// The domain's NetBIOS name, for `DOMAIN\user`.
    pub(crate) netbios_name: String,
    /// Domain controllers that credentials may be sent to.
    pub(crate) hosts: Vec<String>,
    /// Domain controllers to read from, the best first.
    pub(crate) preferred: Vec<String>,
    /// Read from those or not at all.
    pub(crate) only_preferred: bool,
    /// Write at another writable controller when the PDC emulator can't be reached.
    pub(crate) write_elsewhere: bool,
    /// Domain controllers that are waited for after a write.
    pub(crate) show_at: Vec<String>,
    /// DNS servers for the forest's names.
    pub(crate) dns_servers: Vec<SocketAddr>,
    /// The service account.
    pub(crate) account: String,
    /// How controllers are reached, and what proves who we are.
    pub(crate) access: Access,
    /// DNs that people have to be below; empty for the whole domain.
    pub(crate) scope: Vec<String>,
    /// DNs that groups are imported from; empty for none.
    pub(crate) groups: Vec<String>,
    /// People in scope without `mS-DS-ConsistencyGuid` are given it, from `objectGUID`.
    pub(crate) fill_consistency_guid: bool,
    /// Which attributes hold what.
    pub(crate) attributes: Attributes,
    /// What an OpenLDAP server has of its own; none for Active Directory.
    pub(crate) openldap: Option<openldap::Settings>,
}

/// The configuration, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Keys, enrolment, journal, connector space.
    pub(crate) state_dir: PathBuf,
    /// Further authorities for the server's certificate, besides the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// The proxy that stands between the agent and the server; without one the environment's counts.
    pub(crate) proxy: Option<Proxy>,
    /// What the agent is for.
    pub(crate) mode: Mode,
    /// The forests; at least one.
    pub(crate) forests: Vec<ForestSettings>,
    /// Requests in a minute, at most.
    pub(crate) resets_per_minute: usize,
    /// Deletions in 24 h that need no approval.
    pub(crate) deletions_per_day: u32,
    /// Members who leave their groups in 24 h and need no approval.
    pub(crate) memberships_per_day: u32,
    /// The same as [`Config::deletions_per_day`], as a part of the people that were exported.
    pub(crate) deletions_percent: Option<u8>,
    /// When it synchronises.
    pub(crate) sync: Schedule,
    /// Lists of passwords that nobody may take.
    pub(crate) lists: passwords::Lists,
    /// Logs.
    pub(crate) log: Log,
    /// Pause between two looks of the running agent's doctor; none if it does not look.
    pub(crate) doctor_every: Option<Duration>,
}

/// How the agent synchronises by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// Pause between two delta cycles; none if everything is started by hand.
    pub(crate) every: Option<Duration>,
    /// Time of day, in UTC, from which everything is read and compared once.
    pub(crate) reconcile_at: Time,
    /// Rules above the program's own.
    pub(crate) rules_file: Option<PathBuf>,
    /// How long somebody who is gone is suspended in the tenant before they are removed; none if they are removed at once.
    pub(crate) suspend_first: Option<Duration>,
}

/// Why the configuration can't be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("{}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// One key is wrong.
    #[error("{}, line {line}, key '{key}': {reason}", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// What is wrong, and what it should be.
        reason: String,
    },
    /// Something is missing.
    #[error("{}: {reason}", file.display())]
    Whole {
        /// The file.
        file: PathBuf,
        /// What is missing.
        reason: String,
    },
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`ConfigError`], by the first thing that is wrong.
    pub(crate) fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::Unreadable { file: file.into(), reason: error.to_string() })?;
        Self::parse(file, &text)
    }

    /// Checks the text of the file `file`.
    ///
    /// # Errors
    /// [`ConfigError`], by the first thing that is wrong.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let at = |span: Range<usize>, reason: String| key_error(file, text, &span, reason);
        let read: File = toml::from_str(text).map_err(|error| match error.span() {
            // A missing key has no place of its own: its span is the whole table.
            Some(span) if !error.message().starts_with("missing field") => {
                at(span, error.message().to_owned())
            }
            _ => ConfigError::Whole { file: file.into(), reason: error.message().to_owned() },
        })?;
        if read.forest.is_empty() {
            let reason = "no [[forest]]: the agent needs at least one to write back to".to_owned();
            return Err(ConfigError::Whole { file: file.into(), reason });
        }
        let mut forests = Vec::new();
        let all = domains::each(read.forest).map_err(|(span, reason)| at(span, reason))?;
        transport::one_keytab(&all).map_err(|(span, reason)| at(span, reason))?;
        for forest in all {
            forests.push(check_forest(forest).map_err(|(span, reason)| at(span, reason))?);
        }
        if *read.limits.resets_per_minute.get_ref() == 0 {
            let reason =
                "0 would refuse every request: to stop writeback, use `ritorno-agent writeback disable`";
            return Err(at(read.limits.resets_per_minute.span(), reason.to_owned()));
        }
        let proxy = read.proxy.map(check_proxy).transpose().map_err(|(span, reason)| at(span, reason))?;
        if let Some(percent) =
            read.limits.deletions_percent.as_ref().filter(|percent| *percent.get_ref() > 100)
        {
            return Err(at(percent.span(), "a percentage is at most 100".to_owned()));
        }
        let sync = check_schedule(read.sync).map_err(|(span, reason)| at(span, reason))?;
        let doctor_every = doctor::check(&read.doctor).map_err(|(span, reason)| at(span, reason))?;
        Ok(Self {
            state_dir: read.state_dir,
            ca_file: read.ca_file,
            proxy,
            mode: read.mode,
            forests,
            resets_per_minute: read.limits.resets_per_minute.into_inner(),
            deletions_per_day: read.limits.deletions_per_day,
            memberships_per_day: read.limits.memberships_per_day,
            deletions_percent: read.limits.deletions_percent.map(Spanned::into_inner),
            sync,
            lists: passwords::read(file, text, read.passwords),
            log: read.log,
            doctor_every,
        })
    }

    /// The forests' names.
    pub(crate) fn forest_names(&self) -> Vec<Forest> {
        self.forests.iter().map(|forest| forest.name.clone()).collect()
    }
}

fn check_proxy(proxy: FileProxy) -> Result<Proxy, (Range<usize>, String)> {
    let (text, span) = (proxy.url.get_ref(), proxy.url.span());
    let wrong = |why: &str| (span.clone(), format!("'{text}' {why}"));
    let url = Url::parse(text).map_err(|error| wrong(&format!("is no address: {error}")))?;
    if url.scheme() != "http" || url.host_str().is_none() {
        return Err(wrong("is no proxy's address, such as http://proxy.contoso.test:3128"));
    }
    if url.password().is_some() || !url.username().is_empty() {
        return Err(wrong("carries a user name: write it as 'user', and the password into 'password_file'"));
    }
    if proxy.password_file.is_some() && proxy.user.is_none() {
        return Err((proxy.url.span(), "there is a 'password_file' and no 'user'".to_owned()));
    }
    Ok(Proxy {
        url,
        user: proxy.user,
        password_file: proxy.password_file.map(secret_file::resolve),
        no_proxy: proxy.no_proxy,
    })
}

fn check_schedule(sync: FileSync) -> Result<Schedule, (Range<usize>, String)> {
    let text = sync.reconcile_at.get_ref();
    let reconcile_at = Time::parse(text, format_description!("[hour]:[minute]")).map_err(|_| {
        let reason = format!("'{text}' is no time of day, such as \"02:30\" (in UTC)");
        (sync.reconcile_at.span(), reason)
    })?;
    let seconds = *sync.every_seconds.get_ref();
    if (1..MIN_EVERY).contains(&seconds) {
        let reason =
            format!("{seconds} s are too short for a directory: at least {MIN_EVERY}, or 0 for none");
        return Err((sync.every_seconds.span(), reason));
    }
    let every = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)));
    let days = sync.suspend_first_days;
    let suspend_first = (days > 0).then(|| Duration::from_secs(u64::from(days) * 24 * 3_600));
    Ok(Schedule { every, reconcile_at, rules_file: sync.rules_file, suspend_first })
}

fn check_forest(forest: FileForest) -> Result<ForestSettings, (Range<usize>, String)> {
    let name = forest.name.get_ref().trim().to_lowercase();
    let labels = name.split('.').count();
    if labels < 2 || name.split('.').any(str::is_empty) {
        let reason = format!("'{name}' is no DNS name of a domain, such as contoso.test");
        return Err((forest.name.span(), reason));
    }
    if forest.hosts.get_ref().is_empty() {
        let reason = "no host: name at least one domain controller that the agent may send its password to";
        return Err((forest.hosts.span(), reason.to_owned()));
    }
    if let Some(groups) = &forest.groups
        && let Some(group) = groups.get_ref().iter().find(|group| !group.contains('='))
    {
        let reason =
            format!("'{group}' is no DN: name what groups are below, such as OU=Groups,DC=contoso,DC=test");
        return Err((groups.span(), reason));
    }
    let openldap = openldap::check(&forest)?;
    let access = Access::check(&forest, &name)?;
    let only_preferred = forest.only_preferred.as_ref().is_some_and(|only| *only.get_ref());
    if let Some(only) = forest.only_preferred.filter(|_| only_preferred && forest.preferred.is_empty()) {
        let reason = "true, and no host is preferred: name those to read from in `preferred`";
        return Err((only.span(), reason.to_owned()));
    }
    let account = forest.account.get_ref();
    if !account.contains('@') && !account.contains('=') {
        let reason = format!("'{account}' is neither a UPN (name@{name}) nor a DN (CN=...)");
        return Err((forest.account.span(), reason));
    }
    let netbios_name = forest.netbios_name.unwrap_or_else(|| {
        // What Windows proposes when a domain is made.
        name.split('.').next().unwrap_or_default().chars().take(15).collect::<String>().to_uppercase()
    });
    Ok(ForestSettings {
        name: Forest(name),
        netbios_name,
        hosts: forest.hosts.into_inner(),
        preferred: forest.preferred,
        only_preferred,
        write_elsewhere: forest.write_elsewhere.is_some_and(Spanned::into_inner),
        show_at: forest.show_at.map(Spanned::into_inner).unwrap_or_default(),
        dns_servers: forest.dns_servers.into_iter().map(|ip| SocketAddr::new(ip, 53)).collect(),
        account: forest.account.into_inner(),
        access,
        scope: forest.scope,
        groups: forest.groups.map(Spanned::into_inner).unwrap_or_default(),
        fill_consistency_guid: forest.fill_consistency_guid.is_some_and(Spanned::into_inner),
        attributes: forest.attributes,
        openldap,
    })
}

/// The error for what stands at `span`: a value, or a key that nobody knows.
fn key_error(file: &Path, text: &str, span: &Range<usize>, reason: String) -> ConfigError {
    let before = text.get(..span.start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let whole = text.lines().nth(line - 1).unwrap_or_default();
    let key = whole.split('=').next().unwrap_or_default().trim().trim_matches(['[', ']']).to_owned();
    ConfigError::Key { file: file.into(), line, key, reason }
}

#[cfg(test)]
mod tests;
