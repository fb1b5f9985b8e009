//! Tells the cloud side where the synchronisation stands, and takes up what an administrator approved there.

use std::time::Duration;

use anyhow::Context as _;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::sync_report::{
    Approved, ConnectorCounts, ConnectorReport, HeldExport, HeldKind, HeldRemoval, MAXIMUM_LINES, RunReport,
    SyncAnswer, SyncMode, SyncReport,
};
use ritorno_sync::{ConnectorStatus, RemovalKind, SyncError};

use super::Sync;
use super::cycle::{Held, Waits};
use super::schedule::last_cycle;
use crate::config::{Config, Mode};
use crate::state::Mark;

/// What did not change is told again after this, so that the cloud side knows that it holds. How many objects stand how is counted as seldom,
/// and who was not heard is not spoken to again before: a server of an earlier version, say.
const AGAIN: Duration = Duration::from_secs(600);
/// While an export is held it is asked so often whether it was approved, if no cycle does.
const ASK_EVERY: Duration = Duration::from_secs(30);

/// What was told last.
#[derive(Default)]
pub(super) struct Told {
    at: Option<Timestamp>,
    /// The latest run by then that met something.
    run: i64,
    /// How many objects stood how, and when they were counted.
    counted: Option<(Timestamp, Vec<ConnectorStatus>)>,
    /// Whether an export was held.
    holds: bool,
    /// When it could not be told.
    failed: Option<Timestamp>,
}

impl Told {
    /// Something changed that no run shows.
    pub(super) fn is_outdated(&mut self) {
        self.at = None;
    }

    /// How often it is looked whether there is something to tell while no cycle is begun.
    pub(super) fn look_every(&self) -> Duration {
        if self.holds { ASK_EVERY } else { AGAIN }
    }
}

impl Sync {
    /// Tells where it stands, if there is anything new since `told` or it is time again; while an export is held, each time, for the answer
    /// says whether it was approved.
    ///
    /// # Errors
    /// When the connector space can't be read. That the server can't be reached, or does not understand, is told in the log once.
    pub(super) async fn tell(&self, told: &mut Told, held: &mut Held) -> anyhow::Result<()> {
        let now = self.clock.now();
        if told.failed.is_some_and(|at| now.since(at) < AGAIN) {
            return Ok(());
        }
        let news = self.engine.news(told.run).await?;
        let due = told.at.is_none_or(|at| now.since(at) >= AGAIN);
        if news.is_none() && !due && held.is_empty() && !told.holds {
            return Ok(());
        }
        let report = self.report(told, held).await?;
        let answer: SyncAnswer = match self.client.send("/agent/v1/sync", &report).await {
            Ok(answer) => answer,
            Err(error) if told.failed.replace(now).is_none() => {
                tracing::info!(
                    "where the synchronisation stands was not told, and will be tried every {} minutes: {error:#}",
                    AGAIN.as_secs() / 60
                );
                return Ok(());
            }
            Err(error) => {
                tracing::debug!("where the synchronisation stands was not told: {error:#}");
                return Ok(());
            }
        };
        (told.at, told.failed) = (Some(now), None);
        told.run = news.unwrap_or(told.run);
        for approved in &answer.approved {
            let list = report.connectors.iter().find_map(|one| {
                let list = one.held.as_ref()?;
                (list.digest == approved.digest && list.since == approved.since).then_some((&one.name, list))
            });
            let Some((name, list)) = list else { continue };
            match self.take_up(name, approved).await {
                Ok(()) => {
                    held.remove(name);
                    let line = format!(
                        "an administrator approved {} removals of {name} in the console ({}): the next export sends them",
                        list.number, list.digest
                    );
                    tracing::info!("{line}");
                }
                // If it is another list by now, that one is told next time.
                Err(error) => tracing::warn!(
                    "the approval of {} removals of {name} does not hold: {error:#}",
                    list.number
                ),
            }
        }
        Ok(())
    }

    /// Judges an approved list once more, in the same transaction: it may have changed since it was told.
    async fn take_up(&self, connector: &str, approved: &Approved) -> anyhow::Result<()> {
        // A run that somebody started by hand is waited for: the approval is told once.
        let _turn = self.turn().await?;
        let lasts = Duration::from_secs(approved.seconds);
        Ok(self.engine.approve_for(connector, &approved.digest, lasts).await?)
    }

