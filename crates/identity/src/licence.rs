//! Licences: which products a tenant has, what each lets its people do, and whether anybody asks.
//!
//! Products and service plans have Microsoft's names and identifiers, so that what an organisation owns can be written down as it
//! is. An organisation that hosts Ritorno itself owes nobody a licence: it has [`COMMUNITY`], which lets everybody do everything,
//! and nothing is assigned. Whoever serves others turns the gate on ([`Licensing::Assigned`]).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

/// Whether a tenant's people need a licence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Licensing {
    /// Nobody does.
    #[default]
    Community,
    /// Everybody needs one that was assigned to them, or to a group that they are in.
    Assigned,
}

/// What a licence lets a person do, each with what stands before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// Change a password that they know, if it is kept in the tenant. Everybody may.
    #[default]
    Free,
    /// Reset a forgotten one that is kept in the tenant.
    CloudReset,
    /// Change, reset and unlock what is kept on premises.
    Writeback,
}

impl Grant {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Free, Self::CloudReset, Self::Writeback];

    /// As it is stored: a larger number grants more.
    pub const fn as_number(self) -> i64 {
        match self {
            Self::Free => 0,
            Self::CloudReset => 1,
            Self::Writeback => 2,
        }
    }

    /// The grant of that number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_number() == number)
    }
}

/// What a person does with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A cloud-only person changes a known password.
    CloudChange,
    /// A cloud-only person resets a forgotten one.
    CloudReset,
    /// A hybrid person changes a known password.
    HybridChange,
    /// A hybrid person resets a forgotten one.
    HybridReset,
    /// A hybrid person unlocks the account. It travels the way of writeback, and so takes what writeback takes.
    HybridUnlock,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::CloudChange, Self::CloudReset, Self::HybridChange, Self::HybridReset, Self::HybridUnlock];

    /// What it takes.
    pub const fn takes(self) -> Grant {
        match self {
            Self::CloudChange => Grant::Free,
            Self::CloudReset => Grant::CloudReset,
            Self::HybridChange | Self::HybridReset | Self::HybridUnlock => Grant::Writeback,
        }
    }
}

impl Licensing {
    /// Whether somebody with `grant` may do `operation`.
    pub fn allows(self, grant: Grant, operation: Operation) -> bool {
        self == Self::Community || grant >= operation.takes()
    }
}

/// A service plan that grants something: a part of a product, which can be switched off for whoever has the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServicePlan {
    /// Its string id.
    pub name: &'static str,
    /// Its GUID.
    pub id: Uuid,
    /// What it grants.
    pub grants: Grant,
}

/// A product, which Microsoft calls a SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sku {
    /// Its string id (`skuPartNumber`).
    pub name: &'static str,
    /// The name on the invoice.
    pub title: &'static str,
    /// Its GUID (`skuId`).
    pub id: Uuid,
    /// What having paid for it grants, whichever plans are switched off.
    pub base: Grant,
    /// Its service plans that grant something here.
    pub plans: &'static [ServicePlan],
}

const P1: ServicePlan = ServicePlan {
    name: "AAD_PREMIUM",
    id: uuid!("41781fb2-bc02-4b7c-bd55-b576c07bb09d"),
    grants: Grant::Writeback,
};
const P2: ServicePlan = ServicePlan {
    name: "AAD_PREMIUM_P2",
    id: uuid!("eec0eb4f-6444-4f95-aba0-50c24d67f998"),
    grants: Grant::Writeback,
};
const BASIC: ServicePlan = ServicePlan {
    name: "AAD_BASIC",
    id: uuid!("c4da7f8a-5ee2-4c99-a7e1-87d2df57f6fe"),
    grants: Grant::CloudReset,
};
const EVERYTHING: ServicePlan = ServicePlan {
    name: "RITORNO_COMMUNITY",
    id: uuid!("7d1f0b1e-5f0c-4b56-9b0e-5d3b2f6a4c11"),
    grants: Grant::Writeback,
};

/// What everybody has where nobody asks for licences. It is never bought and never assigned.
pub const COMMUNITY: Sku = Sku {
    name: "RITORNO_COMMUNITY",
    title: "Ritorno Community",
    id: uuid!("0b5e6f52-0d0e-4f0a-8b9a-2f7a3c1d9e10"),
    base: Grant::Free,
    plans: &[EVERYTHING],
};

