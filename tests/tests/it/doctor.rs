//! `ritorno-agent doctor`: each fault makes exactly its check fail, and the printed fix makes it pass again.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::Forest;
use ritorno_lab::command::capture;
use serde_json::Value;

use crate::world::{World, programs};

/// The report of one run.
pub(crate) struct Report(pub(crate) Value);

impl Report {
    pub(crate) fn of(world: &World) -> Result<Self> {
        Self::told(doctor(world, &["--quick", "--json"])?)
    }

    /// What a process said.
    pub(crate) fn told(mut command: Command) -> Result<Self> {
        let output = capture(&mut command, b"")?;
        let report: Value = serde_json::from_str(&output.stdout).with_context(|| output.stderr.clone())?;
        let report = Self(report);
        let all_well = report.with("fail").is_empty()
            && report.with("warning").is_empty()
            && report.with("could_not_tell").is_empty();
        ensure!(output.success == all_well, "the exit code does not fit the report: {}", report.0);
        Ok(report)
    }

    fn checks(&self) -> Vec<&Value> {
        self.0["checks"].as_array().into_iter().flatten().collect()
    }

    pub(crate) fn with(&self, verdict: &str) -> Vec<&str> {
        let with = |check: &&Value| check["verdict"] == verdict;
        self.checks().into_iter().filter(with).filter_map(|check| check["id"].as_str()).collect()
    }

    /// The lines that mend `id`.
    pub(crate) fn fixes(&self, id: &str) -> Vec<&str> {
        let check = self.checks().into_iter().find(|check| check["id"] == id);
        let fixes = check.and_then(|check| check["fixes"].as_array());
        fixes
            .into_iter()
            .flatten()
            .filter_map(|fix| fix["lines"].as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Only `id` is a warning, nothing fails, and one of its lines is or contains `fix`.
    pub(crate) fn only_warns(&self, id: &str, fix: &str) -> Result<()> {
        ensure!(self.with("warning") == [id] && self.with("fail").is_empty(), "not only {id}: {}", self.0);
        ensure!(
            self.fixes(id).iter().any(|line| line.contains(fix)),
            "{id}: no line has `{fix}`: {}",
            self.0
        );
        Ok(())
    }

    /// Only `id` fails, and one of its lines is or contains `fix`.
    pub(crate) fn only_fails(&self, id: &str, fix: &str) -> Result<()> {
        ensure!(self.with("fail") == [id] && self.with("warning").is_empty(), "not only {id}: {}", self.0);
        ensure!(
            self.fixes(id).iter().any(|line| line.contains(fix)),
            "{id}: no line has `{fix}`: {}",
            self.0
        );
        Ok(())
    }

    pub(crate) fn is_all_green(&self) -> Result<()> {
        let green = self.with("pass").len() + self.with("not_applicable").len();
        ensure!(green == self.checks().len(), "not all green: {}", self.0);
        // What does not apply is only what a package alone has.
        ensure!(self.with("not_applicable") == ["agent-version"], "it should apply: {}", self.0);
        Ok(())
    }
}

/// The agent's doctor with these arguments.
pub(crate) fn doctor(world: &World, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(programs()?.agent);
    command.arg("--config").arg(world.stack.folder().join("agent.toml")).arg("doctor").args(arguments);
    Ok(command)
}

#[test]
fn each_fault_fails_its_check_and_the_fix_mends_it() -> Result<()> {
    let mut world = World::start("doctor", |_| Ok(()))?;
    Report::of(&world)?.is_all_green()?;
    let agent_toml = world.stack.folder().join("agent.toml");

    // The PDC emulator is off.
    world.forest.kill_dc()?;
    let report = Report::of(&world)?;
    report.only_fails("pdc-emulator", &format!("openssl s_client -connect {}:636", world.forest.dc_host))?;
    ensure!(
        report.with("could_not_tell") == ["domains", "policy-hints", "rights", "deletions", "host"],
        "{}",
        report.0
    );
    world.forest.start_dc()?;
    Report::of(&world)?.is_all_green()?;

    // The password of the agent's account is not what its file says.
    let password = world.stack.folder().join("directory-password");
    std::fs::write(&password, "Vertippt-1")?;
    Report::of(&world)?.only_fails("pdc-emulator", "password_file of the [[forest]]")?;
    std::fs::write(&password, &world.forest.service_account.password)?;
    Report::of(&world)?.is_all_green()?;

    // Each switch.
    for switch in ["sspr", "writeback"] {
        world.stack.server_command(&["tenant", "set", switch, "off"])?;
        let fix = format!("ritorno tenant set {switch} on");
        let report = Report::of(&world)?;
        report.only_fails("writeback-switches", &fix)?;
        let arguments: Vec<&str> = fix.split(' ').skip(1).collect();
        world.stack.server_command(&arguments)?;
        Report::of(&world)?.is_all_green()?;
    }
    world.stack.agent_command(&["writeback", "disable"])?;
    Report::of(&world)?.only_fails("writeback-switches", "ritorno-agent writeback enable")?;
    world.stack.onboard()?;
    Report::of(&world)?.is_all_green()?;

    // Staging is meant so: nothing is written back, and that is no fault.
    world.stack.agent_command(&["staging", "on"])?;
    let report = Report::of(&world)?;
    ensure!(
        report.with("fail").is_empty() && report.with("not_applicable").contains(&"writeback-switches"),
        "{}",
        report.0
    );
    world.stack.agent_command(&["staging", "off"])?;
    Report::of(&world)?.is_all_green()?;

    // The agent's account may not see what was deleted.
    world.forest.let_see_no_deletions()?;
    Report::of(&world)?.only_warns("deletions", ":LCRP\"")?;
    // What those lines do on Windows.
    world.forest.let_see_deletions()?;
    Report::of(&world)?.is_all_green()?;

    // This host's clock is ten minutes ahead: the server takes no sign-in of it.
    let mut command = doctor(&world, &["--quick", "--json"])?;
    command
        .env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1")
        .env("FAKETIME", "+600s")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let report = Report::told(command)?;
    report.only_fails("clock-skew", "timedatectl set-ntp true")?;
    let unknown =
        ["licences", "writeback-switches", "forests-allowed", "one-exporter", "held-removals", "keys"];
    ensure!(report.with("could_not_tell") == unknown, "{}", report.0);

    // The service does not run.
    world.stack.stop_agent();
    Report::of(&world)?.only_fails("writeback-switches", "systemctl restart ritorno-agent")?;

    // What the sync knew is lost.
    for entry in std::fs::read_dir(world.stack.folder().join("agent"))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sync.db")) {
            std::fs::remove_file(path)?;
        }
    }
    world.stack.start_agent()?;
    let report = Report::of(&world)?;
    report.only_fails("first-sync", "ritorno-agent sync run contoso.test full-import")?;
    for line in report.fixes("first-sync") {
        let arguments: Vec<&str> = line.split(' ').skip(1).collect();
        world.stack.agent_command(&arguments)?;
    }
    Report::of(&world)?.is_all_green()?;

