//! `ritorno tenant`: a tenant's switches; what is about several tenants is in `tenants.rs`.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use ritorno_identity::address::domain;
use ritorno_identity::audit::Activity;
use ritorno_identity::banned_word;
use ritorno_identity::brand::Colour;
use ritorno_identity::expiry;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::language::Language;
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::question::QuestionPolicy;
use ritorno_identity::realm::Realm;
use ritorno_identity::sspr::ReconfirmAfter;
use ritorno_identity::tenant::{SoftMatch, Tenant};
use url::Url;

use super::mail::Tag;
use super::{brand, sspr_for, stuck, tenant_guard, tenant_remove, tenants};
use crate::config::Config;
use crate::installation::Installation;
use crate::output::say;

/// What `tenant` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes another tenant on this server, with its keys and its first administrator. A running server takes it up within seconds.
    Create(tenants::Create),
    /// Lists the tenants.
    List,
    /// Serves a tenant no more: its host is nobody's, its agents are cut off, and what waits to be sent stays. Nothing is deleted.
    Disable {
        /// Its name or its host.
        which: String,
    },
    /// Serves it again.
    Enable {
        /// Its name or its host.
        which: String,
    },
    /// Removes a tenant for good, with everything of it; without --confirm it is only shown what would go.
    Remove(tenant_remove::Remove),
    /// Prints the tenant's switches.
    Show,
    /// Says which languages the pages and mails of the tenant offer; who reads none of them gets the first.
    Languages {
        /// en, it, or both.
        #[arg(required = true, value_enum)]
        languages: Vec<Tag>,
    },
    /// Turns a switch.
    Set {
        /// Which.
        #[arg(value_enum)]
        switch: Switch,
        /// On or off.
        #[arg(value_enum)]
        to: OnOff,
    },
    /// Says who may reset their password by themselves: the people of groups, also by way of other groups; without one, everybody. It
    /// is about registering and changing on these pages, too.
    SsprFor {
        /// A group's name in the directory; `scim:NAME` for one of the tenant's own. Once for each, at most 20.
        #[arg(long = "group")]
        groups: Vec<String>,
    },
    /// Says what people prove before a reset: how many gates there are, and what opens them. The pages begin with the method
    /// that is named first. Administrators pass two gates that differ, whatever this says.
    Gates {
        /// How many: 1 or 2.
        #[arg(value_parser = clap::value_parser!(u8).range(1..=2))]
        gates: u8,
        /// What opens them: mail, sms, app, passkey, recovery-code, questions, temporary-pass.
        #[arg(required = true, value_parser = method)]
        methods: Vec<Method>,
        /// How many of them people are asked to register; as many as there are gates unless it is said.
        #[arg(long)]
        to_register: Option<u8>,
        /// Lets one method open both gates.
        #[arg(long)]
        same_twice: bool,
        /// Says it for the people of this group only, also by way of other groups. Of several groups of somebody the strictest holds: two
        /// gates before one, then two that differ, then more to register.
        #[arg(long)]
        group: Option<String>,
        /// After how many days the people of this group are asked to look through what they registered: 0 for never, at most 730. Without it
        /// they are asked when everybody is. Of several groups of somebody that say it, the soonest holds.
        #[arg(long, requires = "group", value_parser = clap::value_parser!(u16).range(0..=i64::from(ReconfirmAfter::MOST)))]
        reconfirm: Option<u16>,
    },
    /// Takes away what was said for one group: its people pass what everybody passes.
    DropGates {
        /// The group's name in the directory, or its id if it is gone.
        #[arg(long)]
        group: String,
    },
    /// Says how many security questions people answer, and which there are beside the predefined ones. What is not named stays as it is. They
    /// count only where `ritorno tenant gates` names questions as a method.
    Questions {
        /// How many people answer when they register: 3 to 5.
        #[arg(long)]
        to_register: Option<u8>,
        /// How many of them are asked at a reset: 3 to 5.
        #[arg(long)]
        to_ask: Option<u8>,
        /// A question of your own, of 3 to 200 characters, in one language; once for each, at most 20.
        #[arg(long)]
        own: Vec<String>,
        /// Takes your own questions away before anything else. Whoever answered one keeps it until they choose others.
        #[arg(long)]
        clear: bool,
    },
    /// Says after how many days people are asked to look through what they registered: 0 for never, at most 730.
    Reconfirm {
        /// How many.
        #[arg(value_parser = clap::value_parser!(u16).range(0..=i64::from(ReconfirmAfter::MOST)))]
        days: u16,
    },
    /// Says whether people who come out of a directory may become cloud-only people whom the tenant has already, who then keep their id
    /// and what they registered: off as `init` leaves it. It is never done with an administrator.
    SoftMatch {
        /// By what: off, user-name (the user principal name), user-name-or-mail (else the address at work).
        #[arg(value_parser = soft_match)]
        by: SoftMatch,
    },
    /// Says how many removals of one agent, or of one program, go through in 24 hours; more wait for an administrator's approval.
    Guard(tenant_guard::Guard),
    /// Says where the pages send people who need help; without an address, nowhere.
    HelpDesk {
        /// An https: or mailto: address.
        #[arg(value_parser = help_desk)]
        url: Option<String>,
    },
    /// Bans words from passwords, whatever the directory does; without a word, none. They are found in any case, and with digits and
    /// symbols in the place of letters. The agents judge them, and the pages show the rule while somebody types.
    BanWords {
        /// The words, of letters and digits.
        #[arg(value_parser = banned_word::parse)]
        words: Vec<String>,
    },
    /// Says how the pages look, and in whose name mails come. What is not named stays as it is.
    Brand {
        /// The organisation's name, on every page and mail.
        #[arg(long, value_parser = brand::name)]
        name: Option<String>,
        /// The colour of links and buttons, such as #0b5d4e. One that would be hard to read is refused with its contrast.
        #[arg(long)]
        accent: Option<Colour>,
        /// The same on dark pages; without it, a lighter one is made of the other.
        #[arg(long)]
        accent_dark: Option<Colour>,
        /// The logo: a PNG file of at most 32 KB, best 80 pixels high. It is shown 40 pixels high, in the place of the name.
        #[arg(long)]
        logo: Option<PathBuf>,
        /// The logo on dark pages; without it, the other one stands on white.
        #[arg(long)]
        logo_dark: Option<PathBuf>,
        /// Takes colours and logos away before anything else; the name stays.
        #[arg(long)]
        clear: bool,
    },
    /// Says how many days before a password expires its owner is told by mail, such as 14 7 1; without a day, never. Only people who may
    /// change it on these pages are told.
    ExpiryMails {
        /// The days before, from 1 to 90.
        days: Vec<u16>,
    },
    /// Says of which domains the people have no other directory than the tenant itself; without a domain, of none. Their passwords are
    /// judged and kept here, and not by an agent. A domain's people are all of one kind.
    CloudDomains {
        /// The domains of their sign-in names, such as cloud.contoso.com. Those below are others.
        #[arg(value_parser = domain)]
        domains: Vec<String>,
    },
    /// Says of which domains nobody may register an address for codes, with all below them; without a domain, of none. The
    /// mailbox at work and the domain of the sign-in name are refused anyway.
    ForbidMailDomains {
        /// The domains, such as contoso.com.
        #[arg(value_parser = domain)]
        domains: Vec<String>,
    },
}

