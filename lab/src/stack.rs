//! The whole product as real processes: `ritorno` on a database, `ritorno-agent` beside a forest, enrolled and onboarded.
//! The demo, the tests and the benchmarks start the same thing.

mod configuration;
mod further;

pub use further::{FurtherAgent, FurtherServer};

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::Lab;
use crate::command::{capture, run};
use crate::forest::ForestHandle;
use crate::mail::MailServer;
use crate::middlebox::Middlebox;
use crate::openldap::OpenLdap;
use crate::progress::{step, wait_until};
use crate::stack::configuration::{write_agent_configuration, write_secret, write_server_configuration};

/// The port that an address of HTTPS need not name.
const HTTPS: u16 = 443;

/// Where the two programs are, as cargo built them.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The cloud side.
    pub ritorno: PathBuf,
    /// The agent.
    pub agent: PathBuf,
}

impl Programs {
    /// The programs in `folder`, such as `target/debug`.
    ///
    /// # Errors
    /// When one is not there.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let programs = Self { ritorno: folder.join("ritorno"), agent: folder.join("ritorno-agent") };
        for program in [&programs.ritorno, &programs.agent] {
            if !program.exists() {
                bail!("{} is not built: run `cargo build --workspace --bins`", program.display());
            }
        }
        Ok(programs)
    }
}

/// What is to be started.
pub struct Plan<'a> {
    /// The programs.
    pub programs: &'a Programs,
    /// Where configuration, state and logs go; made if it is not there, used again if it is.
    pub folder: &'a Path,
    /// The forest; it has to be up.
    pub forest: &'a ForestHandle,
    /// An OpenLDAP server that the agent serves beside the forest; it has to run.
    pub openldap: Option<&'a OpenLdap>,
    /// The mail server; it has to run.
    pub mail: &'a MailServer,
    /// `sqlite:` or `postgres:` address; none for a SQLite file in the folder.
    pub database: Option<String>,
    /// Port of the portal on 127.0.0.1; none for a free one.
    pub port: Option<u16>,
    /// Ends the programs when the thread that started them ends, however it ends. Not for test threads.
    pub end_with_thread: bool,
    /// A middlebox that the server is beyond; none where it is on the machine's own network.
    pub beyond: Option<&'a Middlebox>,
    /// User and group that the files in the folder are given to, when the programs run as somebody else.
    pub owner: Option<(u32, u32)>,
}

/// The running programs. Dropping it stops them.
#[derive(Debug)]
pub struct Stack {
    programs: Programs,
    folder: PathBuf,
    /// The words before the server's command, where it runs on a host of its own.
    beyond: Vec<String>,
    end_with_thread: bool,
    server: Option<Child>,
    agent: Option<Child>,
    /// Address of the portal, without a slash at its end.
    pub url: String,
    /// The first administrator.
    pub administrator: Administrator,
    /// The certificate that the portal's chains to.
    pub ca_pem: PathBuf,
    /// Variables that the agent gets from its next start on.
    pub agent_variables: Vec<(String, String)>,
    /// What the programs log from their next start on, such as `trace`; none for their own choice.
    pub log: Option<String>,
}

/// The administrator that `ritorno init` made: global, cloud-only.
#[derive(Clone, Debug, Deserialize, serde::Serialize)]
pub struct Administrator {
    /// Sign-in name.
    #[serde(rename = "administrator")]
    pub name: String,
    /// Password.
    pub password: String,
}

