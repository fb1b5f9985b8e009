//! `ritorno person`: what an organisation knows of its people beforehand, and people whose directory is the tenant itself.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ritorno_http::portal::read_address;
use ritorno_identity::audit::{Activity, Fact};
use ritorno_identity::mail::{Template, notices};
use ritorno_identity::mask::mask;
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::phone::Phone;
use ritorno_identity::registration::AddressChange;
use ritorno_identity::tenant::Tenant;
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
    /// Registers an address or a mobile number for codes for many people at once, so that they need not. Whoever registered one by themselves keeps it,
    /// and everybody is told at the addresses that were on file before. A line that is wrong is left out, and the others hold.
    Preregister {
        /// A CSV file with the columns 'user' (the sign-in name), and 'mail', 'mobile' or both. A field may be empty.
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
    #[serde(default)]
    mail: String,
    #[serde(default)]
    mobile: String,
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

/// Registers what the file says for everybody who is named in it.
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
    let has = |column: &str| columns.iter().any(|one| one == column);
    for (there, missing) in [(has("user"), "'user'"), (has("mail") || has("mobile"), "'mail' or 'mobile'")] {
        if !there {
            bail!("{}, line 1: there is no column {missing}: the first line names the columns", named());
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
    let (mail, mobile) = match wanted(tenant, &user, line) {
        Ok(wanted) => wanted,
        Err(why) => return Ok(Err(why)),
    };
    if dry_run {
        return Ok(Ok(()));
    }
    let support_code = SupportCode::random(&*system::random());
    let (display_name, at_ms) = (user.display_name.clone(), system::clock().now().unix_ms());
    let change = AddressChange::Registered;
    if let Some(address) = mail {
        if !store.users().set_registered_mail(tenant.id, user.id, None, Some(&address)).await? {
            return Ok(Err(format!(
                "'{}' has registered an address at this moment, and keeps it",
                line.user
            )));
        }
        let template = Template::AddressChanged {
            display_name: display_name.clone(),
            change,
            address: mask(&address).unwrap_or_default(),
            at_ms,
            support_code: support_code.0.clone(),
        };
        registered(installation, &user, Activity::Registered, template, &support_code).await?;
    }
    if let Some(number) = mobile {
        if !store.users().set_registered_mobile(tenant.id, user.id, None, Some(number.as_str())).await? {
            return Ok(Err(format!("'{}' has registered a number at this moment, and keeps it", line.user)));
        }
        let (method, support) = (Method::Sms, support_code.0.clone());
        let template = Template::MethodChanged { display_name, method, change, at_ms, support_code: support };
        registered(installation, &user, Activity::MethodRegistered, template, &support_code).await?;
    }
    Ok(Ok(()))
}

/// What a line registers for somebody: nothing that they have registered by themselves. Or why not.
fn wanted(
    tenant: &Tenant,
    user: &User,
    Line { user: name, mail, mobile }: &Line,
) -> Result<(Option<String>, Option<Phone>), String> {
    let has = |own: &Option<String>| own.as_deref().is_some_and(|own| !own.is_empty());
    if mail.is_empty() && mobile.is_empty() {
        return Err(format!("there is nothing to register for '{name}'"));
    }
    if !mail.is_empty() && has(&user.registered_mail) {
        return Err(format!("'{name}' has registered an address, and keeps it"));
    }
    if !mobile.is_empty() && has(&user.registered_mobile) {
        return Err(format!("'{name}' has registered a number, and keeps it"));
    }
    let mail = match mail.as_str() {
        "" => None,
        typed => {
            let read = read_address(tenant, user, typed);
            Some(read.map_err(|fault| format!("'{typed}' for '{name}': {fault}"))?.as_str().to_owned())
        }
    };
    let mobile = match mobile.as_str() {
        "" => None,
        typed => Some(Phone::parse(typed).ok_or_else(|| {
            format!("'{typed}' for '{name}': a number begins with + and the code of its country")
        })?),
    };
    Ok((mail, mobile))
}

/// Writes it down, and tells the person.
async fn registered(
    installation: &Installation,
    user: &User,
    activity: Activity,
    template: Template,
    support_code: &SupportCode,
) -> anyhow::Result<()> {
    let fact = super::fact(installation, activity, "pre-registered from a file".to_owned());
    let fact = Fact { target: Some(user.id), support_code: Some(support_code.clone()), ..fact };
    installation.store.audit().append(&fact).await?;
    tell(installation, user, &template).await
}

/// Tells the person, at every address that was on file before.
async fn tell(installation: &Installation, user: &User, template: &Template) -> anyhow::Result<()> {
    let (random, now) = (system::random(), system::clock().now());
    let language = installation.tenant.language_of(user);
    for mail in notices(user, language, template, now, &*random) {
        installation.store.mail_outbox().queue(&mail, &installation.node_key, &*random).await?;
    }
    Ok(())
}
