//! `ritorno licence`: whether people need one, what was bought, and who has what.

use anyhow::bail;
use clap::{Args, Subcommand};
use ritorno_http::licensing::{self, Assign, LicensingFault, Whom};
use ritorno_identity::audit::Activity;
use ritorno_identity::licence::{COMMUNITY, Licensing, Operation, SKUS, usage_location};
use ritorno_identity::tenant::Tenant;
use ritorno_storage::Holder;

use super::tenant::OnOff;
use crate::config::Config;
use crate::installation::Installation;
use crate::output::{say, table, warn};
use crate::system;

/// Assignments and names that are shown at once.
const SHOWN: u32 = 100;

/// What `licence` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Prints whether people need a licence, what was bought, and who has what.
    Show {
        /// Leaves out so many assignments.
        #[arg(long, default_value_t = 0)]
        skip: u32,
    },
    /// Lists the products that are known, and what each lets people do.
    Products,
    /// Says whether people need a licence. Off is 'Ritorno Community': whoever hosts this for themselves owes nobody one.
    Require {
        /// On or off.
        #[arg(value_enum)]
        to: OnOff,
    },
    /// Says in which country products are used, where it is not said with an assignment.
    Location {
        /// A country's two letters, such as IT.
        #[arg(value_parser = usage_location)]
        country: String,
    },
    /// Writes down that a product was bought, and for how many people. With 0 nobody more gets it.
    Buy {
        /// The product, by its string id or GUID.
        product: String,
        /// For how many people.
        units: u32,
    },
    /// Takes a product from the tenant, and from everybody who has it.
    Drop {
        /// The product, by its string id or GUID.
        product: String,
    },
    /// Assigns a product to a person, or to a group and all in it, directly or through other groups.
    Assign {
        /// The product, by its string id or GUID.
        product: String,
        #[command(flatten)]
        whom: HolderNamed,
        /// Switches one of its service plans off for them.
        #[arg(long = "without", value_name = "PLAN")]
        without: Vec<String>,
        /// In which country it is used, if not in the tenant's.
        #[arg(long)]
        location: Option<String>,
    },
    /// Takes an assignment back.
    Revoke {
        /// The product, by its string id or GUID.
        product: String,
        #[command(flatten)]
        whom: HolderNamed,
    },
    /// Lists the people whose password could not be written back for want of a licence, if people needed one.
    Refused {
        /// Leaves out so many.
        #[arg(long, default_value_t = 0)]
        skip: u32,
    },
}

/// A person or a group.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct HolderNamed {
    /// A person's sign-in name.
    #[arg(long)]
    person: Option<String>,
    /// A group's name, or DOMAIN\account.
    #[arg(long)]
    group: Option<String>,
}

impl HolderNamed {
    fn whom(&self) -> Whom<'_> {
        match (&self.person, &self.group) {
            (Some(person), _) => Whom::Person(person),
            (None, group) => Whom::Group(group.as_deref().unwrap_or_default()),
        }
    }
}

impl std::fmt::Display for HolderNamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.whom() {
            Whom::Person(name) => write!(f, "{name}"),
            Whom::Group(name) => write!(f, "group {name}"),
        }
    }
}

/// Does it.
///
/// # Errors
/// When it is not possible, or the database fails.
pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let mut installation = Installation::open(config).await?;
    match command {
        Command::Show { skip } => show(&installation, skip).await,
        Command::Products => products(),
        Command::Require { to } => {
            let on = to == OnOff::On;
            installation.tenant.licensing = if on { Licensing::Assigned } else { Licensing::Community };
            let word = if on { "licences are needed" } else { "no licences are needed" };
            store(&installation, word.to_owned()).await?;
            warn_of_refusals(&installation).await?;
            say(word)
        }
        Command::Location { country } => {
            installation.tenant.usage_location = Some(country.clone());
            store(&installation, format!("usage location: {country}")).await?;
            say(format_args!("usage location: {country}"))
        }
        Command::Buy { product, units } => {
            let sku = licensing::product(&product)?;
            installation.store.licences().subscribe(installation.tenant.id, sku, units).await?;
            let reason = format!("{}: {units} bought", sku.name);
            super::audit(&installation, Activity::LicensingChanged, reason.clone()).await?;
            say(reason)
        }
        Command::Drop { product } => {
            let sku = licensing::product(&product)?;
            if !installation.store.licences().unsubscribe(installation.tenant.id, sku).await? {
                bail!(LicensingFault::NotSubscribed(sku.name));
            }
            let reason = format!("{}: dropped", sku.name);
            super::audit(&installation, Activity::LicensingChanged, reason.clone()).await?;
            warn_of_refusals(&installation).await?;
            say(reason)
        }
        Command::Assign { product, whom, without, location } => {
            let (sku, location) = (product.as_str(), location.as_deref());
            let asked = Assign { sku, whom: whom.whom(), without: &without, location };
            let now = system::clock().now();
            let assigned = licensing::assign(&installation.store, &installation.tenant, asked, now).await?;
            let reason = format!("{} assigned to {whom}", assigned.sku.name);
            super::audit(&installation, Activity::LicenceChanged, reason.clone()).await?;
            say(reason)
        }
        Command::Revoke { product, whom } => revoke(&installation, &product, &whom).await,
        Command::Refused { skip } => {
            let (licences, tenant) = (installation.store.licences(), installation.tenant.id);
            for name in licences.names_without_writeback(tenant, skip, SHOWN).await? {
                say(name)?;
            }
            let all = licences.count_without_writeback(tenant).await?;
            more(skip, all)
        }
    }
}