impl Stack {
    /// Starts everything, and makes it what it has to be the first time: tenant, enrolment, onboarding, first full import,
    /// full sync and export.
    ///
    /// # Errors
    /// When a program does not start, or does not become ready within its time; the message ends with its log.
    pub fn start(lab: &Lab, plan: &Plan<'_>) -> Result<Self> {
        std::fs::create_dir_all(plan.folder).with_context(|| plan.folder.display().to_string())?;
        let folder = plan.folder.canonicalize()?;
        let first = !folder.join("administrator.json").exists();
        let port = plan.port.map_or_else(free_port, Ok)?;
        let host = plan.beyond.map_or(Ipv4Addr::LOCALHOST, Middlebox::far_address);
        let url = match plan.beyond {
            Some(_) if port == HTTPS => format!("https://{host}"),
            Some(_) => format!("https://{host}:{port}"),
            None => format!("https://localhost:{port}"),
        };
        write_server_configuration(lab, plan, &folder, &url, SocketAddrV4::new(host, port))?;
        write_agent_configuration(plan, &folder)?;
        if let Some((user, group)) = plan.owner {
            run(Command::new("chown").args(["--recursive", &format!("{user}:{group}")]).arg(&folder), b"")?;
        }
        if first {
            let said = run(
                Command::new(&plan.programs.ritorno)
                    .arg("--config")
                    .arg(folder.join("ritorno.toml"))
                    .args(["init", "--json", "--name", "Contoso"]),
                b"",
            )?;
            write_secret(&folder.join("administrator.json"), &said)?;
            // Whoever tries the console here has no telephone at hand.
            run(
                Command::new(&plan.programs.ritorno).arg("--config").arg(folder.join("ritorno.toml")).args([
                    "tenant",
                    "set",
                    "second-factor",
                    "off",
                ]),
                b"",
            )?;
        }
        let administrator = serde_json::from_slice(&std::fs::read(folder.join("administrator.json"))?)
            .context("what `ritorno init --json` said")?;
        let mut stack = Self {
            programs: plan.programs.clone(),
            folder,
            beyond: plan.beyond.map(Middlebox::beyond).unwrap_or_default(),
            end_with_thread: plan.end_with_thread,
            server: None,
            agent: None,
            url,
            administrator,
            ca_pem: lab.authority()?.certificate_path(),
            agent_variables: Vec::new(),
            log: None,
        };
        step("starting ritorno", || stack.start_server())?;
        if first {
            step("enrolling the agent", || stack.enrol(&stack.folder.join("agent.toml")))?;
        }
        step("starting ritorno-agent", || stack.start_agent())?;
        if first {
            step("switching writeback on", || stack.onboard())?;
            step("full import, full sync and export of the people", || stack.first_sync())?;
        }
        step("waiting for the agent's first report", || stack.wait_until_open())?;
        Ok(stack)
    }

    /// Waits until the portal asks for a name: until a reset could succeed.
    ///
    /// # Errors
    /// When it does not within 30 s; agents report every 10 s.
    pub fn wait_until_open(&self) -> Result<()> {
        let mut page = String::new();
        let open = wait_until(Duration::from_secs(30), || {
            page = curl(&self.ca_pem, &[&self.url], b"")?;
            Ok(page.contains("name=\"name\""))
        })?;
        if open { Ok(()) } else { bail!("the portal does not ask for a name:\n{page}") }
    }

    /// Starts `ritorno` and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready within 30 s.
    pub fn start_server(&mut self) -> Result<()> {
        let server = self.programs.ritorno.as_os_str();
        let mut words = self.beyond.iter().map(std::ffi::OsStr::new).chain([server]);
        let mut command = Command::new(words.next().unwrap_or(server));
        command.args(words).arg("--config").arg(self.folder.join("ritorno.toml")).arg("serve");
        let child = self.spawn(command, "ritorno.log")?;
        let child = self.server.insert(child);
        let (url, ca) = (format!("{}/health/ready", self.url), self.ca_pem.clone());
        let ready = wait_until(Duration::from_secs(30), || {
            if let Some(status) = child.try_wait()? {
                bail!("ritorno ended ({status})");
            }
            Ok(curl(&ca, &[&url], b"").is_ok())
        });
        self.or_log(ready, "ritorno.log", "ritorno did not become ready within 30 s")
    }

