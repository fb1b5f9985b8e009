//! `ritorno audit`: the chain of audit facts, verified and written out.

use std::path::PathBuf;

use anyhow::bail;
use clap::Subcommand;
use ritorno_http::audit_chain::{self, VerifyError};
use ritorno_identity::audit_chain::Line;

use crate::config::Config;
use crate::installation::Installation;
use crate::output::{say, warn};

/// Facts that are read at once.
const AT_ONCE: u32 = 500;

/// What `audit` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Verifies that no audit fact was changed, taken out or put in since it was written, and every signed head. Ends with an error
    /// if one was.
    Verify {
        /// Also compares a file that `[audit]` names, or one that it named before it was moved away.
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// Writes every fact as a line of JSON, oldest first.
    Export {
        /// Leaves out what comes up to this position.
        #[arg(long, default_value_t = 0)]
        after: u64,
    },
}

/// Does it.
///
/// # Errors
/// When the chain does not hold, or the database fails.
pub(crate) async fn run(config: &Config, command: &Command) -> anyhow::Result<()> {
    let installation = Installation::open(config).await?;
    let (store, tenant) = (&installation.store, &installation.tenant);
    // What the server did not get to yet.
    audit_chain::link_all(store, tenant.id, |_| {}).await?;
    let keys = installation.keys();
    match command {
        Command::Verify { file } => {
            let progress = |position: u64| {
                if position.is_multiple_of(100_000) {
                    warn(format_args!("{position} facts verified so far"));
                }
            };
            match audit_chain::verify(store, &keys, tenant.id, progress).await {
                Err(VerifyError::Store(error)) => bail!(error),
                Err(broken) => bail!("the audit does not hold: {broken}"),
                Ok(verified) => say(format_args!(
                    "the audit holds: {} facts, {} signed heads, {} facts that are not linked yet",
                    verified.head.position, verified.checkpoints, verified.unlinked
                ))?,
            }
            let Some(file) = file else { return Ok(()) };
            match audit_chain::compare(store, &keys, tenant.id, file).await {
                Err(VerifyError::Store(error)) => bail!(error),
                Err(broken) => bail!("the file and the audit differ: {broken}"),
                Ok(lines) => say(format_args!("{}: {lines} lines, as the database has them", file.display())),
            }
        }
        Command::Export { after } => {
            let mut after = *after;
            loop {
                let facts = store.audit_chain().linked(tenant.id, after, AT_ONCE).await?;
                let Some(last) = facts.last() else { return Ok(()) };
                after = last.head.position;
                for linked in &facts {
                    say(Line::new(linked.head.position, &linked.fact).to_json())?;
                }
            }
        }
    }
}
