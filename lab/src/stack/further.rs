//! A further agent of the same forests, and a further server on the same database, beside the stack's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::{Stack, curl, free_port, stop};
use crate::command::run;
use crate::progress::wait_until;

/// One more agent. Dropping it stops it.
#[derive(Debug)]
pub struct FurtherAgent {
    program: PathBuf,
    configuration: PathBuf,
    log: String,
    child: Option<Child>,
}

impl Stack {
    /// Enrols one more agent, with the configuration of the first and a state of its own, starts it, and switches its writeback on.
    ///
    /// # Errors
    /// When a step fails.
    pub fn further_agent(&self, name: &str) -> Result<FurtherAgent> {
        let first = std::fs::read_to_string(self.folder.join("agent.toml"))?;
        let (state, events) = (self.folder.join("agent"), self.folder.join("agent-events.log"));
        let text = first
            .replace(
                &format!("state_dir = \"{}\"", state.display()),
                &format!("state_dir = \"{}\"", self.folder.join(name).display()),
            )
            .replace(
                &events.display().to_string(),
                &self.folder.join(format!("{name}-events.log")).display().to_string(),
            );
        let configuration = self.folder.join(format!("{name}.toml"));
        std::fs::write(&configuration, text).with_context(|| configuration.display().to_string())?;
        let mut agent = self.enrol_further(&configuration)?;
        agent.start(self)?;
        self.enable(&agent.configuration)?;
        Ok(agent)
    }

    /// Enrols one more agent with a configuration that is there, and leaves it at rest.
    ///
    /// # Errors
    /// When the enrolment fails.
    pub fn enrol_further(&self, configuration: &Path) -> Result<FurtherAgent> {
        self.enrol(configuration)?;
        let log = configuration.with_extension("log").display().to_string();
        let (program, configuration) = (self.programs.agent.clone(), configuration.to_owned());
        Ok(FurtherAgent { program, configuration, log, child: None })
    }
}

impl FurtherAgent {
    /// Starts it and waits until its link is up.
    ///
    /// # Errors
    /// When it is not within 30 s.
    pub fn start(&mut self, stack: &Stack) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.configuration).arg("run");
        self.child = Some(stack.spawn(command, &self.log)?);
        if wait_until(Duration::from_secs(30), || {
            Ok(self.command(&["status"]).is_ok_and(|text| text.contains("connected")))
        })? {
            return Ok(());
        }
        bail!("the agent of {} did not connect within 30 s", self.configuration.display())
    }

    /// Runs `ritorno-agent` with `arguments`; returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        run(Command::new(&self.program).arg("--config").arg(&self.configuration).args(arguments), b"")
    }

    /// Its process id, if it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Stops it as systemd would, and waits.
    pub fn stop(&mut self) {
        stop(self.child.take());
    }
}

impl Drop for FurtherAgent {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One more server of the same tenant, as another node. Dropping it stops it.
#[derive(Debug)]
pub struct FurtherServer {
    /// Where its portal is, without a slash at its end.
    pub url: String,
    child: Option<Child>,
}

impl Stack {
    /// Starts one more server with the configuration of the first, on the same database, and waits until it is ready. That has to be
    /// PostgreSQL: a SQLite file is one server's.
    ///
    /// # Errors
    /// When it does not become ready within 30 s.
    pub fn further_server(&self, name: &str) -> Result<FurtherServer> {
        let first = std::fs::read_to_string(self.folder.join("ritorno.toml"))?;
        let own = self.url.rsplit(':').next().context("the portal's address has no port")?;
        let port = free_port()?.to_string();
        let text = first.replace(&format!(":{own}\""), &format!(":{port}\""));
        let configuration = self.folder.join(format!("{name}.toml"));
        std::fs::write(&configuration, text).with_context(|| configuration.display().to_string())?;
        let mut command = Command::new(&self.programs.ritorno);
        command.arg("--config").arg(&configuration).arg("serve");
        let child = self.spawn(command, &format!("{name}.log"))?;
        let url = format!("https://localhost:{port}");
        let server = FurtherServer { url, child: Some(child) };
        let ready = format!("{}/health/ready", server.url);
        let is_ready =
            wait_until(Duration::from_secs(30), || Ok(curl(&self.ca_pem, &[&ready], b"").is_ok()))?;
        if is_ready { Ok(server) } else { bail!("{} did not become ready within 30 s", server.url) }
    }
}

impl Drop for FurtherServer {
    fn drop(&mut self) {
        stop(self.child.take());
    }
}
