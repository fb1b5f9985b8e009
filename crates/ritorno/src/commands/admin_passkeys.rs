//! `ritorno admin passkeys` and `take-passkey`: with which passkeys an administrator signs in.

use anyhow::bail;
use ritorno_http::administrator_mails::{Outbox, passkey_changed};
use ritorno_identity::administrator::Administrator;
use ritorno_identity::audit::Activity;
use ritorno_identity::registration::AddressChange;
use ritorno_storage::AdministratorPasskey;

use super::admin::{named, next_sign_in};
use crate::installation::Installation;
use crate::output::{moment, say, table};
use crate::system;

/// Lists them.
pub(super) async fn list(installation: &Installation, name: &str) -> anyhow::Result<()> {
    let administrator = named(installation, name).await?;
    let mut table = table(["id", "name", "registered", "used last"]);
    for one in of(installation, &administrator).await? {
        let (registered, used) = (moment(Some(one.registered_at)), moment(one.last_used_at));
        table.add_row([one.id.as_str(), &one.name, &registered, &used]);
    }
    say(table)
}

async fn of(
    installation: &Installation,
    administrator: &Administrator,
) -> anyhow::Result<Vec<AdministratorPasskey>> {
    let passkeys = installation.store.administrator_passkeys();
    Ok(passkeys.list(installation.tenant.id, administrator.id).await?)
}

/// Takes one away, or all of them.
pub(super) async fn take(installation: &Installation, name: &str, id: Option<&str>) -> anyhow::Result<()> {
    let administrator = named(installation, name).await?;
    let tenant = &installation.tenant;
    let mut wanted = of(installation, &administrator).await?;
    wanted.retain(|one| id.is_none_or(|id| one.id == id));
    if wanted.is_empty() {
        bail!(
            "{} has no such passkey; `ritorno admin passkeys {}` shows which there are",
            administrator.name,
            administrator.name
        );
    }
    let mut unreached = None;
    for one in wanted {
        let passkeys = installation.store.administrator_passkeys();
        let Some(taken) = passkeys.take_away(tenant.id, administrator.id, &one.id).await? else { continue };
        let reason = format!("{}: '{}' taken away", administrator.name, taken.name);
        super::audit(installation, Activity::AdministratorPasskey, reason).await?;
        let (random, now) = (system::random(), system::clock().now());
        let outbox =
            Outbox { store: &installation.store, node_key: &installation.node_key, random: &*random, now };
        let told = passkey_changed(outbox, tenant, &administrator, &taken.name, AddressChange::Removed).await;
        unreached = told.err().or(unreached);
    }
    installation.store.sessions().delete_of(tenant.id, administrator.id).await?;
    let left = named(installation, name).await?;
    say(format_args!("{}: taken away; {}", left.name, next_sign_in(&left)))?;
    match unreached {
        Some(error) => Err(anyhow::Error::from(error).context("the administrator could not be told by mail")),
        None => Ok(()),
    }
}
