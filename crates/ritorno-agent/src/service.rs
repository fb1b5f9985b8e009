//! `ritorno-agent run`: starts everything, keeps it going, and ends it in order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ritorno_protocol::event::EventId;
use ritorno_protocol::link::ForestHealth;
use ritorno_protocol::status::{LinkStatus, Status};
use ritorno_writeback::authorise::Trust;
use ritorno_writeback::handle::{Handler, Identity};
use ritorno_writeback::journal::Journal;
use ritorno_writeback::limits::{Limits, Switch as _};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

use crate::carrier::Carrier;
use crate::config::{Config, Look, Mode};
use crate::events::EventLog;
use crate::forests::Forests;
use crate::keyring::{Keeper, Keyring};
use crate::link::{Link, settle};
use crate::outbound::Outbound;
use crate::output::moment;
use crate::state::{FileSwitch, State};
use crate::status::{Board, SOCKET};
use crate::{doctor, status, sync, system};

/// How often the PDC emulators are asked whether they are there. Half of the report's interval, so that a report is never
/// based on anything older than that.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// How often the event log says how it stands: as often as the original.
const BEAT_EVERY: Duration = Duration::from_secs(300);

/// Runs the agent until SIGTERM or SIGINT.
///
/// # Errors
/// What keeps it from starting, or from going on safely.
pub(crate) async fn run(config: &Config, file: &Path) -> anyhow::Result<()> {
    let state = State::open(&config.state_dir)?;
    let (clock, random) = (system::clock(), system::random());
    let events = EventLog::open(&config.log, clock.clone())
        .with_context(|| format!("events_file {:?}", config.log.events_file))?;
    let told = |error: &dyn std::fmt::Display| events.note(EventId::ConfigurationError, error.to_string());
    let keyring =
        Keyring::open(state.clone(), config.forest_names(), clock.now()).inspect_err(|e| told(e))?;
    let keys = keyring.keys();
    let outbound = Outbound::new(config).inspect_err(|e| told(e))?;
    let forests = Forests::open(&config.forests, &clock).inspect_err(|e| told(e))?;
    // A list that can't be used keeps passwords from being written, and nothing else from being done.
    let breached = config.lists.open(&mut |look| match look {
        Look::Counts(line) => tracing::info!("{line}"),
        Look::Missing(line) => tracing::warn!("{line}"),
        Look::Broken(error) => told(&error),
    });
    let journal = Journal::open(&state.path("journal.db"), &*random, clock.now()).await?;
    let epoch = journal.epoch().to_string();
    let identity = Identity {
        tenant: keys.enrolment.tenant,
        agent: keys.enrolment.agent,
        signing: keys.identity.clone(),
        opening: keyring.opening(clock.now())?,
    };
    let switch = FileSwitch { state: state.clone(), staging: config.mode == Mode::Staging };
    let handler = Handler::new(
        forests.clone(),
        journal,
        identity,
        Trust::new(keys.enrolment.tenant, keys.enrolment.root.clone()),
        Limits::new(config.resets_per_minute),
        Arc::new(switch.clone()),
        clock.clone(),
    );
    let handler = Arc::new(handler.with_breached(breached));
    // The handler has what it needs: a sealing key that is destroyed later must not live on here.
    drop(keys);
    let carrier = Arc::new(Carrier::new(events.clone()));
    for request in handler.recover(&*carrier).await? {
        settle(handler.clone(), carrier.clone(), request);
    }

    let board = Arc::new(Board::new(clock.now()));
    let (report, health) = watch::channel(Vec::new());
    let probe = Arc::new(Notify::new());
    let (stopping, stop) = watch::channel(false);
    let probing = tokio::spawn(watch_forests(forests.clone(), report, probe.clone()));
    let answering = tokio::spawn({
        let (board, health, switch) = (board.clone(), health.clone(), switch.clone());
        let path = state.path(SOCKET);
        async move {
            let now = || Status {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                epoch: epoch.clone(),
                link: board.link(),
                writeback_on: switch.writeback_on(),
                forests: health.borrow().clone(),
            };
            if let Err(error) = status::serve(&path, now).await {
                tracing::warn!("`ritorno-agent status` will not work: {error:#}");
            }
        }
    });
    let syncing = tokio::spawn({
        let board = board.clone();
        let up = move || board.link().up;
        sync::schedule::keep_in_step(config.clone(), forests.clone(), events.clone(), up)
    });
    let watching = tokio::spawn(doctor::watch(config.doctor_every, file.to_owned()));
    let keeper = Keeper {
        keyring: keyring.clone(),
        outbound: outbound.clone(),
        handler: handler.clone(),
        carrier: carrier.clone(),
        clock: clock.clone(),
        random: random.clone(),
    };
    let keeping = tokio::spawn(keeper.work());
    let beating = tokio::spawn(beat(events.clone(), board.clone(), health.clone()));
    let reopening = tokio::spawn(reopen(events.clone(), signal(SignalKind::hangup())?));
    let link = Link {
        keyring,
        outbound,
        handler,
        carrier,
        health,
        probe,
        switch,
        board,
        clock: clock.clone(),
        random,
    };
    let mut linked = tokio::spawn(async move { link.run(stop).await });
    let guarding = tokio::spawn(feed_watchdog());
    events
        .note(EventId::ServiceStarted, format!("ritorno-agent {} takes requests", env!("CARGO_PKG_VERSION")));
    tell_systemd(NotifyState::Ready);

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let ended = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        ended = &mut linked => Some(ended),
    };
    tell_systemd(NotifyState::Stopping);
    // What was begun comes to its end first.
    let _ = stopping.send(true);
    let ended = match ended {
        Some(ended) => ended,
        None => linked.await,
    };
    for task in [probing, answering, guarding, syncing, watching, keeping, beating, reopening] {
        task.abort();
    }
    // It answers no more; the next start would remove it as well.
    let _ = std::fs::remove_file(state.path(SOCKET));
    if let Ok(Err(error)) = &ended {
        events.note(EventId::ServiceUnhealthy, format!("nothing can be written back safely: {error}"));
    }
    events.note(EventId::ServiceStopped, "the agent stops");
    ended.context("the link broke down")?.context("nothing can be written back safely")
}

