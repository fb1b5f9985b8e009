//! `ritorno-agent doctor fix CHECK`: carries out, one after the other and only when asked to, what mends a check and is the agent's own:
//! its service, switches and runs. What has to be done elsewhere is printed, and the directory's rights are never touched.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail, ensure};
use ritorno_doctor::{Check, Finding, Fix, Report, Row, System, Verdict};

use super::{Context, checks, gather};
use crate::config::Config;
use crate::output::say;

/// What the agent's own program may be asked to do.
const OWN: [&str; 4] = ["sync", "writeback", "staging", "keys"];
/// What may be asked of the service.
const SERVICE: [&str; 3] = ["start", "restart", "reload"];

/// One line that can be carried out here.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The agent's program, with these arguments.
    Agent(Vec<String>),
    /// systemd, with this verb for the agent's own unit.
    Service(String),
}

/// What a line of a fix is, if it is the agent's own and whole: one with a word in capitals waits for something to be put in its place.
fn step(line: &str) -> Option<Step> {
    let words: Vec<&str> = line.split(' ').collect();
    let is_placeholder = |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
    if words.iter().any(is_placeholder) {
        return None;
    }
    match words.as_slice() {
        ["ritorno-agent", first, rest @ ..] if OWN.contains(first) && changes(first, rest) => {
            Some(Step::Agent(words[1..].iter().map(|word| (*word).to_owned()).collect()))
        }
        ["systemctl", verb, "ritorno-agent"] if SERVICE.contains(verb) => {
            Some(Step::Service((*verb).to_owned()))
        }
        _ => None,
    }
}

/// Whether it does something, and is not an approval: what leaves the tenant in numbers is looked at by a person first.
fn changes(first: &str, rest: &[&str]) -> bool {
    match first {
        "sync" => matches!(rest, ["run", ..] | ["resume"] | ["cycle", ..]),
        _ => true,
    }
}

/// The lines in their order, if each is a step: the end of a recipe is never carried out without what comes before it. What only shows
/// something may be left out.
fn steps(fixes: Vec<Fix>) -> Option<Vec<(String, Step)>> {
    let lines = fixes.into_iter().flat_map(|fix| fix.lines).filter(|line| !only_shows(line));
    lines.map(|line| step(&line).map(|step| (line, step))).collect()
}

fn only_shows(line: &str) -> bool {
    ["journalctl ", "ritorno-agent sync history", "ritorno-agent sync status"]
        .iter()
        .any(|start| line.starts_with(start))
}

/// Looks, asks before each step unless `yes`, and looks again. Exit code 0 if it is mended.
///
/// # Errors
/// When there is no such check, or a step fails.
pub(crate) async fn run(config: &Config, file: &Path, id: &str, yes: bool) -> anyhow::Result<ExitCode> {
    let Some(check) = checks().into_iter().find(|check| check.description().id == id) else {
        bail!("there is no check '{id}': `ritorno-agent doctor list` names them");
    };
    let finding = look(config, &*check).await?;
    if finding.verdict <= Verdict::NotApplicable {
        say(format_args!("{id}: nothing has to be mended."))?;
        return Ok(ExitCode::SUCCESS);
    }
    show(&*check, finding.clone())?;
    let (own, elsewhere): (Vec<Fix>, Vec<Fix>) =
        finding.fixes.into_iter().partition(|fix| fix.system == System::Agent);
    let Some(steps) = steps(own).filter(|steps| !steps.is_empty()) else {
        say("Not all of this is the agent's to mend: the lines above are for you.")?;
        return Ok(ExitCode::FAILURE);
    };
    ensure!(
        yes || std::io::stdin().is_terminal(),
        "there is no terminal to ask at: give --yes to carry out the lines that begin with ritorno-agent or systemctl"
    );
    for (line, step) in steps {
        if yes || asked(&line)? {
            carry_out(&step, file).with_context(|| line.clone())?;
        }
    }
    if !elsewhere.is_empty() {
        say("What is to be done on other systems is yours to do: the agent touches nothing there.")?;
    }
    let finding = look(config, &*check).await?;
    let mended = finding.verdict <= Verdict::NotApplicable;
    show(&*check, finding)?;
    Ok(if mended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(config: &Config, check: &dyn Check<Context>) -> anyhow::Result<Finding> {
    Ok(check.look(&gather(config, None).await?).await)
}

fn show(check: &dyn Check<Context>, finding: Finding) -> anyhow::Result<()> {
    let report = Report { checks: vec![Row { check: *check.description(), finding }] };
    say(report.to_text().trim_end())
}

/// Asks at the terminal.
pub(super) fn asked(line: &str) -> anyhow::Result<bool> {
    let mut out = std::io::stderr().lock();
    write!(out, "Run `{line}`? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn carry_out(step: &Step, file: &Path) -> anyhow::Result<()> {
    let mut command = match step {
        Step::Agent(arguments) => return run_agent(arguments, file),
        Step::Service(verb) => {
            let mut command = Command::new("systemctl");
            command.args([verb.as_str(), "ritorno-agent"]);
            command
        }
    };
    whole(&mut command)
}

/// Runs this program with other arguments, and what it prints is seen.
pub(super) fn run_agent(arguments: &[String], file: &Path) -> anyhow::Result<()> {
    whole(Command::new(std::env::current_exe()?).arg("--config").arg(file).args(arguments))
}

fn whole(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdin(Stdio::null()).status()?;
    ensure!(status.success(), "it failed ({status})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_carried_out_whole_or_not_at_all() {
        let fix = |lines: &[&str]| {
            let lines = lines.iter().map(|line| (*line).to_owned()).collect();
            steps(vec![Fix { system: System::Agent, lines }])
        };
        assert_eq!(
            fix(&["systemctl stop ritorno-agent", "mv 'a' 'b'", "systemctl start ritorno-agent"]),
            None
        );
        assert_eq!(fix(&["# correct the file; then:", "systemctl restart ritorno-agent"]), None);
        let restart = ["systemctl restart ritorno-agent", "journalctl --unit ritorno-agent --lines 50"];
        assert_eq!(fix(&restart).map(|steps| steps.len()), Some(1));
        assert_eq!(fix(&["ritorno-agent sync resume"]).map(|steps| steps.len()), Some(1));
    }

    #[test]
    fn only_whole_lines_of_the_agents_own_are_steps() {
        let agent = |line: &str| matches!(step(line), Some(Step::Agent(_)));
        assert!(agent("ritorno-agent sync resume"));
        assert!(agent("ritorno-agent sync run contoso.test full-import"));
        assert!(agent("ritorno-agent writeback enable"));
        assert_eq!(step("systemctl restart ritorno-agent"), Some(Step::Service("restart".to_owned())));
        for other in [
            "ritorno-agent enrol TOKEN",
            "ritorno-agent sync removals contoso.test",
            "ritorno-agent sync approve 9f2c41d0",
            "ritorno-agent prepare",
            "systemctl stop ritorno-agent",
            "systemctl restart samba-ad-dc",
            "samba-tool user enable anna.rossi",
            "rm --force /var/lib/ritorno-agent/sync.db",
            "# ritorno-agent sync resume",
        ] {
            assert_eq!(step(other), None, "{other}");
        }
    }
}
