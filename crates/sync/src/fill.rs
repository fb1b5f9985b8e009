//! Anchors that the directory is given: `mS-DS-ConsistencyGuid` of people who have none, from their `objectGUID`.
//!
//! The value is the anchor by which the person is known already, so that nobody's anchor changes, whatever ends when: a value that was
//! written and not noted is met again, and is the same. It is added and never replaced, so that a value which somebody else wrote since
//! the last import wins, and is told. An import writes some before it reads, and so reads them back.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use crate::engine::Context;
use crate::error::SyncError;
use crate::object::parent;
use crate::report::{Profile, RunOutcome};
use crate::source::{AnchorWritten, ImportSource};
use crate::staging::json;

/// Objects that one run looks at. At some milliseconds each, a run stays short; the next one goes on.
const AT_ONCE: usize = 500;
/// After so many refusals with nothing written before them, it is in doubt whether the right is missing as a whole.
const IN_VAIN: u64 = 10;
/// So many more are tried then, of other containers before all; if they are refused as well, it is missing.
const ELSEWHERE: usize = 5;
/// Who was tried, and still has none as the imports see it, is tried again after this.
const AGAIN: Duration = Duration::from_secs(24 * 3_600);
/// Pause after all were refused.
const PAUSE: Duration = Duration::from_secs(3_600);

/// Somebody who may lack an anchor.
struct Due {
    row: i64,
    object_guid: [u8; 16],
    dn: String,
    /// Whether they are known by their own `objectGUID` now.
    eligible: bool,
}

/// What came of a run's writes.
#[derive(Default)]
struct Done {
    /// Rows that are to be left alone for a while.
    tried: Vec<i64>,
    /// The same of those who were not given one, and are tried after all others from now on.
    last: Vec<i64>,
    /// The row at which it broke off: the others come before it the next time, should it be its fault.
    broke_off_at: Option<i64>,
    refused: Option<(String, String)>,
    left_alone: Vec<(String, String)>,
    another: Vec<String>,
    in_vain: bool,
    broke_off: Option<String>,
}

/// In which order they are tried.
struct Order {
    left: VecDeque<Due>,
    refused_in: BTreeSet<String>,
    elsewhere: usize,
}

impl Order {
    /// The next one. While it is in doubt whether anything is taken at all: one from where nobody was refused yet, else from the other end.
    fn next(&mut self, in_doubt: bool) -> Option<Due> {
        if !in_doubt {
            return self.left.pop_front();
        }
        if self.elsewhere == ELSEWHERE {
            return None;
        }
        self.elsewhere += 1;
        match self.left.iter().position(|one| !self.refused_in.contains(container(&one.dn))) {
            Some(at) => self.left.remove(at),
            None => self.left.pop_back(),
        }
    }
}

fn container(dn: &str) -> &str {
    parent(dn).unwrap_or_default()
}

/// Writes what is due, before an import. That the directory takes none, or is not there, keeps nothing from being read.
pub(crate) async fn fill(context: &mut Context<'_>, source: &mut dyn ImportSource) -> Result<(), SyncError> {
    // Who is staged after an import that did not come to its end may be there no more, or out of scope.
    if !context.connector.fill_anchors || !is_read_to_the_end(context).await? {
        return Ok(());
    }
    let now = context.engine.clock.now();
    let (due, others): (Vec<Due>, Vec<Due>) =
        due(context, now.unix_ms()).await?.into_iter().partition(|one| one.eligible);
    if due.is_empty() && others.is_empty() {
        return Ok(());
    }
    let Some(writer) = source.anchors() else { return Ok(()) };
    let mut done = Done { tried: others.into_iter().map(|one| one.row).collect(), ..Done::default() };
    let mut order = Order { left: due.into(), refused_in: BTreeSet::new(), elsewhere: 0 };
    loop {
        let in_doubt = context.counts.anchors == 0 && context.counts.anchors_refused >= IN_VAIN;
        let Some(Due { row, object_guid, dn, .. }) = order.next(in_doubt) else {
            done.in_vain = in_doubt;
            break;
        };
        match writer.write(object_guid).await {
            Ok(AnchorWritten::Written) => context.counts.anchors += 1,
            Ok(AnchorWritten::AlreadyThere | AnchorWritten::Gone) => {}
            Ok(AnchorWritten::Another) => done.another.push(dn),
            Ok(AnchorWritten::Refused(reason)) => {
                context.counts.anchors_refused += 1;
                order.refused_in.insert(container(&dn).to_owned());
                done.refused.get_or_insert((dn, reason));
                done.last.push(row);
                continue;
            }
            Ok(AnchorWritten::LeftAlone(reason)) => {
                done.left_alone.push((dn, reason));
                done.last.push(row);
                continue;
            }
            Err(error) => {
                done.broke_off = Some(error.reason);
                done.broke_off_at = Some(row);
                break;
            }
        }
        done.tried.push(row);
    }
    keep(context, &done, now).await?;
    tell(context, done);
    Ok(())
}

