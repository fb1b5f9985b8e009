//! `cargo xtask dist`: Debian packages of both programs.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use ritorno_dist::{Build, Package};
use ritorno_lab::progress::step;

use crate::cargo::{self, build_web, root};

/// Arguments of `cargo xtask dist`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Package the development build, for a look at the packages: it is built in a fraction of the time.
    #[arg(long)]
    dev: bool,
    /// The file of the key that signs releases, made if it is not there. Whoever has it can make packages that agents install
    /// from any server: keep it off the servers, and keep it, or agents have to be told of another one by hand.
    #[arg(long, default_value = "target/dist/release.key")]
    release_key: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When something can't be built or packaged.
pub(crate) fn execute(arguments: &Arguments) -> Result<()> {
    build_web()?;
    let mut arguments_of_cargo =
        vec!["build", "--locked", "--package", "ritorno", "--package", "ritorno-agent"];
    if !arguments.dev {
        arguments_of_cargo.push("--release");
    }
    let built = cargo::build(&arguments_of_cargo)?;
    let programs =
        built.first().and_then(|built| built.executable.parent()).context("cargo built no program")?;
    let output = root().join("target/dist");
    std::fs::create_dir_all(&output)?;
    let key = ritorno_dist::release::open_or_make(&root().join(&arguments.release_key))?;
    let build = Build { version: ritorno_dist::version()?, pages: programs, key: &key };
    for package in Package::ALL {
        let file =
            step(&format!("packaging {}", package.name()), || package.build(programs, &output, build))?;
        let megabytes = std::fs::metadata(&file)?.len() / 1_000_000;
        let exposure = package.exposure(&output)?;
        let (whole, tenth) = (exposure / 10, exposure % 10);
        eprintln!("{}  {megabytes} MB, unit exposed by {whole}.{tenth} of 10", file.display());
    }
    Ok(())
}