impl Command {
    /// Whether it is not about the one tenant that `--tenant` names.
    pub(crate) const fn is_about_all(&self) -> bool {
        matches!(
            self,
            Self::Create(_) | Self::List | Self::Disable { .. } | Self::Enable { .. } | Self::Remove(_)
        )
    }
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
    /// Whether people who lack ways to prove that it is them are led at sign-in to register them, and to look through them when it is time.
    RequireRegistration,
    /// Whether administrators are told by mail when another one's password is reset.
    NotifyAdministrators,
    /// Whether people are told by mail that they should register what they lack, or look through it.
    RegistrationMails,
    /// Whether administrators show an authenticator app beside their password. Only a laboratory goes without.
    SecondFactor,
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
    match command {
        Command::Create(create) => return tenants::create(config, create).await,
        Command::List => return tenants::list(config).await,
        Command::Disable { which } => return tenants::disable(config, which, true).await,
        Command::Enable { which } => return tenants::disable(config, which, false).await,
        Command::Remove(remove) => return tenant_remove::run(config, remove).await,
        _ => {}
    }
    let mut installation = Installation::open(config).await?;
    if let Command::Languages { languages } = command {
        let mut offered: Vec<Language> = Vec::new();
        for language in languages.iter().map(|tag| Language::from(*tag)) {
            if !offered.contains(&language) {
                offered.push(language);
            }
        }
        let reason = format!("languages: {}", tags(&offered));
        installation.tenant.languages = offered;
        store(&installation, Activity::PolicyChanged, reason).await?;
    }
    if let Command::ForbidMailDomains { domains } = command {
        installation.tenant.forbidden_mail_domains.clone_from(domains);
        let reason = format!("forbidden mail domains: {}", listed(domains));
        store(&installation, Activity::PolicyChanged, reason).await?;
    }
    if let Command::CloudDomains { domains } = command {
        set_cloud_domains(&mut installation, domains).await?;
    }
    if let Command::SsprFor { groups } = command {
        let reason = sspr_for::set(&mut installation, groups).await?;
        store(&installation, Activity::PolicyChanged, reason).await?;
    }
    if let Command::BanWords { words } = command {
        if words.len() > banned_word::WORDS_AT_MOST {
            bail!("at most {} words: nothing was changed", banned_word::WORDS_AT_MOST);
        }
        installation.tenant.banned_words.clone_from(words);
        store(&installation, Activity::PolicyChanged, format!("banned words: {}", listed(words))).await?;
    }
    if let Command::Reconfirm { days } = command {
        let Some(after) = ReconfirmAfter::from_days(*days) else {
            bail!("at most {} days: nothing was changed", ReconfirmAfter::MOST);
        };
        installation.tenant.reconfirm_after = after;
        store(&installation, Activity::PolicyChanged, format!("confirmed again after {days} days")).await?;
    }
    if let Command::SoftMatch { by } = command {
        installation.tenant.soft_match = *by;
        let reason = format!("people of directories are matched: {}", matched(*by));
        store(&installation, Activity::PolicyChanged, reason).await?;
    }
    if let Command::Questions { to_register, to_ask, own, clear } = command {
        let now = &installation.tenant.questions;
        let mut all = if *clear { Vec::new() } else { now.own().to_vec() };
        all.extend(own.iter().cloned());
        let to_register = to_register.unwrap_or(now.to_register());
        let questions = QuestionPolicy::new(to_register, to_ask.unwrap_or(now.to_ask()), &all)
            .map_err(|fault| anyhow::anyhow!("{fault}: nothing was changed"))?;
        let reason = format!("security questions: {questions}");
        installation.tenant.questions = questions;
        store(&installation, Activity::PolicyChanged, reason).await?;
    }
    if let Command::DropGates { group } = command {
        let policies = installation.store.group_policies();
        let found = policies
            .list(installation.tenant.id)
            .await?
            .into_iter()
            .find(|one| one.name.as_ref() == Some(group) || one.group.to_string() == *group);
        let Some(found) = found else {
            bail!("the group '{group}' has no gates of its own: nothing was changed")
        };
        policies.remove(installation.tenant.id, found.group).await?;
        let reason = format!("gates of the group {group}: those of the tenant");
        super::audit(&installation, Activity::PolicyChanged, reason).await?;
    }
    if let Command::Brand { name, accent, accent_dark, logo, logo_dark, clear } = command {
        let wanted = brand::Options {
            name: name.as_deref(),
            accent: *accent,
            accent_dark: *accent_dark,
            logo: logo.as_deref(),
            logo_dark: logo_dark.as_deref(),
            clear: *clear,
        };
        brand::set(&mut installation, &wanted).await?;
        store(&installation, Activity::PolicyChanged, brand::reason(&installation.tenant)).await?;
        brand::forget_others(&installation.store, &installation.tenant).await?;
    }
    if let Command::ExpiryMails { days } = command {
        let days = expiry::days(days).map_err(|reason| anyhow::anyhow!("{reason}: nothing was changed"))?;
        if config.mail.is_none() && !days.is_empty() {
            bail!("there is no [mail] table, so that nobody can be told: nothing was changed");
        }
        let reason = format!("expiry mails: {}", in_days(&days));
        installation.tenant.expiry_days = days;
        store(&installation, Activity::PolicyChanged, reason).await?;
    }
    if let Command::Gates { gates, methods, to_register, same_twice, group, reconfirm } = command {
        let to_register = to_register.unwrap_or(if *same_twice { 1 } else { *gates });
        let policy = GatePolicy::new(*gates, methods.clone(), to_register, !same_twice)
            .map_err(|fault| anyhow::anyhow!("{fault}: nothing was changed"))?;
        if policy.allows(Method::Passkey)
            && let Err(none) = ritorno_http::passkeys::available(&installation.public_url)
        {
            bail!("{none}: nothing was changed");
        }
        if policy.allows(Method::Sms) && config.sms.is_none() {
            bail!(
                "there is no [sms] table in the configuration, so that no text message can be sent: nothing was changed"
            );
        }
        if let Some(name) = group {
            let group = super::group_named(&installation, name).await?.id;
            policy
                .stands_beside(&installation.tenant.gate_policy)
                .map_err(|fault| anyhow::anyhow!("{fault}: nothing was changed"))?;
            let after = reconfirm.and_then(ReconfirmAfter::from_days);
            installation.store.group_policies().set(installation.tenant.id, group, &policy, after).await?;
            let reason = format!("gates of the group {name}: {policy}{}", ReconfirmAfter::told(after));
            super::audit(&installation, Activity::PolicyChanged, reason).await?;
        } else {
            for one in installation.store.group_policies().list(installation.tenant.id).await? {
                let (Some(name), Err(fault)) = (one.name, one.policy.stands_beside(&policy)) else {
                    continue;
                };
                bail!("the group '{name}' has gates of its own, and {fault}: nothing was changed");
            }
            let reason = format!("gates: {policy}");
            installation.tenant.gate_policy = policy;
            store(&installation, Activity::PolicyChanged, reason).await?;
        }
    }
    if let Command::Guard(guard) = command {
        tenant_guard::set(&mut installation, guard).await?;
    }
    if let Command::HelpDesk { url } = command {
        installation.tenant.helpdesk_url.clone_from(url);
        let reason = format!("help desk: {}", url.as_deref().unwrap_or("none"));
        store(&installation, Activity::PolicyChanged, reason).await?;
    }
    if let Command::Set { switch, to } = command {
        let on = *to == OnOff::On;
        let tenant = &mut installation.tenant;
        let (activity, name) = match (switch, on) {
            (Switch::Sspr, _) => (Activity::PolicyChanged, "sspr"),
            (Switch::Unlock, _) => (Activity::PolicyChanged, "unlock"),
            (Switch::ForbidNames, _) => (Activity::PolicyChanged, "forbid-names"),
            (Switch::RequireRegistration, _) => (Activity::PolicyChanged, "require-registration"),
            (Switch::NotifyAdministrators, _) => (Activity::PolicyChanged, "notify-administrators"),
            (Switch::RegistrationMails, _) => (Activity::PolicyChanged, "registration-mails"),
            (Switch::SecondFactor, _) => (Activity::PolicyChanged, "second-factor"),
            (Switch::Writeback, true) => (Activity::WritebackEnabled, "writeback"),
            (Switch::Writeback, false) => (Activity::WritebackDisabled, "writeback"),
        };
        match switch {
            Switch::Sspr => tenant.sspr_enabled = on,
            Switch::Writeback => tenant.writeback_enabled = on,
            Switch::Unlock => tenant.unlock_enabled = on,
            Switch::ForbidNames => tenant.forbid_names = on,
            Switch::RequireRegistration => tenant.require_registration = on,
            Switch::NotifyAdministrators => tenant.notify_administrators = on,
            Switch::RegistrationMails => tenant.registration_mails = on,
            Switch::SecondFactor => tenant.second_factor = on,
        }
        store(&installation, activity, format!("{name} {}", position(on))).await?;
        if *switch == Switch::SecondFactor && on {
            // Whoever signed in while none was asked for has shown none.
            installation.store.sessions().delete_all(installation.tenant.id).await?;
        }
    }
    stuck::warn(&installation).await?;
    let tenant = &installation.tenant;
    say(format_args!("tenant        {} ({})", tenant.name, tenant.id))?;
    say(format_args!("address       {}", installation.public_address()))?;
    if tenant.disabled_at.is_some() {
        say("served        no: `ritorno tenant enable` serves it again")?;
    }
    say(format_args!("languages     {}", tags(&tenant.languages)))?;
    say(format_args!("sspr          {}", position(tenant.sspr_enabled)))?;
    say(format_args!("sspr for      {}", sspr_for::in_words(&installation).await?))?;
    say(format_args!("writeback     {}", position(tenant.writeback_enabled)))?;
    say(format_args!("unlock        {}", position(tenant.unlock_enabled)))?;
    say(format_args!("forbid-names  {}", position(tenant.forbid_names)))?;
    say(format_args!("second-factor {}", position(tenant.second_factor)))?;
    say(format_args!("banned words  {}", listed(&tenant.banned_words)))?;
    say(format_args!("brand         {}", brand::in_words(&tenant.brand)))?;
    say(format_args!("expiry mails  {}", in_days(&tenant.expiry_days)))?;
    say(format_args!("gates         {}", tenant.gate_policy))?;
    for one in installation.store.group_policies().list(tenant.id).await? {
        let name = one.name.unwrap_or_else(|| format!("{} (gone)", one.group));
        let asked = ReconfirmAfter::told(one.reconfirm_after);
        say(format_args!("gates for     {name}: {}{asked}", one.policy))?;
    }
    if tenant.gate_policy.allows(Method::Questions) {
        say(format_args!("questions     {}", tenant.questions))?;
    }
    say(format_args!("gates for     administrators: {}", GatePolicy::of_administrators()))?;
    say(format_args!("soft match    {}", matched(tenant.soft_match)))?;
    say(format_args!("guard         {}", tenant.removal_guard))?;
    say(format_args!("confirmed     {}", confirmed(tenant.reconfirm_after)))?;
    let none =
        "none: people who are refused get no link to it; `ritorno tenant help-desk URL` gives them one";
    say(format_args!("help desk     {}", tenant.helpdesk_url.as_deref().unwrap_or(none)))?;
    say(format_args!("forbidden mail domains  {}", listed(&tenant.forbidden_mail_domains)))?;
    say(format_args!("cloud domains           {}", listed(&tenant.cloud_domains)))?;
    say(format_args!("require-registration    {}", position(tenant.require_registration)))?;
    say(format_args!("notify-administrators   {}", position(tenant.notify_administrators)))?;
    say(format_args!("registration-mails      {}", position(tenant.registration_mails)))
}

