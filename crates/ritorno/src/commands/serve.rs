//! `ritorno serve`: the service. Ends in order on SIGTERM and SIGINT: agents are told first, requests under way end, links
//! close, and the listener last.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ritorno_http::serve::{Certificates, Patience, serve};
use ritorno_relay::relay::Relay;
use ritorno_storage::Store;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, ConfigError};
use crate::installation::Ground;
use crate::sites::Sites;
use crate::system;

/// When agents may come back after a stop.
const COME_BACK_AFTER: Duration = Duration::from_secs(1);
/// How long requests that somebody waits for may take once the end has begun.
const DRAIN_WITHIN: Duration = Duration::from_secs(8);
/// How often what has expired is deleted.
const PURGE_EVERY: Duration = Duration::from_secs(5 * 60);
/// File descriptors that are not for connections.
const KEPT_FILES: usize = 256;
/// How often the end looks whether anybody still waits.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Serves until it is told to end.
///
/// # Errors
/// When the configuration names what can't be opened, or the address is taken.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let ground = Ground::open(&config).await?;
    let store = ground.store.clone();
    let certificates = config.tls.as_ref().map(|tls| tls.open(&config.file)).transpose()?;
    let tls = certificates.as_ref().map(Certificates::acceptor).transpose().context("[tls]")?;
    let file = config.file.clone();
    let (listen, proxies) = (config.listen, config.proxies.clone());
    let metrics = config.metrics.clone();
    tell_of_releases(&config);
    let mut sites = Sites::new(config, ground, host_name())?;
    let hosts = sites.hosts();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hang_up = signal(SignalKind::hangup())?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listen = \"{listen}\": can't listen there"))?;
    let measuring = match &metrics {
        Some(metrics) => Some(crate::metrics::listen(metrics, hosts.clone()).await?),
        None => None,
    };
    if let Err(missing) = ritorno_http::assets::check() {
        tracing::error!("{missing}");
    }
    sites.look().await?;
    tracing::info!(%listen, "serving");
    sd_notify::notify(&[NotifyState::Ready]).context("systemd's notification socket")?;
    let purge = tokio::spawn(purge(store));
    let reload = tokio::spawn(reload(hang_up, file, certificates));
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = sites.keep_looking() => {}
        }
        tracing::info!("ending");
        // If systemd does not listen, it only waits longer.
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        drain(&sites.relays()).await;
    };
    serve(listener, tls, hosts.router(), proxies, patience(), stop).await;
    purge.abort();
    reload.abort();
    if let Some(measuring) = measuring {
        measuring.abort();
    }
    sites.end().await;
    tracing::info!("ended");
    Ok(())
}

/// Takes the certificates that the configuration names now, each time that it is told to (SIGHUP, `systemctl reload ritorno`), for as long as it
/// is let. What can't be used is in the log, and those of before stay. Everything else in the file waits for the next start.
async fn reload(mut hang_up: Signal, file: PathBuf, certificates: Option<Certificates>) {
    while hang_up.recv().await.is_some() {
        let Some(certificates) = &certificates else {
            tracing::warn!("told to reload, and there was no [tls] table at the start: nothing is changed");
            continue;
        };
        match renewed(&file) {
            Ok(renewed) => {
                certificates.replace(&renewed);
                tracing::info!("the certificates are read again");
            }
            Err(error) => {
                tracing::error!("the certificates of before stay: {error}");
            }
        }
    }
}

/// What the configuration says now.
fn renewed(file: &Path) -> Result<Certificates, ConfigError> {
    match Config::read(file)?.tls {
        Some(tls) => tls.open(file),
        None => {
            let reason = "there is no [tls] table any more".to_owned();
            Err(ConfigError::Whole { file: file.to_owned(), reason })
        }
    }
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

/// Deletes what has expired, of every tenant, for as long as it is let.
async fn purge(store: Store) {
    let mut ticks = tokio::time::interval(PURGE_EVERY);
    let clock = system::clock();
    loop {
        ticks.tick().await;
        if let Err(error) = store.purge(clock.now()).await {
            tracing::error!(%error, "what has expired can't be deleted");
        }
    }
}

/// Tells the agents, waits for the requests that somebody waits for, and closes the links.
async fn drain(relays: &[Arc<Relay>]) {
    for relay in relays {
        relay.restarting(COME_BACK_AFTER);
    }
    let waiting = || relays.iter().map(|relay| relay.waiting()).sum::<usize>();
    let drained = tokio::time::timeout(DRAIN_WITHIN, async {
        while waiting() > 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    if drained.await.is_err() {
        tracing::warn!(
            waiting = waiting(),
            "some requests are not over; their outcomes come with the next links"
        );
    }
    for relay in relays {
        relay.close();
    }
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