    async fn report(&self, told: &mut Told, held: &mut Held) -> anyhow::Result<SyncReport> {
        let mut lists = Vec::with_capacity(self.config.forests.len());
        for settings in &self.config.forests {
            lists.push(self.held(&settings.name.0, held.get_mut(&settings.name.0)).await?);
        }
        let (now, holds) = (self.clock.now(), lists.iter().any(Option::is_some));
        let is_old = told.counted.as_ref().is_none_or(|(at, _)| now.since(*at) >= AGAIN);
        if is_old || holds && !told.holds {
            told.counted = Some((now, self.engine.status().await?));
        }
        told.holds = holds;
        let standings = told.counted.as_ref().map(|(_, standings)| standings.as_slice()).unwrap_or_default();
        let latest = self.engine.latest().await?;
        let mut connectors = Vec::with_capacity(self.config.forests.len());
        for (settings, held) in self.config.forests.iter().zip(lists) {
            let name = &settings.name.0;
            let standing = standings.iter().find(|one| one.connector == *name);
            let runs = self.engine.notable(name, MAXIMUM_LINES as u32).await?;
            connectors.push(ConnectorReport {
                name: name.clone(),
                scope: settings.scope.clone(),
                groups: settings.groups.clone(),
                counts: standing.map(counts).unwrap_or_default(),
                cycled_at: last_cycle(name, &latest),
                runs: runs.iter().map(run).collect(),
                held,
            });
        }
        Ok(SyncReport {
            at: now,
            mode: mode(&self.config, self.state.is_marked(Mark::Staging)),
            suspended: self.state.is_marked(Mark::SyncSuspended),
            every_seconds: self.config.sync.every.map(|every| every.as_secs()),
            reconcile_at: format!(
                "{:02}:{:02}",
                self.config.sync.reconcile_at.hour(),
                self.config.sync.reconcile_at.minute()
            ),
            rules: own_rules(&self.config)?,
            connectors,
        }
        .fitting())
    }

    /// What the guard holds of a connector now; none if nothing is left of it, or the guard has not seen this list yet. The history says so,
    /// for the export may have been another process's, or of before a restart.
    async fn held(&self, connector: &str, waits: Option<&mut Waits>) -> anyhow::Result<Option<HeldExport>> {
        let removals = match self.engine.removals(connector).await {
            Ok(removals) if !removals.list.is_empty() => removals,
            // One that never ran, too.
            Ok(_) | Err(SyncError::UnknownConnector { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some((since, said)) = self.engine.held_since(connector, &removals.digest).await? else {
            return Ok(None);
        };
        let (since, because) = match waits.filter(|waits| waits.digest == removals.digest) {
            // Runs of a week ago are forgotten; it began when it began.
            Some(waits) => (*waits.since.get_or_insert(since), waits.because.clone()),
            None => (since, said),
        };
        let number = removals.list.len() as u64;
        let named = removals.list.into_iter().map(|one| {
            let who = one.user_principal_name.unwrap_or(one.anchor);
            match one.kind {
                RemovalKind::Delete => HeldRemoval { kind: HeldKind::Delete, name: who },
                RemovalKind::Disable => HeldRemoval { kind: HeldKind::Disable, name: who },
                RemovalKind::Leave { group } => {
                    HeldRemoval { kind: HeldKind::Leave, name: format!("{who}: {group}") }
                }
            }
        });
        let (digest, removals) = (removals.digest, named.collect());
        Ok(Some(HeldExport { digest, since, number, because, removals }))
    }
}

fn counts(standing: &ritorno_sync::ConnectorStatus) -> ConnectorCounts {
    ConnectorCounts {
        objects: standing.objects,
        joined: standing.joined,
        out_of_scope: standing.out_of_scope,
        faulty: standing.faulty,
        adds: standing.pending_adds,
        updates: standing.pending_updates,
        deletes: standing.pending_deletes,
        members: standing.pending_members,
        refused: standing.refused,
    }
}

fn run(run: &ritorno_sync::RunReport) -> RunReport {
    RunReport {
        id: run.id,
        profile: run.profile.name().to_owned(),
        started: run.started,
        ended: run.ended,
        outcome: run.outcome.name().to_owned(),
        adds: run.counts.adds,
        updates: run.counts.updates,
        deletes: run.counts.deletes,
        errors: run.counts.errors,
        anchors: run.counts.anchors,
        anchors_refused: run.counts.anchors_refused,
        server: run.server.clone(),
        note: run.failure.as_ref().or(run.note.as_ref()).map(|text| nameless(run.id, text)),
    }
}

/// What a run says, if it names no object: DNs have a '=', names that people sign in with an '@'. More people read it there than here.
fn nameless(run: i64, text: &str) -> String {
    if text.contains(['=', '@']) {
        return format!("it names objects: at the agent, `ritorno-agent sync history {run}` shows it");
    }
    text.to_owned()
}

fn mode(config: &Config, staged: bool) -> SyncMode {
    match config.mode {
        Mode::Active if staged => SyncMode::Staging,
        Mode::Active => SyncMode::Active,
        Mode::Standby => SyncMode::Standby,
        Mode::Staging => SyncMode::Staging,
    }
}

/// The organisation's rules as they stand in their file.
fn own_rules(config: &Config) -> anyhow::Result<Option<String>> {
    let read =
        |path: &std::path::PathBuf| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    config.sync.rules_file.as_ref().map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_object_is_named_in_what_a_run_says() {
        for text in ["noSuchObject: CN=Anna Rossi,OU=People,DC=contoso,DC=test", "anna@contoso.test: refused"]
        {
            let told = nameless(7, text);
            assert!(!told.contains("nna") && told.contains("sync history 7"), "{told}");
        }
        assert_eq!(nameless(7, "dc1.contoso.test does not answer"), "dc1.contoso.test does not answer");
    }
}
