//! The lab's mail server, and what came to it. It demands STARTTLS and a password, as a real submission server does.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde::Deserialize;

use crate::Lab;
use crate::process;
use crate::progress::wait_until;

const SERVER: &str = include_str!("../mail/server.py");
const START_LIMIT: Duration = Duration::from_secs(20);
const LAST_NUMBER: u8 = 21;

/// The mail server of a lab.
#[derive(Debug, Clone)]
pub struct MailServer {
    /// Where SMTP is served.
    pub address: Ipv4Addr,
    /// Port of SMTP; it offers nothing but STARTTLS until TLS is on.
    pub smtp_port: u16,
    /// Port of the page that shows what came.
    pub http_port: u16,
    /// User name for AUTH.
    pub user: &'static str,
    /// Password for AUTH.
    pub password: &'static str,
    /// The authority (PEM) that signed its certificate, which names the address and `mail.test`.
    pub ca_pem: PathBuf,
    lab: Lab,
}

/// A message that the server kept.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// Its number; a later message has a greater one.
    pub number: u64,
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// `Subject`, decoded.
    pub subject: String,
    /// `Content-Language`, empty when there is none.
    pub language: String,
    /// The plain text part, decoded.
    pub text: Option<String>,
    /// The HTML part, decoded.
    pub html: Option<String>,
}

impl Lab {
    /// The lab's mail server. Starts nothing.
    ///
    /// # Errors
    /// When the lab's certificate authority cannot be made.
    pub fn mail(&self) -> Result<MailServer> {
        Ok(MailServer {
            address: self.address(LAST_NUMBER),
            smtp_port: 2587,
            http_port: 8025,
            user: "ritorno",
            password: "Mail-Passw0rd!",
            ca_pem: self.authority()?.certificate_path(),
            lab: self.clone(),
        })
    }
}

impl MailServer {
    /// Starts the server, unless it runs, and waits until it takes mail. It outlives this process.
    ///
    /// # Errors
    /// When Debian's `python3-aiosmtpd` is missing, or the address is taken.
    pub fn start(&self) -> Result<()> {
        let _lock = self.lab.lock("mail")?;
        if self.running().is_some() {
            return Ok(());
        }
        let folder = self.folder();
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let (chain, key) = (folder.join("server.pem"), folder.join("server.key"));
        let names = ["mail.test", "localhost"];
        self.lab.authority()?.issue(&names, &[self.address.into()])?.write(&chain, &key)?;
        let log = folder.join("server.log");
        let _ = std::fs::remove_file(folder.join("server.pid"));
        // Debian's own Python, since the module comes from a Debian package.
        let mut command = Command::new("setsid");
        command
            .args(["--fork", "/usr/bin/python3", "-c", SERVER])
            .arg(&folder)
            .arg(self.address.to_string())
            .args([self.smtp_port.to_string(), self.http_port.to_string()])
            .args([&chain, &key])
            .env("USER", self.user)
            .env("PASSWORD", self.password);
        process::start(&mut command, &log)?;
        let ready = wait_until(START_LIMIT, || Ok(self.running().is_some() && self.answers()))?;
        if !ready {
            bail!("the mail server does not start; its log ends:\n{}", process::log_tail(&log));
        }
        Ok(())
    }

    /// Stops the server; what came stays.
    ///
    /// # Errors
    /// When its process does not end.
    pub fn stop(&self) -> Result<()> {
        let _lock = self.lab.lock("mail")?;
        match self.running() {
            Some(pid) => process::stop_session(pid, Signal::SIGTERM),
            None => Ok(()),
        }
    }

    /// Whether the server runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running().is_some()
    }

    /// The page that shows what came: `http://127.0.0.21:8025/`.
    #[must_use]
    pub fn page(&self) -> String {
        format!("http://{}:{}/", self.address, self.http_port)
    }

    /// The number of the newest message, 0 when none came yet. Take it before the act that sends mail.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn newest(&self) -> Result<u64> {
        Ok(self.numbers()?.last().copied().unwrap_or(0))
    }

    /// Waits for the first message to `address` after message number `after`.
    ///
    /// # Errors
    /// When none came in time, or a kept message cannot be read.
    pub fn wait_for(&self, address: &str, after: u64, limit: Duration) -> Result<Message> {
        let mut found = None;
        wait_until(limit, || {
            found = self.to(address, after)?.into_iter().next();
            Ok(found.is_some())
        })?;
        found.with_context(|| format!("no mail to {address} came within {} s", limit.as_secs()))
    }

    /// All messages to `address` after message number `after`, oldest first.
    ///
    /// # Errors
    /// When a kept message cannot be read.
    pub fn to(&self, address: &str, after: u64) -> Result<Vec<Message>> {
        let mut messages = Vec::new();
        for number in self.numbers()?.into_iter().filter(|number| *number > after) {
            let path = self.folder().join(format!("{number}.json"));
            let message: Message = serde_json::from_slice(&std::fs::read(&path)?)
                .with_context(|| format!("{} is damaged", path.display()))?;
            if message.to.iter().any(|to| to.eq_ignore_ascii_case(address)) {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    fn numbers(&self) -> Result<Vec<u64>> {
        let folder = self.folder();
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let stem = path.file_stem().and_then(|stem| stem.to_str());
                numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn folder(&self) -> PathBuf {
        self.lab.folder().join("mail")
    }

    fn running(&self) -> Option<Pid> {
        let folder = self.folder();
        let text = std::fs::read_to_string(folder.join("server.pid")).ok()?;
        let pid: i32 = text.trim().parse().ok()?;
        // A number in a file can be another process's by now: ours has this folder among its arguments.
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let has = |folder: &Path| {
            arguments.split(|byte| *byte == 0).any(|word| word == folder.as_os_str().as_encoded_bytes())
        };
        has(&folder).then_some(Pid::from_raw(pid))
    }

    fn answers(&self) -> bool {
        let address = SocketAddr::from((self.address, self.smtp_port));
        TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
    }
}

impl Message {
    /// The first run of exactly `digits` digits in the text: the one-time code.
    #[must_use]
    pub fn code(&self, digits: usize) -> Option<&str> {
        self.text.as_deref()?.split(|letter: char| !letter.is_ascii_digit()).find(|run| run.len() == digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_run_of_the_right_length() {
        let message = Message {
            number: 1,
            from: String::new(),
            to: Vec::new(),
            subject: String::new(),
            language: String::new(),
            text: Some("Ordine 123456789 del 22/11/2026: il codice è 04711234.".to_owned()),
            html: None,
        };
        assert_eq!(message.code(8), Some("04711234"));
        assert_eq!(message.code(6), None);
    }
}
