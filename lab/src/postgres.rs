//! A throw-away PostgreSQL cluster for tests of the second store.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::Lab;
use crate::command::run;
use crate::process;
use crate::progress::{step, wait_until};

const SCRIPT: &str = include_str!("../scripts/postgres.sh");
const START_LIMIT: Duration = Duration::from_secs(60);
const LAST_NUMBER: u8 = 31;
const PORT: u16 = 5432;
const USER: &str = "ritorno";
const PASSWORD: &str = "Database-Passw0rd";

/// The PostgreSQL cluster of a lab.
#[derive(Debug, Clone)]
pub struct PostgreSql {
    /// Where it is served, port 5432.
    pub address: Ipv4Addr,
    lab: Lab,
}

impl Lab {
    /// The lab's PostgreSQL cluster. Starts nothing.
    #[must_use]
    pub fn postgresql(&self) -> PostgreSql {
        PostgreSql { address: self.address(LAST_NUMBER), lab: self.clone() }
    }
}

impl PostgreSql {
    /// Starts the cluster, unless it runs, and waits until it takes connections. It outlives this process.
    ///
    /// # Errors
    /// When Debian's `postgresql` is missing, or the address is taken.
    pub fn start(&self) -> Result<()> {
        let _lock = self.lab.lock("postgresql")?;
        if self.running().is_some() && self.accepts() {
            return Ok(());
        }
        let folder = self.folder();
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        step("starting PostgreSQL", || {
            let log = self.lab.folder().join("postgresql.log");
            let mut words = vec!["--fork"];
            if nix::unistd::geteuid().is_root() {
                words.extend(["unshare", "--mount", "--propagation", "private"]);
            }
            words.extend(["bash", "-c", SCRIPT, "postgres.sh"]);
            let mut command = Command::new("setsid");
            command.args(words).arg(&folder).args([
                &self.address.to_string(),
                &PORT.to_string(),
                USER,
                PASSWORD,
            ]);
            process::start(&mut command, &log)?;
            let ready = wait_until(START_LIMIT, || Ok(self.running().is_some() && self.accepts()))?;
            if !ready {
                bail!("PostgreSQL does not start; its log ends:\n{}", process::log_tail(&log));
            }
            Ok(())
        })
    }

    /// Stops the cluster; the databases stay.
    ///
    /// # Errors
    /// When its processes do not end.
    pub fn stop(&self) -> Result<()> {
        let _lock = self.lab.lock("postgresql")?;
        match self.running() {
            // SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
            Some(pid) => process::stop_session(pid, Signal::SIGINT),
            None => Ok(()),
        }
    }

    /// Whether the cluster runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running().is_some()
    }

    /// The URL of a database of the cluster; `postgres` is always there.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@{}:{PORT}/{database}", self.address)
    }

    /// Makes an empty database, in the place of one of that name; returns its URL.
    ///
    /// # Errors
    /// When the cluster does not run, or the name holds anything but lower case letters, digits and underscores.
    pub fn fresh_database(&self, name: &str) -> Result<String> {
        ensure!(
            !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')),
            "`{name}` is no plain database name"
        );
        for statement in
            [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")]
        {
            self.sql("postgres", &statement)?;
        }
        Ok(self.url(name))
    }

    /// Runs one SQL statement with `psql`; returns the rows, one a line.
    ///
    /// # Errors
    /// When the cluster does not run or refuses the statement.
    pub fn sql(&self, database: &str, statement: &str) -> Result<String> {
        run(
            Command::new("psql")
                .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
                .args(["--set", "ON_ERROR_STOP=1", "--dbname", &self.url(database)])
                .args(["--command", statement]),
            b"",
        )
    }

    fn folder(&self) -> PathBuf {
        self.lab.folder().join("postgresql")
    }

    fn running(&self) -> Option<Pid> {
        let data = self.folder().join("data");
        let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let pid: i32 = text.lines().next()?.trim().parse().ok()?;
        // A number in a file can be another process's by now: ours works in this very folder.
        let seen = std::fs::metadata(format!("/proc/{pid}/cwd")).ok()?;
        let own = std::fs::metadata(&data).ok()?;
        (seen.ino() == own.ino() && seen.dev() == own.dev()).then_some(Pid::from_raw(pid))
    }

    fn accepts(&self) -> bool {
        let address = SocketAddr::from((self.address, PORT));
        TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
            && self.sql("postgres", "SELECT 1").is_ok()
    }
}
