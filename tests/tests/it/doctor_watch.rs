//! The running agent's own doctor: a check that turns is an event, a metric, and a line on the console's page.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::command::run;
use ritorno_lab::progress::wait_until;

use crate::world::World;

/// Longest wait for a look, which comes every ten seconds and takes some.
const LOOKED_WITHIN: Duration = Duration::from_secs(60);

/// An administrator at the console, by `curl`.
pub(crate) struct Console {
    url: String,
    ca_pem: std::path::PathBuf,
    jar: std::path::PathBuf,
}

impl Console {
    /// Signed in as the first administrator.
    pub(crate) fn sign_in(world: &World) -> Result<Self> {
        let stack = &world.stack;
        let jar = stack.folder().join("console-cookies");
        let console = Self { url: stack.url.clone(), ca_pem: stack.ca_pem.clone(), jar };
        let name = format!("name={}", stack.administrator.name);
        let words = ["--data-urlencode", &name, "--data-urlencode", "password@-"];
        console.ask("/console/sign-in", &words, &stack.administrator.password)?;
        Ok(console)
    }

    /// A page, as HTML; with more words for `curl`, and what goes to its standard input.
    pub(crate) fn ask(&self, path: &str, words: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "--max-time", "20", "--cacert"]);
        command.arg(&self.ca_pem).arg("--cookie").arg(&self.jar).arg("--cookie-jar").arg(&self.jar);
        command.args(["--header", &format!("origin: {}", self.url)]).args(words);
        run(command.arg(format!("{}{path}", self.url)), input.as_bytes())
    }
}

#[test]
fn a_check_that_turns_is_an_event_a_metric_and_a_line_on_the_page() -> Result<()> {
    let mut world = World::start("doctor-watch", |_| Ok(()))?;
    let folder = world.stack.folder().to_owned();
    let metrics = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    append(&folder.join("ritorno.toml"), &format!("\n[metrics]\nlisten = \"{metrics}\"\n"))?;
    append(&folder.join("agent.toml"), "\n[doctor]\nevery_seconds = 10\n")?;
    world.stack.stop_agent();
    world.stack.stop_server();
    world.stack.start_server()?;
    world.stack.start_agent()?;
    world.stack.wait_until_open()?;

    let events = || -> Result<Vec<String>> {
        let text = std::fs::read_to_string(folder.join("agent-events.log"))?;
        let ours = |line: &&str| line.contains("\"id\":3500") && line.contains("the check scheduler");
        Ok(text.lines().filter(ours).map(str::to_owned).collect())
    };
    let measured = |value: u8| -> Result<bool> {
        let told = run(Command::new("curl").args(["--silent", &format!("http://{metrics}/metrics")]), b"")?;
        let ours = |line: &&str| {
            line.starts_with("ritorno_doctor_check{agent=\"") && line.contains("check=\"scheduler\"}")
        };
        Ok(told.lines().find(ours).is_some_and(|line| line.ends_with(&format!(" {value}"))))
    };
    ensure!(wait_until(LOOKED_WITHIN, || measured(0))?, "in order, and told so");
    ensure!(events()?.is_empty(), "nothing turned yet: {:?}", events()?);
    let synced = || -> Result<bool> {
        let told = run(Command::new("curl").args(["--silent", &format!("http://{metrics}/metrics")]), b"")?;
        let mut ages = told.lines().filter(|line| line.starts_with("ritorno_sync_age_seconds{"));
        Ok(ages.any(|line| line.contains("connector=\"contoso.test\"")))
    };
    ensure!(wait_until(LOOKED_WITHIN, synced)?, "when the last cycle was is told as well");

    world.stack.agent_command(&["sync", "suspend"])?;
    ensure!(wait_until(LOOKED_WITHIN, || measured(1))?, "the metric does not turn");
    let told = events()?;
    ensure!(told.len() == 1 && told[0].contains("\"id\":35001"), "one event: {told:?}");
    let console = Console::sign_in(&world)?;
    for (language, words) in [
        ("en", ["Doctor", "Warning: The scheduler of the synchronisation goes on", "Not in order: 1"]),
        ("it", ["Diagnosi", "Avviso: La pianificazione della sincronizzazione procede", "Non a posto: 1"]),
    ] {
        let page = console.ask(&format!("/console/doctor?lang={language}"), &[], "")?;
        for word in words {
            ensure!(page.contains(word), "{word}: {page}");
        }
        ensure!(page.contains("the scheduler is suspended") && page.contains("ritorno-agent sync resume"));
        ensure!(page.contains("href=\"/console/doctor/manual#scheduler\""), "the manual: {page}");
    }
    let manual = console.ask("/console/doctor/manual", &[], "")?;
    ensure!(manual.contains("id=\"scheduler\"") && manual.contains("ritorno-agent sync resume"));

    // A restart is no turn: what still fails is not told again, and what passes then has recovered all the same.
    let reported = || -> Result<String> {
        let page = console.ask("/console/doctor", &[], "")?;
        let times = page.split("datetime=\"").skip(1).filter_map(|rest| rest.split('"').next());
        Ok(times.collect::<Vec<_>>().join(" "))
    };
    world.stack.stop_agent();
    let before = reported()?;
    ensure!(!before.is_empty(), "the page does not say when it was told");
    world.stack.start_agent()?;
    ensure!(wait_until(LOOKED_WITHIN, || Ok(reported()? != before))?, "it does not look any more");
    ensure!(events()?.len() == 1, "told again: {:?}", events()?);
    world.stack.stop_agent();
    world.stack.agent_command(&["sync", "resume"])?;
    world.stack.start_agent()?;
    ensure!(wait_until(LOOKED_WITHIN, || measured(0))?, "the metric does not turn back");
    let told = events()?;
    ensure!(told.len() == 2 && told[1].contains("\"id\":35002"), "one more: {told:?}");
    ensure!(told[1].contains("passes again") && told[1].contains("\"level\":\"information\""), "{told:?}");
    let page = console.ask("/console/doctor", &["--header", "accept-language: en"], "")?;
    ensure!(page.contains("Not in order: 0") || page.contains("Non a posto: 0"), "{page}");
    Ok(())
}

fn append(file: &std::path::Path, text: &str) -> Result<()> {
    let before = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(std::fs::write(file, before + text)?)
}
