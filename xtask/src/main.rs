//! The project's own commands: `cargo xtask lab`, and what else is listed by `cargo xtask --help`.

mod bench;
mod cargo;
mod demo;
mod dist;
mod lab;
mod started;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure the release build against a real Active Directory, and keep the rows in bench/results.
    Bench(bench::Arguments),
    /// Start everything on this machine against a real Active Directory, and say where it is.
    Demo(demo::Arguments),
    /// Make Debian packages of both programs, in target/dist.
    Dist(dist::Arguments),
    /// Bring the lab's real forests up or down, or show what runs.
    Lab(lab::Arguments),
    /// Run everything that decides: format, lints, dependency rules, and every test against real parts.
    Test(test::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Bench(arguments) => bench::execute(&arguments),
        Command::Demo(arguments) => demo::execute(&arguments),
        Command::Dist(arguments) => dist::execute(&arguments),
        Command::Lab(arguments) => lab::run(&arguments),
        Command::Test(arguments) => test::execute(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
