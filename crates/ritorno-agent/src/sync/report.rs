//! Tells the cloud side where the synchronisation stands, and takes up what an administrator approved there.

use std::time::Duration;

use anyhow::Context as _;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::sync_report::{
    ConnectorCounts, ConnectorReport, HeldExport, HeldKind, HeldRemoval, MAXIMUM_LINES, MAXIMUM_REMOVALS,
    RunReport, SyncAnswer, SyncMode, SyncReport,
};
use ritorno_sync::RemovalKind;

use super::Sync;
use super::cycle::Held;
use crate::config::{Config, Mode};
use crate::state::Mark;

/// What did not change is told again after this, so that the cloud side knows that it holds.
const AGAIN: Duration = Duration::from_secs(600);

/// What was told last.
#[derive(Default)]
pub(super) struct Told {
    at: Option<Timestamp>,
    /// The latest run by then.
    run: i64,
}

impl Sync {
    /// Tells where it stands, if there is anything new since `told` or it is time again; while an export is held, each time, for the answer
    /// says whether it was approved.
    ///
    /// # Errors
    /// When the connector space can't be read, or the server can't be reached.
    pub(super) async fn tell(&self, told: &mut Told, held: &mut Held) -> anyhow::Result<()> {
        let runs = self.engine.history(MAXIMUM_LINES as u32 * 4).await?;
        // A cycle each half a minute that meets nothing is no news.
        let news = runs.iter().any(|run| run.id > told.run && (run.counts.done() > 0 || !run.is_good()));
        let due = told.at.is_none_or(|at| self.clock.now().since(at) >= AGAIN);
        if !news && !due && held.is_empty() {
            return Ok(());
        }
        let report = self.report(&runs, held).await?;
        let answer: SyncAnswer = self.client.send("/agent/v1/sync", &report).await?;
        *told = Told { at: Some(self.clock.now()), run: runs.first().map_or(0, |run| run.id) };
        for (connector, because) in report.connectors.iter().filter_map(|one| Some((one, one.held.as_ref()?)))
        {
            if answer.approved.contains(&because.digest) {
                // Judged once more in the same transaction: the list may have changed since it was told.
                self.engine.approve(&connector.name, &because.digest).await?;
                held.remove(&connector.name);
                let line = format!(
                    "an administrator approved {} removals of {} in the console ({}): the next export sends them",
                    because.number, connector.name, because.digest
                );
                tracing::info!("{line}");
            }
        }
        Ok(())
    }

    async fn report(&self, runs: &[ritorno_sync::RunReport], held: &Held) -> anyhow::Result<SyncReport> {
        let standings = self.engine.status().await?;
        let mut connectors = Vec::with_capacity(self.config.forests.len());
        for settings in &self.config.forests {
            let name = &settings.name.0;
            let own = runs.iter().filter(|run| run.connector == *name);
            let standing = standings.iter().find(|one| one.connector == *name);
            connectors.push(ConnectorReport {
                name: name.clone(),
                scope: settings.scope.clone(),
                groups: settings.groups.clone(),
                counts: standing.map(counts).unwrap_or_default(),
                runs: own.take(MAXIMUM_LINES).map(run).collect(),
                held: match held.get(name) {
                    Some(waits) => self.held(name, &waits.because).await?,
                    None => None,
                },
            });
        }
        Ok(SyncReport {
            at: self.clock.now(),
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
        .bounded())
    }

    /// What the guard holds of a connector now; none if nothing is left of it.
    async fn held(&self, connector: &str, because: &str) -> anyhow::Result<Option<HeldExport>> {
        let removals = self.engine.removals(connector).await?;
        let number = removals.list.len() as u64;
        let first = removals.list.into_iter().take(MAXIMUM_REMOVALS).map(|one| {
            let who = one.user_principal_name.unwrap_or(one.anchor);
            match one.kind {
                RemovalKind::Delete => HeldRemoval { kind: HeldKind::Delete, name: who },
                RemovalKind::Disable => HeldRemoval { kind: HeldKind::Disable, name: who },
                RemovalKind::Leave { group } => {
                    HeldRemoval { kind: HeldKind::Leave, name: format!("{who}: {group}") }
                }
            }
        });
        let (digest, because) = (removals.digest, because.to_owned());
        Ok((number > 0).then(|| HeldExport { digest, number, because, removals: first.collect() }))
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
        server: run.server.clone(),
        note: run.failure.clone().or_else(|| run.note.clone()),
    }
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
