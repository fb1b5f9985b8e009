//! `ritorno tenant guard`: how many removals of one agent, or of one program, go through without an approval.

use anyhow::bail;
use clap::Args;
use ritorno_identity::audit::Activity;
use ritorno_identity::removal_guard::RemovalGuard;

use crate::installation::Installation;

/// What is said. What is not named stays as it is.
#[derive(Args)]
pub(crate) struct Guard {
    /// People who are removed or disabled, and groups that are removed, in 24 hours: at most 1000000.
    #[arg(long)]
    removals: Option<u32>,
    /// The same in percent of the people whom the agent or the program has; whichever is less counts.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100))]
    percent: Option<u8>,
    /// Takes the percentage away: the number alone counts.
    #[arg(long, conflicts_with = "percent")]
    no_percent: bool,
    /// Members who leave groups in 24 hours and stay themselves: at most 1000000.
    #[arg(long)]
    memberships: Option<u32>,
}

/// Does it.
///
/// # Errors
/// When the numbers don't fit, somebody else changes them, or the database fails.
pub(crate) async fn set(installation: &mut Installation, asked: &Guard) -> anyhow::Result<()> {
    let was = installation.tenant.removal_guard;
    let percent = if asked.no_percent { None } else { asked.percent.or(was.percent) };
    let guard = RemovalGuard::new(
        asked.removals.unwrap_or(was.removals),
        percent,
        asked.memberships.unwrap_or(was.memberships),
    )
    .map_err(|fault| anyhow::anyhow!("{fault}: nothing was changed"))?;
    if guard == was {
        return Ok(());
    }
    if !installation.store.tenants().set_guard(&installation.tenant, guard).await? {
        bail!("somebody else changes it: nothing was changed");
    }
    installation.tenant.removal_guard = guard;
    super::audit(installation, Activity::PolicyChanged, format!("deletion guard: {guard}")).await
}
