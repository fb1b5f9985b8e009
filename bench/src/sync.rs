//! The synchronisation beside a tight client that only reads: everything, a hundred changes, one member of a large group.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::ForestHandle;
use ritorno_lab::crowd::Crowd;
use ritorno_lab::progress::step;
use ritorno_lab::stack::Stack;

use crate::console;
use crate::direct::Direct;
use crate::summary::{Better, Measure, Rows};

/// People that change before a delta.
const CHANGED: usize = 100;
/// How often the tight client reads everything.
const READS: usize = 3;
/// How often the memory of a running command is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is measured with so many people, by their number.
struct Names {
    ratio: &'static str,
    delta: &'static str,
    member: &'static str,
    one: &'static str,
    peak: &'static str,
    search: &'static str,
}

impl Names {
    fn of(people: usize) -> Self {
        match people {
            100_000.. => Self {
                ratio: "sync.full_ratio_100k",
                delta: "sync.delta_100_in_100k_ms",
                member: "sync.member_in_50k_group_ms",
                one: "sync.one_change_in_100k_ms",
                peak: "sync.peak_mb_100k",
                search: "console.search_100k_ms",
            },
            10_000.. => Self {
                ratio: "sync.full_ratio_10k",
                delta: "sync.delta_100_in_10k_ms",
                member: "sync.member_in_10k_group_ms",
                one: "sync.one_change_in_10k_ms",
                peak: "sync.peak_mb_10k",
                search: "console.search_10k_ms",
            },
            _ => Self {
                ratio: "sync.full_ratio_quick",
                delta: "sync.delta_100_in_quick_ms",
                member: "sync.member_in_quick_group_ms",
                one: "sync.one_change_in_quick_ms",
                peak: "sync.peak_mb_quick",
                search: "console.search_quick_ms",
            },
        }
    }
}

