//! `ritorno-agent rights`: what the service account may do to one person, and what would mend it.

use std::process::ExitCode;

use ritorno_directory::{Directory, DirectoryError, Identity, Person, Verdict};
use ritorno_protocol::outcome::Fault;

use crate::config::Config;
use crate::forests::Forests;
use crate::output::say;
use crate::system;

/// Prints it, for each forest that has the person. Exit code 1 if a right is missing.
///
/// # Errors
/// When no forest has the person, or one can't be read.
pub(crate) async fn run(config: &Config, name: &str) -> anyhow::Result<ExitCode> {
    let identity = if name.contains('@') {
        Identity::UserPrincipalName(name.to_owned())
    } else {
        Identity::AccountName(name.to_owned())
    };
    let forests = Forests::open(&config.forests, &system::clock())?;
    let (mut found, mut code) = (false, ExitCode::SUCCESS);
    for directory in forests.all() {
        let person = match directory.locate(&identity).await {
            Err(DirectoryError::NotApplied { fault: Fault::NotFound, .. }) => continue,
            located => located?,
        };
        found = true;
        if !one(directory, &person).await? {
            code = ExitCode::FAILURE;
        }
    }
    anyhow::ensure!(found, "no forest has '{name}': give a sAMAccountName or a userPrincipalName");
    Ok(code)
}

/// Whether nothing is missing.
async fn one(directory: &Directory, person: &Person) -> anyhow::Result<bool> {
    let rights = directory.rights(person).await?;
    say(format_args!("forest {}, {}", directory.forest(), person.dn))?;
    let anchor = rights.anchor.iter().map(|verdict| ("mS-DS-ConsistencyGuid", verdict));
    for (what, verdict) in
        ["reset password", "unlock", "must change at next sign-in", "unexpire (on the domain)"]
            .into_iter()
            .zip(rights.all())
            .chain(anchor)
    {
        let verdict = match verdict {
            Verdict::Granted { to } => format!("yes, granted to {to}"),
            Verdict::Denied { to, .. } => format!("no, denied to {to}"),
            Verdict::Missing => "no, nothing grants it".to_owned(),
        };
        say(format_args!("  {what:<28}{verdict}"))?;
    }
    if let Err(error) = directory.judge(person).await {
        say(format_args!("  the agent refuses it whatever the rights: {}", error.operator().detail))?;
    }
    let remedy = directory.remedy(person, &rights).await?;
    for note in &remedy.notes {
        say(format_args!("note: {note}"))?;
    }
    for (title, lines) in [
        ("on a Samba domain controller, as root:", &remedy.samba),
        ("on Windows, as a domain administrator (documented syntax, not tested by us):", &remedy.windows),
    ] {
        if !lines.is_empty() {
            say(title)?;
        }
        for line in lines {
            say(format_args!("    {line}"))?;
        }
    }
    Ok(rights.is_complete())
}