    /// Starts `ritorno-agent` and waits until its link is up.
    ///
    /// # Errors
    /// When it is not within 30 s.
    pub fn start_agent(&mut self) -> Result<()> {
        self.launch_agent()?;
        let ready = wait_until(Duration::from_secs(30), || {
            if let Some(status) = self.agent.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("ritorno-agent ended ({status})");
            }
            Ok(self.agent_command(&["status"]).is_ok_and(|text| text.contains("connected")))
        });
        self.or_log(ready, "agent.log", "ritorno-agent did not connect within 30 s")
    }

    /// Starts `ritorno-agent` and waits for nothing.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn launch_agent(&mut self) -> Result<()> {
        let mut command = Command::new(&self.programs.agent);
        command.arg("--config").arg(self.folder.join("agent.toml")).arg("run");
        // As its unit sets it.
        command.env("MALLOC_ARENA_MAX", "1").env("MALLOC_MMAP_THRESHOLD_", "65536");
        command.env("MALLOC_TRIM_THRESHOLD_", "65536");
        command.envs(self.agent_variables.iter().cloned());
        let child = self.spawn(command, "agent.log")?;
        self.agent = Some(child);
        Ok(())
    }

    fn enrol(&self, configuration: &Path) -> Result<()> {
        let token = self.server_command(&["agent", "token"])?;
        let mut command = Command::new(&self.programs.agent);
        command.arg("--config").arg(configuration).args(["enrol", "-"]);
        run(&mut command, token.as_bytes()).map(drop)
    }

    /// Asks for the switch at the agent, and confirms it in the console as the first administrator.
    ///
    /// # Errors
    /// When either side refuses.
    pub fn onboard(&self) -> Result<()> {
        self.server_command(&["tenant", "set", "sspr", "on"])?;
        self.server_command(&["tenant", "set", "writeback", "on"])?;
        self.enable(&self.folder.join("agent.toml"))
    }

    fn enable(&self, configuration: &Path) -> Result<()> {
        let mut command = Command::new(&self.programs.agent);
        command.arg("--config").arg(configuration).args(["writeback", "enable"]);
        let log = self.folder.join("onboarding.log");
        let output = File::create(&log)?;
        let mut child = command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()?;
        let mut code = None;
        let asked = wait_until(Duration::from_secs(20), || {
            code = find_device_code(&std::fs::read_to_string(&log)?);
            Ok(code.is_some() || child.try_wait()?.is_some())
        })?;
        let confirmed = match code {
            Some(code) if asked => self.confirm(&code),
            _ => Err(anyhow::anyhow!("the agent printed no code")),
        };
        if confirmed.is_err() {
            // It would wait for ten minutes otherwise.
            let _ = child.kill();
        }
        let status = child.wait()?;
        confirmed.with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        if status.success() { Ok(()) } else { bail!("{}", std::fs::read_to_string(&log)?) }
    }

    /// Signs in to the console and confirms a device code there.
    fn confirm(&self, code: &str) -> Result<()> {
        let jar = self.folder.join("console-cookies");
        let jar = jar.to_string_lossy();
        let origin = format!("origin: {}", self.url);
        let sign_in = format!("{}/console/sign-in", self.url);
        let confirm = format!("{}/console/onboarding/confirm", self.url);
        let session = ["--cookie", &*jar, "--cookie-jar", &*jar, "--header", &*origin];
        let name = format!("name={}", self.administrator.name);
        // From standard input: arguments can be read by everybody on the machine.
        let form = ["--data-urlencode", &name, "--data-urlencode", "password@-", &sign_in];
        curl(&self.ca_pem, &[&session[..], &form].concat(), self.administrator.password.as_bytes())?;
        let code = format!("code={code}");
        curl(&self.ca_pem, &[&session[..], &["--data-urlencode", &code, &confirm]].concat(), b"")?;
        std::fs::remove_file(&*jar).context("the console set no cookie")
    }

    /// Runs full import, full sync and export once more.
    ///
    /// # Errors
    /// When one of them fails.
    pub fn first_sync(&self) -> Result<()> {
        for profile in ["full-import", "full-sync", "export"] {
            self.agent_command(&["sync", "run", "all", profile])?;
        }
        Ok(())
    }

    /// Runs `ritorno` with `arguments`; returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn server_command(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.programs.ritorno);
        run(command.arg("--config").arg(self.folder.join("ritorno.toml")).args(arguments), b"")
    }

    /// Runs `ritorno-agent` with `arguments`; returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn agent_command(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.programs.agent);
        run(command.arg("--config").arg(self.folder.join("agent.toml")).args(arguments), b"")
    }

    /// Stops `ritorno` as systemd would, and waits.
    pub fn stop_server(&mut self) {
        stop(self.server.take());
    }

    /// Stops `ritorno-agent` as systemd would, and waits.
    pub fn stop_agent(&mut self) {
        stop(self.agent.take());
    }

    /// Process id of `ritorno`, if it runs.
    #[must_use]
    pub fn server_pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
    }

    /// Process id of `ritorno-agent`, if it runs.
    #[must_use]
    pub fn agent_pid(&self) -> Option<u32> {
        self.agent.as_ref().map(Child::id)
    }

    /// Configuration, state and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn spawn(&self, program: Command, log: &str) -> Result<Child> {
        let file = File::options().create(true).append(true).open(self.folder.join(log))?;
        let mut command = if self.end_with_thread {
            let mut wrapped = Command::new("setpriv");
            wrapped.args(["--pdeathsig", "TERM"]).arg(program.get_program()).args(program.get_args());
            wrapped.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
            wrapped
        } else {
            program
        };
        // A process group of its own: Ctrl-C in the terminal is for whoever started the stack, who then stops it in order.
        if let Some(filter) = &self.log {
            command.env("RITORNO_LOG", filter);
        }
        command.process_group(0).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        command.spawn().with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))
    }

    fn or_log(&self, ready: Result<bool>, log: &str, late: &str) -> Result<()> {
        let reason = match ready {
            Ok(true) => return Ok(()),
            Ok(false) => late.to_owned(),
            Err(error) => error.to_string(),
        };
        let text = std::fs::read_to_string(self.folder.join(log)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        bail!("{reason}; the end of its log:\n{}", lines[lines.len().saturating_sub(20)..].join("\n"))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop_agent();
        self.stop_server();
    }
}

