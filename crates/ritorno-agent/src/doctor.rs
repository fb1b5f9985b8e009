//! `ritorno-agent doctor`: looks at everything that a reset through this agent needs, and says what to do.

mod agent_version;
mod clock_skew;
mod deletions;
mod disk;
mod domains;
mod event_log;
mod first_sync;
pub(crate) mod fix;
mod idle;
mod licences;
mod objects;
mod pdc_emulator;
mod person;
mod policy_hints;
mod preferred;
mod removals;
mod rights;
mod scheduler;
mod server_https;
mod stores;
mod writeback_switches;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use ritorno_directory::{Directory, Topology};
use ritorno_doctor::{Chapter, Check, Description, Finding};
use ritorno_protocol::clock::{Clock, Timestamp};
use ritorno_protocol::enrolment::Standing;
use tokio::sync::OnceCell;

use crate::client::{Client, plain};
use crate::config::{Config, Mode};
use crate::forests::Forests;
use crate::outbound::Outbound;
use crate::output::say;
use crate::state::{Mark, State};
use crate::sync::look::{self, Seen};
use crate::system;

/// What the checks look at.
pub(crate) struct Context {
    /// The forests of the configuration.
    pub(crate) forests: Vec<Directory>,
    /// The server that the agent is enrolled with.
    pub(crate) server: Option<Server>,
    /// The agent's own switch.
    pub(crate) switch: OwnSwitch,
    /// The agent's client, once it is enrolled.
    pub(crate) client: Option<Client>,
    /// What the server says about agent and tenant; or why it says nothing.
    pub(crate) standing: Result<Answered, String>,
    /// The server's time by the head of an answer that it gives to anybody, and the agent's time then; to the second.
    pub(crate) server_date: Option<(Timestamp, Timestamp)>,
    /// What the synchronisation has in its store, or why it can't be read; once a check has asked for it.
    pub(crate) sync: OnceCell<Result<Seen, String>>,
    /// Of each forest what it consists of, or why that can't be read; once a check has asked for it.
    pub(crate) topologies: OnceCell<BTreeMap<String, Result<Topology, String>>>,
    /// The configuration.
    pub(crate) config: Config,
    /// The state folder.
    pub(crate) state: State,
    /// Whether this agent exports at all.
    pub(crate) exports: bool,
    /// The agent's clock.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Context {
    /// What a forest consists of.
    ///
    /// # Errors
    /// A finding that says why that is not known.
    async fn topology(&self, forest: &str) -> Result<&Topology, Finding> {
        let read = async || {
            let all = self.forests.iter().map(async |directory| {
                let read = directory.topology().await.map_err(|error| error.to_string());
                (directory.forest().0.clone(), read)
            });
            join_all(all).await.into_iter().collect()
        };
        match self.topologies.get_or_init(read).await.get(forest) {
            Some(Ok(topology)) => Ok(topology),
            Some(Err(reason)) => Err(Finding::could_not_tell(format!("{forest}: {reason}"))),
            None => Err(Finding::could_not_tell(format!("{forest}: not read"))),
        }
    }

    /// What the synchronisation has in its store.
    ///
    /// # Errors
    /// Why it can't be read.
    async fn sync(&self) -> Result<&Seen, String> {
        let read =
            async || look::seen(&self.config, rights::CONTAINERS).await.map_err(|error| format!("{error:#}"));
        self.sync.get_or_init(read).await.as_ref().map_err(Clone::clone)
    }
}

/// The server, and how it is reached.
pub(crate) struct Server {
    /// Its address, such as `https://ritorno.example.org`.
    pub(crate) address: String,
    /// The authorities that it may have its certificate from.
    pub(crate) outbound: Outbound,
}

/// The agent's own switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnSwitch {
    /// Writeback is on.
    On,
    /// Writeback is off.
    Off,
    /// The agent is in staging, where nothing is written back whatever the switch says.
    Staging,
}

/// The server's answer, and when it came.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// What it says.
    pub(crate) standing: Standing,
    /// The agent's time in the middle between question and answer.
    pub(crate) at: Timestamp,
    /// How long the answer took.
    pub(crate) took: Duration,
}

/// What may fail without a reset failing. Whether somebody has a licence, the tenant's own answer about them tells.
const BESIDE_A_RESET: [&str; 12] = [
    "licences",
    "agent-version",
    "policy-hints",
    "deletions",
    "first-sync",
    "domains",
    "preferred-controllers",
    "rights",
    "scheduler",
    "deletion-guard",
    "objects",
    "event-log",
];

const MANUAL_HEAD: &str = "# Troubleshooting

Written by `ritorno-agent doctor manual` from the checks themselves; not to be edited. `ritorno-agent doctor` runs all of them in this \
order, `ritorno-agent doctor --user NAME` those of one person as well. Lines with a `#` in front are notes.

