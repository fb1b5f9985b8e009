//! `cargo xtask test`: everything that decides whether a change is good.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use comfy_table::Table;
use ritorno_lab::{Lab, Purpose, ensure_packages};

use crate::cargo::{Built, build, build_web, cargo, npm, root, run};
use crate::started::Idle;

/// The version that reads `deny.toml`.
const CARGO_DENY: &str = "0.20.2";

/// Test suites, in the order in which they run, each with the packages whose test binaries it holds.
const SUITES: &[(&str, &[&str])] = &[
    (
        "rules",
        &["ritorno-protocol", "ritorno-identity", "ritorno-doctor", "ritorno-fuzz", "ritorno-dist", "xtask"],
    ),
    ("directory", &["ritorno-lab", "ritorno-directory"]),
    ("sync", &["ritorno-sync"]),
    ("relay", &["ritorno-relay", "ritorno-writeback", "ritorno-agent"]),
    ("cloud", &["ritorno-storage", "ritorno-http", "ritorno"]),
    ("whole way", &["ritorno-tests", "ritorno-bench"]),
];

/// Arguments of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Run only these suites: build, rules, directory, sync, relay, cloud, 'whole way', browser.
    #[arg(long = "only", value_name = "SUITE")]
    only: Vec<String>,
}

struct Report {
    rows: Vec<(String, Duration, Result<()>)>,
}

impl Report {
    fn suite(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        eprintln!("\n== {name}");
        let started = Instant::now();
        let result = work();
        if let Err(error) = &result {
            eprintln!("{name}: {error:#}");
        }
        self.rows.push((name.to_owned(), started.elapsed(), result));
    }
}

/// Runs the command.
///
/// # Errors
/// When a suite failed, after all of them ran.
pub(crate) fn execute(arguments: &Arguments) -> Result<()> {
    if let Some(unknown) = arguments.only.iter().find(|only| {
        !["build", "browser"].contains(&only.as_str()) && SUITES.iter().all(|(name, _)| name != only)
    }) {
        bail!("there is no suite '{unknown}': see `cargo xtask test --help`");
    }
    let started = Instant::now();
    ensure_packages(Purpose::Test)?;
    let idle = Idle::look(&Lab::open()?)?;
    let result = run_suites(arguments, started);
    idle.stop();
    result
}

fn run_suites(arguments: &Arguments, started: Instant) -> Result<()> {
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let mut report = Report { rows: Vec::new() };
    build_web()?;
    if wanted("build") {
        report.suite("build", checks);
    }
    // The programs first: the tests that run them find them beside the test binaries.
    build(&["build", "--workspace", "--locked", "--bins"])?;
    let built = build(&["test", "--workspace", "--locked", "--no-run"])?;
    if let Some(stray) =
        built.iter().find(|b| b.test && !SUITES.iter().any(|(_, p)| p.contains(&b.package.as_str())))
    {
        bail!("no suite in xtask/src/test.rs holds the tests of {}: add it there", stray.package);
    }
    for (name, packages) in SUITES {
        if wanted(name) {
            report.suite(name, || run_tests(&built, packages));
        }
    }
    if wanted("browser") {
        report.suite("browser", browser);
    }
    finish(&report, started.elapsed())
}

/// Format, lints, dependency rules, the pages' own checks.
fn checks() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    let tools = Lab::open()?.folder().join("tools");
    let deny = tools.join("bin/cargo-deny");
    if !deny.exists() {
        run(cargo(&["install", "cargo-deny", "--version", CARGO_DENY, "--locked", "--debug", "--root"])
            .arg(&tools))?;
    }
    run(Command::new(deny).args(["--locked", "check", "licenses", "bans", "sources"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"]))?;
    npm(&root().join("web"), &["run", "--silent", "check"])
}

/// Runs the test binaries of `packages` one after another, each in its package's folder as cargo would.
fn run_tests(built: &[Built], packages: &[&str]) -> Result<()> {
    let mut failed = Vec::new();
    for package in packages {
        for binary in built.iter().filter(|binary| binary.test && binary.package == *package) {
            eprintln!("+ tests of {package} ({})", binary.target);
            let status = Command::new(&binary.executable)
                .current_dir(&binary.folder)
                .env("CARGO_MANIFEST_DIR", &binary.folder)
                .status()
                .with_context(|| format!("cannot start {}", binary.executable.display()))?;
            if !status.success() {
                failed.push(format!("{package} ({})", binary.target));
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

/// The pages' unit tests; the tests in a real browser run with the whole system in 'whole way'.
fn browser() -> Result<()> {
    run(Command::new("npm").args(["--prefix", "web", "test"]))
}

#[expect(clippy::print_stdout, reason = "the table is the command's result")]
fn finish(report: &Report, all: Duration) -> Result<()> {
    let minutes = |spent: Duration| format!("{:.1}", spent.as_secs_f64() / 60.0);
    let mut table = Table::new();
    table.set_header(["suite", "minutes", "result"]);
    for (name, spent, result) in &report.rows {
        table.add_row([
            name.clone(),
            minutes(*spent),
            if result.is_ok() { "passed" } else { "FAILED" }.to_owned(),
        ]);
    }
    table.add_row(["all".to_owned(), minutes(all), String::new()]);
    println!("\n{table}");
    let failed = report.rows.iter().filter(|(_, _, result)| result.is_err()).count();
    println!("suites: {} passed, {failed} failed", report.rows.len() - failed);
    if failed == 0 { Ok(()) } else { bail!("{failed} suites failed") }
}
