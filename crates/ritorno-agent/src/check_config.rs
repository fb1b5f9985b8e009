//! `ritorno-agent check-config`: reads the configuration and everything that it names.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use ritorno_directory::{PasswordFile, PasswordSource as _};

use crate::config::{Config, Look, Secret};
use crate::forests::Forests;
use crate::outbound::Outbound;
use crate::output::say;
use crate::system;

/// How a keytab begins (MIT's format, version 2).
const KEYTAB: [u8; 2] = [5, 2];

/// Refuses a password that everybody on this machine can read.
fn for_the_owner_only(file: &Path) -> anyhow::Result<()> {
    let mode = std::fs::metadata(file).with_context(|| file.display().to_string())?.permissions().mode();
    if mode & 0o007 != 0 {
        bail!(
            "{}: its mode is {:04o}, so that everybody can read it; make it 0600",
            file.display(),
            mode & 0o777
        );
    }
    Ok(())
}

/// Reads everything, and asks each forest for its PDC emulator. Nothing is changed.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    Outbound::new(config)?;
    for forest in &config.forests {
        let file = forest.access.secret.file();
        let named = |key| format!("forest {}, {key} {}", forest.name, file.display());
        match &forest.access.secret {
            Secret::Password(file) => {
                for_the_owner_only(file).with_context(|| named("password_file"))?;
                PasswordFile(file.clone()).password().map(drop).with_context(|| named("password_file"))?;
            }
            Secret::Keytab(file) => {
                for_the_owner_only(file).with_context(|| named("keytab_file"))?;
                let begins = std::fs::read(file).with_context(|| named("keytab_file"))?;
                anyhow::ensure!(begins.starts_with(&KEYTAB), "{} is no keytab", named("keytab_file"));
            }
        }
    }
    crate::sync::rules::check(config, None)?;
    let mut looks = Vec::new();
    config.lists.open(&mut |look| looks.push(look));
    for look in looks {
        match look {
            Look::Counts(line) | Look::Missing(line) => say(line)?,
            Look::Broken(error) => return Err(error.into()),
        }
    }
    let forests = Forests::open(&config.forests, &system::clock())?;
    let mut unreachable = 0;
    for health in forests.health().await {
        let pdc = health.pdc.as_deref().unwrap_or("-");
        if health.reachable {
            say(format_args!("forest {}: PDC emulator {pdc} answers", health.forest))?;
        } else {
            unreachable += 1;
            let detail = health.detail.unwrap_or_default();
            say(format_args!("forest {}: PDC emulator {pdc} does not answer: {detail}", health.forest))?;
        }
    }
    anyhow::ensure!(unreachable == 0, "{unreachable} forest(s) can't be written to");
    say("The configuration is valid.")
}