/// Whether the import before this one came to its end.
async fn is_read_to_the_end(context: &Context<'_>) -> Result<bool, SyncError> {
    let before = sqlx::query(
        "SELECT outcome FROM run WHERE connector_id = ? AND id < ? AND profile IN (?, ?) ORDER BY id DESC LIMIT 1",
    )
    .bind(context.connector_id)
    .bind(context.run_id)
    .bind(Profile::FullImport.name())
    .bind(Profile::DeltaImport.name())
    .fetch_optional(&mut *context.engine.store.read().await?)
    .await?;
    let outcome = before.map(|row| row.try_get::<String, _>("outcome")).transpose()?;
    let ended = [RunOutcome::Succeeded, RunOutcome::CompletedWithErrors].map(RunOutcome::name);
    Ok(outcome.is_some_and(|outcome| ended.contains(&outcome.as_str())))
}

async fn keep(context: &Context<'_>, done: &Done, now: Timestamp) -> Result<(), SyncError> {
    let again = now.plus(AGAIN).unix_ms();
    let mut transaction = context.engine.store.write().await?;
    for (rows, refused) in [(&done.tried, None), (&done.last, Some(again))] {
        sqlx::query(
            "UPDATE cs_object SET anchor_due = ?, anchor_refused = ? WHERE id IN (SELECT value FROM json_each(?)) \
             AND anchor_due IS NOT NULL",
        )
        .bind(again)
        .bind(refused)
        .bind(json(rows))
        .execute(&mut *transaction)
        .await?;
    }
    if let Some(row) = done.broke_off_at {
        sqlx::query("UPDATE cs_object SET anchor_due = ? WHERE id = ? AND anchor_due IS NOT NULL")
            .bind(now.unix_ms())
            .bind(row)
            .execute(&mut *transaction)
            .await?;
    }
    if done.in_vain {
        sqlx::query("UPDATE connector SET anchors_from = ? WHERE id = ?")
            .bind(now.plus(PAUSE).unix_ms())
            .bind(context.connector_id)
            .execute(&mut *transaction)
            .await?;
    }
    Ok(transaction.commit().await?)
}

/// Says once for the whole run what an operator should know.
fn tell(context: &mut Context<'_>, done: Done) {
    if let Some((dn, reason)) = done.refused {
        let refused = context.counts.anchors_refused;
        let pause = if done.in_vain { "; others are tried in an hour" } else { "" };
        context.add_note(format!(
            "the directory refused the source anchor of {refused}, such as {dn}: {reason}{pause}"
        ));
    }
    if let Some((dn, reason)) = done.left_alone.first() {
        let count = done.left_alone.len();
        context.add_note(format!("{count} get no source anchor, such as {dn}: {reason}"));
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

/// Who is due: those whom the directory refused before come last.
async fn due(context: &Context<'_>, now: i64) -> Result<Vec<Due>, SyncError> {
    let mut all = Vec::new();
    for refused in [false, true] {
        let rows = sqlx::query(
            "SELECT o.id, object_guid, dn, coalesce(present = 1 AND m.anchor = o.anchor, 0) AS eligible \
             FROM cs_object o INDEXED BY cs_object_anchor_due LEFT JOIN mv_object m ON m.id = mv_id \
             WHERE connector_id = ?1 AND anchor_due <= ?2 AND (SELECT anchors_from FROM connector WHERE id = ?1) <= ?2 \
             AND (anchor_refused IS NOT NULL) = ?4 ORDER BY anchor_due LIMIT ?3",
        )
        .bind(context.connector_id)
        .bind(now)
        .bind(i64::try_from(AT_ONCE - all.len()).unwrap_or_default())
        .bind(refused)
        .fetch_all(&mut *context.engine.store.read().await?)
        .await?;
        for row in rows {
            let guid = uuid::Uuid::parse_str(row.try_get("object_guid")?)
                .map_err(|_| SyncError::Unreadable { column: "cs_object.object_guid" })?;
            all.push(Due {
                row: row.try_get("id")?,
                object_guid: guid.to_bytes_le(),
                dn: row.try_get("dn")?,
                eligible: row.try_get("eligible")?,
            });
        }
    }
    Ok(all)
}

/// A statement with what `anchor_due` of a person without an anchor of their own is: 0, unless the directory refused it: then that pause holds.
macro_rules! due {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "CASE WHEN kind = 'person' AND present = 1 \
             AND json_extract(attributes, '$.\"ms-ds-consistencyguid\"') IS NULL THEN coalesce(anchor_refused, 0) END",
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
