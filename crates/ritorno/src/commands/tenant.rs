//! `ritorno tenant`: the tenant's switches.

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use ritorno_identity::address::domain;
use ritorno_identity::audit::Activity;

use crate::config::Config;
use crate::installation::Installation;
use crate::output::say;

/// What `tenant` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Prints the tenant's switches.
    Show,
    /// Turns a switch.
    Set {
        /// Which.
        #[arg(value_enum)]
        switch: Switch,
        /// On or off.
        #[arg(value_enum)]
        to: OnOff,
    },
    /// Says of which domains nobody may register an address for codes, with all below them; without a domain, of none. The
    /// mailbox at work and the domain of the sign-in name are refused anyway.
    ForbidMailDomains {
        /// The domains, such as contoso.com.
        #[arg(value_parser = domain)]
        domains: Vec<String>,
    },
}

/// A switch.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Whether people may reset their password by themselves.
    Sspr,
    /// Whether passwords are written back to the directories on premises.
    Writeback,
    /// Whether people may unlock their account without a new password.
    Unlock,
    /// Whether account and display name are forbidden in passwords, whatever the directory does.
    ForbidNames,
}

/// A switch's position.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnOff {
    /// On.
    On,
    /// Off.
    Off,
}

/// Does it.
///
/// # Errors
/// When the database fails.
pub(crate) async fn run(config: &Config, command: &Command) -> anyhow::Result<()> {
    let mut installation = Installation::open(config).await?;
    if let Command::ForbidMailDomains { domains } = command {
        installation.tenant.forbidden_mail_domains.clone_from(domains);
        let reason = format!("forbidden mail domains: {}", listed(domains));
        store(&installation, Activity::PolicyChanged, reason).await?;
    }
    if let Command::Set { switch, to } = command {
        let on = *to == OnOff::On;
        let tenant = &mut installation.tenant;
        let (activity, name) = match (switch, on) {
            (Switch::Sspr, _) => (Activity::PolicyChanged, "sspr"),
            (Switch::Unlock, _) => (Activity::PolicyChanged, "unlock"),
            (Switch::ForbidNames, _) => (Activity::PolicyChanged, "forbid-names"),
            (Switch::Writeback, true) => (Activity::WritebackEnabled, "writeback"),
            (Switch::Writeback, false) => (Activity::WritebackDisabled, "writeback"),
        };
        match switch {
            Switch::Sspr => tenant.sspr_enabled = on,
            Switch::Writeback => tenant.writeback_enabled = on,
            Switch::Unlock => tenant.unlock_enabled = on,
            Switch::ForbidNames => tenant.forbid_names = on,
        }
        store(&installation, activity, format!("{name} {}", position(on))).await?;
    }
    let tenant = &installation.tenant;
    say(format_args!("tenant        {} ({})", tenant.name, tenant.id))?;
    say(format_args!("sspr          {}", position(tenant.sspr_enabled)))?;
    say(format_args!("writeback     {}", position(tenant.writeback_enabled)))?;
    say(format_args!("unlock        {}", position(tenant.unlock_enabled)))?;
    say(format_args!("forbid-names  {}", position(tenant.forbid_names)))?;
    say(format_args!("forbidden mail domains  {}", listed(&tenant.forbidden_mail_domains)))
}

/// Stores the changed tenant, and writes it down.
async fn store(installation: &Installation, activity: Activity, reason: String) -> anyhow::Result<()> {
    if !installation.store.tenants().update(&installation.tenant).await? {
        bail!("the tenant is gone");
    }
    super::audit(installation, activity, reason).await
}

fn listed(domains: &[String]) -> String {
    if domains.is_empty() { "none".to_owned() } else { domains.join(", ") }
}

const fn position(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
