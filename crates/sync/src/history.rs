//! What the store keeps of runs.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::engine::Engine;
use crate::error::SyncError;
use crate::report::{Counts, ObjectError, Profile, RunOutcome, RunReport};

/// How long a run is kept. With a cycle each half a minute that is some 20,000 runs.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Whether a run is worth telling: a delta run each half a minute that meets nothing is not.
macro_rules! met_something {
    () => {
        "NOT (profile IN ('delta-import', 'delta-sync') AND outcome = 'succeeded' \
         AND adds + updates + deletes + unchanged + errors + anchors + anchors_refused = 0)"
    };
}

impl Engine {
    /// The last `limit` runs, newest first.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn history(&self, limit: u32) -> Result<Vec<RunReport>, SyncError> {
        let rows = sqlx::query(
            "SELECT run.*, name FROM run JOIN connector ON connector.id = connector_id ORDER BY run.id DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&mut *self.store.read().await?)
        .await?;
        rows.iter().map(report).collect()
    }

    /// Of each connector and profile the last run, and the last one that reached its end if that is another; newest
    /// first.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn latest(&self) -> Result<Vec<RunReport>, SyncError> {
        let rows = sqlx::query(
            "SELECT run.*, name FROM run JOIN connector ON connector.id = connector_id WHERE run.id IN \
             (SELECT max(id) FROM run GROUP BY connector_id, profile) OR run.id IN (SELECT max(id) FROM run \
             WHERE outcome IN ('succeeded', 'completed-with-errors') GROUP BY connector_id, profile) \
             ORDER BY run.id DESC",
        )
        .fetch_all(&mut *self.store.read().await?)
        .await?;
        rows.iter().map(report).collect()
    }

    /// Of a connector the last `limit` runs, newest first, without delta runs that met nothing.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn notable(&self, connector: &str, limit: u32) -> Result<Vec<RunReport>, SyncError> {
        let rows = sqlx::query(concat!(
            "SELECT run.*, name FROM run JOIN connector ON connector.id = connector_id WHERE name = ? AND ",
            met_something!(),
            " ORDER BY run.id DESC LIMIT ?"
        ))
        .bind(connector)
        .bind(limit)
        .fetch_all(&mut *self.store.read().await?)
        .await?;
        rows.iter().map(report).collect()
    }

    /// The last run after `run` that ended and met something; `None` if there is none.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn news(&self, run: i64) -> Result<Option<i64>, SyncError> {
        let row = sqlx::query(concat!(
            "SELECT max(id) AS id FROM run WHERE id > ? AND outcome <> 'running' AND ",
            met_something!()
        ))
        .bind(run)
        .fetch_one(&mut *self.store.read().await?)
        .await?;
        Ok(row.try_get("id")?)
    }

    /// Since when the deletion guard holds this list of a connector, export after export, and what it said; `None` if the last export was
    /// not held, or for another list.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn held_since(
        &self,
        connector: &str,
        digest: &str,
    ) -> Result<Option<(Timestamp, String)>, SyncError> {
        let row = sqlx::query(
            "SELECT min(started) AS since, max(failure) AS said FROM run JOIN connector c ON c.id = connector_id \
             WHERE name = ?1 AND profile = 'export' AND outcome <> 'running' AND run.id > coalesce((SELECT max(r.id) FROM run r \
             WHERE r.connector_id = c.id AND r.profile = 'export' AND r.outcome <> 'running' \
             AND instr(coalesce(r.failure, ''), ?2) = 0), 0)",
        )
        .bind(connector)
        .bind(digest)
        .fetch_one(&mut *self.store.read().await?)
        .await?;
        let since: Option<i64> = row.try_get("since")?;
        let said: Option<String> = row.try_get("said")?;
        Ok(since.map(Timestamp::from_unix_ms).zip(said))
    }

    /// One run of the history.
    ///
    /// # Errors
    /// [`SyncError::UnknownRun`] or [`SyncError::Store`].
    pub async fn run_report(&self, run: i64) -> Result<RunReport, SyncError> {
        let row = sqlx::query(
            "SELECT run.*, name FROM run JOIN connector ON connector.id = connector_id WHERE run.id = ?",
        )
        .bind(run)
        .fetch_optional(&mut *self.store.read().await?)
        .await?;
        report(&row.ok_or(SyncError::UnknownRun(run))?)
    }

    /// The first `limit` objects that the run `run` could not carry on, and why.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn errors(&self, run: i64, limit: u32) -> Result<Vec<ObjectError>, SyncError> {
        let rows = sqlx::query("SELECT object, fault FROM run_error WHERE run_id = ? ORDER BY id LIMIT ?")
            .bind(run)
            .bind(limit)
            .fetch_all(&mut *self.store.read().await?)
            .await?;
        rows.iter().map(object_error).collect()
    }
}

/// A row with `object` and `fault`.
pub(crate) fn object_error(row: &SqliteRow) -> Result<ObjectError, SyncError> {
    let fault = serde_json::from_str(row.try_get("fault")?)
        .map_err(|_| SyncError::Unreadable { column: "run_error.fault" })?;
    Ok(ObjectError { object: row.try_get("object")?, fault })
}

/// Forgets runs that ended over a week ago, but of each connector and profile never the last one, nor the last one that
/// reached its end.
pub(crate) async fn forget_old(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), SyncError> {
    sqlx::query(
        "DELETE FROM run WHERE started < ? AND id NOT IN (SELECT max(id) FROM run GROUP BY connector_id, profile) \
         AND id NOT IN (SELECT max(id) FROM run WHERE outcome IN ('succeeded', 'completed-with-errors') \
         GROUP BY connector_id, profile)",
    )
    .bind(now.minus(KEPT).unix_ms())
    .execute(connection)
    .await?;
    Ok(())
}

/// A row of the history, with the connector's name as `name`.
pub(crate) fn report(row: &SqliteRow) -> Result<RunReport, SyncError> {
    let count = |column: &'static str| -> Result<u64, SyncError> {
        u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| SyncError::Unreadable { column })
    };
    Ok(RunReport {
        id: row.try_get("id")?,
        connector: row.try_get("name")?,
        profile: Profile::named(row.try_get("profile")?)
            .ok_or(SyncError::Unreadable { column: "run.profile" })?,
        started: Timestamp::from_unix_ms(row.try_get("started")?),
        ended: row.try_get::<Option<i64>, _>("ended")?.map(Timestamp::from_unix_ms),
        outcome: RunOutcome::named(row.try_get("outcome")?)
            .ok_or(SyncError::Unreadable { column: "run.outcome" })?,
        server: row.try_get("server")?,
        counts: Counts {
            adds: count("adds")?,
            updates: count("updates")?,
            deletes: count("deletes")?,
            unchanged: count("unchanged")?,
            errors: count("errors")?,
            anchors: count("anchors")?,
            anchors_refused: count("anchors_refused")?,
        },
        failure: row.try_get("failure")?,
        note: row.try_get("note")?,
    })
}
