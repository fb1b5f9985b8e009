//! `ritorno admin`: who runs the tenant.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ritorno_http::administrator_mails::{Outbox, Whose, is_address, tell};
use ritorno_identity::address::domain;
use ritorno_identity::administrator::{Administrator, Role, Scope};
use ritorno_identity::audit::Activity;
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::name::SignInName;
use ritorno_identity::password::PasswordHash;
use ritorno_identity::user::User;
use ritorno_protocol::random::{Random, array};
use ritorno_protocol::secret::Password;
use ritorno_storage::StoreError;

use super::admin_passkeys;
use crate::config::Config;
use crate::installation::Installation;
use crate::output::{moment, say, table};
use crate::system;

/// What `admin` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds a cloud-only administrator. Without --password-stdin a password is made and printed once. At the first sign-in an
    /// authenticator app or a passkey is set up.
    Add {
        /// The sign-in name.
        name: String,
        /// What they are for: global, hybrid-identity, authentication, help-desk, reports-reader.
        #[arg(long, value_parser = role)]
        role: Role,
        /// Whose account it is: their sign-in name in the tenant. Nobody makes a pass for themselves, or for whoever
        /// administers the tenant.
        #[arg(long)]
        person: Option<String>,
        #[command(flatten)]
        scope: ScopeNames,
        /// For the day on which every app is lost: it signs in with its password alone, and each time it does is in the log and
        /// in the audit. Keep its password on paper, in a safe.
        #[arg(long)]
        break_glass: bool,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Says for whom an administrator of the help desk or of authentication is; with neither, for everybody.
    Scope {
        /// The sign-in name of the account.
        name: String,
        #[command(flatten)]
        scope: ScopeNames,
    },
    /// Takes an administrator's authenticator app away, and ends their sessions: at the next sign-in they show a passkey, or, if they have
    /// none, set up another second factor.
    TakeApp {
        /// The sign-in name of the account.
        name: String,
    },
    /// Lists an administrator's passkeys.
    Passkeys {
        /// The sign-in name of the account.
        name: String,
    },
    /// Takes a passkey of an administrator away, or all of them, and ends their sessions. If nothing is left, they set up another second
    /// factor at the next sign-in.
    TakePasskey {
        /// The sign-in name of the account.
        name: String,
        /// The passkey's id, as `admin passkeys` shows it.
        #[arg(required_unless_present = "all", conflicts_with = "all", allow_hyphen_values = true)]
        passkey: Option<String>,
        /// All of them.
        #[arg(long)]
        all: bool,
    },
    /// Says whose account an administrator's is; without a person, nobody's of this tenant.
    Person {
        /// The sign-in name of the account.
        name: String,
        /// The person's own sign-in name, as they type it at a reset.
        person: Option<String>,
    },
    /// Says where mail to an administrator goes; without an address, to the one of the person whose account it is.
    Mail {
        /// The sign-in name of the account.
        name: String,
        /// The address.
        #[arg(value_parser = address)]
        address: Option<String>,
    },
    /// Lists the administrators, and whose account each is.
    List,
    /// Gives an administrator another password, and ends their sessions. Without --password-stdin one is made and printed once.
    Password {
        /// The sign-in name.
        name: String,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Removes an administrator, and ends their sessions. The last global one stays.
    Remove {
        /// The sign-in name.
        name: String,
    },
}

/// Whom an administrator is for, on the command line.
#[derive(clap::Args)]
pub(crate) struct ScopeNames {
    /// Only people whose sign-in name is of this domain, such as contoso.com.
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    only_domain: Option<String>,
    /// Only people of this group of the directory, also by way of other groups.
    #[arg(long, value_name = "GROUP")]
    only_group: Option<String>,
}

fn role(name: &str) -> Result<Role, String> {
    let names = || Role::ALL.map(Role::as_str).join(", ");
    Role::from_name(name).ok_or_else(|| format!("no role is called '{name}': there are {}", names()))
}

/// Does it.
///
/// # Errors
/// When the name is taken, the password does not fit, or the database fails.
pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let installation = Installation::open(config).await?;
    match command {
        Command::Add { name, role, person, scope, break_glass, password_stdin } => {
            let new = New { name, role, person, scope, break_glass };
            add(&installation, new, password_stdin).await
        }
        Command::Scope { name, scope } => set_scope(&installation, &name, &scope).await,
        Command::TakeApp { name } => take_app(&installation, &name).await,
        Command::Passkeys { name } => admin_passkeys::list(&installation, &name).await,
        Command::TakePasskey { name, passkey, .. } => {
            admin_passkeys::take(&installation, &name, passkey.as_deref()).await
        }
        Command::Person { name, person } => set_person(&installation, &name, person.as_deref()).await,
        Command::Mail { name, address } => set_mail(&installation, &name, address.as_deref()).await,
        Command::List => list(&installation).await,
        Command::Password { name, password_stdin } => {
            set_password(&installation, &name, password_stdin).await
        }
        Command::Remove { name } => remove(&installation, &name).await,
    }
}