/// Makes `people` people and a hundredth as many groups, one of them large, measures, and adds the rows. The agent's scheduler is
/// suspended: its runs would take turns with those that are measured.
///
/// # Errors
/// When the directory or a run fails.
pub(crate) async fn measure(
    stack: &Stack,
    agent: &Path,
    forest: &ForestHandle,
    people: usize,
    date: &str,
    rows: &mut Rows,
) -> Result<()> {
    let names = Names::of(people);
    let crowd = Crowd::of(forest, people);
    if !crowd.is_in(forest) {
        step("making people and groups", || crowd.add_to(forest))?;
    }
    stack.agent_command(&["sync", "suspend"])?;
    let configuration = stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    let scope = text.lines().find(|line| line.starts_with("scope = ")).context("a scope")?.to_owned();
    let wider = format!("scope = [\"{}\"]\ngroups = [\"{}\"]", crowd.people_ou(), crowd.groups_ou());
    std::fs::write(&configuration, text.replace(&scope, &wider))?;

    // The agent has read its people when it was started: what is measured is the first cycle of a new one.
    let state = text.lines().find_map(|line| line.strip_prefix("state_dir = ")).context("a state folder")?;
    for name in ["sync.db", "sync.db-wal", "sync.db-shm"] {
        match std::fs::remove_file(Path::new(state.trim_matches('"')).join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let mut direct = Vec::with_capacity(READS);
    let mut client = Direct::open(forest, 1).await?;
    for _ in 0..READS {
        let since = Instant::now();
        let read = client.read_everybody(&crowd.people_ou()).await?;
        ensure!(read >= people, "the tight client read {read} of {people} people");
        let groups = client.read_groups(&crowd.groups_ou()).await?;
        ensure!(groups == crowd.groups(), "the tight client read {groups} groups");
        direct.push(since.elapsed().as_secs_f64());
    }
    let cycle = |arguments: &[&str]| command(stack, agent, &[&["sync", "cycle"], arguments].concat());
    let before = load();
    let (seconds, peak) = cycle(&["--full"])?;
    let after = load();
    let ratios: Vec<f64> = direct.iter().map(|direct| seconds / direct).collect();
    let ratio = Measure { name: names.ratio, unit: "ratio", better: Better::Lower, goal: Some(1.25) };
    let method = format!(
        "first full import, full sync and export of {people} people and {} groups ({seconds:.1} s), beside a paged read of the same \
         people, groups and attributes by one connection; load average {before} before and {after} after, on {} processors",
        crowd.groups(),
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    rows.add(ratio, &ratios, method, date)?;
    let most = Measure { name: names.peak, unit: "MB", better: Better::Lower, goal: Some(100.0) };
    rows.add(most, &[peak], "VmHWM of that command".to_owned(), date)?;
    eprintln!("{}", stack.agent_command(&["sync", "history"])?);
    console::measure(stack, names.search, people, date, rows)?;

    let ldif: String = (0..CHANGED.min(people)).map(|number| changed(&crowd, number, "Changed")).collect();
    forest.modify(&ldif)?;
    let (seconds, _) = cycle(&[])?;
    let delta = Measure { name: names.delta, unit: "ms", better: Better::Lower, goal: None };
    let method = format!("one delta cycle after {CHANGED} names to show changed, as a process of its own");
    rows.add(delta, &[seconds * 1_000.0], method, date)?;
    forest.modify(&format!(
        "dn: {}\nchangetype: modify\ndelete: member\nmember: {}\n",
        crowd.group_dn(0),
        crowd.person_dn(0)
    ))?;
    let (seconds, _) = cycle(&[])?;
    let member = Measure { name: names.member, unit: "ms", better: Better::Lower, goal: None };
    let method = format!("the same after one member of a group of {} went", crowd.large());
    rows.add(member, &[seconds * 1_000.0], method, date)?;
    let mut visible = Vec::with_capacity(READS);
    for number in 0..READS {
        forest.modify(&changed(&crowd, 0, &format!("Once more {number}")))?;
        visible.push(cycle(&[])?.0 * 1_000.0);
    }
    let one = Measure { name: names.one, unit: "ms", better: Better::Lower, goal: Some(2_000.0) };
    let method = "one delta cycle after one name changed: from the scheduler's tick until the tenant has it"
        .to_owned();
    rows.add(one, &visible, method, date)
}

/// The machine's load average of the last minute: what else runs makes a difference to what has many threads.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn changed(crowd: &Crowd, number: usize, to: &str) -> String {
    let dn = crowd.person_dn(number);
    format!("dn: {dn}\nchangetype: modify\nreplace: displayName\ndisplayName: {to} {number}\n\n")
}

/// Runs a command of the agent; how many seconds it took, and the most memory that it had, in MB.
fn command(stack: &Stack, agent: &Path, arguments: &[&str]) -> Result<(f64, f64)> {
    let mut command = Command::new(agent);
    command.arg("--config").arg(stack.folder().join("agent.toml")).args(arguments);
    let since = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
    let mut peak = 0.0_f64;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // One that has just ended has no such file any more.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
        peak = peak.max(kib.unwrap_or(0.0) * 1_024.0 / 1_000_000.0);
        std::thread::sleep(LOOK_EVERY);
    };
    ensure!(status.success(), "ritorno-agent {} failed", arguments.join(" "));
    Ok((since.elapsed().as_secs_f64(), peak))
}

#[cfg(test)]
mod tests {
    use ritorno_lab::stack::{Plan, Programs};
    use ritorno_lab::{Forest, Lab};

    use super::*;

    /// The quick mode: with a thousand people, that it works and that the rows are there.
    #[test]
    fn a_thousand_people_are_measured() {
        let built = std::env::current_exe().unwrap();
        let programs = Programs::in_folder(built.ancestors().nth(2).unwrap()).unwrap();
        let lab = Lab::open().unwrap().private("bench-sync").unwrap();
        let forest = lab.forest(Forest::Contoso).unwrap();
        forest.up().unwrap();
        let mail = lab.mail().unwrap();
        mail.start().unwrap();
        let plan = Plan {
            programs: &programs,
            folder: &lab.folder().join("stack"),
            forest: &forest,
            mail: &mail,
            database: None,
            port: None,
            end_with_thread: false,
            openldap: None,
            beyond: None,
            owner: None,
        };
        let stack = Stack::start(&lab, &plan).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut rows = Rows::default();
        runtime.block_on(measure(&stack, &programs.agent, &forest, 1_000, "2026-11-24", &mut rows)).unwrap();
        let text = rows.to_text();
        for name in ["full_ratio", "delta_100_in", "member_in", "one_change_in", "peak_mb"] {
            assert!(text.contains(&format!("sync.{name}_quick")), "{name}: {text}");
        }
        assert!(text.contains("console.search_quick_ms"), "{text}");
        println!("{text}");
    }
}
