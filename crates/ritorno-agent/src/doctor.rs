//! `ritorno-agent doctor`: looks at everything that a reset through this agent needs, and says what to do.

mod again;
mod agent_version;
mod bundle;
mod clock_skew;
mod command;
mod context;
mod deletions;
mod disk;
mod domains;
mod event_log;
mod first_sync;
mod fix;
mod forests_allowed;
mod held_removals;
mod host;
mod idle;
mod key_ages;
mod licences;
mod link_losses;
mod objects;
mod one_exporter;
mod pdc_emulator;
mod person;
mod policy_hints;
mod preferred;
mod recorded;
mod redact;
mod relay_socket;
mod removals;
mod rights;
mod scheduler;
mod server_https;
mod stores;
mod watch;
mod writeback_switches;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use ritorno_doctor::{Chapter, Check, Description, Finding};

pub(crate) use command::{Command, carry_out, say_what_is_known};
use context::gather;
pub(crate) use context::{Answered, Context, OwnSwitch, Server};
use recorded::Evidence;
pub(crate) use watch::watch;

use crate::config::Config;
use crate::output::say;

/// What may fail without a reset failing. Whether somebody has a licence, the tenant's own answer about them tells.
const BESIDE_A_RESET: [&str; 19] = [
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
    "held-removals",
    "one-exporter",
    "keys",
    "link-losses",
    "host",
    "relay-socket",
    "forests-allowed",
];

const MANUAL_HEAD: &str = "# Troubleshooting

Written by `ritorno-agent doctor manual` from the checks themselves; not to be edited. `ritorno-agent doctor` runs all of them in this \
order, `ritorno-agent doctor --user NAME` those of one person as well. Lines with a `#` in front are notes.

";

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
    all.extend(recorded::checks());
    all
}

/// The same without what takes minutes.
fn quick_checks() -> Vec<Box<dyn Check<Context>>> {
    vec![
        Box::new(licences::Licences),
        Box::new(pdc_emulator::PdcEmulator),
        Box::new(preferred::Preferred),
        Box::new(writeback_switches::WritebackSwitches),
        Box::new(forests_allowed::ForestsAllowed),
        Box::new(domains::Domains),
        Box::new(policy_hints::PolicyHints),
        Box::new(rights::Rights),
        Box::new(first_sync::FirstSync),
        Box::new(scheduler::Scheduler),
        Box::new(one_exporter::OneExporter),
        Box::new(removals::Removals),
        Box::new(held_removals::HeldRemovals),
        Box::new(objects::Objects),
        Box::new(deletions::Deletions),
        Box::new(agent_version::AgentVersion),
        Box::new(server_https::ServerHttps),
        Box::new(relay_socket::RelaySocket),
        Box::new(link_losses::LinkLosses),
        Box::new(clock_skew::ClockSkew),
        Box::new(key_ages::KeyAges),
        Box::new(host::Host),
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
    (quick, evidence): (bool, Option<&Path>),
    format: Format,
) -> anyhow::Result<ExitCode> {
    let evidence = evidence.map(Evidence::read).transpose()?;
    let has_evidence = evidence.is_some();
    let context = gather(config, evidence).await?;
    if let Some(who) = user {
        return person::run(config, &context, who, format).await;
    }
    let mut checks = if quick { quick_checks() } else { checks() };
    if quick && has_evidence {
        checks.extend(recorded::checks());
    }
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
fn list(json: bool) -> anyhow::Result<()> {
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
fn manual() -> String {
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
    text.push_str(&ritorno_doctor::elsewhere_table());
    text.push('\n');
    text.push_str("## Each check and the test that breaks what it looks at\n\n");
    text.push_str(&ritorno_doctor::fault_table(descriptions()));
    text
}

/// Says what a code means, and what to look at.
///
/// # Errors
/// When it is none that is known.
fn explain(code: &str, json: bool) -> anyhow::Result<()> {
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
    fn each_check_shows_what_mends_it() {
        let general = checks().into_iter().map(|check| (check.description().id, check.examples()));
        let of_person = person::checks().into_iter().map(|check| (check.description().id, check.examples()));
        for (id, examples) in general.chain(of_person) {
            assert!(!examples.is_empty(), "{id} shows nothing");
            for finding in examples {
                assert!(finding.verdict > ritorno_doctor::Verdict::NotApplicable, "{id}: {finding:?}");
                assert!(!finding.fixes.is_empty(), "{id} does not say what mends it: {finding:?}");
            }
        }
    }

    /// Every row is covered by a check, or there is a reason why it can't happen here; never both.
    #[test]
    fn each_row_of_the_tables_is_covered_or_can_not_happen() {
        use std::collections::BTreeSet;
        let all: BTreeSet<String> = ritorno_doctor::all_rows().collect();
        let rows = |check: &&'static Description| check.rows.iter().map(|row| (*row).to_owned());
        let covered: BTreeSet<String> = descriptions().iter().flat_map(rows).collect();
        let elsewhere: BTreeSet<String> =
            ritorno_doctor::ELSEWHERE.iter().map(|one| one.row.to_owned()).collect();
        assert_eq!(covered.union(&elsewhere).cloned().collect::<BTreeSet<_>>(), all);
        assert_eq!(covered.intersection(&elsewhere).next(), None);
    }

    /// No check without a test that makes it fail: the test is there, and what is not real says why.
    #[test]
    fn each_fault_test_exists() {
        let below = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        for check in descriptions() {
            let (file, test) = check.fault_test.name.rsplit_once("::").unwrap();
            let recorded = check.fault_test.kind == ritorno_doctor::FaultKind::Recorded;
            assert_eq!(recorded, check.fault_test.reason.is_some(), "{}", check.id);
            let path = if recorded {
                let file = file.strip_suffix("::tests").unwrap().replace("::", "/");
                below.join(format!("crates/ritorno-agent/src/{file}.rs"))
            } else {
                below.join(format!("tests/tests/it/{file}.rs"))
            };
            let text =
                std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(text.contains(&format!("fn {test}(")), "{}: {}", check.id, check.fault_test.name);
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