/// An administrator to add.
struct New {
    name: String,
    role: Role,
    person: Option<String>,
    scope: ScopeNames,
    break_glass: bool,
}

async fn add(installation: &Installation, new: New, password_stdin: bool) -> anyhow::Result<()> {
    let random = system::random();
    let New { name, role, person, scope, break_glass } = new;
    let person = match person {
        Some(person) => Some(person_named(installation, &person).await?),
        None => None,
    };
    let scope = scope_of(installation, role, &scope).await?;
    let password = if password_stdin { typed_password()? } else { generated_password(&*random) };
    let administrator = Administrator {
        id: AdministratorId::random(&*random),
        tenant: installation.tenant.id,
        name,
        person: person.as_ref().map(|person| person.id),
        mail: None,
        cloud_only: true,
        role,
        scope,
        break_glass,
        app: false,
        passkeys: 0,
        password: PasswordHash::new(&password, &*random)?,
        created_at: system::clock().now(),
    };
    match installation.store.administrators().insert(&administrator).await {
        Err(StoreError::Contradiction(_)) => {
            bail!("there is an administrator '{}' already", administrator.name)
        }
        other => other?,
    }
    let role = administrator.role.as_str();
    let whose = person.map(|person| format!(", {}", person.user_principal_name)).unwrap_or_default();
    let glass = if administrator.break_glass { ", break-glass" } else { "" };
    let whom = whom(installation, &administrator.scope).await?;
    let reason = format!("{} ({role}{whose}{glass}), for {whom}", administrator.name);
    // What is shown only once comes before all that may fail.
    if password_stdin {
        say(format_args!("{} ({role})", administrator.name))?;
    } else {
        say(format_args!(
            "{} ({role}), password: {}   (shown only now)",
            administrator.name,
            password.expose()
        ))?;
    }
    super::audit(installation, Activity::AdministratorAdded, reason).await?;
    super::stuck::warn(installation).await
}

/// The scope that was named.
async fn scope_of(installation: &Installation, role: Role, names: &ScopeNames) -> anyhow::Result<Scope> {
    let group = match &names.only_group {
        Some(name) => Some(super::group_named(installation, name).await?.id),
        None => None,
    };
    let scope = Scope { domain: names.only_domain.clone(), group };
    if !scope.is_everybody() && !role.can_have_a_scope() {
        bail!(
            "the role '{}' is about the whole tenant: only authentication and help-desk can be for some people",
            role.as_str()
        );
    }
    Ok(scope)
}

/// Whom a scope is about, in words.
async fn whom(installation: &Installation, scope: &Scope) -> anyhow::Result<String> {
    let group = match scope.group {
        Some(id) => {
            let found = installation.store.groups().find(installation.tenant.id, id).await?;
            // Whoever comes back under that name is another group to the tenant.
            Some(found.map_or_else(|| "a group that is gone".to_owned(), |group| group.full_name()))
        }
        None => None,
    };
    Ok(match (&scope.domain, group) {
        (None, None) => "everybody".to_owned(),
        (Some(domain), None) => domain.clone(),
        (None, Some(group)) => format!("the group {group}"),
        (Some(domain), Some(group)) => format!("{domain} in the group {group}"),
    })
}

