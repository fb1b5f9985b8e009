//! The running agent's own doctor: runs the quick checks again and again, notes when one turns, and tells the cloud side.
//!
//! Each look is a process of its own (`ritorno-agent doctor look`, which no help page shows): what the checks read and ask leaves nothing
//! in the memory of the agent that waits beside it, and a check that broke down would take no request with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use ritorno_doctor::{Check, Report, Row, System, Verdict};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::doctor::{CheckFix, CheckState, CheckVerdict, DoctorReport};
use ritorno_protocol::event::EventId;
use ritorno_protocol::random::{Random, array};

use super::redact::without_dns;
use super::{Context, gather, quick_checks};
use crate::config::Config;
use crate::events::EventLog;
use crate::state::State;
use crate::system;

/// The first look comes this long after the start at the latest: link and first cycle have had their time then.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// How each check stood at the last look at which that could be told, in the state folder: many lines that mend something restart the agent,
/// and what has passed again since, or still fails, is not to be taken for what it was before the first look of all.
const STANDINGS: &str = "doctor-standings.json";
/// Not looked at again and again: it reads both databases through.
const NOT_WATCHED: [&str; 1] = ["stores"];

/// A look takes seconds; one that a check holds up is given up, so that the next one comes.
const LOOK_AT_MOST: Duration = Duration::from_secs(600);

/// Looks each time that much has passed, by the configuration in `file`, for as long as it is let.
pub(crate) async fn watch(every: Option<Duration>, file: PathBuf) {
    let Some(every) = every else { return };
    let random = system::random();
    tokio::time::sleep(jittered(every.min(FIRST_AFTER), &*random)).await;
    loop {
        if let Err(error) = look_beside(&file).await {
            tracing::warn!("the doctor can't look: {error:#}");
        }
        tokio::time::sleep(jittered(every, &*random)).await;
    }
}

/// One look, in a process of its own, which ends with this one.
async fn look_beside(file: &Path) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("the program's own file can't be told")?;
    let mut look = tokio::process::Command::new(program);
    look.arg("--config").arg(file).args(["doctor", "look"]);
    look.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    let mut look = look.spawn().context("its process can't be started")?;
    let ended = tokio::time::timeout(LOOK_AT_MOST, look.wait()).await.context("it took ten minutes")??;
    anyhow::ensure!(ended.success(), "its process ended with {ended}");
    Ok(())
}

/// Looks once, notes what turned since the last look, and tells the cloud side.
///
/// # Errors
/// When the configuration names what can't be used: then nothing could be looked at.
pub(super) async fn look(config: &Config) -> anyhow::Result<()> {
    let context = gather(config, None).await?;
    let events = EventLog::open(&config.log, context.clock.clone())?;
    let report = ritorno_doctor::run(&watched(), &context, |_| {}).await;
    let mut known = standings(&context.state);
    let before = known.clone();
    for (id, line) in turned(&mut known, &report) {
        events.note(id, line);
    }
    if known != before
        && let Err(error) = keep(&context.state, &known)
    {
        tracing::warn!("the doctor can't keep what it found: {error:#}");
    }
    let told = told(report, context.exports, context.clock.now());
    if let Some(client) = &context.client
        && let Err(error) = client.send::<()>("/agent/v1/doctor", &told).await
    {
        tracing::debug!("the doctor's report was not sent: {error:#}");
    }
    Ok(())
}

fn watched() -> Vec<Box<dyn Check<Context>>> {
    quick_checks().into_iter().filter(|check| !NOT_WATCHED.contains(&check.description().id)).collect()
}

/// How each check stands, by its name.
type Standings = BTreeMap<String, Verdict>;

/// What was kept. If it can't be read, every check counts as in order, as before the first look of all.
fn standings(state: &State) -> Standings {
    let path = state.path(STANDINGS);
    let read = match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(anyhow::Error::from),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Standings::new()),
        Err(error) => Err(error.into()),
    };
    read.unwrap_or_else(|error| {
        tracing::warn!("{}: {error:#}", path.display());
        Standings::new()
    })
}

fn keep(state: &State, known: &Standings) -> anyhow::Result<()> {
    Ok(state.write(STANDINGS, &serde_json::to_vec_pretty(known)?)?)
}

/// Between nine tenths and the whole of it: many agents do not ask at one moment.
fn jittered(every: Duration, random: &dyn Random) -> Duration {
    let [byte] = array::<1>(random);
    every.mul_f64(1.0 - f64::from(byte) / 2_560.0)
}

/// What a verdict is as far as somebody is to be woken: nothing wrong, a warning, a failure. What can't be told is as it was before.
fn standing(verdict: Verdict) -> Option<Verdict> {
    match verdict {
        Verdict::Pass | Verdict::NotApplicable => Some(Verdict::Pass),
        Verdict::Warning | Verdict::Fail => Some(verdict),
        Verdict::CouldNotTell => None,
    }
}

