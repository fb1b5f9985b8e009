//! The last part of an export: who is in which group, edge by edge, so that one changed member of a large group is one small request.
//!
//! Only edges that are marked are looked at. What is sent may be repeated, so that a mark is taken away after the answer and a crash in
//! between costs a repetition.

use ritorno_protocol::scim::{MAX_MEMBERS, Member, MemberChanges, MemberKind};
use sqlx::Row as _;

use crate::engine::Context;
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::group;
use crate::object::Kind;
use crate::target::{ExportContext, Stop, Target, TargetError};

/// Members that one request takes out: each is an operation of its own, and there are 64 in a request.
const OUT: usize = 60;

/// Marked edges of one group, with what the tenant calls the members.
struct Edges {
    changes: MemberChanges,
    /// Members that are confirmed with these ids when the request is answered.
    came: Vec<(String, String)>,
    /// Members whose edge is no more.
    went: Vec<String>,
    /// Members of whom there is nothing to send now.
    idle: Vec<String>,
}

/// A group with marked edges, as the tenant knows it.
struct Pending {
    guid: String,
    anchor: String,
    name: String,
    target_id: String,
    /// Whether all members that the tenant has go first.
    clear: bool,
}

pub(crate) async fn run(
    context: &mut Context<'_>,
    target: &dyn Target,
    export: &ExportContext,
) -> Result<(), SyncError> {
    for guid in marked(context).await? {
        let Some(mut pending) = pending(context, guid).await? else { continue };
        loop {
            let mut edges = edges(context, &pending).await?;
            edges.changes.clear = std::mem::take(&mut pending.clear);
            if edges.came.is_empty() && edges.went.is_empty() && edges.idle.is_empty() && !edges.changes.clear
            {
                break;
            }
            if edges.changes != MemberChanges::default() {
                match target.change_members(export, &pending.target_id, &edges.changes).await {
                    Ok(()) => context.counts.updates += 1,
                    Err(TargetError::Stop(stop)) => return Err(stop.into()),
                    Err(TargetError::NotFound) => {
                        gone(context, &pending).await?;
                        break;
                    }
                    Err(TargetError::Refused { status, detail }) => {
                        let mut transaction = context.engine.store.write().await?;
                        let fault = ObjectFault::Refused { status, detail };
                        context.record(&mut transaction, &pending.name, &fault).await?;
                        transaction.commit().await?;
                        break;
                    }
                    Err(error @ TargetError::Conflict { .. }) => {
                        return Err(
                            Stop::Unreadable { reason: format!("members of a group: {error}") }.into()
                        );
                    }
                }
            }
            settle(context, &pending, &edges).await?;
        }
    }
    Ok(())
}

