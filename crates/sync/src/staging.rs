//! How an import's objects come into the connector space.

use std::collections::HashMap;

use sqlx::{Row as _, SqliteConnection};

use crate::anchor;
use crate::engine::Context;
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::group;
use crate::object::{ImportedObject, Staged, hex};

/// What is staged of an object already.
struct Known {
    id: i64,
    anchor: String,
    hash: Vec<u8>,
    /// The anchor of the person that it is joined to.
    person: Option<String>,
    present: bool,
    rid: Option<i64>,
}

/// What a page did to one object.
enum Staging {
    Add,
    Update,
    Unchanged,
}

/// A page of objects as they are staged, with their GUIDs.
pub(crate) struct Prepared {
    guids: Vec<[u8; 16]>,
    staged: Vec<Staged>,
}

/// Works out how objects are staged: before the transaction, which others wait for, and beside whatever else this run computes.
pub(crate) async fn prepared(objects: Vec<ImportedObject>) -> Prepared {
    let prepare = move || {
        let guids = objects.iter().map(|object| object.object_guid).collect();
        Prepared { guids, staged: objects.into_iter().map(Staged::of).collect() }
    };
    match tokio::task::spawn_blocking(prepare).await {
        Ok(prepared) => prepared,
        Err(ended) => std::panic::resume_unwind(ended.into_panic()),
    }
}

/// Stages objects that are there, within the page's transaction.
pub(crate) async fn stage_all(
    connection: &mut SqliteConnection,
    context: &mut Context<'_>,
    Prepared { guids, staged }: Prepared,
) -> Result<(), SyncError> {
    let known = known(connection, context.connector_id, &staged).await?;
    let (mut kept, mut rows, mut in_primary, mut primary) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (guid, staged) in guids.iter().zip(staged) {
        let earlier = known.get(&staged.guid);
        let consistency = staged.attributes.bytes(anchor::ATTRIBUTE);
        let checked = anchor::anchor(guid, consistency.as_deref()).and_then(|anchor| match earlier {
            // One of several accounts of a person may take the anchor that the person has already.
            Some(Known { anchor: before, person: Some(person), .. })
                if *before != anchor.0 && *person != anchor.0 =>
            {
                Err(ObjectFault::AnchorChanged { from: before.clone(), to: anchor.0 })
            }
            _ => Ok(anchor),
        });
        let anchor = match checked {
            Ok(anchor) => anchor,
            Err(fault) => {
                // What was staged before stays as it was: the object is there, only unusable.
                kept.extend(earlier.map(|earlier| earlier.id));
                context.record(connection, &staged.dn, &fault).await?;
                continue;
            }
        };
        if is_another_primary(&staged, earlier) {
            // Before its own list is staged, which may have the same people.
            if earlier.is_some() {
                group::forget_primaries(connection, context.connector_id, &staged.guid).await?;
            }
            primary.push(staged.guid.clone());
        }
        let edges = stage_edges(connection, context, &staged, earlier, &mut in_primary).await?;
        let staging = match earlier {
            Some(earlier) if earlier.hash == staged.hash && earlier.present && edges == 0 => {
                Staging::Unchanged
            }
            Some(_) => Staging::Update,
            None => Staging::Add,
        };
        match (&staging, earlier) {
            (Staging::Unchanged, Some(earlier)) => kept.push(earlier.id),
            _ => rows.push(row(&staged, &anchor.0)),
        }
        if let Some(earlier) = earlier.filter(|earlier| earlier.anchor != anchor.0) {
            unmask_twins(connection, &earlier.anchor).await?;
        }
        match staging {
            Staging::Add => context.counts.adds += 1,
            Staging::Update => context.counts.updates += 1,
            Staging::Unchanged => context.counts.unchanged += 1,
        }
    }
    stage(connection, context, &rows).await?;
    group::stage_primaries(connection, context.connector_id, &in_primary).await?;
    group::gather_primaries(connection, context.connector_id, &primary).await?;
    if !context.connector.rules.groups().is_empty() {
        group::judge_anew(connection, context.connector_id, &primary).await?;
    }
    sqlx::query(
        "UPDATE cs_object SET seen_run = ?, present = 1 WHERE id IN (SELECT value FROM json_each(?))",
    )
    .bind(context.run_id)
    .bind(json(&kept))
    .execute(connection)
    .await?;
    Ok(())
}

