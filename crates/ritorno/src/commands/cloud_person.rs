//! `ritorno person add`, `remove`, `list`: people whose directory is the tenant itself.

use anyhow::bail;
use clap::Args;
use ritorno_http::portal::read_address;
use ritorno_identity::audit::{Activity, Fact};
use ritorno_identity::licence::Grant;
use ritorno_identity::name::SignInName;
use ritorno_identity::phone::Phone;
use ritorno_identity::realm::Realm;
use ritorno_identity::user::{Mastered, Provisioned, User};
use ritorno_protocol::ids::UserId;
use ritorno_storage::StoreError;

use crate::installation::Installation;
use crate::output::{moment, say, table};
use crate::system;

/// A person to add.
#[derive(Args)]
pub(crate) struct New {
    /// The sign-in name, of one of the tenant's cloud domains (`ritorno tenant cloud-domains`).
    name: String,
    /// The name that others see.
    #[arg(long = "name", value_name = "NAME")]
    display_name: String,
    /// The address outside of work that codes go to.
    #[arg(long)]
    alternate_mail: String,
    /// The mobile number that codes by text message go to, such as +39 333 1234567.
    #[arg(long)]
    mobile: Option<String>,
}

/// Adds one. They have no password until they choose one at the portal.
///
/// # Errors
/// When the name is taken or of another domain, an address or a number is none, or the database fails.
pub(crate) async fn add(installation: &Installation, new: &New) -> anyhow::Result<()> {
    let (store, tenant) = (&installation.store, &installation.tenant);
    let (random, now) = (system::random(), system::clock().now());
    let Some(name) = SignInName::parse(&new.name).ok().filter(SignInName::is_principal) else {
        bail!("'{}' is no sign-in name: it looks like anna@contoso.com", new.name)
    };
    if Realm::of(tenant, &name) != Realm::Cloud {
        bail!(
            "'{}' is not of a cloud domain: say first whose people the tenant itself keeps, with `ritorno tenant cloud-domains`",
            new.name
        );
    }
    let display_name = new.display_name.trim();
    if display_name.is_empty() || display_name.chars().any(char::is_control) {
        bail!("a person has a name");
    }
    if let Some(mobile) = new.mobile.as_deref().filter(|mobile| Phone::parse(mobile).is_none()) {
        bail!("'{mobile}' is no international number, such as +39 333 1234567");
    }
    let user = User {
        id: UserId::random(&*random),
        tenant: tenant.id,
        user_principal_name: new.name.trim().to_owned(),
        display_name: display_name.to_owned(),
        mail: None,
        alternate_mail: None,
        registered_mail: None,
        mobile: new.mobile.clone(),
        registered_mobile: None,
        language: None,
        enabled: true,
        mastered: Mastered::CloudOnly,
        provisioned: Provisioned::default(),
        password_expires_at: None,
        licence: Grant::Free,
        selected: true,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let address = match read_address(tenant, &user, &new.alternate_mail) {
        Ok(address) => address.as_str().to_owned(),
        Err(fault) => bail!("'{}': {fault}", new.alternate_mail),
    };
    let user = User { alternate_mail: Some(address), ..user };
    match store.users().insert(&user).await {
        Err(StoreError::Contradiction(_)) => {
            bail!("there is a person '{}' already", user.user_principal_name)
        }
        other => other?,
    }
    note(installation, &user, Activity::UserAdded).await?;
    say(format_args!("{} is added", user.user_principal_name))?;
    say(format_args!(
        "They choose their password at {} by the way of a forgotten one.",
        installation.public_address()
    ))
}

/// Removes one, with their password and everything that they registered.
///
/// # Errors
/// When there is no such person, they come from a directory, or the database fails.
pub(crate) async fn remove(installation: &Installation, name: &str) -> anyhow::Result<()> {
    let (users, tenant) = (installation.store.users(), installation.tenant.id);
    let found = match SignInName::parse(name) {
        Ok(name) => users.by_sign_in_name(tenant, &name).await?,
        Err(_) => None,
    };
    let Some(user) = found else { bail!("the tenant has nobody whose sign-in name is '{name}'") };
    if user.on_premises().is_some() {
        bail!("'{name}' comes from a directory, and goes when it goes there");
    }
    if !users.delete(tenant, user.id).await? {
        bail!("'{name}' is gone already");
    }
    note(installation, &user, Activity::UserDeleted).await?;
    say(format_args!("{} is removed", user.user_principal_name))
}

/// Lists them.
///
/// # Errors
/// When the database fails.
pub(crate) async fn list(installation: &Installation) -> anyhow::Result<()> {
    let mut table = table(["sign-in name", "name", "password since"]);
    for one in installation.store.cloud_passwords().people(installation.tenant.id).await? {
        table.add_row([one.user_principal_name, one.display_name, moment(one.changed_at)]);
    }
    say(table)
}

async fn note(installation: &Installation, user: &User, activity: Activity) -> anyhow::Result<()> {
    let reason = "kept in the tenant itself, from the command line".to_owned();
    let fact = Fact { target: Some(user.id), ..super::fact(installation, activity, reason) };
    Ok(installation.store.audit().append(&fact).await?)
}
