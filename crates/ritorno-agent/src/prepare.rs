//! `ritorno-agent prepare`: how an administrator makes the service accounts, before they are first used.

use ritorno_directory::Preparation;

use crate::config::{Config, Secret};
use crate::output::say;

/// Prints the lines, for one forest or for all.
///
/// # Errors
/// When the configuration names no such forest, or an account that can't be made.
pub(crate) fn run(config: &Config, only: Option<&str>) -> anyhow::Result<()> {
    let wanted = |name: &str| only.is_none_or(|only| only.eq_ignore_ascii_case(name));
    let mut forests = config.forests.iter().filter(|forest| wanted(&forest.name.0)).peekable();
    anyhow::ensure!(
        forests.peek().is_some(),
        "the configuration has no forest '{}'",
        only.unwrap_or_default()
    );
    for forest in forests {
        let secret = &forest.access.secret;
        let lines = Preparation {
            forest: &forest.name,
            account: &forest.account,
            scope: &forest.scope,
            password_file: matches!(secret, Secret::Password(_)).then(|| secret.file()),
            keytab_file: matches!(secret, Secret::Keytab(_)).then(|| secret.file()),
        }
        .lines()?;
        say(format_args!("# forest {}, account {}", forest.name, forest.account))?;
        say("# on a Samba domain controller, as root, in one shell:")?;
        lines.samba.iter().try_for_each(say)?;
        say(
            "# or on Windows, in PowerShell, as a domain administrator (documented syntax, not tested by us):",
        )?;
        lines.windows.iter().try_for_each(say)?;
        lines.notes.iter().try_for_each(|note| say(format_args!("# {note}")))?;
    }
    Ok(())
}