/// Stages who is in a group; how many edges that changed. Whose primary group may be another one is added to `in_primary`.
async fn stage_edges(
    connection: &mut SqliteConnection,
    context: &Context<'_>,
    staged: &Staged,
    earlier: Option<&Known>,
    in_primary: &mut Vec<(String, Option<i64>)>,
) -> Result<u64, SyncError> {
    let connector = context.connector_id;
    // A group whose name changed is another one to the rules.
    let watched = !context.connector.rules.groups().is_empty();
    match &staged.members {
        Some(members) => {
            let edges = group::stage_members(connection, connector, &staged.guid, members, watched).await?;
            group::stage_foreign(connection, connector, &staged.foreign).await?;
            if watched && earlier.is_none_or(|earlier| earlier.hash != staged.hash || !earlier.present) {
                group::judge_anew(connection, connector, std::slice::from_ref(&staged.guid)).await?;
            }
            Ok(edges)
        }
        None if earlier.is_some_and(|earlier| earlier.hash == staged.hash && earlier.present) => Ok(0),
        None => {
            let rid = staged.attributes.text("primarygroupid").and_then(|text| text.parse().ok());
            if earlier.is_some() {
                group::leave_primary(connection, connector, &staged.guid, rid).await?;
            }
            in_primary.push((staged.guid.clone(), rid));
            Ok(0)
        }
    }
}

/// Whether a group is the primary one of others than before, who are not told with it.
fn is_another_primary(staged: &Staged, earlier: Option<&Known>) -> bool {
    let (before, now) =
        (earlier.filter(|earlier| earlier.present).and_then(|earlier| earlier.rid), staged.rid());
    staged.members.is_some() && now != before
}

async fn known(
    connection: &mut SqliteConnection,
    connector: i64,
    staged: &[Staged],
) -> Result<HashMap<String, Known>, SyncError> {
    let guids: Vec<&str> = staged.iter().map(|staged| staged.guid.as_str()).collect();
    let rows = sqlx::query(
        "SELECT o.id, object_guid, o.anchor, hash, m.anchor AS person, present, rid FROM cs_object o \
         LEFT JOIN mv_object m ON m.id = mv_id WHERE connector_id = ? AND object_guid IN (SELECT value FROM json_each(?))",
    )
    .bind(connector)
    .bind(json(&guids))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let known = Known {
                id: row.try_get("id")?,
                anchor: row.try_get("anchor")?,
                hash: row.try_get("hash")?,
                person: row.try_get("person")?,
                present: row.try_get("present")?,
                rid: row.try_get("rid")?,
            };
            Ok((row.try_get("object_guid")?, known))
        })
        .collect()
}

/// One object as [`stage`] takes it: GUID, name, anchor, attributes, hash, kind, RID, SID.
type Row = (String, String, String, String, String, &'static str, Option<i64>, Option<String>);

fn row(staged: &Staged, anchor: &str) -> Row {
    let (kind, rid) = (staged.kind().name(), staged.rid());
    let anchor = anchor.to_owned();
    (
        staged.guid.clone(),
        staged.dn.clone(),
        anchor,
        staged.json.clone(),
        hex(&staged.hash),
        kind,
        rid,
        staged.sid(),
    )
}

/// Stages objects, in one statement for all of them.
async fn stage(
    connection: &mut SqliteConnection,
    context: &Context<'_>,
    rows: &[Row],
) -> Result<(), SyncError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO cs_object (connector_id, object_guid, dn, anchor, attributes, hash, seen_run, kind, rid, sid, \
         present, changed) SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, unhex(value ->> 4), ?2, value ->> 5, \
         value ->> 6, value ->> 7, 1, 1 FROM json_each(?3) WHERE true ON CONFLICT (connector_id, object_guid) DO UPDATE SET dn = excluded.dn, \
         anchor = excluded.anchor, attributes = excluded.attributes, hash = excluded.hash, \
         seen_run = excluded.seen_run, kind = excluded.kind, rid = excluded.rid, sid = excluded.sid, \
         anchor_refused = CASE WHEN present = 1 AND dn = excluded.dn THEN anchor_refused END, present = 1, changed = 1",
    )
    .bind(context.connector_id)
    .bind(context.run_id)
    .bind(json(rows))
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks objects with this anchor as changed: one that had it too has gone or has another one now, so that who was held
/// back as its twin may be somebody.
pub(crate) async fn unmask_twins(connection: &mut SqliteConnection, anchor: &str) -> Result<(), SyncError> {
    sqlx::query("UPDATE cs_object SET changed = 1 WHERE anchor = ?").bind(anchor).execute(connection).await?;
    Ok(())
}

/// A list as JSON, for `json_each`: one statement whatever the length.
pub(crate) fn json<T: serde::Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).expect("numbers and strings become JSON")
}
