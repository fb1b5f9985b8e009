//! What a run needs to know of a connector.

use std::time::Duration;

use ritorno_protocol::ids::Forest;
use sha2::{Digest as _, Sha256};

use crate::guard::Guard;
use crate::rules::Rules;

/// The engine's edge to one directory. The engine keeps what belongs to it under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// The name that commands and logs use; the engine's key for everything staged through it.
    pub name: String,
    /// The forest its people live in.
    pub forest: Forest,
    /// NetBIOS name of their domain.
    pub domain: String,
    /// DNS name of their domain: the suffix of the implied userPrincipalName.
    pub dns_domain: String,
    /// Its place among the connectors, from 0: of two accounts of one person, both enabled or both not, the one of the lower counts.
    pub rank: u32,
    /// Which objects become people, and from which attributes.
    pub rules: Rules,
    /// How many removals may go out unseen.
    pub guard: Guard,
    /// People who are gone are suspended in the tenant first, and removed after this long; removed at once without it.
    pub suspend_first: Option<Duration>,
    /// Imports give people in scope who lack one an anchor of their own in the directory, from `objectGUID`.
    pub fill_anchors: bool,
}

impl Connector {
    /// A digest of all that decides who is in scope: `scope` of the import, rules and names.
    pub(crate) fn fingerprint(&self, scope: &str) -> String {
        let names = (&self.forest.0, &self.domain, &self.dns_domain, self.rank);
        let parts = (scope, self.rules.texts(), names);
        let json = serde_json::to_vec(&parts).expect("plain strings and lists always become JSON");
        crate::object::hex(&Sha256::digest(json))
    }

    /// A digest of what a sync judges by: rules and names.
    pub(crate) fn rules_fingerprint(&self) -> String {
        self.fingerprint("")
    }
}