async fn revoke(installation: &Installation, product: &str, whom: &HolderNamed) -> anyhow::Result<()> {
    let (store, tenant) = (&installation.store, &installation.tenant);
    let sku = licensing::product(product)?;
    let holder = licensing::holder(store, tenant, whom.whom()).await?;
    if !store.licences().revoke(tenant.id, sku, holder).await? {
        bail!("{} is not assigned to {whom}; `ritorno licence show` lists what is", sku.name);
    }
    let reason = format!("{} taken from {whom}", sku.name);
    super::audit(installation, Activity::LicenceChanged, reason.clone()).await?;
    warn_of_refusals(installation).await?;
    say(reason)
}

async fn show(installation: &Installation, skip: u32) -> anyhow::Result<()> {
    let (licences, tenant) = (installation.store.licences(), &installation.tenant);
    say(format_args!("licences        {}", in_words(tenant)))?;
    say(format_args!("usage location  {}", tenant.usage_location.as_deref().unwrap_or("unknown")))?;
    let mut bought = table(["product", "name", "bought", "in use"]);
    let subscribed = licences.subscribed(tenant.id).await?;
    let over = subscribed.iter().filter(|one| one.consumed > one.units);
    for one in over {
        warn(format_args!("{} people have {}, and {} were bought", one.consumed, one.sku.name, one.units));
    }
    for one in &subscribed {
        bought.add_row([
            one.sku.title.into(),
            one.sku.name.into(),
            one.units.to_string(),
            one.consumed.to_string(),
        ]);
    }
    if !subscribed.is_empty() {
        say(bought)?;
    }
    let assignments = licences.assignments(tenant.id, skip, SHOWN).await?;
    let mut assigned = table(["who", "product", "where", "without"]);
    for one in &assignments {
        let assignment = &one.assignment;
        let who = match assignment.holder {
            Holder::User(_) => one.name.clone(),
            Holder::Group(_) => format!("group {}", one.name),
        };
        let location = assignment.usage_location.clone();
        assigned.add_row([who, assignment.sku.name.to_owned(), location, assignment.without()]);
    }
    if !assignments.is_empty() {
        say(assigned)?;
    }
    if assignments.len() == SHOWN as usize {
        say(format_args!("there may be more: --skip {}", skip + SHOWN))?;
    }
    warn_of_refusals(installation).await
}

fn products() -> anyhow::Result<()> {
    let mut known = table(["product", "name", "reset in the cloud", "writeback", "GUID"]);
    for sku in [&COMMUNITY].into_iter().chain(&SKUS) {
        let grant = sku.grants(&std::collections::BTreeSet::new());
        let may = |operation| if Licensing::Assigned.allows(grant, operation) { "yes" } else { "no" };
        let (cloud, writeback) = (may(Operation::CloudReset), may(Operation::HybridReset));
        let id = sku.id.to_string();
        known.add_row([sku.title.into(), sku.name.into(), cloud.to_owned(), writeback.to_owned(), id]);
    }
    say(known)
}

/// Says how many people are refused now, since nobody sees it before they try.
async fn warn_of_refusals(installation: &Installation) -> anyhow::Result<()> {
    let (licences, tenant) = (installation.store.licences(), &installation.tenant);
    if tenant.licensing == Licensing::Community {
        return Ok(());
    }
    let refused = licences.count_without_writeback(tenant.id).await?;
    if refused > 0 {
        warn(format_args!(
            "{refused} people are refused for want of a licence (SSPR_0012): `ritorno licence refused` names them"
        ));
    }
    Ok(())
}

async fn store(installation: &Installation, reason: String) -> anyhow::Result<()> {
    if !installation.store.tenants().update(&installation.tenant).await? {
        bail!("the tenant is gone");
    }
    super::audit(installation, Activity::LicensingChanged, reason).await
}

fn in_words(tenant: &Tenant) -> String {
    match tenant.licensing {
        Licensing::Community => format!("not needed ({})", COMMUNITY.title),
        Licensing::Assigned => "needed".to_owned(),
    }
}

fn more(skip: u32, all: u32) -> anyhow::Result<()> {
    let seen = skip.saturating_add(SHOWN);
    if all > seen { say(format_args!("{all} in all; the next ones: --skip {seen}")) } else { Ok(()) }
}
