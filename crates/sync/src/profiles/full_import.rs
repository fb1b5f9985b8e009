//! Full import: all that the source gives, staged in the connector space.
//!
//! A page is one transaction. Only after the source itself said that it gave everything are objects that this run did
//! not see marked as gone, in one last transaction; so an import that breaks off, or is killed, removes nothing. Read at another server
//! than the last time, what is missed may only not have got there yet: it counts as gone when it is missed again later.

use std::time::Duration;

use sqlx::Row as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::engine::Context;
use crate::error::SyncError;
use crate::fill;
use crate::group;
use crate::source::{ImportSource, Page};
use crate::staging::{prepared, stage_all};

/// Replication between sites may take three hours by default; by the next night it has come, or is worth an alarm of its own.
const ARRIVES_WITHIN: Duration = Duration::from_secs(6 * 3_600);

/// Runs it. `staged` is told of each page that is in the store.
pub(crate) async fn run(
    context: &mut Context<'_>,
    source: &mut dyn ImportSource,
    staged: Option<&Notify>,
) -> Result<(), SyncError> {
    let before = present(context).await?;
    let mut total = Total::open(context, before, source).await?;
    loop {
        match total.meanwhile(context, source.next()).await {
            Ok(Page::Objects(objects)) => {
                let objects = prepared(objects).await;
                let mut transaction = context.engine.store.write().await?;
                // From here on the former mark tells of another state than the one that is staged: if this breaks off, a delta
                // must not go on from it.
                sqlx::query("UPDATE connector SET watermark = NULL WHERE id = ? AND watermark IS NOT NULL")
                    .bind(context.connector_id)
                    .execute(&mut *transaction)
                    .await?;
                stage_all(&mut transaction, context, objects).await?;
                transaction.commit().await?;
                if let Some(staged) = staged {
                    staged.notify_one();
                }
            }
            Ok(Page::End { server, watermark }) => {
                context.server = server;
                return end(context, before, &source.scope(), watermark).await;
            }
            Err(error) => {
                context.server.clone_from(&error.server);
                return Err(error.into());
            }
        }
        context.report_progress(context.counts.done(), total.known);
    }
}

/// How many objects there will be, for whoever looks.
struct Total {
    known: Option<u64>,
    /// Ends with the import, counted or not.
    counting: JoinSet<Option<u64>>,
}

impl Total {
    /// As many as the last import saw; or, where none came to its end, as many as the source counts.
    async fn open(
        context: &Context<'_>,
        before: u64,
        source: &mut dyn ImportSource,
    ) -> Result<Self, SyncError> {
        let row = sqlx::query("SELECT imported_scope IS NOT NULL FROM connector WHERE id = ?")
            .bind(context.connector_id)
            .fetch_one(&mut *context.engine.store.read().await?)
            .await?;
        let known = (row.try_get(0)? && before > 0).then_some(before);
        let mut counting = JoinSet::new();
        if known.is_none()
            && let Some(count) = source.count()
        {
            counting.spawn(count);
        }
        Ok(Self { known, counting })
    }

    /// Waits for what is read next, and tells the number as soon as it is known.
    async fn meanwhile<T>(&mut self, context: &Context<'_>, reading: impl Future<Output = T>) -> T {
        tokio::pin!(reading);
        loop {
            tokio::select! {
                read = &mut reading => return read,
                Some(counted) = self.counting.join_next() => {
                    // What could not be counted is not known.
                    self.known = counted.ok().flatten();
                    context.report_progress(context.counts.done(), self.known);
                }
            }
        }
    }
}

async fn present(context: &Context<'_>) -> Result<u64, SyncError> {
    let row = sqlx::query("SELECT count(*) FROM cs_object WHERE connector_id = ? AND present = 1")
        .bind(context.connector_id)
        .fetch_one(&mut *context.engine.store.read().await?)
        .await?;
    u64::try_from(row.try_get::<i64, _>(0)?).map_err(|_| SyncError::Unreadable { column: "count" })
}

/// The source gave everything: what this run did not see is gone.
async fn end(
    context: &mut Context<'_>,
    before: u64,
    scope: &str,
    watermark: Option<String>,
) -> Result<(), SyncError> {
    if context.counts.done() == 0 && before > 0 {
        return Err(SyncError::NothingSeen { before });
    }
    let mut transaction = context.engine.store.write().await?;
    let row =
        sqlx::query("SELECT watermark_server, imported_scope IS NULL AS never FROM connector WHERE id = ?")
            .bind(context.connector_id)
            .fetch_one(&mut *transaction)
            .await?;
    let (former, never): (Option<String>, bool) = (row.try_get("watermark_server")?, row.try_get("never")?);
    let elsewhere = match former {
        Some(former) => context.server.as_ref().is_some_and(|now| *now != former),
        // An import that broke off left what it staged, and not where: it may have been another server.
        None => never && before > 0 && context.server.is_some(),
    };
    let now = context.engine.clock.now();
    // With the same server as before all that is missed is gone; else what was missed long enough ago.
    let missed_before = if elsewhere { now.minus(ARRIVES_WITHIN).unix_ms() } else { i64::MAX };
    let gone = sqlx::query(
        "UPDATE cs_object SET present = 0, changed = 1, missed_at = NULL WHERE connector_id = ? AND seen_run <> ? \
         AND present = 1 AND coalesce(missed_at, ?) <= ?",
    )
    .bind(context.connector_id)
    .bind(context.run_id)
    .bind(now.unix_ms())
    .bind(missed_before)
    .execute(&mut *transaction)
    .await?;
    if !context.connector.rules.groups().is_empty() && gone.rows_affected() > 0 {
        group::judge_those_of_gone(&mut transaction, context.connector_id).await?;
    }
    let missed = sqlx::query(
        "UPDATE cs_object SET missed_at = coalesce(missed_at, ?) WHERE connector_id = ? AND seen_run <> ? AND present = 1",
    )
    .bind(now.unix_ms())
    .bind(context.connector_id)
    .bind(context.run_id)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if missed > 0 {
        let why = format!(
            "{missed} objects that were known are not at this server: they may not have got there yet, and count as gone if a \
             later full import misses them again"
        );
        context.add_note(why);
    }
    sqlx::query("UPDATE cs_object SET missed_at = NULL WHERE connector_id = ? AND seen_run = ? AND missed_at IS NOT NULL")
        .bind(context.connector_id)
        .bind(context.run_id)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("UPDATE connector SET imported_scope = ? WHERE id = ?")
        .bind(scope)
        .bind(context.connector_id)
        .execute(&mut *transaction)
        .await?;
    fill::look(&mut transaction, context, true).await?;
    context.keep_watermark(&mut transaction, watermark.as_deref(), scope).await?;
    transaction.commit().await?;
    context.counts.deletes = gone.rows_affected();
    Ok(())
}
