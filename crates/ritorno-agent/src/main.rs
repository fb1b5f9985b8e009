//! `ritorno-agent`, the part on premises: command line, configuration, start-up, wiring. It listens on no network port.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

mod backoff;
mod breached;
mod carrier;
mod carry_config;
mod check_config;
mod client;
mod config;
mod dial;
mod doctor;
mod enrol;
mod events;
mod forests;
mod kerberos;
mod keyring;
mod keys;
mod keys_command;
mod link;
mod onboarding;
mod outbound;
mod output;
mod pages;
mod prepare;
mod secret_file;
mod service;
mod show_rights;
mod show_status;
mod show_topology;
mod state;
mod status;
mod sync;
mod system;
mod tls;
mod update;

use config::{Config, Format};
use events::EventLog;
use ritorno_protocol::event::EventId;
use sync::commands;

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
    /// The agent's own keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Staging: the agent imports and syncs, exports nothing, writes nothing back.
    #[command(subcommand)]
    Staging(Staging),
    /// Synchronisation with the tenant.
    #[command(subcommand)]
    Sync(SyncCommand),
    /// Shows the link, the forests, the last sync.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows the forests' domains and domain controllers, their sites, and who is the PDC emulator.
    ///
    /// Exit code 0: all forests were read. 1: one could not be.
    Topology {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Says what the service account may do to a person, by which entry, and what would give it the rest. Changes nothing.
    ///
    /// Exit code 0: reset, unlock, must change and unexpire are all granted. 1: one is not.
    Rights {
        /// The person's sAMAccountName or userPrincipalName.
        name: String,
    },
    /// Prints the lines that create each forest's service account and delegate to it the few rights that it needs. Asks nobody.
    Prepare {
        /// One forest's name. Default: all.
        forest: Option<String>,
    },
    /// Installs the latest version that the server offers, after checking who released it. Run it as root.
    ///
    /// Exit code 0: this is the latest, or it was installed. 1: it failed; with --check, there is a later one.
    Update {
        /// Only says whether there is a later version.
        #[arg(long)]
        check: bool,
        /// Puts the package into this folder instead of installing it.
        #[arg(long, conflicts_with = "check")]
        download: Option<PathBuf>,
        /// The file of the key that releases are signed with.
        #[arg(long, default_value = update::RELEASE_KEY)]
        release_key: PathBuf,
    },
    /// Writes the manual pages and the completion, for the package.
    #[command(hide = true)]
    Pages {
        /// Where.
        folder: PathBuf,
    },
    /// Reads the configuration and everything that it names, and says what is wrong.
    CheckConfig,
    /// Lists of breached passwords, which nobody may take.
    #[command(subcommand)]
    Breached(breached::Command),
    /// Carries the configuration and the sync's rules to another agent; never keys or passwords.
    #[command(subcommand, name = "config")]
    Carry(Carry),
    /// Looks at everything that a reset through this agent needs, and says what to do. Changes nothing.
    ///
    /// Exit code 0: all well. 1: something fails. 2: a warning, or something that could not be told.
    #[command(args_conflicts_with_subcommands = true)]
    Doctor {
        #[command(subcommand)]
        about: Option<doctor::Command>,
        /// What a reset of this person (sAMAccountName or userPrincipalName) would meet.
        #[arg(long)]
        user: Option<String>,
        /// Somebody for whom it works: only what is different is shown.
        #[arg(long, requires = "user")]
        against: Option<String>,
        /// Leaves out what takes minutes: how long idle connections live.
        #[arg(long)]
        quick: bool,
        /// What the lines of `doctor evidence` printed on Windows domain controllers.
        #[arg(long, conflicts_with = "user")]
        evidence: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// As JUnit XML.
        #[arg(long, conflicts_with = "json")]
        junit: bool,
    },
}

