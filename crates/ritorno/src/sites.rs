//! The tenants that this process serves. Each is a site: a state, routes, links and tasks of its own, so that nothing of one is at the hands of
//! another. What they share is the listener, the database, and the ways out for mail and text messages.
//!
//! Tenants are taken up and let go while the process runs: it looks at the database each few seconds.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ritorno_http::AppState;
use ritorno_http::audit_chain::{AuditSink, FileSink};
use ritorno_http::hosts::{Hosts, host_of};
use ritorno_http::ledger::StoreLedger;
use ritorno_http::mail::arrival::{Sender, watch as mail_watch};
use ritorno_http::mail::transport::Mailer;
use ritorno_http::mail::work::{Carrier, work};
use ritorno_http::sms::gateway::Gateway;
use ritorno_http::state::Settings;
use ritorno_identity::method::Method;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Clock;
use ritorno_protocol::ids::TenantId;
use ritorno_relay::relay::Relay;
use ritorno_relay::timer::SystemTimer;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tracing::Instrument as _;

use crate::config::Config;
use crate::installation::{Ground, Installation};
use crate::system;

/// How often it is looked for tenants that were made, or are not served any more.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it is looked for orders of which nothing was heard.
const RECALL_EVERY: Duration = Duration::from_secs(2);

/// The tenants that are served.
pub(crate) struct Sites {
    config: Config,
    ground: Ground,
    host_name: String,
    mailer: Option<Mailer>,
    gateway: Option<Gateway>,
    mail_looked: Arc<mail_watch::Looked>,
    /// What looks at the DNS of the sender's domain.
    mail_watch: Option<JoinHandle<()>>,
    hosts: Hosts,
    sites: HashMap<TenantId, Site>,
    /// What finishes what is under way for tenants that are served no more.
    ending: JoinSet<()>,
    /// Why a tenant is not served, as it was said last.
    told: HashMap<TenantId, String>,
}

/// One tenant that is served.
struct Site {
    state: AppState,
    stopping: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    /// What finishes what is under way.
    carrying: Vec<JoinHandle<()>>,
}

impl Sites {
    /// Nobody yet.
    ///
    /// # Errors
    /// When the ways out for mail or text messages are not configured as they can be used.
    pub(crate) fn new(config: Config, ground: Ground, host_name: String) -> anyhow::Result<Self> {
        let mailer = config.mail.as_ref().map(Mailer::new).transpose()?;
        if mailer.is_none() {
            tracing::warn!("there is no [mail] table: no code can be sent");
        }
        let gateway = config.sms.as_ref().map(Gateway::new).transpose()?;
        let mail_looked = Arc::<mail_watch::Looked>::default();
        let sender = config.mail.as_ref().map(Sender::new).transpose()?;
        let mail_watch =
            sender.map(|sender| tokio::spawn(mail_watch::work(sender, mail_looked.clone(), system::clock())));
        let (hosts, sites, told) = (Hosts::default(), HashMap::new(), HashMap::new());
        let ending = JoinSet::new();
        Ok(Self {
            config,
            ground,
            host_name,
            mailer,
            gateway,
            mail_looked,
            mail_watch,
            hosts,
            sites,
            ending,
            told,
        })
    }

    /// Where requests find them.
    pub(crate) fn hosts(&self) -> Hosts {
        self.hosts.clone()
    }

