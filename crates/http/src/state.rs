//! What every handler stands on: one tenant, and what it shares with the others of this process.

use std::sync::Arc;

use ritorno_identity::pepper::Pepper;
use ritorno_protocol::clock::Clock;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::random::Random;
use ritorno_relay::relay::Relay;
use ritorno_storage::{NodeKey, Store};
use tokio::sync::Notify;
use url::Url;

use crate::api::tails::Tails;
use crate::client::Proxies;
use crate::keys::Keys;
use crate::mail::arrival::watch::Looked;
use crate::releases::Releases;
use crate::scim::guard::HeldTold;
use crate::scim::scans::Scans;

/// What every handler stands on. Cloning is cheap.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub store: Store,
    /// The agents' links.
    pub relay: Arc<Relay>,
    /// The tenant's keys.
    pub keys: Arc<Keys>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub random: Arc<dyn Random>,
    /// The tenant. Whoever has a state has this one's only: each has its own, with its own routes.
    pub tenant: TenantId,
    /// The secret behind keyed digests.
    pub pepper: Pepper,
    /// What wraps secrets in the database.
    pub node_key: NodeKey,
    /// What the configuration says.
    pub settings: Arc<Settings>,
    /// Wakes the task that sends mail.
    pub mail_wake: Arc<Notify>,
    /// What the DNS of the sender's domain said last: one for all tenants.
    pub mail_looked: Arc<Looked>,
    /// Wakes the task that sends text messages.
    pub sms_wake: Arc<Notify>,
    /// When the log last told of each agent's held removals.
    pub held_told: Arc<HeldTold>,
    /// The agents that have a list looked through.
    pub scans: Arc<Scans>,
    /// Who looks on at the audit.
    pub tails: Arc<Tails>,
}

/// What the configuration says, as far as handlers need it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address that people and agents use, without a slash at its end.
    pub public_url: Url,
    /// What stands between people and this server.
    pub proxies: Proxies,
    /// The agent's packages that are offered for download.
    pub releases: Releases,
    /// Whether there is a gateway for text messages.
    pub sms: bool,
    /// Whether mail goes out.
    pub mail: bool,
}

impl Settings {
    /// The public address as text, without a slash at its end: what tokens and assertions name.
    pub fn public_address(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }
}
