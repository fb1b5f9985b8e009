//! `ritorno-agent`, the part on premises: command line, configuration, start-up, wiring. It listens on no network port.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

mod backoff;
mod carrier;
mod check_config;
mod client;
mod config;
mod dial;
mod doctor;
mod enrol;
mod events;
mod forests;
mod link;
mod onboarding;
mod outbound;
mod output;
mod service;
mod show_status;
mod state;
mod status;
mod sync;
mod system;
mod tls;

use config::{Config, Format};

/// Password writeback and synchronisation for Ritorno, on premises.
#[derive(Parser)]
#[command(name = "ritorno-agent", version, propagate_version = true)]
struct Arguments {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        default_value = "/etc/ritorno-agent/agent.toml",
        env = "RITORNO_AGENT_CONFIG"
    )]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes this machine one of a tenant's agents, with a token from the console.
    Enrol {
        /// The token, copied whole; `-` reads it from standard input, where other people of this machine can't see it.
        token: String,
        /// Make it another agent, if it is one already.
        #[arg(long)]
        again: bool,
    },
    /// Runs the agent.
    Run,
    /// Writeback at this agent.
    #[command(subcommand)]
    Writeback(Writeback),
    /// Synchronisation with the tenant.
    #[command(subcommand)]
    Sync(SyncCommand),
    /// Shows the link, the forests, the last sync.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Reads the configuration and everything that it names, and says what is wrong.
    CheckConfig,
    /// Looks at everything that a reset through this agent needs, and says what to do. Changes nothing.
    ///
    /// Exit code 0: all well. 1: something fails. 2: a warning, or something that could not be told.
    Doctor {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum Writeback {
    /// Asks for writeback; a cloud-only administrator confirms it in the console.
    Enable,
    /// Switches writeback off at this agent: at once, offline, always.
    Disable,
    /// Says how the switch stands.
    Status,
}

#[derive(Subcommand)]
enum SyncCommand {
    /// Runs one profile.
    Run {
        /// A forest's name, or all.
        connector: String,
        /// full-import, full-sync or export.
        profile: ritorno_sync::Profile,
    },
    /// Lists who would leave the tenant, or could no longer sign in, at the next export.
    Removals {
        /// The connector: a forest's name.
        connector: String,
    },
    /// Lets a list of removals through the deletion guard.
    Approve {
        /// The connector: a forest's name.
        connector: String,
        /// The digest that `sync removals` shows.
        digest: String,
    },
    /// Shows the latest runs.
    Status,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let config = Config::read(&arguments.config)?;
    start_log(config.log.format, matches!(arguments.command, Command::Run));
    // Several TLS providers may be compiled in by dependencies; this one is used by all of them.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider is installed already");
    }
    // Two threads serve sixteen requests in flight: each waits for a disk or a domain controller nearly all the time.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build()
        .context("the runtime can't be started")?;
    runtime.block_on(async {
        match arguments.command {
            Command::Doctor { json } => return doctor::run(&config, json).await,
            Command::Enrol { token, again } => enrol::run(&config, &token, again).await,
            Command::Run => service::run(&config).await,
            Command::Writeback(Writeback::Enable) => onboarding::enable(&config).await,
            Command::Writeback(Writeback::Disable) => onboarding::disable(&config),
            Command::Writeback(Writeback::Status) => onboarding::status(&config),
            Command::Sync(SyncCommand::Run { connector, profile }) => {
                sync::run(&config, &connector, profile).await
            }
            Command::Sync(SyncCommand::Status) => sync::status(&config).await,
            Command::Sync(SyncCommand::Removals { connector }) => sync::removals(&config, &connector).await,
            Command::Sync(SyncCommand::Approve { connector, digest }) => {
                sync::approve(&config, &connector, &digest).await
            }
            Command::Status { json } => show_status::run(&config, json).await,
            Command::CheckConfig => check_config::run(&config).await,
        }?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Log lines on standard error. `RITORNO_LOG` holds a filter such as `debug`.
fn start_log(format: Format, service: bool) {
    let level = if service { "info" } else { "error" };
    let filter = EnvFilter::try_from_env("RITORNO_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        Format::Text => builder.init(),
        Format::Json => builder.json().flatten_event(true).init(),
    }
}