    /// Takes up whom the database has and lets go whom it has no more. The only tenant of a database has to be servable; of several, one that is
    /// not keeps nobody else from being served.
    ///
    /// # Errors
    /// When the database fails, or its only tenant can't be served.
    pub(crate) async fn look(&mut self) -> anyhow::Result<()> {
        let tenants = self.ground.tenants().await?;
        let only = tenants.len() == 1;
        let wanted = |id: &TenantId| tenants.iter().any(|one| one.id == *id && one.disabled_at.is_none());
        let gone: Vec<TenantId> = self.sites.keys().filter(|id| !wanted(id)).copied().collect();
        let mut hosts_taken = Vec::new();
        let mut order = Vec::new();
        for tenant in tenants.into_iter().filter(|tenant| tenant.disabled_at.is_none()) {
            let id = tenant.id;
            if !self.sites.contains_key(&id) {
                match self.open(tenant, &hosts_taken) {
                    Ok(installation) => {
                        let site = self.begin(&installation).await;
                        self.sites.insert(id, site);
                        self.told.remove(&id);
                    }
                    Err(error) if only => return Err(error),
                    Err(error) => {
                        let why = format!("{error:#}");
                        if self.told.get(&id) != Some(&why) {
                            tracing::error!(tenant = %id, error = why, "a tenant can't be served; it is tried again");
                            self.told.insert(id, why);
                        }
                    }
                }
            }
            if let Some(site) = self.sites.get(&id) {
                hosts_taken.extend(host_of(&site.state.settings.public_url));
                order.push(site.state.clone());
            }
        }
        self.hosts.serve(order, only);
        // Nobody finds them any more: whoever is there still is cut off.
        for id in gone {
            if let Some(site) = self.sites.remove(&id) {
                tracing::info!(tenant = %id, "a tenant is served no more");
                site.state.relay.close();
                site.stop();
                // Mails that are under way may take long, and nobody else is to wait for them.
                self.ending.spawn(site.end());
            }
        }
        while self.ending.try_join_next().is_some() {}
        Ok(())
    }

    /// The same, for as long as it is let.
    pub(crate) async fn keep_looking(&mut self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        let mut said = None;
        loop {
            ticks.tick().await;
            let why = self.look().await.err().map(|error| format!("{error:#}"));
            if let Some(why) = why.as_ref().filter(|why| said.as_ref() != Some(*why)) {
                tracing::error!(error = why, "it can't be looked for tenants; it is tried again");
            }
            said = why;
        }
    }

    /// The relay of each.
    pub(crate) fn relays(&self) -> Vec<Arc<Relay>> {
        self.sites.values().map(|site| site.state.relay.clone()).collect()
    }

    /// Tells the tasks to end, and waits for those that finish what is under way.
    pub(crate) async fn end(mut self) {
        if let Some(watch) = &self.mail_watch {
            watch.abort();
        }
        for site in self.sites.values() {
            site.stop();
        }
        for site in self.sites.into_values() {
            site.end().await;
        }
        while self.ending.join_next().await.is_some() {}
        self.ground.store.close().await;
    }

    fn open(&self, tenant: Tenant, hosts_taken: &[String]) -> anyhow::Result<Installation> {
        let url = self.ground.public_url(&tenant)?;
        if host_of(&url).is_some_and(|host| hosts_taken.contains(&host)) {
            anyhow::bail!("the host of {url} is another tenant's");
        }
        self.ground.of(tenant)
    }

    /// Begins everything that a tenant needs.
    async fn begin(&self, installation: &Installation) -> Site {
        let state = self.state(installation);
        let tenant = &installation.tenant;
        let host = host_of(&installation.public_url).unwrap_or_default();
        let span = tracing::error_span!("tenant", tenant = host);
        if self.gateway.is_none() && tenant.gate_policy.allows(Method::Sms) {
            let _entered = span.enter();
            tracing::warn!(
                "the tenant allows codes by text message, and there is no [sms] table: none can be sent"
            );
        }
        if let Err(error) = ritorno_http::key_roll::roll_if_due(&state).instrument(span.clone()).await {
            tracing::error!(%error, tenant = host, "the signing key is due and can't be rolled");
        }
        let (stopping, stopped) = watch::channel(false);
        let run = |task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            tokio::spawn(task.instrument(span.clone()))
        };
        let mut carrying = Vec::new();
        if let Some(mailer) = &self.mailer {
            carrying.push(run(Box::pin(carry(state.clone(), mailer.clone(), stopped.clone()))));
        }
        if let Some(gateway) = &self.gateway {
            carrying.push(run(Box::pin(carry(state.clone(), gateway.clone(), stopped))));
        }
        let sink = self.config.audit.as_ref().map(|audit| {
            let file = audit_file(&audit.file, tenant, &host);
            Box::new(FileSink::new(file, &self.host_name)) as Box<dyn AuditSink>
        });
        let mut tasks = vec![
            run(Box::pin(ritorno_http::portal::follow_up::work(state.clone()))),
            run(Box::pin(ritorno_http::key_roll::work(state.clone()))),
            run(Box::pin(recall(state.clone()))),
            run(Box::pin(ritorno_http::audit_chain::work(state.clone(), sink))),
        ];
        // Without a mailer they would lie there until they lapse, and count as told.
        if self.mailer.is_some() {
            tasks.push(run(Box::pin(ritorno_http::expiry_mails::work(state.clone()))));
            tasks.push(run(Box::pin(ritorno_http::registration_mails::work(state.clone()))));
        }
        tracing::info!(tenant = %tenant.id, host, "a tenant is served");
        Site { state, stopping, tasks, carrying }
    }

    fn state(&self, installation: &Installation) -> AppState {
        let (clock, random): (Arc<dyn Clock>, _) = (system::clock(), system::random());
        let keys = Arc::new(installation.keys());
        let ledger = Arc::new(StoreLedger(installation.store.clone()));
        AppState {
            store: installation.store.clone(),
            relay: Relay::new(ledger, keys.clone(), Arc::new(SystemTimer), random.clone()),
            keys,
            clock,
            random,
            tenant: installation.tenant.id,
            pepper: installation.pepper.clone(),
            node_key: installation.node_key.clone(),
            settings: Arc::new(Settings {
                public_url: installation.public_url.clone(),
                proxies: self.config.proxies.clone(),
                releases: self.config.releases.clone(),
                sms: self.config.sms.is_some(),
                mail: self.config.mail.is_some(),
            }),
            mail_wake: Arc::default(),
            mail_looked: self.mail_looked.clone(),
            sms_wake: Arc::default(),
            held_told: Arc::default(),
            scans: Arc::default(),
            tails: Arc::default(),
        }
    }
}

