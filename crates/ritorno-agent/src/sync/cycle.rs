//! One cycle of the scheduler: import, sync and export of every forest.

use std::collections::HashMap;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::event::EventId;
use ritorno_sync::{HELD_IN_TENANT_AGAIN, Profile, Progress, RunReport, SyncError};

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

/// Exports that the deletion guard held, by connector. The same list would be held again.
pub(super) type Held = HashMap<String, Waits>;

/// An export that the deletion guard held.
pub(super) struct Waits {
    /// The list's digest.
    pub(super) digest: String,
    /// When it was held first, once that was looked up.
    pub(super) since: Option<Timestamp>,
    /// When it was tried.
    at: Timestamp,
    /// What held it.
    pub(super) because: String,
}

/// Told of each page.
pub(super) type Progressing<'a> = dyn Fn(Progress) + Send + std::marker::Sync + 'a;

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
        progress: &Progressing<'_>,
    ) -> anyhow::Result<usize> {
        let _turn = self.turn().await?;
        let latest = self.engine.latest().await?;
        let mut under_way: Vec<_> =
            self.config.forests.iter().map(|forest| (forest, due(&forest.name.0, &latest))).collect();
        let all = under_way.len();
        if let [(settings, cycle)] = under_way.as_slice()
            && cycle.read == Read::Full
            && let Some(ended) = self.first(settings, cycle.confirm, held, events, progress).await
        {
            return Ok(usize::from(!ended));
        }
        for stage in [Stage::Import, Stage::Sync, Stage::Export] {
            let mut ended = Vec::with_capacity(under_way.len());
            for (settings, cycle) in under_way {
                // What comes after a failed run would work with half of the picture; the other forests are not concerned.
                match self.stage(settings, cycle, stage, held, events, progress).await {
                    Ok(()) => ended.push((settings, cycle)),
                    Err((profile, error)) => {
                        tracing::warn!("{profile} of {} failed: {error:#}", settings.name)
                    }
                }
            }
            under_way = ended;
        }
        Ok(all - under_way.len())
    }

    /// Everything at once, if the only forest has never been read to the end; whether it came to its end. None if it is not so.
    async fn first(
        &self,
        settings: &ForestSettings,
        confirm: bool,
        held: &mut Held,
        events: &EventLog,
        progress: &Progressing<'_>,
    ) -> Option<bool> {
        if self.config.forests.len() != 1 || self.exports().is_err() {
            return None;
        }
        // What was there before is looked at first, as in any cycle; what it meets keeps nothing else from going out.
        if confirm
            && let Err((profile, error)) = self.step(settings, Profile::ConfirmingImport, progress).await
        {
            tracing::warn!("{profile} of {} failed: {error:#}", settings.name);
        }
        match self.run_first(settings, progress).await {
            Ok(None) => None,
            Ok(Some(reports)) => {
                reports.iter().for_each(|report| tracing::info!("{}", summary(report)));
                Some(true)
            }
            Err(error) => {
                self.note_held(settings, &error, held, events);
                tracing::warn!("the first cycle of {} failed: {error:#}", settings.name);
                Some(false)
            }
        }
    }

    /// Keeps a list that the deletion guard holds, with one event for each list.
    fn note_held(
        &self,
        settings: &ForestSettings,
        error: &anyhow::Error,
        held: &mut Held,
        events: &EventLog,
    ) {
        let name = &settings.name.0;
        let Some(SyncError::Held { digest, because, .. }) = error.downcast_ref() else {
            held.remove(name);
            return;
        };
        let since = held.get(name).filter(|before| before.digest == *digest).and_then(|before| before.since);
        let waits =
            Waits { digest: digest.clone(), since, at: self.clock.now(), because: because.to_string() };
        if held.insert(name.clone(), waits).is_none_or(|before| before.digest != *digest) {
            events.note(EventId::UnknownError, format!("{} of {name}: {error:#}", Profile::Export));
        }
    }

    async fn stage(
        &self,
        settings: &ForestSettings,
        cycle: Cycle,
        stage: Stage,
        held: &mut Held,
        events: &EventLog,
        progress: &Progressing<'_>,
    ) -> Result<(), Failed> {
        let full = cycle.read == Read::Full;
        match stage {
            Stage::Import if full => self.step(settings, Profile::FullImport, progress).await,
            Stage::Import => self.step(settings, Profile::DeltaImport, progress).await,
            Stage::Sync if full => self.step(settings, Profile::FullSync, progress).await,
            Stage::Sync => {
                let failed = |error| (Profile::DeltaSync, error);
                if self.is_unsynced(settings).await.map_err(failed)? {
                    self.step(settings, Profile::DeltaSync, progress).await?;
                }
                Ok(())
            }
            Stage::Export => self.export(settings, cycle, held, events, progress).await,
        }
    }

    async fn export(
        &self,
        settings: &ForestSettings,
        cycle: Cycle,
        held: &mut Held,
        events: &EventLog,
        progress: &Progressing<'_>,
    ) -> Result<(), Failed> {
        if self.exports().is_err() {
            return Ok(());
        }
        // What was changed over there is found before the export, which then mends it. That it could not be found keeps nothing else
        // from going out.
        let confirmed = if cycle.confirm {
            self.step(settings, Profile::ConfirmingImport, progress).await
        } else {
            Ok(())
        };
        let failed = |error| (Profile::Export, error);
        if cycle.read == Read::Delta && !self.has_to_export(settings, held).await.map_err(failed)? {
            return confirmed;
        }
        let result = self.step(settings, Profile::Export, progress).await;
        match &result {
            Ok(()) => drop(held.remove(&settings.name.0)),
            Err((_, error)) => self.note_held(settings, error, held, events),
        }
        result.and(confirmed)
    }

    async fn step(
        &self,
        settings: &ForestSettings,
        profile: Profile,
        progress: &Progressing<'_>,
    ) -> Result<(), Failed> {
        let report = self.run(settings, profile, progress).await.map_err(|error| (profile, error))?;
        // A cycle each half a minute that meets nothing is worth no line; one that had to read everything is.
        let anchors = report.counts.anchors + report.counts.anchors_refused;
        if report.counts.done() + anchors > 0 || report.profile != profile {
            tracing::info!("{}", summary(&report));
        }
        Ok(())
    }

    async fn is_unsynced(&self, settings: &ForestSettings) -> anyhow::Result<bool> {
        Ok(self.engine.waiting(&settings.name.0).await?.unsynced > 0)
    }

    /// Whether there is anything that the tenant did not refuse already, and that the guard would not hold again.
    async fn has_to_export(&self, settings: &ForestSettings, held: &Held) -> anyhow::Result<bool> {
        let name = &settings.name.0;
        let (waiting, now) = (self.engine.waiting(name).await?, self.clock.now());
        // Meanwhile an administrator of the tenant may have approved what its guard holds.
        let asked = self
            .engine
            .latest()
            .await?
            .into_iter()
            .find(|run| run.connector == *name && run.profile == Profile::Export);
        let again = waiting.held_in_tenant > 0
            && asked.is_none_or(|run| now.since(run.started) >= HELD_IN_TENANT_AGAIN);
        if waiting.objects <= waiting.refused && waiting.members <= waiting.paused_members && !again {
            return Ok(false);
        }
        let Some(Waits { digest, at, .. }) = held.get(name) else { return Ok(true) };
        let same = self.engine.removals(name).await?.digest == *digest;
        Ok(!same || now.since(*at) >= HELD_AGAIN)
    }
}