/// Every product that a tenant may write down (Microsoft Learn, 'Product names and service plan identifiers for licensing').
pub const SKUS: [Sku; 11] = [
    sku("AAD_PREMIUM", "Entra ID P1", uuid!("078d2b04-f1bd-4111-bbd4-b4b1b354cef4"), Grant::Free, &[P1]),
    sku(
        "AAD_PREMIUM_P2",
        "Entra ID P2",
        uuid!("84a661c4-e949-4bd2-a560-ed7766fcaf2b"),
        Grant::Free,
        &[P1, P2],
    ),
    sku("AAD_BASIC", "Azure AD Basic", uuid!("2b9c8e7c-319c-43a2-a2a0-48c5c6161de7"), Grant::Free, &[BASIC]),
    sku(
        "EMS",
        "Enterprise Mobility + Security E3",
        uuid!("efccb6f7-5641-4e0e-bd10-b4976e1bf68e"),
        Grant::Free,
        &[P1],
    ),
    sku(
        "EMSPREMIUM",
        "Enterprise Mobility + Security E5",
        uuid!("b05e124f-c7cc-45a0-a6aa-8cf78c946968"),
        Grant::Free,
        &[P1, P2],
    ),
    sku(
        "ENTERPRISEPACK",
        "Office 365 E3",
        uuid!("6fd2c87f-b296-42f0-b197-1e91e994b900"),
        Grant::CloudReset,
        &[],
    ),
    sku(
        "O365_BUSINESS_PREMIUM",
        "Microsoft 365 Business Standard",
        uuid!("f245ecc8-75af-4f8e-b61f-27d8114de5f3"),
        Grant::CloudReset,
        &[],
    ),
    sku(
        "SPB",
        "Microsoft 365 Business Premium",
        uuid!("cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"),
        Grant::CloudReset,
        &[P1],
    ),
    sku(
        "SPE_F1",
        "Microsoft 365 F3",
        uuid!("66b55226-6b4f-492c-910c-a3b7a3c9d993"),
        Grant::CloudReset,
        &[P1],
    ),
    sku(
        "SPE_E3",
        "Microsoft 365 E3",
        uuid!("05e9a617-0261-4cee-bb44-138d3ef5d965"),
        Grant::CloudReset,
        &[P1],
    ),
    sku(
        "SPE_E5",
        "Microsoft 365 E5",
        uuid!("06ebc4ee-1bb5-47dd-8120-11324bc54e06"),
        Grant::CloudReset,
        &[P1, P2],
    ),
];

const fn sku(
    name: &'static str,
    title: &'static str,
    id: Uuid,
    base: Grant,
    plans: &'static [ServicePlan],
) -> Sku {
    Sku { name, title, id, base, plans }
}

impl Sku {
    /// The product of that string id, in any case, or of that GUID.
    pub fn find(text: &str) -> Option<&'static Self> {
        let id = text.parse().ok();
        SKUS.iter().find(|sku| sku.name.eq_ignore_ascii_case(text) || Some(sku.id) == id)
    }

    /// The product's service plan of that string id, in any case, or of that GUID.
    pub fn plan(&self, text: &str) -> Option<&'static ServicePlan> {
        let id = text.parse().ok();
        self.plans.iter().find(|plan| plan.name.eq_ignore_ascii_case(text) || Some(plan.id) == id)
    }

    /// What it grants to whoever has it with these plans switched off.
    pub fn grants(&self, disabled: &BTreeSet<Uuid>) -> Grant {
        let left = self.plans.iter().filter(|plan| !disabled.contains(&plan.id));
        left.map(|plan| plan.grants).fold(self.base, Grant::max)
    }
}

