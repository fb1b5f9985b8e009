//! A forward proxy that wants a password, as it stands before many networks: Debian's tinyproxy.

use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::progress::wait_until;

const START_LIMIT: Duration = Duration::from_secs(20);

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct HttpProxy {
    /// The port of CONNECT, on 127.0.0.1.
    pub port: u16,
    log: PathBuf,
    process: Child,
}

impl HttpProxy {
    /// User name that it wants.
    pub const USER: &str = "agent";
    /// Password that it wants.
    pub const PASSWORD: &str = "Proxy-Passw0rd.1";

    /// Starts one, with its files in `folder`.
    ///
    /// # Errors
    /// When Debian's `tinyproxy-bin` is missing, or it does not start.
    pub fn start(folder: PathBuf) -> Result<Self> {
        // Bound and let go: free for the moment in which tinyproxy takes it.
        let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let (settings, log) = (folder.join("tinyproxy.conf"), folder.join("tinyproxy.log"));
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 600\nMaxClients 20\nLogLevel Connect\nLogFile \"{}\"\n\
             Allow 127.0.0.0/8\nBasicAuth {} {}\n",
            log.display(),
            Self::USER,
            Self::PASSWORD,
        );
        std::fs::write(&settings, text).with_context(|| format!("cannot write {}", settings.display()))?;
        let mut process = Command::new("tinyproxy")
            .arg("-d")
            .arg("-c")
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start `tinyproxy` (Debian's tinyproxy-bin)")?;
        let accepts = || Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        if !wait_until(START_LIMIT, accepts)? {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
            bail!("tinyproxy does not start; see {}", log.display());
        }
        Ok(Self { port, log, process })
    }

    /// What it wrote down of who went where.
    ///
    /// # Errors
    /// When its log can't be read.
    pub fn log(&self) -> Result<String> {
        std::fs::read_to_string(&self.log).with_context(|| format!("cannot read {}", self.log.display()))
    }
}

impl Drop for HttpProxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