async fn set_scope(installation: &Installation, name: &str, names: &ScopeNames) -> anyhow::Result<()> {
    let administrator = named(installation, name).await?;
    let scope = scope_of(installation, administrator.role, names).await?;
    let administrators = installation.store.administrators();
    administrators.set_scope(installation.tenant.id, administrator.id, &scope).await?;
    let reason = format!("{}: {}", administrator.name, whom(installation, &scope).await?);
    super::audit(installation, Activity::AdministratorScopeSet, reason.clone()).await?;
    say(reason)
}

async fn take_app(installation: &Installation, name: &str) -> anyhow::Result<()> {
    let administrator = named(installation, name).await?;
    let tenant = installation.tenant.id;
    installation.store.administrator_apps().remove(tenant, administrator.id).await?;
    installation.store.sessions().delete_of(tenant, administrator.id).await?;
    let reason = format!("{}: taken away", administrator.name);
    super::audit(installation, Activity::AdministratorApp, reason).await?;
    let left = Administrator { app: false, ..administrator };
    say(format_args!("{}: the app is taken away; {}", left.name, next_sign_in(&left)))
}

/// What the next sign-in of that account does about its second factor.
pub(super) const fn next_sign_in(left: &Administrator) -> &'static str {
    if left.passkeys > 0 {
        "the next sign-in asks for a passkey"
    } else if left.app {
        "the next sign-in asks for the app"
    } else {
        "the next sign-in sets up another one"
    }
}

pub(crate) async fn named(installation: &Installation, name: &str) -> anyhow::Result<Administrator> {
    let found = installation.store.administrators().by_name(installation.tenant.id, name).await?;
    found.with_context(|| format!("there is no administrator '{name}'; `ritorno admin list` shows them"))
}

async fn person_named(installation: &Installation, typed: &str) -> anyhow::Result<User> {
    let name = SignInName::parse(typed)?;
    let found = installation.store.users().by_sign_in_name(installation.tenant.id, &name).await?;
    found.with_context(|| {
        format!("the tenant has nobody whose sign-in name is '{typed}': people come with the synchronisation")
    })
}

async fn set_person(installation: &Installation, name: &str, person: Option<&str>) -> anyhow::Result<()> {
    let administrator = named(installation, name).await?;
    let person = match person {
        Some(person) => Some(person_named(installation, person).await?),
        None => None,
    };
    let (administrators, id) = (installation.store.administrators(), person.as_ref().map(|person| person.id));
    administrators.set_person(installation.tenant.id, administrator.id, id).await?;
    let whose = person.map_or_else(|| "nobody's of the tenant".to_owned(), |one| one.user_principal_name);
    let reason = format!("{}: {whose}", administrator.name);
    super::audit(installation, Activity::AdministratorPersonSet, reason.clone()).await?;
    super::stuck::warn(installation).await?;
    say(reason)
}

fn address(typed: &str) -> Result<String, String> {
    if is_address(typed) { Ok(typed.to_owned()) } else { Err("that is no mail address".to_owned()) }
}

async fn set_mail(installation: &Installation, name: &str, address: Option<&str>) -> anyhow::Result<()> {
    let administrator = named(installation, name).await?;
    let administrators = installation.store.administrators();
    administrators.set_mail(installation.tenant.id, administrator.id, address).await?;
    let reason = format!("{}: {}", administrator.name, address.unwrap_or("as the person's"));
    super::audit(installation, Activity::AdministratorMailSet, reason.clone()).await?;
    say(reason)
}

