//! The last part of an export: who is in which group, edge by edge, so that one changed member of a large group is one small request.
//!
//! Only edges that are marked are looked at. What is sent may be repeated, so that a mark is taken away after the answer and a crash in
//! between costs a repetition. Who leaves a group has passed the deletion guard before.

use futures_util::{StreamExt as _, stream};
use ritorno_protocol::scim::{MAX_MEMBERS, Member, MemberChanges, MemberKind};
use sqlx::{Row as _, SqliteConnection};

use crate::engine::Context;
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::group;
use crate::object::Kind;
use crate::staging::json;
use crate::target::{Answer, Ask, ExportContext, Stop, Target, TargetError};

/// Members that one request takes out: each is an operation of its own, and there are 64 in a request.
const OUT: usize = 60;
/// Edges of one group that are looked at in one round, and groups in a round.
const EDGES: i64 = 5_000;
const GROUPS: usize = 64;
/// Changes to groups in one request, and requests in flight.
const TOGETHER: usize = 16;
const IN_FLIGHT: usize = 4;

/// Marked edges of a group. The joins are fixed in the order in which each has an index for the next: the other way round every edge
/// would look through its whole group.
const MARKED: &str = "SELECT e.member_guid, e.present, e.confirmed, x.target_id, x.kind, \
         CASE WHEN e.present = 0 AND e.confirmed IS NOT NULL THEN EXISTS (SELECT 1 FROM export_object k INDEXED BY export_object_by_target \
         CROSS JOIN mv_object km ON km.anchor = k.anchor \
         CROSS JOIN cs_object ko ON ko.mv_id = km.id AND ko.connector_id = e.connector_id \
         CROSS JOIN edge ke ON ke.connector_id = e.connector_id AND ke.group_guid = e.group_guid AND ke.member_guid = ko.object_guid \
         WHERE k.target_id = e.confirmed AND ke.present = 1) ELSE 0 END AS stays, \
         e.approved = 0 AND coalesce((SELECT k.desired IS NOT NULL FROM export_object k WHERE k.target_id = e.confirmed), \
         e.member_guid LIKE 'tenant:%') AS counts \
         FROM edge e INDEXED BY edge_dirty \
         LEFT JOIN cs_object o ON o.connector_id = e.connector_id AND o.object_guid = e.member_guid \
         LEFT JOIN foreign_member f ON f.connector_id = e.connector_id AND f.member_guid = e.member_guid \
         LEFT JOIN mv_object m ON m.id = coalesce(o.mv_id, (SELECT p.mv_id FROM cs_object p INDEXED BY cs_object_by_sid \
         WHERE p.sid = f.sid AND p.connector_id <> e.connector_id AND p.mv_id IS NOT NULL LIMIT 1)) \
         LEFT JOIN export_object x ON x.anchor = m.anchor AND x.confirmed IS NOT NULL \
         WHERE e.connector_id = ? AND e.group_guid = ? AND e.dirty = 1 LIMIT ?";

/// Edges are confirmed with these ids.
const CAME: &str = "WITH said (guid, id) AS MATERIALIZED (SELECT value ->> 0, value ->> 1 FROM json_each(?3)) \
     UPDATE edge INDEXED BY edge_by_member SET confirmed = said.id, dirty = 1 - present FROM said \
     WHERE edge.connector_id = ?1 AND edge.group_guid = ?2 AND edge.member_guid = said.guid";

/// Some marked edges of one group, with what the tenant calls the members: what one request is about.
#[derive(Default)]
struct Edges {
    changes: MemberChanges,
    /// Members that are confirmed with these ids when the request is answered.
    came: Vec<(String, String)>,
    /// Members whose edge is no more.
    went: Vec<String>,
    /// Of those who leave the group and stay themselves, those whom nobody approved.
    unapproved: i64,
    /// Members of whom there is nothing to send now.
    idle: Vec<String>,
}

/// A group with marked edges, as the tenant knows it.
struct Pending {
    guid: String,
    anchor: String,
    name: String,
    target_id: String,
}