/// The groups about which there is something to do, by `objectGUID`.
async fn marked(context: &Context<'_>) -> Result<Vec<String>, SyncError> {
    let rows = sqlx::query(
        "SELECT DISTINCT group_guid FROM edge INDEXED BY edge_dirty WHERE connector_id = ?1 AND dirty = 1 UNION \
         SELECT object_guid FROM export_object x INDEXED BY export_object_groups CROSS JOIN cs_object o \
         ON o.anchor = x.anchor AND o.connector_id = x.connector_id \
         WHERE x.connector_id = ?1 AND x.kind = 'group' AND x.clear_members = 1",
    )
    .bind(context.connector_id)
    .fetch_all(&mut *context.engine.store.read().await?)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The group, if the tenant has it.
async fn pending(context: &Context<'_>, guid: String) -> Result<Option<Pending>, SyncError> {
    let row = sqlx::query(
        "SELECT x.anchor, x.target_id, x.clear_members, json_extract(x.confirmed, '$.groupName') AS name \
         FROM cs_object o JOIN export_object x ON x.anchor = o.anchor AND x.kind = 'group' \
         WHERE o.connector_id = ? AND o.object_guid = ? AND o.kind = 'group' AND x.confirmed IS NOT NULL \
         AND x.desired IS NOT NULL AND x.target_id IS NOT NULL",
    )
    .bind(context.connector_id)
    .bind(&guid)
    .fetch_optional(&mut *context.engine.store.read().await?)
    .await?;
    row.map(|row| {
        Ok(Pending {
            guid,
            anchor: row.try_get("anchor")?,
            name: row.try_get("name")?,
            target_id: row.try_get("target_id")?,
            clear: row.try_get("clear_members")?,
        })
    })
    .transpose()
}

async fn edges(context: &Context<'_>, pending: &Pending) -> Result<Edges, SyncError> {
    let rows = sqlx::query(
        "SELECT e.member_guid, e.present, e.confirmed, x.target_id, x.kind FROM edge e INDEXED BY edge_dirty \
         LEFT JOIN cs_object o ON o.connector_id = e.connector_id AND o.object_guid = e.member_guid \
         LEFT JOIN mv_object m ON m.id = o.mv_id \
         LEFT JOIN export_object x ON x.anchor = m.anchor AND x.confirmed IS NOT NULL \
         WHERE e.connector_id = ? AND e.group_guid = ? AND e.dirty = 1 LIMIT ?",
    )
    .bind(context.connector_id)
    .bind(&pending.guid)
    .bind(MAX_MEMBERS as i64)
    .fetch_all(&mut *context.engine.store.read().await?)
    .await?;
    let mut edges =
        Edges { changes: MemberChanges::default(), came: Vec::new(), went: Vec::new(), idle: Vec::new() };
    for row in &rows {
        let member: String = row.try_get("member_guid")?;
        let confirmed: Option<String> = row.try_get("confirmed")?;
        let there: Option<String> = row.try_get("target_id")?;
        match (row.try_get::<bool, _>("present")?, confirmed, there) {
            (true, confirmed, Some(id)) if confirmed.as_ref() != Some(&id) => {
                let kind = match Kind::named(row.try_get("kind")?) {
                    Kind::Person => MemberKind::User,
                    Kind::Group => MemberKind::Group,
                };
                edges.changes.add.push(Member { value: id.clone(), kind });
                edges.came.push((member, id));
            }
            // In the tenant as it should be; or the tenant does not have the member, and the edge is marked when it has.
            (true, _, _) => edges.idle.push(member),
            (false, Some(id), _) => {
                if edges.changes.remove.len() == OUT {
                    continue;
                }
                edges.changes.remove.push(id);
                edges.went.push(member);
            }
            (false, None, _) => edges.went.push(member),
        }
    }
    Ok(edges)
}

async fn settle(context: &mut Context<'_>, pending: &Pending, edges: &Edges) -> Result<(), SyncError> {
    let mut transaction = context.engine.store.write().await?;
    if edges.changes.clear {
        sqlx::query("UPDATE export_object SET clear_members = 0 WHERE anchor = ?")
            .bind(&pending.anchor)
            .execute(&mut *transaction)
            .await?;
    }
    for (member, id) in &edges.came {
        sqlx::query(
            "UPDATE edge SET confirmed = ?, dirty = 0 WHERE connector_id = ? AND group_guid = ? AND member_guid = ?",
        )
        .bind(id)
        .bind(context.connector_id)
        .bind(&pending.guid)
        .bind(member)
        .execute(&mut *transaction)
        .await?;
    }
    for (sql, members) in [
        ("DELETE FROM edge WHERE connector_id = ? AND group_guid = ? AND member_guid = ?", &edges.went),
        (
            "UPDATE edge SET dirty = 0 WHERE connector_id = ? AND group_guid = ? AND member_guid = ?",
            &edges.idle,
        ),
    ] {
        for member in members {
            sqlx::query(sql)
                .bind(context.connector_id)
                .bind(&pending.guid)
                .bind(member)
                .execute(&mut *transaction)
                .await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// Somebody removed the group over there: the next export makes it anew, with everybody in it.
async fn gone(context: &mut Context<'_>, pending: &Pending) -> Result<(), SyncError> {
    let mut transaction = context.engine.store.write().await?;
    sqlx::query("UPDATE export_object SET confirmed = NULL, target_id = NULL, unsure = 1 WHERE anchor = ?")
        .bind(&pending.anchor)
        .execute(&mut *transaction)
        .await?;
    group::note_empty(&mut transaction, &pending.anchor).await?;
    transaction.commit().await?;
    Ok(())
}
