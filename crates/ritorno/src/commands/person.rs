//! `ritorno person`: what an organisation knows of its people beforehand, and people whose directory is the tenant itself.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ritorno_http::portal::read_address;
use ritorno_identity::audit::{Activity, Fact};
use ritorno_identity::mail::{Template, notices};
use ritorno_identity::mask::mask;
use ritorno_identity::name::SignInName;
use ritorno_identity::registration::AddressChange;
use ritorno_identity::user::User;
use ritorno_protocol::ids::SupportCode;
use serde::Deserialize;

use super::cloud_person;
use crate::config::Config;
use crate::installation::Installation;
use crate::output::{say, warn};
use crate::system;

/// What `person` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds a person whose directory is the tenant itself. They choose their password at the portal, by the way of a forgotten one.
    Add(cloud_person::New),
    /// Removes such a person, with their password and everything that they registered.
    Remove {
        /// The sign-in name.
        name: String,
    },
    /// Lists the people whose directory is the tenant itself.
    List,
    /// Registers an address for codes for many people at once, so that they need not. Whoever registered one by themselves keeps it,
    /// and everybody is told at the addresses that were on file before. A line that is wrong is left out, and the others hold.
    Preregister {
        /// A CSV file with the columns 'user' (the sign-in name) and 'mail'.
        file: PathBuf,
        /// Only says what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

/// A line of the file.
#[derive(Deserialize)]
struct Line {
    user: String,
    mail: String,
}

/// Does it.
///
/// # Errors
/// When the file can't be read, a line of it is wrong, or the database fails.
pub(crate) async fn run(config: &Config, command: &Command) -> anyhow::Result<()> {
    let installation = Installation::open(config).await?;
    match command {
        Command::Add(new) => cloud_person::add(&installation, new).await,
        Command::Remove { name } => cloud_person::remove(&installation, name).await,
        Command::List => cloud_person::list(&installation).await,
        Command::Preregister { file, dry_run } => preregister_all(&installation, file, *dry_run).await,
    }
}

/// Registers an address for everybody who is named in the file.
async fn preregister_all(installation: &Installation, file: &Path, dry_run: bool) -> anyhow::Result<()> {
    let (mut registered, mut wrong, mut seen) = (0_u32, 0_u32, HashSet::new());
    for (number, line) in read(file)? {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                warn(format_args!("{}, line {number}: {error}", file.display()));
                wrong += 1;
                continue;
            }
        };
        let named_before = !seen.insert(line.user.to_lowercase());
        let done = if named_before {
            Err(format!("'{}' is named twice", line.user))
        } else {
            preregister(installation, &line, dry_run).await?
        };
        match done {
            Ok(()) => registered += 1,
            Err(reason) => {
                warn(format_args!("{}, line {number}: {reason}", file.display()));
                wrong += 1;
            }
        }
    }
    let would = if dry_run { "would be registered" } else { "registered" };
    say(format_args!("{registered} {would}, {wrong} left out"))?;
    if wrong > 0 {
        bail!("{wrong} lines were left out; the others hold");
    }
    Ok(())
}

/// The lines, each with its number in the file.
fn read(file: &Path) -> anyhow::Result<Vec<(u64, Result<Line, csv::Error>)>> {
    let named = || file.display().to_string();
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(file).with_context(named)?;
    let columns = reader.headers().with_context(named)?.clone();
    for column in ["user", "mail"] {
        if !columns.iter().any(|one| one == column) {
            bail!("{}, line 1: there is no column '{column}': the first line names the columns", named());
        }
    }
    let mut lines = Vec::new();
    for record in reader.into_records() {
        let number = match &record {
            Ok(record) => record.position().map_or(0, csv::Position::line),
            Err(error) => error.position().map_or(0, csv::Position::line),
        };
        lines.push((number, record.and_then(|record| record.deserialize(Some(&columns)))));
    }
    Ok(lines)
}

/// Registers one; or why not.
async fn preregister(
    installation: &Installation,
    line: &Line,
    dry_run: bool,
) -> anyhow::Result<Result<(), String>> {
    let (store, tenant) = (&installation.store, &installation.tenant);
    let nobody = || format!("the tenant has nobody whose sign-in name is '{}'", line.user);
    let Ok(name) = SignInName::parse(&line.user) else { return Ok(Err(nobody())) };
    let Some(user) = store.users().by_sign_in_name(tenant.id, &name).await? else { return Ok(Err(nobody())) };
    if user.registered_mail.as_deref().is_some_and(|mail| !mail.is_empty()) {
        return Ok(Err(format!("'{}' has registered an address, and keeps it", line.user)));
    }
    let address = match read_address(tenant, &user, &line.mail) {
        Ok(address) => address,
        Err(fault) => return Ok(Err(format!("'{}' for '{}': {fault}", line.mail, line.user))),
    };
    if dry_run {
        return Ok(Ok(()));
    }
    if !store.users().set_registered_mail(tenant.id, user.id, None, Some(address.as_str())).await? {
        return Ok(Err(format!("'{}' has registered an address at this moment, and keeps it", line.user)));
    }
    let support_code = SupportCode::random(&*system::random());
    let fact = super::fact(installation, Activity::Registered, "pre-registered from a file".to_owned());
    let fact = Fact { target: Some(user.id), support_code: Some(support_code.clone()), ..fact };
    store.audit().append(&fact).await?;
    tell(installation, &user, address.as_str(), &support_code).await?;
    Ok(Ok(()))
}

/// Tells the person, at every address that was on file before.
async fn tell(
    installation: &Installation,
    user: &User,
    address: &str,
    support_code: &SupportCode,
) -> anyhow::Result<()> {
    let (random, now) = (system::random(), system::clock().now());
    let template = Template::AddressChanged {
        display_name: user.display_name.clone(),
        change: AddressChange::Registered,
        address: mask(address).unwrap_or_default(),
        at_ms: now.unix_ms(),
        support_code: support_code.0.clone(),
    };
    let language = installation.tenant.language_of(user);
    for mail in notices(user, language, &template, now, &*random) {
        installation.store.mail_outbox().queue(&mail, &installation.node_key, &*random).await?;
    }
    Ok(())
}