pub(crate) async fn run(
    context: &mut Context<'_>,
    target: &dyn Target,
    export: &ExportContext,
) -> Result<(), SyncError> {
    for guids in marked(context).await?.chunks(GROUPS) {
        let mut left = Vec::with_capacity(guids.len());
        for guid in guids {
            left.extend(pending(context, guid).await?);
        }
        while !left.is_empty() {
            left = round(context, target, export, left).await?;
        }
    }
    Ok(())
}

/// Sends some edges of each of these groups; those that have more.
async fn round(
    context: &mut Context<'_>,
    target: &dyn Target,
    export: &ExportContext,
    groups: Vec<Pending>,
) -> Result<Vec<Pending>, SyncError> {
    let (mut parts, mut unfinished) = (Vec::new(), Vec::new());
    for group in &groups {
        let (edges, more) = edges(context, group).await?;
        unfinished.push(more);
        parts.extend(edges.into_iter().map(|edges| (group, edges)));
    }
    let answers = answers(target, export, &parts).await;
    let (mut stopped, mut over) = (None, Vec::new());
    let mut transaction = context.engine.store.write().await?;
    for ((group, edges), answer) in parts.iter().zip(answers) {
        match answer {
            None => settle(&mut transaction, context, group, edges).await?,
            Some(Ok(_)) => {
                context.counts.updates += 1;
                settle(&mut transaction, context, group, edges).await?;
            }
            Some(Err(TargetError::Stop(stop))) => stopped = Some(stop),
            Some(Err(TargetError::NotFound)) => {
                gone(&mut transaction, group).await?;
                over.push(group.guid.clone());
            }
            Some(Err(TargetError::Refused { status, detail })) => {
                let fault = ObjectFault::Refused { status, detail };
                context.record(&mut transaction, &group.name, &fault).await?;
                over.push(group.guid.clone());
            }
            Some(Err(error @ TargetError::Conflict { .. })) => {
                stopped = Some(Stop::Unreadable { reason: format!("members of a group: {error}") });
            }
        }
    }
    transaction.commit().await?;
    if let Some(stop) = stopped {
        return Err(stop.into());
    }
    let more = groups.into_iter().zip(unfinished);
    Ok(more.filter(|(group, more)| *more && !over.contains(&group.guid)).map(|(group, _)| group).collect())
}

/// What came of each; none where there was nothing to ask for.
async fn answers(
    target: &dyn Target,
    export: &ExportContext,
    parts: &[(&Pending, Edges)],
) -> Vec<Option<Answer>> {
    let asked = |edges: &Edges| edges.changes != MemberChanges::default();
    let asks: Vec<Ask<'_>> = parts
        .iter()
        .filter(|(_, edges)| asked(edges))
        .map(|(group, edges)| Ask::Members(&group.target_id, &edges.changes))
        .collect();
    let together = asks.chunks(TOGETHER).map(|asks| target.ask(export, asks));
    let answered: Vec<Answer> = stream::iter(together.collect::<Vec<_>>()).buffered(IN_FLIGHT).concat().await;
    let mut answered = answered.into_iter();
    parts.iter().map(|(_, edges)| if asked(edges) { answered.next() } else { None }).collect()
}