/// A country's two letters (ISO 3166-1 alpha-2), in which a product is used: some may not be sold everywhere, so nothing is assigned
/// to somebody of whom it is not known.
///
/// # Errors
/// What is wrong with it, in words.
pub fn usage_location(text: &str) -> Result<String, String> {
    match text.trim().to_ascii_uppercase() {
        country if country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_uppercase()) => {
            Ok(country)
        }
        _ => Err(format!("a usage location is a country's two letters, such as IT, and not '{text}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Microsoft's matrix ('Licensing requirements for self-service password reset'), a line for each product: change and reset of what
    /// is kept in the tenant, then change, reset and unlock of what is kept on premises.
    const MATRIX: [(&str, [bool; 5]); 12] = [
        ("none", [true, false, false, false, false]),
        ("AAD_BASIC", [true, true, false, false, false]),
        ("ENTERPRISEPACK", [true, true, false, false, false]),
        ("O365_BUSINESS_PREMIUM", [true, true, false, false, false]),
        ("SPB", [true; 5]),
        ("AAD_PREMIUM", [true; 5]),
        ("AAD_PREMIUM_P2", [true; 5]),
        ("EMS", [true; 5]),
        ("EMSPREMIUM", [true; 5]),
        ("SPE_F1", [true; 5]),
        ("SPE_E3", [true; 5]),
        ("SPE_E5", [true; 5]),
    ];

    #[test]
    fn each_cell_of_the_matrix() {
        assert_eq!(MATRIX.len(), SKUS.len() + 1, "no product is left out");
        for (name, expected) in MATRIX {
            let grant = Sku::find(name).map_or(Grant::Free, |sku| sku.grants(&BTreeSet::new()));
            let allowed = Operation::ALL.map(|operation| Licensing::Assigned.allows(grant, operation));
            assert_eq!(allowed, expected, "{name}");
            assert_eq!(Operation::ALL.map(|one| Licensing::Community.allows(grant, one)), [true; 5]);
        }
    }

    #[test]
    fn what_was_enough_by_the_old_wording_still_is() {
        // 'Any paid Office 365, or Azure AD Basic' for the cloud; P1, P2, EMS and what contains them for writeback.
        let grant = |name| Sku::find(name).unwrap().grants(&BTreeSet::new());
        for name in ["ENTERPRISEPACK", "O365_BUSINESS_PREMIUM", "AAD_BASIC"] {
            assert!(Licensing::Assigned.allows(grant(name), Operation::CloudReset), "{name}");
        }
        for name in ["AAD_PREMIUM", "AAD_PREMIUM_P2", "EMS", "EMSPREMIUM", "SPE_E3", "SPE_E5", "SPE_F1"] {
            assert!(Licensing::Assigned.allows(grant(name), Operation::HybridReset), "{name}");
        }
    }

    #[test]
    fn a_plan_that_is_switched_off_grants_nothing() {
        let off = |plans: &[ServicePlan]| plans.iter().map(|plan| plan.id).collect();
        let [e3, e5, p1] = ["spe_e3", "spe_e5", "aad_premium"].map(|name| Sku::find(name).unwrap());
        assert_eq!(e3.grants(&off(&[P1])), Grant::CloudReset);
        assert_eq!(e5.grants(&off(&[P1])), Grant::Writeback, "the other plan is left");
        assert_eq!(e5.grants(&off(&[P1, P2])), Grant::CloudReset);
        assert_eq!(p1.grants(&off(&[P1])), Grant::Free);
        assert_eq!(COMMUNITY.grants(&BTreeSet::new()), Grant::Writeback);
    }

    #[test]
    fn a_product_is_found_by_either_name() {
        for sku in &SKUS {
            assert_eq!(Sku::find(&sku.id.to_string()), Some(sku));
            assert_eq!(Sku::find(&sku.name.to_lowercase()), Some(sku));
            for plan in sku.plans {
                assert_eq!(sku.plan(plan.name), Some(plan));
                assert_eq!(sku.plan(&plan.id.to_string()), Some(plan));
            }
        }
        assert_eq!(Sku::find(COMMUNITY.name), None, "it is not bought");
        assert_eq!(Sku::find("SPE_E3").unwrap().plan("AAD_BASIC"), None);
    }

    #[test]
    fn numbers_survive_the_way_and_grow_with_what_they_grant() {
        assert!(Grant::ALL.is_sorted());
        for grant in Grant::ALL {
            assert_eq!(Grant::from_number(grant.as_number()), Some(grant));
        }
        assert_eq!(Grant::from_number(3), None);
        assert!(Grant::ALL.map(Grant::as_number).is_sorted());
    }

    #[test]
    fn a_usage_location_is_two_letters() {
        assert_eq!(usage_location(" it "), Ok("IT".to_owned()));
        for wrong in ["", "I", "ITA", "1T", "é"] {
            assert!(usage_location(wrong).unwrap_err().contains("two letters"), "{wrong}");
        }
    }
}