/// Asks a program to end, and kills it if it has not after 15 s.
fn stop(child: Option<Child>) {
    let Some(mut child) = child else { return };
    if let Ok(pid) = i32::try_from(child.id()) {
        // It may have ended by itself; then there is nobody to tell.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM);
    }
    let ended = wait_until(Duration::from_secs(15), || Ok(child.try_wait()?.is_some()));
    if !matches!(ended, Ok(true)) {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A device code as the agent prints it: two groups of four letters.
fn find_device_code(text: &str) -> Option<String> {
    let letters = |group: &str| group.len() == 4 && group.chars().all(|c| c.is_ascii_uppercase());
    text.split_whitespace()
        .find(|word| word.split_once('-').is_some_and(|(left, right)| letters(left) && letters(right)))
        .map(str::to_owned)
}

fn curl(ca: &Path, arguments: &[&str], input: &[u8]) -> Result<String> {
    let output = capture(
        Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--max-time", "10", "--cacert"])
            .arg(ca)
            .args(arguments),
        input,
    )?;
    if output.success { Ok(output.stdout) } else { bail!("{}", output.stderr.trim()) }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_code_is_found_among_words() {
        assert_eq!(
            find_device_code("Confirm BCDF-GHJK in the console\nat https://localhost/console"),
            Some("BCDF-GHJK".to_owned())
        );
        assert_eq!(find_device_code("waiting; ABC-DEFG is none"), None);
    }
}