/// Says whose people the tenant itself keeps. Nobody changes from one kind to the other by it.
async fn set_cloud_domains(installation: &mut Installation, domains: &[String]) -> anyhow::Result<()> {
    let passwords = installation.store.cloud_passwords();
    for domain in domains {
        let people = passwords.from_directories(installation.tenant.id, domain).await?;
        if people > 0 {
            bail!(
                "{people} people of {domain} come from a directory, and have their password there: nothing was changed"
            );
        }
    }
    let tenant = Tenant { cloud_domains: domains.to_vec(), ..installation.tenant.clone() };
    for one in passwords.people(tenant.id).await? {
        let name = SignInName::of_principal(&one.user_principal_name);
        if Realm::of(&tenant, &name) != Realm::Cloud {
            bail!("'{}' could not sign in any more: nothing was changed", one.user_principal_name);
        }
    }
    installation.tenant = tenant;
    store(installation, Activity::PolicyChanged, format!("cloud domains: {}", listed(domains))).await
}

fn method(name: &str) -> Result<Method, String> {
    let names = || Method::ALL.map(Method::as_str).join(", ");
    Method::from_name(name).ok_or_else(|| format!("no method is called '{name}': there are {}", names()))
}

fn help_desk(typed: &str) -> Result<String, String> {
    let url: Url = typed.parse().map_err(|error| format!("no address: {error}"))?;
    if matches!(url.scheme(), "https" | "mailto") {
        Ok(url.into())
    } else {
        Err("an address of the help desk begins with https: or mailto:".to_owned())
    }
}

fn soft_match(text: &str) -> Result<SoftMatch, String> {
    let known = [SoftMatch::Off, SoftMatch::UserName, SoftMatch::UserNameOrMail];
    let found = known.into_iter().find(|by| matched(*by) == text);
    found.ok_or_else(|| "one of: off, user-name, user-name-or-mail".to_owned())
}

const fn matched(by: SoftMatch) -> &'static str {
    match by {
        SoftMatch::Off => "off",
        SoftMatch::UserName => "user-name",
        SoftMatch::UserNameOrMail => "user-name-or-mail",
    }
}

fn confirmed(after: ReconfirmAfter) -> String {
    match after.days() {
        0 => "once".to_owned(),
        days => format!("again after {days} days"),
    }
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

fn tags(languages: &[Language]) -> String {
    let tags: Vec<&str> = languages.iter().map(|language| language.tag()).collect();
    tags.join(", ")
}

fn in_days(days: &[u16]) -> String {
    if days.is_empty() {
        return "none".to_owned();
    }
    let days: Vec<String> = days.iter().map(u16::to_string).collect();
    format!("{} days before", days.join(", "))
}

const fn position(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
