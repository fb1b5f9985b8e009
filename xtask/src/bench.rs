//! `cargo xtask bench`: the release programs, measured as real processes against a real Active Directory.

use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use ritorno_lab::{Purpose, ensure_packages};

use crate::cargo::{build, build_web, root, run};

/// Arguments of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How often everything is measured; the rows are medians.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// The cargo profile of the programs. Rows are kept only of `release`; others are printed.
    #[arg(long, default_value = "release")]
    profile: String,
    /// Measure the synchronisation of so many people, and nothing else; 100000 are made by `lab crowd` beforehand.
    #[arg(long)]
    sync: Option<usize>,
    /// Compare the times of names that somebody has and that nobody has, and measure nothing else.
    #[arg(long, conflicts_with = "sync")]
    strangers: bool,
}

/// Runs the command.
///
/// # Errors
/// When a step fails.
pub(crate) fn execute(arguments: &Arguments) -> Result<()> {
    ensure_packages(Purpose::Test)?;
    build_web()?;
    let built = build(&[
        "build",
        "--locked",
        "--profile",
        &arguments.profile,
        "--package",
        "ritorno",
        "--package",
        "ritorno-agent",
        "--package",
        "ritorno-bench",
    ])?;
    let bench = built
        .iter()
        .find(|built| built.package == "ritorno-bench")
        .map(|built| &built.executable)
        .context("cargo built no ritorno-bench")?;
    let folder = bench.parent().context("the benchmark has no folder")?;
    let mut command = Command::new(bench);
    command.arg("--programs").arg(folder).args(["--runs", &arguments.runs.to_string()]);
    if arguments.strangers {
        command.arg("--strangers");
    }
    if let Some(people) = arguments.sync {
        command.args(["--sync", &people.to_string()]);
    }
    if arguments.profile == "release" {
        command.arg("--results").arg(root().join("bench/results/summary.json"));
    }
    run(&mut command)
}
