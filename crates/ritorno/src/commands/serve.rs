//! `ritorno serve`: the service. Ends in order on SIGTERM and SIGINT: agents are told first, requests under way end, links
//! close, and the listener last.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ritorno_http::AppState;
use ritorno_http::audit_chain::{AuditSink, FileSink};
use ritorno_http::ledger::StoreLedger;
use ritorno_http::mail::transport::Mailer;
use ritorno_http::mail::work::{Carrier, work};
use ritorno_http::serve::{Patience, serve};
use ritorno_http::sms::gateway::Gateway;
use ritorno_http::state::Settings;
use ritorno_identity::method::Method;
use ritorno_protocol::clock::Clock;
use ritorno_relay::relay::Relay;
use ritorno_relay::timer::SystemTimer;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::installation::Installation;
use crate::system;

/// When agents may come back after a stop.
const COME_BACK_AFTER: Duration = Duration::from_secs(1);
/// How long requests that somebody waits for may take once the end has begun.
const DRAIN_WITHIN: Duration = Duration::from_secs(8);
/// How often what has expired is deleted.
const PURGE_EVERY: Duration = Duration::from_secs(5 * 60);
/// How often it is looked for orders of which nothing was heard.
const RECALL_EVERY: Duration = Duration::from_secs(2);
/// File descriptors that are not for connections.
const KEPT_FILES: usize = 256;
/// How often the end looks whether anybody still waits.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Serves until it is told to end.
///
/// # Errors
/// When the configuration names what can't be opened, or the address is taken.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let installation = Installation::open(&config).await?;
    let tls = config.tls.as_ref().map(|tls| ritorno_http::serve::tls(&tls.certificate, &tls.key));
    let tls = tls.transpose().context("[tls]")?;
    let state = state(&config, &installation);
    let measuring = match &config.metrics {
        Some(metrics) => Some(crate::metrics::listen(metrics, state.clone()).await?),
        None => None,
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen = \"{}\": can't listen there", config.listen))?;
    if let Err(missing) = ritorno_http::assets::check() {
        tracing::error!("{missing}");
    }
    let (stopping, stopped) = tokio::sync::watch::channel(false);
    let mail = match &config.mail {
        Some(mail) => Some(carry(state.clone(), Mailer::new(mail)?, stopped.clone())),
        None => {
            tracing::warn!("there is no [mail] table: no code can be sent");
            None
        }
    };
    let sms = match &config.sms {
        Some(sms) => Some(carry(state.clone(), Gateway::new(sms)?, stopped)),
        None => {
            if installation.tenant.gate_policy.allows(Method::Sms) {
                tracing::warn!(
                    "the tenant allows codes by text message, and there is no [sms] table: none can be sent"
                );
            }
            None
        }
    };
    tell_of_releases(&config);
    if let Err(error) = ritorno_http::key_roll::roll_if_due(&state).await {
        tracing::error!(%error, "the signing key is due and can't be rolled");
    }
    tracing::info!(listen = %config.listen, tenant = %installation.tenant.id, "serving");
    sd_notify::notify(&[NotifyState::Ready]).context("systemd's notification socket")?;
    let purge = tokio::spawn(purge(state.clone()));
    let following = tokio::spawn(ritorno_http::portal::follow_up::work(state.clone()));
    // Without a mailer they would lie there until they lapse, and count as told.
    let expiring =
        config.mail.as_ref().map(|_| tokio::spawn(ritorno_http::expiry_mails::work(state.clone())));
    let rolling = tokio::spawn(ritorno_http::key_roll::work(state.clone()));
    let recalling = tokio::spawn(recall(state.clone()));
    let sink = config
        .audit
        .as_ref()
        .map(|audit| Box::new(FileSink::new(audit.file.clone(), &host_name())) as Box<dyn AuditSink>);
    let chaining = tokio::spawn(ritorno_http::audit_chain::work(state.clone(), sink));
    let relay = state.relay.clone();
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending");
        // If systemd does not listen, it only waits longer.
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        drain(&relay).await;
        // Whoever works in the background hears it, or is gone.
        let _ = stopping.send(true);
    };
    let app = ritorno_http::router(state);
    serve(listener, tls, app, config.proxies.clone(), patience(), stop).await;
    purge.abort();
    following.abort();
    if let Some(expiring) = expiring {
        expiring.abort();
    }
    rolling.abort();
    recalling.abort();
    chaining.abort();
    if let Some(measuring) = measuring {
        measuring.abort();
    }
    for sending in [mail, sms].into_iter().flatten() {
        sending.await?;
    }
    installation.store.close().await;
    tracing::info!("ended");
    Ok(())
}

/// What clients may take; no more connections than there are file descriptors for, so that the database gets its own.
fn patience() -> Patience {
    let usual = Patience::default();
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let connections = open_files(&limits)
        .map_or(usual.connections, |files| files.saturating_sub(KEPT_FILES).clamp(1, usual.connections));
    if connections < usual.connections {
        tracing::info!(connections, "as many connections as open files allow (LimitNOFILE, ulimit -n)");
    }
    Patience { connections, ..usual }
}

/// How many files may be open, by what Linux says in `/proc/self/limits`.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// This host's name, by which its audit file is told from those of other hosts.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// Works the outbox of one channel off until it is said to stop.
fn carry<C: Carrier + Send + 'static>(
    state: AppState,
    carrier: C,
    mut stopped: tokio::sync::watch::Receiver<bool>,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let stop = async {
            // If the other end is gone, the end has come as well.
            let _ = stopped.changed().await;
        };
        work(state, carrier, stop).await;
    })
}

/// What of the agent's packages is offered, and what is not.
fn tell_of_releases(config: &Config) {
    match config.releases.look() {
        Ok(found) => {
            for not_offered in found.iter().filter_map(|found| found.as_ref().err()) {
                tracing::warn!("a package is not offered to agents: {not_offered}");
            }
            if let Some(offered) = config.releases.latest(None) {
                tracing::info!(version = %offered.release.version, "a package is offered to agents");
            }
        }
        Err(error) => tracing::warn!("no package is offered to agents: {error}"),
    }
}

fn state(config: &Config, installation: &Installation) -> AppState {
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
            public_url: config.public_url.clone(),
            proxies: config.proxies.clone(),
            releases: config.releases.clone(),
            sms: config.sms.is_some(),
        }),
        mail_wake: Arc::default(),
        sms_wake: Arc::default(),
        leases: Arc::default(),
        held_told: Arc::default(),
    }
}

/// Deletes what has expired, for as long as it is let.
async fn purge(state: AppState) {
    let mut ticks = tokio::time::interval(PURGE_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = state.store.purge(state.clock.now()).await {
            tracing::error!(%error, "what has expired can't be deleted");
        }
    }
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

/// Tells the agents, waits for the requests that somebody waits for, and closes the links.
async fn drain(relay: &Relay) {
    relay.restarting(COME_BACK_AFTER);
    let drained = tokio::time::timeout(DRAIN_WITHIN, async {
        while relay.waiting() > 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    if drained.await.is_err() {
        tracing::warn!(
            waiting = relay.waiting(),
            "some requests are not over; their outcomes come with the next links"
        );
    }
    relay.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_open_files_is_read_as_linux_writes_it() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(open_files(limits), Some(1_024));
        assert_eq!(
            open_files("Max open files            unlimited            unlimited            files\n"),
            None
        );
        let own = open_files(&std::fs::read_to_string("/proc/self/limits").unwrap());
        assert!(own.is_some_and(|files| files > 0));
    }
}
