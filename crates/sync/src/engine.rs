//! The engine: its store, its clock, and the runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ritorno_protocol::clock::Clock;
use sqlx::{Row as _, SqliteConnection};

use crate::connector::Connector;
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::fill::fill;
use crate::guard::{self, Removals};
use crate::history;
use crate::profiles::{
    confirming_import, delta_import, delta_sync, export, first_cycle, full_import, full_sync,
};
use crate::report::{Counts, Profile, Progress, RunOutcome, RunReport};
use crate::run::Run;
use crate::source::ImportSource;
use crate::status::{self, ConnectorStatus, Waiting};
use crate::store::Store;
use crate::target::Target;

/// The sync engine over one store.
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Where a run under way stands, handed to its profile.
pub(crate) struct Context<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) connector: &'a Connector,
    /// The connector's row.
    pub(crate) connector_id: i64,
    /// The run's row.
    pub(crate) run_id: i64,
    pub(crate) profile: Profile,
    pub(crate) counts: Counts,
    pub(crate) server: Option<String>,
    pub(crate) note: Option<String>,
    /// Told of every page.
    pub(crate) progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl Context<'_> {
    /// Records why one object was not carried on, within the page's transaction.
    pub(crate) async fn record(
        &mut self,
        connection: &mut SqliteConnection,
        object: &str,
        fault: &ObjectFault,
    ) -> Result<(), SyncError> {
        self.counts.errors += 1;
        tracing::warn!(connector = %self.connector.name, profile = %self.profile, object, %fault, "object not carried on");
        sqlx::query("INSERT INTO run_error (run_id, object, fault) VALUES (?, ?, ?)")
            .bind(self.run_id)
            .bind(object)
            .bind(fault_json(fault))
            .execute(connection)
            .await?;
        Ok(())
    }

    /// Goes on as another profile than the one that was asked for, and says why in the history.
    pub(crate) async fn instead(&mut self, profile: Profile, why: String) -> Result<(), SyncError> {
        tracing::info!(connector = %self.connector.name, %profile, "{why}");
        let mut transaction = self.engine.store.write().await?;
        sqlx::query("UPDATE run SET profile = ?, note = ? WHERE id = ?")
            .bind(profile.name())
            .bind(&why)
            .bind(self.run_id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        self.profile = profile;
        self.add_note(why);
        Ok(())
    }

    /// Adds to what the operator should know of the run.
    pub(crate) fn add_note(&mut self, more: String) {
        self.note = Some(match self.note.take() {
            Some(note) => format!("{note}; {more}"),
            None => more,
        });
    }

    /// Keeps where the next delta import goes on, within the import's last transaction.
    pub(crate) async fn keep_watermark(
        &self,
        connection: &mut SqliteConnection,
        mark: Option<&str>,
        scope: &str,
    ) -> Result<(), SyncError> {
        sqlx::query(
            "UPDATE connector SET watermark = ?, watermark_server = ?, watermark_under = ? WHERE id = ?",
        )
        .bind(mark)
        .bind(&self.server)
        .bind(self.connector.fingerprint(scope))
        .bind(self.connector_id)
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(crate) fn report_progress(&self, done: u64, total: Option<u64>) {
        (self.progress)(Progress { profile: self.profile, done, total });
    }
}

/// A fault as the store keeps it.
pub(crate) fn fault_json(fault: &ObjectFault) -> String {
    serde_json::to_string(fault).expect("plain strings and numbers become JSON")
}

impl Engine {
    /// Opens the store at `path`, made with mode 0600 if it is not there. Runs that a program left behind when it
    /// ended are marked as interrupted.
    ///
    /// # Errors
    /// [`SyncError::File`], [`SyncError::Store`] or [`SyncError::Migration`].
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, SyncError> {
        let engine = Self { store: Store::open(path).await?, clock };
        match engine.store.try_lock() {
            Ok(_lock) => engine.mark_interrupted().await?,
            // The runs under way are another program's.
            Err(SyncError::RunInProgress) => {}
            Err(error) => return Err(error),
        }
        Ok(engine)
    }

    /// Runs one profile to its end and returns what the history keeps of it.
    ///
    /// # Errors
    /// [`SyncError::RunInProgress`] within a second if another run goes on; else what stopped the run, which the history
    /// keeps as well. Faults of single objects are no errors of the run: see [`Engine::errors`].
    pub async fn run(
        &self,
        connector: &Connector,
        run: Run<'_>,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<RunReport, SyncError> {
        let _lock = self.store.lock().await?;
        self.mark_interrupted().await?;
        let mut context = self.context(connector, run.profile(), progress).await?;
        self.store.make_room(true).await?;
        let result = match run {
            Run::FullImport(source) => match fill(&mut context, source).await {
                Ok(()) => full_import::run(&mut context, source, None).await,
                Err(error) => Err(error),
            },
            Run::DeltaImport(source) => match fill(&mut context, source).await {
                Ok(()) => delta_import::run(&mut context, source).await,
                Err(error) => Err(error),
            },
            Run::FullSync => full_sync::run(&mut context).await,
            Run::DeltaSync => delta_sync::run(&mut context).await,
            Run::Export { target, lease_epoch } => export::run(&mut context, target, lease_epoch).await,
            Run::ConfirmingImport { target, lease_epoch } => {
                confirming_import::run(&mut context, target, lease_epoch).await
            }
            Run::ConfirmingDeltaImport { target, lease_epoch } => {
                confirming_import::run_delta(&mut context, target, lease_epoch).await
            }
        };
        self.store.make_room(false).await?;
        self.ended(&context, result).await
    }

    /// Whether [`Engine::first_cycle`] would do something, as it stands now.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn first_cycle_is_due(&self, connector: &Connector) -> Result<bool, SyncError> {
        first_cycle::is_due(self, connector).await
    }

    /// Full import, full sync and export of a connector whose directory has never been read to the end, at once: see
    /// [`crate::profiles::first_cycle`]. For a store with this connector alone. None, and nothing was done, if this is not its first cycle.
    ///
    /// # Errors
    /// What stopped it, as [`Engine::run`] has it.
    pub async fn first_cycle(
        &self,
        connector: &Connector,
        source: &mut dyn ImportSource,
        target: &dyn Target,
        lease_epoch: u64,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Option<[RunReport; 3]>, SyncError> {
        let _lock = self.store.lock().await?;
        self.mark_interrupted().await?;
        if !first_cycle::is_due(self, connector).await? {
            return Ok(None);
        }
        let mut import = self.context(connector, Profile::FullImport, progress).await?;
        let mut sync = self.context(connector, Profile::FullSync, progress).await?;
        let mut export = self.context(connector, Profile::Export, progress).await?;
        self.store.make_room(true).await?;
        let results =
            first_cycle::run([&mut import, &mut sync, &mut export], source, target, lease_epoch).await;
        self.store.make_room(false).await?;
        let mut reports = Vec::with_capacity(3);
        let mut failed = None;
        for (context, result) in [&import, &sync, &export].into_iter().zip(results) {
            // One that could not come to its end, since the one before it failed, is not in the history as one that went well.
            let result = result.unwrap_or_else(|| Err(SyncError::NotFinished));
            match self.ended(context, result).await {
                Ok(report) => reports.push(report),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match (failed, <[RunReport; 3]>::try_from(reports)) {
            (None, Ok(reports)) => Ok(Some(reports)),
            (failed, _) => Err(failed.unwrap_or(SyncError::NotFinished)),
        }
    }

    /// A run that begins.
    async fn context<'a>(
        &'a self,
        connector: &'a Connector,
        profile: Profile,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> Result<Context<'a>, SyncError> {
        let (connector_id, run_id) = self.begin(connector, profile).await?;
        let (counts, server, note) = (Counts::default(), None, None);
        Ok(Context { engine: self, connector, connector_id, run_id, profile, counts, server, note, progress })
    }

    /// A run that ended like this.
    async fn ended(
        &self,
        context: &Context<'_>,
        result: Result<(), SyncError>,
    ) -> Result<RunReport, SyncError> {
        let outcome = match &result {
            Err(_) => RunOutcome::Failed,
            Ok(()) if context.counts.errors > 0 => RunOutcome::CompletedWithErrors,
            Ok(()) => RunOutcome::Succeeded,
        };
        let failure = result.as_ref().err().map(ToString::to_string);
        let report = self.end(context, outcome, failure).await?;
        result.map(|()| report)
    }

    /// Where every connector that ever ran stands, by name.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn status(&self) -> Result<Vec<ConnectorStatus>, SyncError> {
        status::all(&mut *self.store.read().await?, self.clock.now()).await
    }

    /// What waits of `connector`: cheaper than [`Engine::status`], for whoever asks again and again.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn waiting(&self, connector: &str) -> Result<Waiting, SyncError> {
        status::waiting(&mut *self.store.read().await?, connector, self.clock.now()).await
    }

    /// The removals that the next export of `connector` would send and nobody approved.
    ///
    /// # Errors
    /// [`SyncError::UnknownConnector`] or [`SyncError::Store`].
    pub async fn removals(&self, connector: &str) -> Result<Removals, SyncError> {
        let mut transaction = self.store.write().await?;
        let id = known(&mut transaction, connector).await?;
        guard::end_approval(&mut transaction, id, self.clock.now()).await?;
        let removals = guard::pending(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(removals)
    }

    /// Approves the list of removals whose digest is `digest`, for a day: the next export sends exactly those, whatever their
    /// number.
    ///
    /// # Errors
    /// [`SyncError::OtherList`] if that is not the list that is pending now, [`SyncError::RunInProgress`],
    /// [`SyncError::UnknownConnector`] or [`SyncError::Store`].
    pub async fn approve(&self, connector: &str, digest: &str) -> Result<(), SyncError> {
        self.approve_for(connector, digest, guard::APPROVED_FOR).await
    }

    /// The same for as long as `lasts`, and for a day at most: somebody approved it elsewhere a while ago.
    ///
    /// # Errors
    /// As [`Engine::approve`].
    pub async fn approve_for(&self, connector: &str, digest: &str, lasts: Duration) -> Result<(), SyncError> {
        let _lock = self.store.lock().await?;
        let mut transaction = self.store.write().await?;
        let id = known(&mut transaction, connector).await?;
        guard::end_approval(&mut transaction, id, self.clock.now()).await?;
        let removals = guard::pending(&mut transaction, id).await?;
        if !removals.digest.eq_ignore_ascii_case(digest.trim()) {
            return Err(SyncError::OtherList { now: removals.digest });
        }
        guard::approve(&mut transaction, id, self.clock.now().plus(lasts.min(guard::APPROVED_FOR))).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn begin(&self, connector: &Connector, profile: Profile) -> Result<(i64, i64), SyncError> {
        let mut transaction = self.store.write().await?;
        sqlx::query("INSERT INTO connector (name) VALUES (?) ON CONFLICT DO NOTHING")
            .bind(&connector.name)
            .execute(&mut *transaction)
            .await?;
        let connector_id = known(&mut transaction, &connector.name).await?;
        // Whoever reads all of a directory has the time to look through the history as well.
        if profile == Profile::FullImport {
            history::forget_old(&mut transaction, self.clock.now()).await?;
        }
        let run_id = sqlx::query(
            "INSERT INTO run (connector_id, profile, started, outcome) VALUES (?, ?, ?, ?) RETURNING id",
        )
        .bind(connector_id)
        .bind(profile.name())
        .bind(self.clock.now().unix_ms())
        .bind(RunOutcome::Running.name())
        .fetch_one(&mut *transaction)
        .await?
        .try_get(0)?;
        transaction.commit().await?;
        tracing::info!(connector = %connector.name, %profile, run = run_id, "sync run started");
        Ok((connector_id, run_id))
    }

    async fn end(
        &self,
        context: &Context<'_>,
        outcome: RunOutcome,
        failure: Option<String>,
    ) -> Result<RunReport, SyncError> {
        let counts = context.counts;
        tracing::info!(
            connector = %context.connector.name, profile = %context.profile, run = context.run_id, %outcome,
            counts.adds, counts.updates, counts.deletes, counts.unchanged, counts.errors, counts.anchors, counts.anchors_refused,
            failure = failure.as_deref().unwrap_or_default(), "sync run ended"
        );
        let mut transaction = self.store.write().await?;
        let row = sqlx::query(
            "UPDATE run SET ended = ?, outcome = ?, server = ?, adds = ?, updates = ?, deletes = ?, unchanged = ?, \
             errors = ?, anchors = ?, anchors_refused = ?, failure = ?, note = ? WHERE id = ? \
             RETURNING *, (SELECT name FROM connector WHERE connector.id = connector_id) AS name",
        )
        .bind(self.clock.now().unix_ms())
        .bind(outcome.name())
        .bind(&context.server)
        .bind(stored(counts.adds))
        .bind(stored(counts.updates))
        .bind(stored(counts.deletes))
        .bind(stored(counts.unchanged))
        .bind(stored(counts.errors))
        .bind(stored(counts.anchors))
        .bind(stored(counts.anchors_refused))
        .bind(failure)
        .bind(&context.note)
        .bind(context.run_id)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        history::report(&row)
    }

    /// Only with the run lock held: whatever still says that it runs was left behind.
    async fn mark_interrupted(&self) -> Result<(), SyncError> {
        let mut transaction = self.store.write().await?;
        sqlx::query("UPDATE run SET outcome = ? WHERE outcome = ?")
            .bind(RunOutcome::Interrupted.name())
            .bind(RunOutcome::Running.name())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}

pub(crate) async fn known(connection: &mut SqliteConnection, connector: &str) -> Result<i64, SyncError> {
    let row = sqlx::query("SELECT id FROM connector WHERE name = ?")
        .bind(connector)
        .fetch_optional(connection)
        .await?;
    let row = row.ok_or_else(|| SyncError::UnknownConnector(connector.to_owned()))?;
    Ok(row.try_get(0)?)
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
