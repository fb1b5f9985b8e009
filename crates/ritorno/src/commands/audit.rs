//! `ritorno audit`: the chain of audit facts, verified and written out.

use std::path::PathBuf;

use anyhow::bail;
use clap::Subcommand;
use ritorno_http::audit_chain::{self, VerifyError};
use ritorno_http::audit_walk::KEPT_AT_LEAST_DAYS;
use ritorno_identity::audit::Activity;
use ritorno_identity::audit_chain::Line;

use crate::config::Config;
use crate::installation::Installation;
use crate::output::{say, warn};
use crate::system;

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
    /// Says for how many days facts are kept, or `forever`; without either, shows it. Older ones are cut off at a signed head, from which the
    /// rest is verified, and only once the file of `[audit]`, if there is one, has them. A version before this one can't verify what is
    /// left.
    Keep {
        /// From 30 days on.
        #[arg(value_parser = kept)]
        days: Option<Kept>,
    },
    /// Writes every fact as a line of JSON, oldest first.
    Export {
        /// Leaves out what comes up to this position.
        #[arg(long, default_value_t = 0)]
        after: u64,
    },
}

/// How long facts are kept.
#[derive(Clone, Copy)]
pub(crate) enum Kept {
    /// For so many days.
    Days(u32),
    /// For ever.
    Forever,
}

fn kept(typed: &str) -> Result<Kept, String> {
    if typed == "forever" {
        return Ok(Kept::Forever);
    }
    let days: u32 = typed.parse().map_err(|_| "say a number of days, or 'forever'".to_owned())?;
    match days {
        KEPT_AT_LEAST_DAYS..=36_500 => Ok(Kept::Days(days)),
        _ => Err(format!("at least {KEPT_AT_LEAST_DAYS} days, and at most a hundred years")),
    }
}

fn kept_in_words(days: Option<u32>) -> String {
    days.map_or_else(
        || "facts are kept for ever".to_owned(),
        |days| format!("facts are kept for {days} days"),
    )
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
            match audit_chain::verify(store, &keys, tenant.id, system::clock().now(), progress).await {
                Err(VerifyError::Store(error)) => bail!(error),
                Err(broken) => bail!("the audit does not hold: {broken}"),
                Ok(verified) => {
                    say(format_args!(
                        "the audit holds: {} facts, {} signed heads, {} facts that are not linked yet",
                        verified.head.position - verified.cut,
                        verified.checkpoints,
                        verified.unlinked
                    ))?;
                    if verified.cut > 0 {
                        say(format_args!("those up to position {} were cut off: too old", verified.cut))?;
                    }
                }
            }
            let Some(file) = file else { return Ok(()) };
            match audit_chain::compare(store, &keys, tenant.id, file).await {
                Err(VerifyError::Store(error)) => bail!(error),
                Err(broken) => bail!("the file and the audit differ: {broken}"),
                Ok(lines) => say(format_args!("{}: {lines} lines, as the database has them", file.display())),
            }
        }
        Command::Keep { days: None } => say(kept_in_words(store.audit_chain().kept_days(tenant.id).await?)),
        Command::Keep { days: Some(kept) } => {
            let days = match *kept {
                Kept::Days(days) => Some(days),
                Kept::Forever => None,
            };
            let fact = super::fact(&installation, Activity::AuditRetentionSet, kept_in_words(days));
            store.audit_chain().set_kept_days(tenant.id, days, &fact).await?;
            say(kept_in_words(days))
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