";

/// Longest wait for the server's time.
const DATE_WITHIN: Duration = Duration::from_secs(5);

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For a terminal.
    Text,
    /// As JSON.
    Json,
    /// As JUnit XML.
    Junit,
}

/// All checks, in the order in which an administrator would look.
pub(crate) fn checks() -> Vec<Box<dyn Check<Context>>> {
    let mut all = quick_checks();
    all.push(Box::new(idle::Idle));
    all
}

/// The same without what takes minutes.
fn quick_checks() -> Vec<Box<dyn Check<Context>>> {
    vec![
        Box::new(licences::Licences),
        Box::new(pdc_emulator::PdcEmulator),
        Box::new(preferred::Preferred),
        Box::new(writeback_switches::WritebackSwitches),
        Box::new(domains::Domains),
        Box::new(policy_hints::PolicyHints),
        Box::new(rights::Rights),
        Box::new(first_sync::FirstSync),
        Box::new(scheduler::Scheduler),
        Box::new(removals::Removals),
        Box::new(objects::Objects),
        Box::new(deletions::Deletions),
        Box::new(agent_version::AgentVersion),
        Box::new(server_https::ServerHttps),
        Box::new(clock_skew::ClockSkew),
        Box::new(disk::Disk),
        Box::new(stores::Stores),
        Box::new(event_log::EventLog),
    ]
}

/// What each check is, those of a person last.
fn descriptions() -> Vec<&'static Description> {
    let general = checks().into_iter().map(|check| check.description()).collect::<Vec<_>>();
    let of_person = person::checks().into_iter().map(|check| check.description()).collect::<Vec<_>>();
    [general, of_person].concat()
}

/// Runs all checks, or those of a person (`user`, and somebody to compare with), and prints the report.
///
/// # Errors
/// When the configuration names what can't be used: then nothing could be looked at.
pub(crate) async fn run(
    config: &Config,
    user: Option<(&str, Option<&str>)>,
    quick: bool,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let context = gather(config).await?;
    if let Some(who) = user {
        return person::run(config, &context, who, format).await;
    }
    let checks = if quick { quick_checks() } else { checks() };
    let report = ritorno_doctor::run(&checks, &context, |check| say_what_is_looked_at(check.title)).await;
    let text = match format {
        Format::Text => report.to_text(),
        Format::Json => serde_json::to_string_pretty(&report)?,
        Format::Junit => report.to_junit(),
    };
    say(text.trim_end())?;
    Ok(ExitCode::from(report.exit_code()))
}

/// Prints every check there is: those of the agent, and those of a person.
///
/// # Errors
/// When it can't be printed.
pub(crate) fn list(json: bool) -> anyhow::Result<()> {
    let all = descriptions();
    if json {
        return say(serde_json::to_string_pretty(&all)?);
    }
    for check in all {
        say(format_args!("{:<20} {}", check.id, check.title))?;
    }
    Ok(())
}

/// The manual's troubleshooting chapter, as Markdown: generated from the checks.
pub(crate) fn manual() -> String {
    let general = checks();
    let of_person = person::checks();
    let mut text = String::from(MANUAL_HEAD);
    let chapters =
        general.iter().map(|check| Chapter { check: check.description(), examples: check.examples() }).chain(
            of_person.iter().map(|check| Chapter { check: check.description(), examples: check.examples() }),
        );
    for chapter in chapters {
        text.push_str(&chapter.to_markdown());
        text.push('\n');
    }
    text.push_str("## Each check and the test that breaks what it looks at\n\n");
    text.push_str(&ritorno_doctor::fault_table(descriptions()));
    text
}

/// Says what a code means, and what to look at.
///
/// # Errors
/// When it is none that is known.
pub(crate) fn explain(code: &str, json: bool) -> anyhow::Result<()> {
    let Some(known) = ritorno_doctor::explain(code) else {
        anyhow::bail!(
            "'{code}' is no code that is known here. If it is a support code, `ritorno audit {code}` on the cloud side has its \
             timeline"
        );
    };
    if json {
        return say(serde_json::to_string_pretty(known)?);
    }
    let name = if known.name.is_empty() { String::new() } else { format!("  {}", known.name) };
    say(format_args!("{}{name}", known.code))?;
    say(known.means)?;
    for cause in known.causes {
        say(format_args!("  may be: {cause}"))?;
    }
    for check in known.checks {
        match *check {
            "person" => say("  look:   ritorno-agent doctor --user NAME")?,
            check => say(format_args!("  look:   ritorno-agent doctor, the check {check}"))?,
        }
    }
    Ok(())
}

