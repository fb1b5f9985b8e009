//! One cycle of the scheduler: import, sync and export of every forest.

use std::collections::HashMap;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::event::EventId;
use ritorno_sync::{Profile, RunReport, SyncError};

use super::schedule::{Cycle, HELD_AGAIN, Read};
use super::{Sync, summary};
use crate::config::ForestSettings;
use crate::events::EventLog;

/// The parts of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Import,
    Sync,
    Export,
}

/// Exports that the deletion guard held, by connector: the list's digest and when. The same list would be held again.
pub(super) type Held = HashMap<String, (String, Timestamp)>;

/// Why a forest's cycle did not come to its end: at which stage, and what it said.
type Failed = (Profile, anyhow::Error);

impl Sync {
    /// Runs each forest's cycle as `due` says; how many did not come to their end. All forests are read before any is synced, and
    /// all are synced before anything is exported: who moved from one forest to another is one person and not a removal.
    ///
    /// # Errors
    /// When no forest's could be begun.
    pub(super) async fn cycle(
        &self,
        due: impl Fn(&str, &[RunReport]) -> Cycle,
        held: &mut Held,
        events: &EventLog,
    ) -> anyhow::Result<usize> {
        let _turn = self.turn().await?;
        let latest = self.engine.latest().await?;
        let mut under_way: Vec<_> =
            self.config.forests.iter().map(|forest| (forest, due(&forest.name.0, &latest))).collect();
        let all = under_way.len();
        for stage in [Stage::Import, Stage::Sync, Stage::Export] {
            let mut ended = Vec::with_capacity(under_way.len());
            for (settings, cycle) in under_way {
                // What comes after a failed run would work with half of the picture; the other forests are not concerned.
                let before = held.get(&settings.name.0).map(|(digest, _)| digest.clone());
                let Err((profile, error)) = self.stage(settings, cycle, stage, held).await else {
                    ended.push((settings, cycle));
                    continue;
                };
                // One event for each list.
                if held.get(&settings.name.0).is_some_and(|(digest, _)| Some(digest) != before.as_ref()) {
                    events.note(EventId::UnknownError, format!("{profile} of {}: {error:#}", settings.name));
                }
                tracing::warn!("{profile} of {} failed: {error:#}", settings.name);
            }
            under_way = ended;
        }
        Ok(all - under_way.len())
    }

    async fn stage(
        &self,
        settings: &ForestSettings,
        cycle: Cycle,
        stage: Stage,
        held: &mut Held,
    ) -> Result<(), Failed> {
        let full = cycle.read == Read::Full;
        match stage {
            Stage::Import if full => self.step(settings, Profile::FullImport).await,
            Stage::Import => self.step(settings, Profile::DeltaImport).await,
            Stage::Sync if full => self.step(settings, Profile::FullSync).await,
            Stage::Sync => {
                let failed = |error| (Profile::DeltaSync, error);
                if self.is_unsynced(settings).await.map_err(failed)? {
                    self.step(settings, Profile::DeltaSync).await?;
                }
                Ok(())
            }
            Stage::Export => self.export(settings, cycle, held).await,
        }
    }

    async fn export(&self, settings: &ForestSettings, cycle: Cycle, held: &mut Held) -> Result<(), Failed> {
        if self.exports().is_err() {
            return Ok(());
        }
        // What was changed over there is found before the export, which then mends it. That it could not be found keeps nothing else
        // from going out.
        let confirmed =
            if cycle.confirm { self.step(settings, Profile::ConfirmingImport).await } else { Ok(()) };
        let failed = |error| (Profile::Export, error);
        if cycle.read == Read::Delta && !self.has_to_export(settings, held).await.map_err(failed)? {
            return confirmed;
        }
        let result = self.step(settings, Profile::Export).await;
        match result.as_ref().err().and_then(|(_, error)| error.downcast_ref::<SyncError>()) {
            Some(SyncError::Held { digest, .. }) => {
                held.insert(settings.name.0.clone(), (digest.clone(), self.clock.now()));
            }
            _ => drop(held.remove(&settings.name.0)),
        }
        result.and(confirmed)
    }

    async fn step(&self, settings: &ForestSettings, profile: Profile) -> Result<(), Failed> {
        let report = self.run(settings, profile, &|_| {}).await.map_err(|error| (profile, error))?;
        // A cycle each half a minute that meets nothing is worth no line; one that had to read everything is.
        if report.counts.done() > 0 || report.profile != profile {
            tracing::info!("{}", summary(&report));
        }
        Ok(())
    }

    async fn is_unsynced(&self, settings: &ForestSettings) -> anyhow::Result<bool> {
        let status = self.engine.status().await?;
        Ok(status.iter().any(|status| status.connector == settings.name.0 && status.unsynced > 0))
    }

    /// Whether there is anything that the tenant did not refuse already, and that the guard would not hold again.
    async fn has_to_export(&self, settings: &ForestSettings, held: &Held) -> anyhow::Result<bool> {
        let name = &settings.name.0;
        let status = self.engine.status().await?;
        let pending = status.iter().find(|status| status.connector == *name).is_some_and(|status| {
            let objects = status.pending_adds + status.pending_updates + status.pending_deletes;
            objects > status.refused || status.pending_members > 0
        });
        if !pending {
            return Ok(false);
        }
        let Some((digest, at)) = held.get(name) else { return Ok(true) };
        let same = self.engine.removals(name).await?.digest == *digest;
        Ok(!same || self.clock.now().since(*at) >= HELD_AGAIN)
    }
}
