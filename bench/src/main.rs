//! Measures the whole product as real processes against a real Active Directory. `cargo xtask bench` builds and starts it.

mod agent;
mod console;
mod direct;
mod people;
mod portal;
mod strangers;
mod summary;
mod sync;
mod writeback;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use clap::Parser;
use ritorno_lab::progress::step;
use ritorno_lab::stack::{Plan, Programs, Stack};
use ritorno_lab::{Forest, Lab};
use ritorno_protocol::random::Random;

use crate::summary::Rows;
use crate::writeback::Place;

#[derive(Parser)]
#[command(name = "ritorno-bench", about = "Measures the whole product; started by `cargo xtask bench`")]
struct Arguments {
    /// The folder with the two programs.
    #[arg(long)]
    programs: PathBuf,
    /// How often everything is measured.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Measures the synchronisation of so many people, and nothing else.
    #[arg(long)]
    sync: Option<usize>,
    /// Compares the times of names that somebody has and that nobody has, and measures nothing else.
    #[arg(long, conflicts_with = "sync")]
    strangers: bool,
    /// The file that the rows are merged into; without it they are only printed.
    #[arg(long)]
    results: Option<PathBuf>,
}

/// The machine's random source.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) {
        use rand_core::TryRng as _;
        getrandom::SysRng.try_fill_bytes(out).expect("the kernel's random source is there");
    }
}

#[expect(clippy::print_stdout, reason = "the rows are what the program is for")]
fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no folder above bench/")?;
    let programs = Programs::in_folder(&arguments.programs)?;
    // A forest of its own: nothing else writes to its controller, and its people are the benchmark's alone.
    let shared = Lab::open()?;
    let lab = shared.private("bench")?;
    let forest = lab.forest(Forest::Contoso)?;
    forest.up()?;
    let mail = lab.mail()?;
    mail.start()?;
    let people = match (arguments.sync, arguments.strangers) {
        (Some(_), _) => 1,
        (None, true) => strangers::NAMES,
        (None, false) => writeback::people_for(arguments.runs) + 1,
    };
    let subjects = step("making people", || people::make(&forest, people))?;
    let folder = lab.folder().join("stack");
    let plan = Plan {
        programs: &programs,
        folder: &folder,
        forest: &forest,
        openldap: None,
        mail: &mail,
        database: None,
        port: None,
        end_with_thread: true,
        beyond: None,
        owner: None,
    };
    let stack = Stack::start(&lab, &plan)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let (date, mut rows) = (today(), Rows::default());
    if let Some(people) = arguments.sync {
        runtime.block_on(sync::measure(&stack, &programs.agent, &forest, people, &date, &mut rows))?;
        print!("{}", rows.to_text());
        return arguments.results.map_or(Ok(()), |path| rows.merge_into(&path));
    }
    if arguments.strangers {
        runtime.block_on(strangers::measure(&stack, &subjects, &date, &mut rows))?;
        print!("{}", rows.to_text());
        return arguments.results.map_or(Ok(()), |path| rows.merge_into(&path));
    }
    runtime.block_on(agent::measure(&stack, &programs.agent, &date, &mut rows))?;
    let (for_the_browser, others) = subjects.split_first().context("nobody was made")?;
    step("measuring the portal in Chromium", || {
        portal::measure(&stack, &mail, for_the_browser, checkout, &date, &mut rows)
    })?;
    let place = Place {
        stack: &stack,
        forest: &forest,
        mail: &mail,
        subjects: others,
        random: Arc::new(SystemRandom),
    };
    runtime
        .block_on(writeback::measure(&place, arguments.runs, &date, &mut rows))
        .with_context(|| last_events(&stack))?;
    print!("{}", rows.to_text());
    arguments.results.map_or(Ok(()), |path| rows.merge_into(&path))
}

/// What the agent wrote last into its event log, for when a reset fails.
fn last_events(stack: &Stack) -> String {
    let text = std::fs::read_to_string(stack.folder().join("agent-events.log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    format!("the agent's last events:\n{}", lines[lines.len().saturating_sub(12)..].join("\n"))
}

/// The day, by the machine's clock.
#[expect(clippy::disallowed_methods, reason = "only dates the rows")]
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let seconds = i64::try_from(seconds).unwrap_or(0);
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .map_or_else(|_| String::new(), |now| now.date().to_string())
}