/// The groups about which there is something to do, by `objectGUID`.
async fn marked(context: &Context<'_>) -> Result<Vec<String>, SyncError> {
    let rows = sqlx::query(
        "SELECT DISTINCT group_guid FROM edge INDEXED BY edge_dirty WHERE connector_id = ? AND dirty = 1",
    )
    .bind(context.connector_id)
    .fetch_all(&mut *context.engine.store.read().await?)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The group, if the tenant has it.
async fn pending(context: &Context<'_>, guid: &str) -> Result<Option<Pending>, SyncError> {
    let row = sqlx::query(
        "SELECT x.anchor, x.target_id, json_extract(x.confirmed, '$.groupName') AS name \
         FROM cs_object o JOIN export_object x ON x.anchor = o.anchor AND x.kind = 'group' \
         WHERE o.connector_id = ? AND o.object_guid = ? AND o.kind = 'group' AND x.confirmed IS NOT NULL \
         AND x.desired IS NOT NULL AND x.target_id IS NOT NULL",
    )
    .bind(context.connector_id)
    .bind(guid)
    .fetch_optional(&mut *context.engine.store.read().await?)
    .await?;
    row.map(|row| {
        Ok(Pending {
            guid: guid.to_owned(),
            anchor: row.try_get("anchor")?,
            name: row.try_get("name")?,
            target_id: row.try_get("target_id")?,
        })
    })
    .transpose()
}

/// Marked edges of a group, in parts of which each is one request, and whether there are more. Whoever is in the group by another
/// object too (an account that was made anew for the same person) does not leave it.
async fn edges(context: &Context<'_>, pending: &Pending) -> Result<(Vec<Edges>, bool), SyncError> {
    let rows = sqlx::query(MARKED)
        .bind(context.connector_id)
        .bind(&pending.guid)
        .bind(EDGES)
        .fetch_all(&mut *context.engine.store.read().await?)
        .await?;
    let (mut parts, mut part) = (Vec::new(), Edges::default());
    for row in &rows {
        if part.changes.add.len() == MAX_MEMBERS || part.changes.remove.len() == OUT {
            parts.push(std::mem::take(&mut part));
        }
        let member: String = row.try_get("member_guid")?;
        let confirmed: Option<String> = row.try_get("confirmed")?;
        let there: Option<String> = row.try_get("target_id")?;
        match (row.try_get::<bool, _>("present")?, confirmed, there) {
            (true, confirmed, Some(id)) if confirmed.as_ref() != Some(&id) => {
                let kind = match Kind::named(row.try_get("kind")?) {
                    Kind::Person => MemberKind::User,
                    Kind::Group => MemberKind::Group,
                };
                part.changes.add.push(Member { value: id.clone(), kind });
                part.came.push((member, id));
            }
            // In the tenant as it should be; or the tenant does not have the member, and the edge is marked when it has.
            (true, _, _) => part.idle.push(member),
            (false, Some(id), _) if !row.try_get::<bool, _>("stays")? => {
                part.unapproved += i64::from(row.try_get::<bool, _>("counts")?);
                part.changes.remove.push(id);
                part.went.push(member);
            }
            (false, _, _) => part.went.push(member),
        }
    }
    if !rows.is_empty() {
        parts.push(part);
    }
    Ok((parts, rows.len() as i64 == EDGES))
}

/// Writes down that this was answered.
async fn settle(
    connection: &mut SqliteConnection,
    context: &Context<'_>,
    pending: &Pending,
    edges: &Edges,
) -> Result<(), SyncError> {
    if edges.unapproved > 0 {
        sqlx::query("INSERT INTO removal (connector_id, anchor, at, members) VALUES (?, ?, ?, ?)")
            .bind(context.connector_id)
            .bind(&pending.anchor)
            .bind(context.engine.clock.now().unix_ms())
            .bind(edges.unapproved)
            .execute(&mut *connection)
            .await?;
    }
    for (sql, members) in [
        (CAME, json(&edges.came)),
        (
            "DELETE FROM edge WHERE connector_id = ?1 AND group_guid = ?2 \
             AND member_guid IN (SELECT value FROM json_each(?3))",
            json(&edges.went),
        ),
        (
            "UPDATE edge SET dirty = 0 WHERE connector_id = ?1 AND group_guid = ?2 \
             AND member_guid IN (SELECT value FROM json_each(?3))",
            json(&edges.idle),
        ),
    ] {
        if members != "[]" {
            sqlx::query(sql)
                .bind(context.connector_id)
                .bind(&pending.guid)
                .bind(members)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// Somebody removed the group over there: the next export makes it anew, with everybody in it.
async fn gone(connection: &mut SqliteConnection, pending: &Pending) -> Result<(), SyncError> {
    sqlx::query("UPDATE export_object SET confirmed = NULL, target_id = NULL, unsure = 1 WHERE anchor = ?")
        .bind(&pending.anchor)
        .execute(&mut *connection)
        .await?;
    group::note_empty(connection, &pending.anchor).await
}

#[cfg(test)]
mod tests;