/// The events of this look: of each check that stands otherwise than at the last look at which that could be told.
fn turned(known: &mut Standings, report: &Report) -> Vec<(EventId, String)> {
    let mut events = Vec::new();
    for Row { check, finding } in &report.checks {
        let Some(now) = standing(finding.verdict) else { continue };
        let before = known.insert(check.id.to_owned(), now).unwrap_or(Verdict::Pass);
        if now == before {
            continue;
        }
        let mut line = match now {
            Verdict::Fail => format!("the check {} fails: {}", check.id, check.title),
            Verdict::Warning => format!("the check {} warns: {}", check.id, check.title),
            _ => format!("the check {} passes again: {}", check.id, check.title),
        };
        for said in finding.evidence.iter().take(3).chain(&finding.cause) {
            line.push_str("; ");
            line.push_str(said);
        }
        let id = if now == Verdict::Pass { EventId::CheckRecovered } else { EventId::CheckFailed };
        events.push((id, line));
    }
    events
}

/// What is told to the cloud side: no distinguished name, and of what mends something only the lines for this host. The console shows no
/// others of an agent's.
fn told(report: Report, exports: bool, at: Timestamp) -> DoctorReport {
    let verdict = |verdict| match verdict {
        Verdict::Pass => CheckVerdict::Pass,
        Verdict::NotApplicable => CheckVerdict::NotApplicable,
        Verdict::Warning => CheckVerdict::Warning,
        Verdict::CouldNotTell => CheckVerdict::CouldNotTell,
        Verdict::Fail => CheckVerdict::Fail,
    };
    let checks = report.checks.into_iter().map(|Row { check, finding }| CheckState {
        id: check.id.to_owned(),
        title: check.title.to_owned(),
        verdict: verdict(finding.verdict),
        evidence: finding.evidence.iter().map(|said| without_dns(said)).collect(),
        cause: finding.cause.as_deref().map(without_dns),
        fixes: finding
            .fixes
            .into_iter()
            .filter(|fix| fix.system == System::Agent)
            .map(|fix| CheckFix {
                system: "agent".to_owned(),
                lines: fix.lines.iter().map(|line| without_dns(line)).collect(),
            })
            .collect(),
    });
    DoctorReport { at, exports, checks: checks.collect() }.bounded()
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Finding;

    use super::*;

    fn report(finding: Finding) -> Report {
        let check = *quick_checks()[0].description();
        Report { checks: vec![Row { check, finding }] }
    }

    #[test]
    fn each_turn_is_one_event() {
        let mut known = BTreeMap::new();
        let mut look = |finding| {
            let events = turned(&mut known, &report(finding));
            events.into_iter().map(|(id, line)| (id.number(), line)).collect::<Vec<_>>()
        };
        assert!(look(Finding::pass("fine")).is_empty());
        let failed = look(Finding::fail("3 MB free", "it is full"));
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].0, 35001);
        assert!(
            failed[0].1.contains("fails") && failed[0].1.ends_with("; 3 MB free; it is full"),
            "{failed:?}"
        );
        assert!(look(Finding::fail("2 MB free", "it is full")).is_empty(), "once for each turn");
        assert!(look(Finding::could_not_tell("silence")).is_empty(), "what can't be told is as it was");
        assert_eq!(look(Finding::warning("9 MB", "nearly"))[0].0, 35001);
        let recovered = look(Finding::pass("fine"));
        assert!(recovered[0].0 == 35002 && recovered[0].1.contains("passes again"), "{recovered:?}");
    }

    #[test]
    fn standings_come_through_a_restart() {
        let folder = std::env::temp_dir().join(format!("ritorno-standings-{}", std::process::id()));
        let state = State::open(&folder).unwrap();
        let mut known = standings(&state);
        assert!(known.is_empty());
        assert_eq!(turned(&mut known, &report(Finding::fail("3 MB free", "it is full"))).len(), 1);
        keep(&state, &known).unwrap();
        let mut again = standings(&state);
        assert!(turned(&mut again, &report(Finding::fail("2 MB free", "it is full"))).is_empty());
        assert_eq!(turned(&mut again, &report(Finding::pass("fine")))[0].0.number(), 35002);
        std::fs::write(state.path(STANDINGS), b"{").unwrap();
        assert!(standings(&state).is_empty(), "damage is no reason not to look");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_told_names_no_object_and_mends_nothing_elsewhere() {
        let finding =
            Finding::warning("1 is held back", "so it is").and("CN=Anna Rossi,DC=contoso,DC=test: twice");
        let finding = finding.fix(System::Agent, ["here"]).fix(System::Samba, ["there"]);
        let told = told(report(finding), true, Timestamp::from_unix_ms(0));
        assert_eq!(told.checks[0].evidence, ["1 is held back", "an object: twice"]);
        let fixes: Vec<&str> = told.checks[0].fixes.iter().map(|fix| fix.system.as_str()).collect();
        assert_eq!(fixes, ["agent"]);
    }

    #[test]
    fn databases_are_not_read_through_again_and_again() {
        assert_eq!(watched().len() + NOT_WATCHED.len(), quick_checks().len());
    }

    #[test]
    fn pauses_differ_by_a_tenth_at_most() {
        struct Always(u8);
        impl Random for Always {
            fn fill(&self, out: &mut [u8]) {
                out.fill(self.0);
            }
        }
        let every = Duration::from_secs(900);
        assert_eq!(jittered(every, &Always(0)), every);
        assert!((every.mul_f64(0.9)..every).contains(&jittered(every, &Always(255))));
    }
}