async fn set_password(installation: &Installation, name: &str, password_stdin: bool) -> anyhow::Result<()> {
    let administrator = named(installation, name).await?;
    let (random, tenant) = (system::random(), installation.tenant.id);
    let password = if password_stdin { typed_password()? } else { generated_password(&*random) };
    let hash = PasswordHash::new(&password, &*random)?;
    installation.store.administrators().set_password(tenant, administrator.id, &hash).await?;
    installation.store.sessions().delete_of(tenant, administrator.id).await?;
    super::audit(installation, Activity::AdministratorPasswordSet, administrator.name.clone()).await?;
    let (store, node_key) = (&installation.store, &installation.node_key);
    let outbox = Outbox { store, node_key, random: &*random, now: system::clock().now() };
    let told = tell(outbox, &installation.tenant, Whose::Account(&administrator)).await;
    // What is shown only once comes before all that may have failed.
    if password_stdin {
        say(format_args!("{}: the password is replaced", administrator.name))?;
    } else {
        say(format_args!("{}, password: {}   (shown only now)", administrator.name, password.expose()))?;
    }
    told.map(drop).context("the other administrators could not be told")
}

async fn remove(installation: &Installation, name: &str) -> anyhow::Result<()> {
    let administrator = named(installation, name).await?;
    let tenant = installation.tenant.id;
    installation.store.sessions().delete_of(tenant, administrator.id).await?;
    if !installation.store.administrators().remove(tenant, administrator.id).await? {
        bail!("'{}' is the last global administrator: add another one first", administrator.name);
    }
    super::audit(installation, Activity::AdministratorRemoved, administrator.name.clone()).await?;
    say(format_args!("{} is removed", administrator.name))
}

async fn list(installation: &Installation) -> anyhow::Result<()> {
    let mut table = table(["name", "role", "for", "person", "mail", "second factor", "made"]);
    for one in installation.store.administrators().list(installation.tenant.id).await? {
        let whose = whose(installation, &one).await?;
        let whom = whom(installation, &one.scope).await?;
        let second = second_factor(&one, installation.tenant.second_factor);
        let made = moment(Some(one.created_at));
        let mail = one.mail.as_deref().unwrap_or("the person's");
        table.add_row([one.name.as_str(), one.role.as_str(), &whom, &whose, mail, &second, &made]);
    }
    say(table)
}

/// What an account shows beside its password, where the tenant asks for it.
fn second_factor(one: &Administrator, asked_for: bool) -> String {
    let passkeys = match one.passkeys {
        0 => None,
        1 => Some("1 passkey".to_owned()),
        several => Some(format!("{several} passkeys")),
    };
    match (one.break_glass, asked_for, one.app, passkeys) {
        (true, ..) => "none: break-glass".to_owned(),
        (false, true, true, None) => "app".to_owned(),
        (false, true, true, Some(passkeys)) => format!("app, {passkeys}"),
        (false, true, false, Some(passkeys)) => passkeys,
        (false, true, false, None) => "set up at the next sign-in".to_owned(),
        (false, false, _, None) => "not asked for".to_owned(),
        (false, false, _, Some(passkeys)) => format!("not asked for; {passkeys}"),
    }
}

/// The person's sign-in name, or what is missing.
async fn whose(installation: &Installation, administrator: &Administrator) -> anyhow::Result<String> {
    let Some(id) = administrator.person else { return Ok("not said".to_owned()) };
    let person = installation.store.users().get(installation.tenant.id, id).await?;
    // Whoever comes back after that is another person to the tenant.
    Ok(person.map_or_else(|| "gone from the tenant".to_owned(), |person| person.user_principal_name))
}

/// Reads a password from standard input: all of it, without the line's end.
fn typed_password() -> anyhow::Result<Password> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input")?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    Ok(Password::new(text))
}

/// A password for a person to copy: four groups of five letters and digits, 100 random bits, without the ones that look
/// alike.
pub(crate) fn generated_password(random: &dyn Random) -> Password {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";
    let mut text = String::with_capacity(23);
    for (index, byte) in array::<20>(random).into_iter().enumerate() {
        if index > 0 && index % 5 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Password::new(text)
}
