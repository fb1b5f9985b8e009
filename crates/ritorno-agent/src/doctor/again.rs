//! `ritorno-agent doctor again`: the last thing to try, guided. Writeback is switched off and on at this agent, which makes a new sealing
//! key, asks for an administrator's consent anew, and brings the link's state to where a first set-up has it.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use ritorno_doctor::{Report, Verdict};

use super::fix::{asked, run_agent};
use super::{gather, quick_checks, say_what_is_looked_at};
use crate::config::Config;
use crate::output::say;

/// The steps, in their order.
const STEPS: [[&str; 2]; 2] = [["writeback", "disable"], ["writeback", "enable"]];

/// Looks, switches off and on, looks again, and says what is different. Exit code 0 if nothing fails any more.
///
/// # Errors
/// When a step fails, or nobody can be asked.
pub(super) async fn run(config: &Config, file: &Path, yes: bool) -> anyhow::Result<ExitCode> {
    ensure!(
        yes || std::io::stdin().is_terminal(),
        "there is no terminal to ask at: give --yes to switch writeback off and on again"
    );
    let before = look(config).await?;
    let failing = failing(&before);
    if failing.is_empty() {
        say("No check fails. What was begun at this agent before is not lost by going on.")?;
    } else {
        say(format_args!("These fail, and have lines of their own that mend them: {}.", failing.join(", ")))?;
    }
    for step in STEPS {
        let line = format!("ritorno-agent {}", step.join(" "));
        if !yes && !asked(&line)? {
            say("Nothing more is done. `ritorno-agent writeback status` says how the switch stands.")?;
            return Ok(ExitCode::FAILURE);
        }
        run_agent(&step.map(str::to_owned), file).with_context(|| line.clone())?;
    }
    let after = look(config).await?;
    say(after.to_text().trim_end())?;
    let still = self::failing(&after);
    if still.is_empty() {
        say("Writeback was switched off and on, and no check fails.")?;
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!(
        "Still failing: {}. `ritorno-agent doctor bundle` puts together what whoever helps will ask for.",
        still.join(", ")
    ))?;
    Ok(ExitCode::FAILURE)
}

async fn look(config: &Config) -> anyhow::Result<Report> {
    let context = gather(config, None).await?;
    Ok(ritorno_doctor::run(&quick_checks(), &context, |check| say_what_is_looked_at(check.title)).await)
}

fn failing(report: &Report) -> Vec<&'static str> {
    let fails = report.checks.iter().filter(|row| row.finding.verdict == Verdict::Fail);
    fails.map(|row| row.check.id).collect()
}
