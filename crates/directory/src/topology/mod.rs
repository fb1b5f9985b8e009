//! Everything that an agent should know of a forest: its domains, its controllers, their sites, and who holds the PDC emulator's role.
//!
//! Controllers are what has an `nTDSDSA` object (MS-ADTS 6.1.1.2.2.1.2.1.1), read over an authenticated connection. DNS and the LDAP
//! ping are asked too, and are hints: what only they name is shown, and is never sent a credential.

mod ping;
mod read;
mod shape;

use ritorno_protocol::ids::Forest;
use serde::Serialize;

pub use ping::Ping;
pub(crate) use ping::{parse as parse_ping, ping_own_domain};
pub(crate) use read::{Place, domain_of_forest, places};
pub(crate) use shape::is_read_only;

/// A forest, as one of its controllers and DNS told it.
#[derive(Clone, Debug, Serialize)]
pub struct Topology {
    /// The name of the domain that it was read for, as configured.
    pub forest: Forest,
    /// The controller that the configuration naming context was read from.
    pub read_from: String,
    /// The forest's functional level, if it can be read.
    pub level: Option<u32>,
    /// The site that the controllers take this machine to be in; `None` if no subnet of the forest holds its address.
    pub own_site: Option<String>,
    /// What may stand behind the @ of a user principal name: the domains' names, and the suffixes that the forest adds.
    pub upn_suffixes: Vec<String>,
    /// Its domains, the root first.
    pub domains: Vec<Domain>,
    /// Its controllers, by name.
    pub controllers: Vec<Controller>,
    /// Hosts that DNS calls controllers and that have no `nTDSDSA` object: left over, or somebody's trap.
    pub strangers: Vec<String>,
    /// What could not be read, for operators.
    pub gaps: Vec<String>,
}

/// A domain of the forest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Domain {
    /// Its naming context.
    pub dn: String,
    /// Its DNS name, in lower case.
    pub dns_name: String,
    /// Its NetBIOS name.
    pub netbios_name: String,
    /// Its functional level, if it can be read.
    pub level: Option<u32>,
    /// Who is its PDC emulator.
    pub pdc: PdcRole,
}

/// Who holds the PDC emulator's role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum PdcRole {
    /// `fSMORoleOwner` names it, and it says so itself.
    Confirmed {
        /// Its name.
        host: String,
    },
    /// `fSMORoleOwner` names it, and it does not answer, or says that it is not.
    Unconfirmed {
        /// Its name.
        host: String,
        /// What it answered.
        why: String,
    },
    /// Nobody could be asked, or the role's owner is no controller.
    Unknown {
        /// Why.
        why: String,
    },
}

impl PdcRole {
    /// The role's holder, if one is named.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Confirmed { host } | Self::Unconfirmed { host, .. } => Some(host),
            Self::Unknown { .. } => None,
        }
    }
}

/// A domain controller.
#[derive(Clone, Debug, Serialize)]
pub struct Controller {
    /// Its DNS name, in lower case.
    pub host: String,
    /// Naming context of its domain.
    pub domain: String,
    /// Its site.
    pub site: String,
    /// Whether it takes writes; `false` for an RODC.
    pub writable: bool,
    /// Whether it is a global catalogue.
    pub global_catalog: bool,
    /// The functional level that it can do.
    pub level: Option<u32>,
    /// Its operating system with version, if its computer object tells.
    pub system: Option<String>,
    /// Whether DNS names it as a controller of its domain.
    pub in_dns: bool,
    /// What it answered to an LDAP ping.
    pub answer: Answer,
}

/// What a controller answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Answer {
    /// It answered.
    Here {
        /// Connecting, TLS and ping together.
        milliseconds: u64,
        /// Whether it says that it is the PDC emulator; `None` if it knows no LDAP ping.
        is_pdc: Option<bool>,
    },
    /// It did not.
    Silent {
        /// Why.
        why: String,
    },
}

/// What administrators call a functional level (MS-ADTS 6.1.4.2).
pub fn level_name(level: u32) -> String {
    match level {
        0 => "2000".to_owned(),
        1 => "2003 interim".to_owned(),
        2 => "2003".to_owned(),
        3 => "2008".to_owned(),
        4 => "2008 R2".to_owned(),
        5 => "2012".to_owned(),
        6 => "2012 R2".to_owned(),
        7 => "2016".to_owned(),
        10 => "2025".to_owned(),
        other => format!("level {other}"),
    }
}