    // The server's authority is not trusted: the first line that names it is the agent's, the next the forest's.
    let text = std::fs::read_to_string(&agent_toml)?;
    let trusted = text.lines().find(|line| line.starts_with("ca_file")).context("no ca_file")?;
    std::fs::write(&agent_toml, text.replacen(trusted, "", 1))?;
    Report::of(&world)?.only_fails("server-https", "name its PEM file as ca_file")?;
    std::fs::write(&agent_toml, &text)?;
    Report::of(&world)?.is_all_green()?;

    // The server is off.
    world.stack.stop_server();
    let report = Report::of(&world)?;
    report.only_fails("server-https", "curl --verbose https://localhost:")?;
    let unknown = [
        "licences",
        "writeback-switches",
        "forests-allowed",
        "one-exporter",
        "held-removals",
        "relay-socket",
        "clock-skew",
        "keys",
    ];
    ensure!(report.with("could_not_tell") == unknown, "{}", report.0);
    world.stack.start_server()
}

#[test]
fn controller_without_the_policy_hints_is_a_warning() -> Result<()> {
    let world = World::start_on(Forest::Fabrikam, "doctor-hints", |_| Ok(()))?;
    Report::of(&world)?.only_warns("policy-hints", "Samba 4.24")
}

/// What a healthy lab is to be: every quick check passes, with no warning; how long it took is printed.
#[test]
fn a_healthy_lab_is_all_green_at_once() -> Result<()> {
    let world = World::start("doctor-quick", |_| Ok(()))?;
    let since = std::time::Instant::now();
    let report = Report::of(&world)?;
    let took = since.elapsed();
    report.is_all_green()?;
    ensure!(report.with("warning").is_empty() && report.with("pass").len() >= 24, "{}", report.0);
    let mut out = std::io::stdout().lock();
    std::io::Write::write_fmt(&mut out, format_args!("doctor --quick took {} ms\n", took.as_millis()))?;
    Ok(())
}
