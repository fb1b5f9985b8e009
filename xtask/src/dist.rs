//! `cargo xtask dist`: Debian packages of both programs.

use anyhow::{Context, Result};
use clap::Args;
use ritorno_dist::Package;
use ritorno_lab::progress::step;

use crate::cargo::{build, build_web, root};

/// Arguments of `cargo xtask dist`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Package the development build, for a look at the packages: it is built in a fraction of the time.
    #[arg(long)]
    dev: bool,
}

/// Runs the command.
///
/// # Errors
/// When something can't be built or packaged.
pub(crate) fn execute(arguments: &Arguments) -> Result<()> {
    build_web()?;
    let mut cargo = vec!["build", "--locked", "--package", "ritorno", "--package", "ritorno-agent"];
    if !arguments.dev {
        cargo.push("--release");
    }
    let built = build(&cargo)?;
    let programs =
        built.first().and_then(|built| built.executable.parent()).context("cargo built no program")?;
    let output = root().join("target/dist");
    std::fs::create_dir_all(&output)?;
    for package in Package::ALL {
        let file = step(&format!("packaging {}", package.name()), || package.build(programs, &output))?;
        let megabytes = std::fs::metadata(&file)?.len() / 1_000_000;
        let exposure = package.exposure(&output)?;
        let (whole, tenth) = (exposure / 10, exposure % 10);
        eprintln!("{}  {megabytes} MB, unit exposed by {whole}.{tenth} of 10", file.display());
    }
    Ok(())
}
