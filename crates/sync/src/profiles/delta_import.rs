//! Delta import: what changed in the directory since the last import, staged in the connector space.
//!
//! A page is one transaction. The watermark moves only after the source said that it gave every change, so that an
//! import that breaks off, or is killed, is repeated from where it began; a change that is staged twice is staged once.

use sqlx::{Row as _, SqliteConnection};

use super::full_import;
use crate::engine::Context;
use crate::error::SyncError;
use crate::fill;
use crate::group;
use crate::report::Profile;
use crate::source::{Begun, Changed, Changes, DeltaSource, SourceError, Watermark};
use crate::staging::{json, prepared, stage_all};

pub(crate) async fn run(context: &mut Context<'_>, source: &mut dyn DeltaSource) -> Result<(), SyncError> {
    let begun = match kept(context, &source.scope()).await? {
        Ok(watermark) => match source.begin(&watermark).await {
            Ok(Begun::Ready) => None,
            Ok(Begun::Lost { reason }) => Some(reason),
            Err(error) => return failed(context, error),
        },
        Err(reason) => Some(reason.to_owned()),
    };
    if let Some(reason) = begun {
        context.instead(Profile::FullImport, format!("in place of a delta import: {reason}")).await?;
        return full_import::run(context, source, None).await;
    }
    loop {
        match source.next_changes().await {
            Ok(Changes::Some(page)) => stage(context, page).await?,
            Ok(Changes::End { server, watermark, note, all }) => {
                context.server = server;
                note.into_iter().for_each(|note| context.add_note(note));
                let mut transaction = context.engine.store.write().await?;
                if all {
                    context.counts.deletes += mark_unseen(&mut transaction, context).await?;
                }
                fill::look(&mut transaction, context, false).await?;
                context.keep_watermark(&mut transaction, Some(&watermark), &source.scope()).await?;
                transaction.commit().await?;
                return Ok(());
            }
            Err(error) => return failed(context, error),
        }
        context.report_progress(context.counts.done(), None);
    }
}

fn failed(context: &mut Context<'_>, error: SourceError) -> Result<(), SyncError> {
    context.server.clone_from(&error.server);
    Err(error.into())
}

/// Where the last import ended; or why that is of no use.
async fn kept(context: &Context<'_>, scope: &str) -> Result<Result<Watermark, &'static str>, SyncError> {
    let row = sqlx::query("SELECT watermark, watermark_server, watermark_under FROM connector WHERE id = ?")
        .bind(context.connector_id)
        .fetch_one(&mut *context.engine.store.read().await?)
        .await?;
    let Some(mark) = row.try_get::<Option<String>, _>("watermark")? else {
        return Ok(Err("no place to go on from is kept"));
    };
    let under: Option<String> = row.try_get("watermark_under")?;
    if under.as_deref() != Some(context.connector.fingerprint(scope).as_str()) {
        return Ok(Err("scope, account or rules have changed"));
    }
    Ok(Ok(Watermark { mark, server: row.try_get("watermark_server")? }))
}

async fn stage(context: &mut Context<'_>, page: Vec<Changed>) -> Result<(), SyncError> {
    let (mut present, mut gone, mut unchanged, mut within) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let text = |guid| uuid::Uuid::from_bytes_le(guid).to_string();
    for changed in page {
        match changed {
            Changed::Present(object) => present.push(object),
            Changed::Gone(guid) => gone.push(text(guid)),
            Changed::Unchanged(guid) => unchanged.push(text(guid)),
            Changed::In { member, groups } => within.push((text(member), groups)),
        }
    }
    let present = prepared(present).await;
    let mut transaction = context.engine.store.write().await?;
    stage_all(&mut transaction, context, present).await?;
    let watched = !context.connector.rules.groups().is_empty();
    for (member, groups) in within {
        group::stage_memberships(&mut transaction, context.connector_id, &member, &groups, watched).await?;
    }
    let deletes = mark_gone(&mut transaction, context.connector_id, &gone).await?;
    context.counts.deletes += deletes;
    if watched && deletes > 0 {
        group::judge_those_of_gone(&mut transaction, context.connector_id).await?;
    }
    sqlx::query(
        "UPDATE cs_object SET seen_run = ? WHERE connector_id = ? AND object_guid IN (SELECT value FROM json_each(?))",
    )
    .bind(context.run_id)
    .bind(context.connector_id)
    .bind(json(&unchanged))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Marks as gone whatever the source, which told of all that is there, did not tell of; how many there were.
///
/// # Errors
/// [`SyncError::NothingSeen`] if it told of nothing: that is more likely a right that was taken away.
async fn mark_unseen(connection: &mut SqliteConnection, context: &Context<'_>) -> Result<u64, SyncError> {
    let row = sqlx::query(
        "SELECT count(*) AS before, coalesce(sum(seen_run = ?), 0) AS seen FROM cs_object WHERE connector_id = ? AND present = 1",
    )
    .bind(context.run_id)
    .bind(context.connector_id)
    .fetch_one(&mut *connection)
    .await?;
    let (before, seen): (i64, i64) = (row.try_get("before")?, row.try_get("seen")?);
    if before > 0 && seen == 0 {
        return Err(SyncError::NothingSeen { before: before.unsigned_abs() });
    }
    let gone = sqlx::query(
        "UPDATE cs_object SET present = 0, changed = 1 WHERE connector_id = ? AND present = 1 AND seen_run <> ?",
    )
    .bind(context.connector_id)
    .bind(context.run_id)
    .execute(&mut *connection)
    .await?;
    if !context.connector.rules.groups().is_empty() && gone.rows_affected() > 0 {
        group::judge_those_of_gone(connection, context.connector_id).await?;
    }
    Ok(gone.rows_affected())
}

/// Marks objects as gone; how many were there.
async fn mark_gone(
    connection: &mut SqliteConnection,
    connector: i64,
    guids: &[String],
) -> Result<u64, SyncError> {
    let gone = sqlx::query(
        "UPDATE cs_object SET present = 0, changed = 1 WHERE connector_id = ? AND present = 1 \
         AND object_guid IN (SELECT value FROM json_each(?))",
    )
    .bind(connector)
    .bind(json(guids))
    .execute(connection)
    .await?;
    Ok(gone.rows_affected())
}
