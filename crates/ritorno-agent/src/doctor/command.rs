//! `ritorno-agent doctor ...`: what is asked of it beside a look.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{again, bundle, fix, recorded, watch};
use crate::config::Config;
use crate::output::say;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// One look of the running agent's own doctor.
    #[command(hide = true)]
    Look,
    /// Lists the checks.
    List {
        /// As JSON: what each proves, what it covers, and the test that makes it fail.
        #[arg(long)]
        json: bool,
    },
    /// Prints the manual's troubleshooting chapter: each check, what it says when something is wrong, and what mends it.
    Manual,
    /// Prints the PowerShell lines that record on a Windows domain controller what is not to be seen from here.
    Evidence,
    /// Writes everything that whoever helps would ask for into one file, without names and secrets, and prints what is inside.
    Bundle {
        /// The file, which must not be there yet. Default: ritorno-agent-bundle-TIME.tar.gz in this folder.
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Mends what a check finds, as far as it is the agent's own: its service, switches and runs. Asks before each step.
    Fix {
        /// The check's name.
        check: String,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
    /// When nothing else helps: switches writeback off and on again at this agent, and looks before and after. Asks before each step; the
    /// code has to be confirmed in the console by a cloud-only global administrator.
    Again {
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Says what a code means that somebody was shown: of a page (SSPR_0029), of the event log (33004), of a domain controller (0000052D).
    Explain {
        /// The code, or the line that holds it.
        code: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Prints what needs no configuration. `false` if this is none of that.
///
/// # Errors
/// When it can't be printed, or a code is none that is known.
pub(crate) fn say_what_is_known(command: &Command) -> anyhow::Result<bool> {
    match command {
        Command::List { json } => super::list(*json)?,
        Command::Manual => say(super::manual().trim_end())?,
        Command::Evidence => say(recorded::script().trim_end())?,
        Command::Explain { code, json } => super::explain(code, *json)?,
        Command::Look | Command::Bundle { .. } | Command::Fix { .. } | Command::Again { .. } => {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Does what needs the configuration, which was read from `file`.
///
/// # Errors
/// As what is done.
pub(crate) async fn carry_out(config: &Config, file: &Path, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Look => {
            watch::look(config).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Fix { check, yes } => fix::run(config, file, &check, yes).await,
        Command::Again { yes } => again::run(config, file, yes).await,
        Command::Bundle { output } => {
            bundle::run(config, file, output).await?;
            Ok(ExitCode::SUCCESS)
        }
        // Said before there was a configuration.
        Command::List { .. } | Command::Manual | Command::Evidence | Command::Explain { .. } => {
            Ok(ExitCode::SUCCESS)
        }
    }
}