fn say_what_is_looked_at(title: &str) {
    // If standard error is closed, nobody waits for it.
    let _ = writeln!(std::io::stderr().lock(), "- {title} ...");
}

async fn gather(config: &Config) -> anyhow::Result<Context> {
    let (clock, random) = (system::clock(), system::random());
    let forests = Forests::open(&config.forests, &clock)?;
    let outbound = Outbound::new(config)?;
    let state = State::open(&config.state_dir)?;
    let switch = if config.mode == Mode::Staging || state.is_marked(Mark::Staging) {
        OwnSwitch::Staging
    } else if state.is_marked(Mark::WritebackOn) {
        OwnSwitch::On
    } else {
        OwnSwitch::Off
    };
    let mut server_date = None;
    let (server, client, standing) = match state.keys() {
        Ok(keys) => {
            let address = keys.enrolment.server.clone();
            let http = plain(&outbound)?;
            let client = Client::new(http.clone(), keys, clock.clone(), random);
            let standing = ask(&client, &*clock).await;
            if standing.is_err() {
                // A clock that is off is why it is refused, and then only this tells.
                server_date = date_of(&http, &address, &*clock).await;
            }
            (Some(Server { address, outbound }), Some(client), standing)
        }
        Err(error) => (None, None, Err(error.to_string())),
    };
    let exports = crate::sync::exports(config, &state).is_ok();
    Ok(Context {
        forests: forests.all().to_vec(),
        server,
        switch,
        client,
        standing,
        server_date,
        sync: OnceCell::new(),
        topologies: OnceCell::new(),
        config: config.clone(),
        state,
        exports,
        clock,
    })
}

async fn ask(client: &Client, clock: &dyn Clock) -> Result<Answered, String> {
    // The first question also gets an access token; only the second one is timed.
    client.token().await.map_err(|error| format!("{error:#}"))?;
    let asked = clock.now();
    let standing = client.call::<Standing>(Method::GET, "/agent/v1/standing").await;
    let took = clock.now().since(asked);
    let standing = standing.map_err(|error| format!("{error:#}"))?;
    Ok(Answered { standing, at: asked.plus(took / 2), took })
}

/// The server's time, as any answer tells it in its head (RFC 9110 section 6.6.1).
async fn date_of(http: &reqwest::Client, address: &str, clock: &dyn Clock) -> Option<(Timestamp, Timestamp)> {
    let answer = http.get(format!("{address}/health/live")).timeout(DATE_WITHIN).send().await.ok()?;
    let now = clock.now();
    let told = httpdate::parse_http_date(answer.headers().get("date")?.to_str().ok()?).ok()?;
    let since = told.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some((Timestamp::from_unix_ms(i64::try_from(since.as_millis()).ok()?), now))
}

/// Makes the evidence and verdict of several forests into one finding: the worst comes through.
fn worst_of(findings: Vec<Finding>) -> Finding {
    let mut all = findings.into_iter();
    let Some(first) = all.next() else {
        return Finding::not_applicable("no forest is configured");
    };
    all.fold(first, |mut worst, mut other| {
        if other.verdict > worst.verdict {
            std::mem::swap(&mut worst, &mut other);
        }
        worst.evidence.append(&mut other.evidence);
        worst
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = include_str!("../../../docs/manual/troubleshooting.md");

    #[test]
    fn the_manual_is_what_the_checks_say() {
        assert!(manual() == MANUAL, "run `ritorno-agent doctor manual >docs/manual/troubleshooting.md`");
    }

    const VERIFY: &str = include_str!("../../../docs/manual/verify.md");

    #[test]
    fn each_point_to_verify_names_its_check() {
        for check in descriptions().into_iter().filter(|check| check.article.is_some()) {
            assert!(VERIFY.contains(&format!("`{}`", check.id)), "{} is missing in verify.md", check.id);
        }
    }

    #[test]
    fn each_general_check_shows_what_mends_it() {
        for check in checks() {
            let examples = check.examples();
            let id = check.description().id;
            assert!(!examples.is_empty(), "{id} shows nothing");
            for finding in examples {
                assert!(finding.verdict > ritorno_doctor::Verdict::NotApplicable, "{id}: {finding:?}");
                assert!(!finding.fixes.is_empty(), "{id} does not say what mends it: {finding:?}");
            }
        }
    }

    #[test]
    fn ids_are_unique_and_links_lead_to_their_chapters() {
        let mut seen = std::collections::BTreeSet::new();
        for check in descriptions() {
            assert!(seen.insert(check.id), "{} twice", check.id);
            assert_eq!(check.manual, format!("troubleshooting.html#{}", check.id));
        }
        assert!(BESIDE_A_RESET.iter().all(|id| seen.contains(id)));
    }
}
