//! Anchors that the directory is given: `mS-DS-ConsistencyGuid` of people who have none, from their `objectGUID`.
//!
//! The value is the anchor by which the person is known already, so that nobody's anchor changes, whatever ends when: a value that was
//! written and not noted is met again, and is the same. It is added and never replaced, so that a value which somebody else wrote since
//! the last import wins, and is told. An import writes some before it reads, and so reads them back.

use std::time::Duration;

use sqlx::{Row as _, SqliteConnection};

use crate::engine::Context;
use crate::error::SyncError;
use crate::source::{AnchorWritten, ImportSource};
use crate::staging::json;

/// Objects that one run looks at. At some milliseconds each, a run stays short; the next one goes on.
const AT_ONCE: i64 = 500;
/// After so many refusals with nothing written before them, the right is missing as a whole.
const IN_VAIN: u64 = 10;
/// Who was tried, and still has none as the imports see it, is tried again after this, or by the next full import.
const AGAIN: Duration = Duration::from_secs(24 * 3_600);
/// Pause after all were refused.
const PAUSE: Duration = Duration::from_secs(3_600);

/// People who may lack an anchor: row, `objectGUID`, name, and whether they are known by their own `objectGUID` now.
type Due = (i64, [u8; 16], String, bool);

/// What came of a run's writes.
#[derive(Default)]
struct Done {
    /// Rows that are to be left alone for a while.
    tried: Vec<i64>,
    refused: Option<(String, String)>,
    another: Vec<String>,
    in_vain: bool,
    broke_off: Option<String>,
}

/// Writes what is due, before an import. That the directory takes none, or is not there, keeps nothing from being read.
pub(crate) async fn fill(context: &mut Context<'_>, source: &mut dyn ImportSource) -> Result<(), SyncError> {
    if !context.connector.fill_anchors {
        return Ok(());
    }
    let now = context.engine.clock.now();
    let due = due(context, now.unix_ms()).await?;
    if due.is_empty() {
        return Ok(());
    }
    let Some(writer) = source.anchors() else { return Ok(()) };
    let mut done = Done::default();
    for (id, guid, dn, eligible) in due {
        if eligible {
            match writer.write(guid).await {
                Ok(AnchorWritten::Written) => context.counts.anchors += 1,
                Ok(AnchorWritten::AlreadyThere | AnchorWritten::Gone) => {}
                Ok(AnchorWritten::Another) => done.another.push(dn),
                Ok(AnchorWritten::Refused(reason)) => {
                    context.counts.anchors_refused += 1;
                    done.refused.get_or_insert((dn, reason));
                }
                Err(error) => {
                    done.broke_off = Some(error.reason);
                    break;
                }
            }
        }
        done.tried.push(id);
        if context.counts.anchors == 0 && context.counts.anchors_refused >= IN_VAIN {
            done.in_vain = true;
            break;
        }
    }
    let mut transaction = context.engine.store.write().await?;
    sqlx::query("UPDATE cs_object SET anchor_due = ? WHERE id IN (SELECT value FROM json_each(?)) AND anchor_due IS NOT NULL")
        .bind(now.plus(AGAIN).unix_ms())
        .bind(json(&done.tried))
        .execute(&mut *transaction)
        .await?;
    if done.in_vain {
        sqlx::query("UPDATE connector SET anchors_from = ? WHERE id = ?")
            .bind(now.plus(PAUSE).unix_ms())
            .bind(context.connector_id)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    tell(context, done);
    Ok(())
}

/// Says once for the whole run what an operator should know.
fn tell(context: &mut Context<'_>, done: Done) {
    if let Some((dn, reason)) = done.refused {
        let refused = context.counts.anchors_refused;
        let pause = if done.in_vain { "; it is tried again in an hour" } else { "" };
        context.add_note(format!(
            "the directory refused the source anchor of {refused}, such as {dn}: {reason}{pause}"
        ));
    }
    if let Some(first) = done.another.first() {
        let count = done.another.len();
        context
            .add_note(format!("{count} got another source anchor from somebody else, which stays: {first}"));
    }
    if let Some(reason) = done.broke_off {
        context.add_note(format!("source anchors could not be written: {reason}"));
    }
}

async fn due(context: &Context<'_>, now: i64) -> Result<Vec<Due>, SyncError> {
    let rows = sqlx::query(
        "SELECT o.id, object_guid, dn, coalesce(present = 1 AND m.anchor = o.anchor, 0) AS eligible \
         FROM cs_object o INDEXED BY cs_object_anchor_due LEFT JOIN mv_object m ON m.id = mv_id \
         WHERE connector_id = ?1 AND anchor_due <= ?2 AND (SELECT anchors_from FROM connector WHERE id = ?1) <= ?2 \
         ORDER BY anchor_due LIMIT ?3",
    )
    .bind(context.connector_id)
    .bind(now)
    .bind(AT_ONCE)
    .fetch_all(&mut *context.engine.store.read().await?)
    .await?;
    rows.iter()
        .map(|row| {
            let guid = uuid::Uuid::parse_str(row.try_get("object_guid")?)
                .map_err(|_| SyncError::Unreadable { column: "cs_object.object_guid" })?;
            Ok((row.try_get("id")?, guid.to_bytes_le(), row.try_get("dn")?, row.try_get("eligible")?))
        })
        .collect()
}

/// A statement with what `anchor_due` of an object is before anything was tried: 0 for a person without an anchor of their own.
macro_rules! due {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "CASE WHEN kind = 'person' AND present = 1 \
             AND json_extract(attributes, '$.\"ms-ds-consistencyguid\"') IS NULL THEN 0 END",
            $after
        )
    };
}

/// Looks for people who lack an anchor, within an import's last transaction: among all after a full import and where it was never
/// looked before, else among those who changed.
pub(crate) async fn look(
    connection: &mut SqliteConnection,
    context: &Context<'_>,
    full: bool,
) -> Result<(), SyncError> {
    let id = context.connector_id;
    if !context.connector.fill_anchors {
        // Whoever comes to lack one meanwhile is not seen: when it is asked for again, all are looked at.
        sqlx::query("UPDATE connector SET anchors_from = NULL WHERE id = ? AND anchors_from IS NOT NULL")
            .bind(id)
            .execute(connection)
            .await?;
        return Ok(());
    }
    let looked: bool = sqlx::query("SELECT anchors_from IS NOT NULL FROM connector WHERE id = ?")
        .bind(id)
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    if looked && !full {
        let changed = due!(
            "UPDATE cs_object INDEXED BY cs_object_changed SET anchor_due = ",
            " WHERE connector_id = ? AND changed = 1"
        );
        sqlx::query(changed).bind(id).execute(connection).await?;
        return Ok(());
    }
    let all = due!(
        "UPDATE cs_object AS o SET anchor_due = d.due FROM (SELECT id, ",
        " AS due FROM cs_object WHERE connector_id = ?1) d WHERE o.id = d.id AND o.connector_id = ?1 AND o.anchor_due IS NOT d.due"
    );
    sqlx::query(all).bind(id).execute(&mut *connection).await?;
    sqlx::query("UPDATE connector SET anchors_from = 0 WHERE id = ?").bind(id).execute(connection).await?;
    Ok(())
}