/// Notes every five minutes how it stands, so that whoever watches the event log learns of silence.
async fn beat(events: EventLog, board: Arc<Board>, health: watch::Receiver<Vec<ForestHealth>>) {
    let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + BEAT_EVERY, BEAT_EVERY);
    loop {
        beats.tick().await;
        let (id, reason) = how_it_stands(&board.link(), &health.borrow());
        events.note(id, reason);
    }
}

fn how_it_stands(link: &LinkStatus, forests: &[ForestHealth]) -> (EventId, String) {
    let since = moment(Some(link.since));
    if !link.up {
        let reason = link.reason.as_deref().unwrap_or_default();
        return (EventId::ServiceUnhealthy, format!("no link since {since}: {reason}"));
    }
    match forests.iter().find(|forest| !forest.reachable) {
        Some(silent) => (EventId::ServiceUnhealthy, format!("no PDC emulator of {} answers", silent.forest)),
        None => (EventId::Heartbeat, format!("the link is up since {since}")),
    }
}

/// Opens the event log anew at each SIGHUP.
async fn reopen(events: EventLog, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        events.reopen();
    }
}

/// Asks every forest again and again, and tells when something changed.
async fn watch_forests(forests: Forests, report: watch::Sender<Vec<ForestHealth>>, probe: Arc<Notify>) {
    loop {
        let seen = forests.health().await;
        report.send_if_modified(|known| {
            let reached = |forests: &[ForestHealth]| -> Vec<bool> {
                forests.iter().map(|forest| forest.reachable).collect()
            };
            let changed = reached(known) != reached(&seen);
            for forest in seen.iter().filter(|forest| changed || !forest.reachable) {
                let (pdc, detail) = (forest.pdc.as_deref(), forest.detail.as_deref());
                if forest.reachable {
                    tracing::info!(forest = %forest.forest, pdc, "the PDC emulator answers");
                } else if changed {
                    tracing::warn!(forest = %forest.forest, pdc, detail, "the PDC emulator does not answer");
                }
            }
            *known = seen;
            changed
        });
        tokio::select! {
            () = tokio::time::sleep(PROBE_EVERY) => {}
            () = probe.notified() => {}
        }
    }
}

/// Tells systemd that the program still turns, twice as often as it wants to hear it.
async fn feed_watchdog() {
    let Some(every) = sd_notify::watchdog_enabled() else { return };
    loop {
        tell_systemd(NotifyState::Watchdog);
        tokio::time::sleep(every / 2).await;
    }
}

fn tell_systemd(state: NotifyState<'_>) {
    // Without systemd there is nobody to tell.
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd was not told");
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::clock::Timestamp;
    use ritorno_protocol::ids::Forest;

    use super::*;

    #[test]
    fn a_beat_says_whether_a_reset_could_succeed() {
        let link = |up| LinkStatus {
            up,
            since: Timestamp::from_unix_ms(0),
            reason: Some("refused".into()),
            round_trip_ms: None,
        };
        let forest = |name: &str, reachable| ForestHealth {
            forest: Forest(name.into()),
            pdc: None,
            reachable,
            detail: None,
            answered_in_ms: None,
        };
        let number = |link, forests: &[ForestHealth]| {
            let (id, reason) = how_it_stands(&link, forests);
            (id.number(), reason)
        };
        let both = [forest("contoso.test", true), forest("fabrikam.test", false)];
        assert_eq!(number(link(true), &both[..1]).0, 31019);
        let silent = number(link(true), &both);
        assert!(silent.0 == 31044 && silent.1.contains("fabrikam.test"), "{silent:?}");
        let lost = number(link(false), &both[..1]);
        assert!(lost.0 == 31044 && lost.1.contains("refused"), "{lost:?}");
    }
}
