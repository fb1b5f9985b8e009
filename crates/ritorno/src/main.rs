//! `ritorno`, the cloud side: command line, configuration, start-up, wiring.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod commands;
mod config;
mod installation;
mod log;
mod metrics;
mod output;
mod pages;
mod sites;
mod system;

/// Self-service password reset with writeback: the cloud side.
#[derive(Parser)]
#[command(name = "ritorno", version, propagate_version = true)]
struct Arguments {
    /// The configuration file.
    #[arg(long, global = true, default_value = "/etc/ritorno/ritorno.toml", env = "RITORNO_CONFIG")]
    config: PathBuf,
    /// Which tenant a command is about, by its name or its host, where there are several.
    #[arg(long, global = true, value_name = "NAME OR HOST")]
    tenant: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the first tenant, its keys and its first administrator.
    Init(commands::init::Arguments),
    /// Serves the portal, the console, and the agents.
    Serve,
    /// Reads the configuration and everything that it names, and says what is wrong.
    CheckConfig,
    /// Administrators.
    #[command(subcommand)]
    Admin(commands::admin::Command),
    /// Agents.
    #[command(subcommand)]
    Agent(commands::agent::Command),
    /// Calls the API of a server, this one or another: every operation by its name. Without one it lists them.
    Api(commands::api::Call),
    /// The audit.
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// Copies the database and the wrapped root keys into a folder, while the service runs.
    Backup(commands::backup::Arguments),
    /// Puts a backup where nothing is, once the node key is back.
    Restore(commands::backup::Arguments),
    /// After PostgreSQL's own tools have restored the database: does what `restore` does besides.
    Restored,
    /// The signing keys.
    #[command(subcommand)]
    Keys(commands::keys::Command),
    /// Licences: what was bought, and who has what.
    #[command(subcommand)]
    Licence(commands::licence::Command),
    /// Mail.
    #[command(subcommand)]
    Mail(commands::mail::Command),
    /// Text messages.
    #[command(subcommand)]
    Sms(commands::sms::Command),
    /// People.
    #[command(subcommand)]
    Person(commands::person::Command),
    /// What was asked of the agents lately, and how it ended.
    Requests(commands::requests::Arguments),
    /// Prints the document of the API (OpenAPI 3.1), as the server serves it.
    #[command(hide = true)]
    ApiDocument,
    /// Writes the manual pages and the completion, for the package.
    #[command(hide = true)]
    Pages {
        /// Where.
        folder: PathBuf,
    },
    /// A tenant's switches, and several tenants on one server.
    #[command(subcommand)]
    Tenant(commands::tenant::Command),
    /// Tokens for programs that call the API.
    #[command(subcommand)]
    Token(commands::token::Command),
}

impl Command {
    /// Whether it is about every tenant, so that none is chosen.
    const fn is_about_all(&self) -> bool {
        match self {
            Self::Tenant(command) => command.is_about_all(),
            Self::Init(_)
            | Self::Serve
            | Self::CheckConfig
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Restored
            | Self::Api(_)
            | Self::ApiDocument
            | Self::Pages { .. } => true,
            _ => false,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What the API's command line says beside its answer is one line, without what libraries log.
    if !matches!(arguments.command, Command::Api(_)) {
        log::start(matches!(arguments.command, Command::Serve));
    }
    // Several TLS providers may be compiled in by dependencies; this one is used by all of them.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider is installed already");
    }
    match run(arguments).await {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    // There need not be a configuration yet.
    if let Command::Pages { folder } = &arguments.command {
        pages::write(folder)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::ApiDocument = &arguments.command {
        output::say(serde_json::to_string_pretty(ritorno_http::api::document())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    // It is about a server elsewhere, and needs nothing of one here.
    let command = match arguments.command {
        Command::Api(_) if arguments.tenant.is_some() => {
            anyhow::bail!("the tenant is the one whose address is --server: leave --tenant out")
        }
        Command::Api(call) => return commands::api::run(call).await,
        other => other,
    };
    let mut config = config::Config::read(&arguments.config)?;
    if arguments.tenant.is_some() && command.is_about_all() {
        anyhow::bail!("this command is about all tenants: leave --tenant out");
    }
    config.tenant = arguments.tenant;
    match command {
        // These have ended above.
        Command::Api(_) | Command::ApiDocument => Ok(()),
        Command::Pages { folder } => Ok(pages::write(&folder)?),
        Command::Init(init) => commands::init::run(&config, &init).await,
        Command::Serve => commands::serve::run(config).await,
        Command::CheckConfig => commands::check_config::run(&config).await,
        Command::Admin(command) => commands::admin::run(&config, command).await,
        Command::Agent(command) => commands::agent::run(&config, command).await,
        Command::Audit(command) => commands::audit::run(&config, &command).await,
        Command::Backup(arguments) => commands::backup::backup(&config, &arguments).await,
        Command::Restored => commands::backup::restored(&config).await,
        Command::Restore(arguments) => commands::backup::restore(&config, &arguments).await,
        Command::Keys(command) => commands::keys::run(&config, command).await,
        Command::Licence(command) => commands::licence::run(&config, command).await,
        // Its checks end as a doctor's do.
        Command::Mail(command) => return commands::mail::run(&config, &command).await,
        Command::Sms(command) => commands::sms::run(&config, &command).await,
        Command::Person(command) => commands::person::run(&config, &command).await,
        Command::Requests(requests) => commands::requests::run(&config, &requests).await,
        Command::Tenant(command) => commands::tenant::run(&config, &command).await,
        Command::Token(command) => commands::token::run(&config, command).await,
    }?;
    Ok(ExitCode::SUCCESS)
}
