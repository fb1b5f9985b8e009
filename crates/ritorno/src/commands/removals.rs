//! `removals` and `approve-removals` of `ritorno agent` and `ritorno token`: what of a provisioner the tenant's deletion guard holds, and the
//! approval of exactly that list.

use anyhow::bail;
use ritorno_http::scim::guard;
use ritorno_identity::audit::Activity;
use ritorno_identity::provisioner::Provisioner;

use crate::installation::Installation;
use crate::output::say;
use crate::system;

/// The command that a provisioner's are below, and its id.
fn named(by: Provisioner) -> (&'static str, String) {
    let command = match by {
        Provisioner::Agent(_) => "agent",
        Provisioner::Token(_) => "token",
    };
    (command, by.id().to_string())
}

/// Lists what is held.
///
/// # Errors
/// When the database fails.
pub(super) async fn show(installation: &Installation, by: impl Into<Provisioner>) -> anyhow::Result<()> {
    let by = by.into();
    let now = system::clock().now();
    let held = guard::held(&installation.store, installation.tenant.id, by, now).await?;
    for one in &held.list {
        say(format_args!("{:<13} {}", one.kind.name(), one.name))?;
    }
    if held.list.is_empty() {
        return say("No removal waits for an approval.");
    }
    let ((command, id), number, digest) = (named(by), held.list.len(), held.digest);
    say(format_args!(
        "{number} in all. To let exactly these through for an hour: ritorno {command} approve-removals {id} {digest}"
    ))
}

/// Lets exactly the list of that digest through.
///
/// # Errors
/// When another list waits, or the database fails.
pub(super) async fn approve(
    installation: &Installation,
    by: impl Into<Provisioner>,
    digest: &str,
) -> anyhow::Result<()> {
    let by = by.into();
    let now = system::clock().now();
    let told = |reason| super::fact(installation, Activity::RemovalsApproved, reason);
    let approved = guard::approve(&installation.store, installation.tenant.id, by, digest, now, told).await?;
    let Some(number) = approved else {
        let (command, id) = named(by);
        bail!("that is not the list that waits now; `ritorno {command} removals {id}` shows it");
    };
    let again = match by {
        Provisioner::Agent(_) => "the agent asks again within ten minutes",
        Provisioner::Token(_) => "the program has to ask again in that time",
    };
    say(format_args!("{number} removals may pass for an hour; {again}"))
}
