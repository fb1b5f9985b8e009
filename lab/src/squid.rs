//! Debian's squid with a password, as many organisations have it: a process of our own, that can be restarted.

use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::command::run;
use crate::process::log_tail;
use crate::progress::wait_until;

const START_LIMIT: Duration = Duration::from_secs(20);

/// A squid that runs until it is dropped.
#[derive(Debug)]
pub struct Squid {
    /// Its port on 127.0.0.1.
    pub port: u16,
    folder: PathBuf,
    process: Option<Child>,
}

impl Squid {
    /// User name that it wants.
    pub const USER: &str = "agent";
    /// Password that it wants.
    pub const PASSWORD: &str = "Squid-Passw0rd.1";

    /// Starts one, with its files in `folder`, which is given to Debian's user `proxy`.
    ///
    /// # Errors
    /// When Debian's `squid` is missing, or it does not start.
    pub fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        // Bound and let go: free for the moment in which squid takes it.
        let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        // Squid hands each pair to a program of the administrator's choice, one a line.
        let helper = format!(
            "while read -r user password; do\n  if [ \"$user $password\" = '{} {}' ]; then echo OK; else echo ERR; fi\ndone\n",
            Self::USER,
            Self::PASSWORD
        );
        std::fs::write(folder.join("passwords.sh"), helper)?;
        let text = format!(
            "http_port 127.0.0.1:{port}\n\
             auth_param basic program /bin/sh {folder}/passwords.sh\n\
             auth_param basic realm the lab\n\
             acl known proxy_auth REQUIRED\n\
             http_access allow known\n\
             http_access deny all\n\
             cache deny all\n\
             pid_filename none\n\
             access_log stdio:{folder}/access.log\n\
             cache_log {folder}/cache.log\n\
             coredump_dir {folder}\n\
             shutdown_lifetime 0 seconds\n\
             max_filedescriptors 1024\n",
            folder = folder.display(),
        );
        std::fs::write(folder.join("squid.conf"), text)?;
        run(Command::new("chown").args(["--recursive", "proxy:proxy"]).arg(folder), b"")?;
        let mut squid = Self { port, folder: folder.to_owned(), process: None };
        squid.restart()?;
        Ok(squid)
    }

    /// Ends it at once, if it runs, with everything that it carries, and starts it again.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.end();
        let process = Command::new("squid")
            // A name of its own, since squids of one name share memory.
            .args(["-N", "-n", &format!("lab{}", self.port), "-f"])
            .arg(self.folder.join("squid.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start `squid` (Debian's squid)")?;
        self.process = Some(process);
        let accepts = || Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok());
        if !wait_until(START_LIMIT, accepts)? {
            self.end();
            bail!("squid does not start; its log ends:\n{}", log_tail(&self.folder.join("cache.log")));
        }
        Ok(())
    }

    /// Who went where, of what has come to its end.
    ///
    /// # Errors
    /// When its log can't be read.
    pub fn log(&self) -> Result<String> {
        std::fs::read_to_string(self.folder.join("access.log")).context("squid's access.log")
    }

    fn end(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // It may have ended by itself.
        let _ = process.kill();
        let _ = process.wait();
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        self.end();
    }
}