impl Command {
    const fn asks_directories(&self) -> bool {
        match self {
            Self::Run
            | Self::Topology { .. }
            | Self::Rights { .. }
            | Self::CheckConfig
            | Self::Doctor { .. } => true,
            Self::Sync(command) => matches!(command, SyncCommand::Run { .. } | SyncCommand::Cycle { .. }),
            Self::Enrol { .. }
            | Self::Prepare { .. }
            | Self::Writeback(_)
            | Self::Staging(_)
            | Self::Keys(_)
            | Self::Breached(_)
            | Self::Carry(_)
            | Self::Pages { .. }
            | Self::Update { .. }
            | Self::Status { .. } => false,
        }
    }
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
enum KeysCommand {
    /// Makes new keys now, instead of when the present ones are six months old. No request is interrupted.
    Roll,
    /// Shows the keys' names and ages.
    Status,
}

#[derive(Subcommand)]
enum Staging {
    /// Neither exports nor writes back any more.
    On,
    /// Promotes the agent: the next cycle exports, behind the deletion guard.
    Off,
}

#[derive(Subcommand)]
enum SyncCommand {
    /// Runs one profile.
    Run {
        /// A forest's name, all of them (`all`), or the cloud side (`tenant`).
        connector: String,
        /// full-import, delta-import, full-sync, delta-sync or export; of the tenant the imports confirm what was exported.
        profile: ritorno_sync::Profile,
    },
    /// Runs a cycle now, as the scheduler does: import, sync and export of every forest.
    Cycle {
        /// Reads and compares everything, instead of what changed.
        #[arg(long)]
        full: bool,
    },
    /// Lists who would leave the tenant or a group, or could no longer sign in, at the next export.
    Removals {
        /// The connector: a forest's name.
        connector: String,
    },
    /// Lets a list of removals through the deletion guard.
    Approve {
        /// The digest that `sync removals` shows.
        digest: String,
    },
    /// Shows how each connector stands, and what the scheduler does.
    Status,
    /// Shows the latest runs; or one, with every object that it could not carry on.
    History {
        /// The run's number.
        run: Option<i64>,
        /// Delta runs that met nothing, too.
        #[arg(long)]
        all: bool,
        /// How many runs.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Shows what would flow of a person, and why. Changes nothing.
    Preview {
        /// Account name, GUID, anchor, or enough of a name.
        person: String,
    },
    /// Looks for staged objects.
    Search {
        /// A part of a name, account, mail address or DN; or a whole GUID or anchor.
        text: String,
    },
    /// Lists everything that the next export, or a promotion out of staging, would send.
    Pending {
        /// The connector: a forest's name. Default: all.
        connector: Option<String>,
    },
    /// The rules: who is in scope, who is one person, what flows where.
    #[command(subcommand)]
    Rules(Rules),
    /// Lets the scheduler begin no further cycle.
    Suspend,
    /// Lets the scheduler go on; what was missed is made good.
    Resume,
}

#[derive(Subcommand)]
enum Carry {
    /// Prints configuration and rules as one document.
    Export,
    /// Writes what was printed for this agent, in staging.
    Import {
        /// The document.
        document: PathBuf,
        /// Write the configuration anew if there is one.
        #[arg(long)]
        replace: bool,
    },
}

#[derive(Subcommand)]
enum Rules {
    /// Reads them as a run would and names file, line and column of what is wrong. Changes nothing.
    Check {
        /// Another file than the configured one.
        file: Option<PathBuf>,
    },
    /// Prints the program's own rules, which an own file goes above.
    Show,
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
    // There need not be a configuration yet.
    if let Command::Carry(Carry::Import { document, replace }) = &arguments.command {
        carry_config::import(&arguments.config, document, *replace)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Doctor { about: Some(about), .. } = &arguments.command
        && doctor::say_what_is_known(about)?
    {
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Pages { folder } = &arguments.command {
        pages::write(folder).with_context(|| folder.display().to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Breached(command) = &arguments.command {
        breached::run(command)?;
        return Ok(ExitCode::SUCCESS);
    }
    let service = matches!(
        arguments.command,
        Command::Run | Command::Doctor { about: Some(doctor::Command::Look), .. }
    );
    let mut config = Config::read(&arguments.config).inspect_err(|error| {
        if service {
            start_log(Format::Text, true);
            // Where the event log is, nobody knows now: it is in the journal at least.
            EventLog::default_only(system::clock()).note(EventId::ConfigurationError, error.to_string());
        }
    })?;
    start_log(config.log.format, service);
    // What speaks to no directory works whatever is wrong with Kerberos.
    if arguments.command.asks_directories() {
        kerberos::set_up(&mut config)?;
    }
    // Several TLS providers may be compiled in by dependencies; this one is used by all of them.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider is installed already");
    }
    // Two threads serve sixteen requests in flight: each waits for a disk or a domain controller nearly all the time.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4 + kerberos::threads(&config))
        .enable_all()
        .build()
        .context("the runtime can't be started")?;
    runtime.block_on(async {
        match arguments.command {
            Command::Doctor { about: None, user, against, quick, evidence, json, junit } => {
                let format = match (json, junit) {
                    (true, _) => doctor::Format::Json,
                    (_, true) => doctor::Format::Junit,
                    _ => doctor::Format::Text,
                };
                let who = user.as_deref().map(|user| (user, against.as_deref()));
                return doctor::run(&config, who, (quick, evidence.as_deref()), format).await;
            }
            Command::Doctor { about: Some(about), .. } => {
                return doctor::carry_out(&config, &arguments.config, about).await;
            }
            Command::Topology { json } => return show_topology::run(&config, json).await,
            Command::Rights { name } => return show_rights::run(&config, &name).await,
            Command::Update { check, download, release_key } => {
                let what = match (check, download) {
                    (true, _) => update::What::Check,
                    (false, Some(folder)) => update::What::Download(folder),
                    (false, None) => update::What::Install,
                };
                return update::run(&config, &what, &release_key).await;
            }
            Command::Enrol { token, again } => enrol::run(&config, &token, again).await,
            Command::Run => service::run(&config, &arguments.config).await,
            Command::Writeback(Writeback::Enable) => onboarding::enable(&config).await,
            Command::Writeback(Writeback::Disable) => onboarding::disable(&config),
            Command::Writeback(Writeback::Status) => onboarding::status(&config),
            Command::Keys(KeysCommand::Roll) => keys_command::roll(&config).await,
            Command::Keys(KeysCommand::Status) => keys_command::status(&config),
            Command::Staging(Staging::On) => commands::staging(&config, true).await,
            Command::Staging(Staging::Off) => commands::staging(&config, false).await,
            Command::Sync(command) => synchronise(&config, command).await,
            Command::Status { json } => show_status::run(&config, json).await,
            Command::Prepare { forest } => prepare::run(&config, forest.as_deref()),
            Command::Pages { folder } => Ok(pages::write(&folder)?),
            Command::Breached(command) => breached::run(&command),
            Command::CheckConfig => check_config::run(&config).await,
            Command::Carry(_) => carry_config::export(&arguments.config, &config),
        }?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn synchronise(config: &Config, command: SyncCommand) -> anyhow::Result<()> {
    match command {
        SyncCommand::Run { connector, profile } => commands::run(config, &connector, profile).await,
        SyncCommand::Cycle { full } => commands::cycle(config, full).await,
        SyncCommand::Status => commands::status(config).await,
        SyncCommand::History { run, all, limit } => commands::history(config, run, all, limit).await,
        SyncCommand::Preview { person } => commands::preview(config, &person).await,
        SyncCommand::Search { text } => commands::search(config, &text).await,
        SyncCommand::Pending { connector } => commands::pending(config, connector.as_deref()).await,
        SyncCommand::Removals { connector } => commands::removals(config, &connector).await,
        SyncCommand::Approve { digest } => commands::approve(config, &digest).await,
        SyncCommand::Rules(Rules::Check { file }) => sync::rules::check(config, file.as_deref()),
        SyncCommand::Rules(Rules::Show) => sync::rules::show(),
        SyncCommand::Suspend => commands::suspend(config, true),
        SyncCommand::Resume => commands::suspend(config, false),
    }
}

/// Log lines, of the service in the journal where systemd keeps one, else on standard error. `RITORNO_LOG` holds a filter such as `debug`.
fn start_log(format: Format, service: bool) {
    let level = if service { "info" } else { "error" };
    let filter = EnvFilter::try_from_env("RITORNO_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    if service
        && std::env::var_os("JOURNAL_STREAM").is_some()
        && let Ok(journal) = tracing_journald::layer()
    {
        tracing_subscriber::registry()
            .with(filter)
            .with(journal.with_field_prefix(Some("RITORNO".into())))
            .init();
        return;
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        Format::Text => builder.init(),
        Format::Json => builder.json().flatten_event(true).init(),
    }
}