impl Site {
    fn stop(&self) {
        // Whoever works in the background hears it, or is gone.
        let _ = self.stopping.send(true);
        for task in &self.tasks {
            task.abort();
        }
    }

    async fn end(self) {
        self.stop();
        for task in self.carrying {
            if let Err(error) = task.await {
                tracing::error!(%error, "an outbox did not end in order");
            }
        }
    }
}

/// Where a tenant's audit goes: the first one's into the file that is configured, another's into one beside it with its host in the name, so
/// that each is whole by itself, and can be given to whom it is about.
fn audit_file(configured: &Path, tenant: &Tenant, host: &str) -> PathBuf {
    if tenant.public_url.is_none() {
        return configured.to_owned();
    }
    let end = configured.extension().and_then(|end| end.to_str()).map(|end| format!(".{end}"));
    let stem = configured.file_stem().unwrap_or_default().to_string_lossy();
    configured.with_file_name(format!("{stem}.{host}{}", end.unwrap_or_default()))
}

/// Works the outbox of one channel off until it is said to stop.
async fn carry<C: Carrier>(state: AppState, carrier: C, mut stopped: watch::Receiver<bool>) {
    let stop = async {
        // If the other end is gone, the end has come as well.
        let _ = stopped.changed().await;
    };
    work(state, carrier, stop).await;
}

/// Has agents asked about orders that were lost on the way, for as long as it is let.
async fn recall(state: AppState) {
    let mut ticks = tokio::time::interval(RECALL_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = state.relay.recall(state.tenant).await {
            tracing::error!(%error, "the agents can't be asked about lost orders");
        }
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::clock::Timestamp;
    use ritorno_protocol::key::SigningKey;

    use super::*;

    #[test]
    fn each_tenant_has_an_audit_file_of_its_own() {
        let root = SigningKey::from_bytes(&[7; 32]).unwrap().public();
        let id = TenantId("00000000-0000-4000-8000-000000000001".parse().unwrap());
        let first = Tenant::new(id, "Contoso".into(), root, Timestamp::from_unix_ms(0));
        let second = Tenant { public_url: Some("https://reset.fabrikam.test".into()), ..first.clone() };
        let configured = Path::new("/var/log/ritorno/audit.jsonl");
        let of = |tenant| audit_file(configured, tenant, "reset.fabrikam.test");
        assert_eq!(of(&first), configured);
        assert_eq!(of(&second), Path::new("/var/log/ritorno/audit.reset.fabrikam.test.jsonl"));
        let bare = audit_file(Path::new("/audit"), &second, "reset.fabrikam.test");
        assert_eq!(bare, Path::new("/audit.reset.fabrikam.test"));
    }
}
