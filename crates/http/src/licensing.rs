//! Who gets a licence: one operation for the console and the command line.

use std::collections::BTreeSet;

use ritorno_identity::licence::{SKUS, Sku, usage_location};
use ritorno_identity::name::SignInName;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::{Assigned, Assignment, Holder, Store, StoreError};

use crate::i18n::key;

/// Which groups there are, for whoever named one that there is not.
pub const WHERE_GROUPS_ARE: &str = "those of a directory come with the synchronisation, once they are in its scope; the tenant's own are named as \
     scim:NAME, or by their id";

/// Whom a licence is for, as it was typed.
#[derive(Clone, Copy, Debug)]
pub enum Whom<'a> {
    /// A person's sign-in name.
    Person(&'a str),
    /// A directory's group by its name to show or by `DOMAIN\account`, one of the tenant's own by its name behind
    /// [`OWN_NAME`](ritorno_identity::group::OWN_NAME), or any by its id.
    Group(&'a str),
}

/// What to assign.
#[derive(Clone, Copy, Debug)]
pub struct Assign<'a> {
    /// The product, by its string id or GUID.
    pub sku: &'a str,
    /// Whom it is for.
    pub whom: Whom<'a>,
    /// Its service plans that are switched off, by string id or GUID.
    pub without: &'a [String],
    /// Where it is used, if not where the tenant is.
    pub location: Option<&'a str>,
}

/// Why it was not assigned. Its words are the operator's on the command line; the console says [`LicensingFault::told`].
#[derive(Debug, thiserror::Error)]
pub enum LicensingFault {
    /// There is no such product.
    #[error("'{0}' is no product that is known here: {names}", names = names())]
    NoProduct(String),
    /// The product has no such plan.
    #[error("{0} has no service plan '{1}' that grants anything here: nothing was assigned")]
    NoPlan(&'static str, String),
    /// Neither a person nor a group was named, or both were.
    #[error("name a person or a group, and not both")]
    WhomOne,
    /// Nobody is called so.
    #[error("the tenant has nobody whose sign-in name is '{0}': people come with the synchronisation")]
    NoPerson(String),
    /// No group is called so.
    #[error("the tenant has no group '{0}': {WHERE_GROUPS_ARE}")]
    NoGroup(String),
    /// Several groups are called so.
    #[error("{1} groups are called '{0}': name it as DOMAIN\\account, or by its id")]
    SeveralGroups(String, usize),
    /// It is no country.
    #[error("{0}")]
    Location(String),
    /// Nobody said where it is used.
    #[error("nothing is assigned before it is known where it is used: `ritorno licence location IT`")]
    NoLocation,
    /// It was not bought.
    #[error("the tenant has not bought {0}: `ritorno licence buy {0} UNITS`")]
    NotSubscribed(&'static str),
    /// There are not so many.
    #[error("{needed} people would have {sku}, and {units} were bought: nothing was assigned")]
    TooFew {
        /// The product.
        sku: &'static str,
        /// How many there are.
        units: u32,
        /// How many it would take.
        needed: u32,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LicensingFault {
    /// The key of what the console says; `None` where the database failed.
    pub const fn told(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoProduct(_) | Self::NoPlan(..) => key("licences-no-product"),
            Self::WhomOne => key("licences-whom-one"),
            Self::NoPerson(_) => key("licences-no-person"),
            Self::NoGroup(_) => key("licences-no-group"),
            Self::SeveralGroups(..) => key("licences-several-groups"),
            Self::Location(_) => key("licences-location-wrong"),
            Self::NoLocation => key("licences-no-location"),
            Self::NotSubscribed(_) => key("licences-not-bought"),
            Self::TooFew { .. } => key("licences-too-few"),
            Self::Store(_) => return None,
        })
    }
}

fn names() -> String {
    SKUS.map(|sku| sku.name).join(", ")
}

/// The product of that string id or GUID.
///
/// # Errors
/// [`LicensingFault::NoProduct`].
pub fn product(text: &str) -> Result<&'static Sku, LicensingFault> {
    Sku::find(text.trim()).ok_or_else(|| LicensingFault::NoProduct(text.to_owned()))
}

/// Who that is.
///
/// # Errors
/// [`LicensingFault`], if nobody or several are called so.
pub async fn holder(store: &Store, tenant: &Tenant, whom: Whom<'_>) -> Result<Holder, LicensingFault> {
    match whom {
        Whom::Person(typed) => {
            let nobody = || LicensingFault::NoPerson(typed.to_owned());
            let name = SignInName::parse(typed).map_err(|_| nobody())?;
            let found = store.users().by_sign_in_name(tenant.id, &name).await?;
            found.map(|user| Holder::User(user.id)).ok_or_else(nobody)
        }
        Whom::Group(typed) => match store.groups().named(tenant.id, typed.trim()).await?.as_slice() {
            [] => Err(LicensingFault::NoGroup(typed.to_owned())),
            [group] => Ok(Holder::Group(group.id)),
            several => Err(LicensingFault::SeveralGroups(typed.to_owned(), several.len())),
        },
    }
}

/// Assigns it.
///
/// # Errors
/// [`LicensingFault`]; nothing is assigned then.
pub async fn assign(
    store: &Store,
    tenant: &Tenant,
    asked: Assign<'_>,
    now: Timestamp,
) -> Result<Assignment, LicensingFault> {
    let sku = product(asked.sku)?;
    let mut disabled_plans = BTreeSet::new();
    for plan in asked.without {
        let found = sku.plan(plan.trim()).ok_or_else(|| LicensingFault::NoPlan(sku.name, plan.clone()))?;
        disabled_plans.insert(found.id);
    }
    let location = match asked.location {
        Some(text) => usage_location(text).map_err(LicensingFault::Location)?,
        None => tenant.usage_location.clone().ok_or(LicensingFault::NoLocation)?,
    };
    let holder = holder(store, tenant, asked.whom).await?;
    let assignment = Assignment { sku, holder, disabled_plans, usage_location: location, assigned_at: now };
    match store.licences().assign(tenant.id, &assignment).await? {
        Assigned::Done => Ok(assignment),
        Assigned::TooFew { units, needed } => Err(LicensingFault::TooFew { sku: sku.name, units, needed }),
        Assigned::NotSubscribed => Err(LicensingFault::NotSubscribed(sku.name)),
        Assigned::NoHolder => Err(match asked.whom {
            Whom::Person(typed) => LicensingFault::NoPerson(typed.to_owned()),
            Whom::Group(typed) => LicensingFault::NoGroup(typed.to_owned()),
        }),
    }
}
