//! What a sync does: staged objects judged, joined to the metaverse, and what the tenant should hold worked out.
//!
//! Two passes, a page a transaction each. The first lets go of people whose object is gone or has left the scope, the
//! second projects and updates, and only that one takes an object's mark of a change away. Each page leaves the store
//! consistent and a repeated page changes nothing, so that a crash in between costs a repetition.

mod fresh;

use std::collections::{BTreeSet, HashSet};

use ritorno_protocol::ids::SourceAnchor;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::engine::{Context, fault_json};
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::group::{self, Group};
use crate::metaverse::{self, Leave, Rebuilt};
use crate::object::{Attributes, Kind, parent};
use crate::resource::Resource;
use crate::rules::{self, Verdict};
use crate::staging::{self, json};

/// Objects a transaction.
const PAGE: i64 = 1_000;

/// One staged object, with what it is joined to.
struct Object {
    id: i64,
    guid: String,
    dn: String,
    anchor: String,
    attributes: Attributes,
    kind: Kind,
    present: bool,
    mv_id: Option<i64>,
    contribution: Option<String>,
    /// DN of another object with the same anchor.
    twin: Option<String>,
    /// By what it can be joined, as JSON.
    keys: String,
    /// Whether the row already says why it was left out.
    noted: bool,
}

/// Which objects a sync judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Every one.
    All,
    /// Those that changed since a sync judged them last.
    Changed,
    /// Those of them that are nobody's yet.
    New,
}

/// Which pass they are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    LetGo,
    CarryOn,
}

macro_rules! objects {
    ($which:literal) => {
        concat!(
            "SELECT o.id, object_guid, dn, o.anchor, o.attributes, kind, present, mv_id, contribution, \
             excluded IS NOT NULL OR fault IS NOT NULL AS noted, \
             (SELECT json_group_array(json_array(rule, key)) FROM (SELECT rule, key FROM join_key WHERE cs_id = o.id \
             ORDER BY rule)) AS keys, \
             (SELECT t.dn FROM cs_object t WHERE t.anchor = o.anchor AND t.id <> o.id \
             AND t.connector_id = o.connector_id AND (t.present = 1 OR t.mv_id IS NOT NULL) LIMIT 1) AS twin \
             FROM cs_object o \
             WHERE o.connector_id = ? AND o.id > ?",
            $which,
            " ORDER BY o.id LIMIT ?"
        )
    };
}

impl Which {
    fn objects(self, pass: Pass) -> &'static str {
        match (self, pass) {
            // Whoever is there and nobody's has nothing to be let go of.
            (Self::All, Pass::LetGo) => objects!(" AND (present = 0 OR mv_id IS NOT NULL)"),
            (_, Pass::LetGo) => objects!(" AND o.changed = 1 AND (present = 0 OR mv_id IS NOT NULL)"),
            (Self::All, Pass::CarryOn) => objects!(""),
            (Self::Changed, Pass::CarryOn) => objects!(" AND o.changed = 1"),
            (Self::New, Pass::CarryOn) => objects!(" AND o.changed = 1 AND present = 1 AND mv_id IS NULL"),
        }
    }

    fn count(self) -> &'static str {
        match self {
            Self::All => "SELECT count(*) FROM cs_object WHERE connector_id = ?",
            Self::Changed | Self::New => {
                "SELECT count(*) FROM cs_object WHERE connector_id = ? AND changed = 1"
            }
        }
    }
}

/// Both passes over the objects of the connector.
pub(crate) async fn flow(context: &mut Context<'_>, which: Which) -> Result<(), SyncError> {
    let mut transaction = context.engine.store.write().await?;
    let now = context.engine.clock.now();
    context.counts.deletes +=
        metaverse::remove_suspended(&mut transaction, context.connector_id, now).await?;
    transaction.commit().await?;
    let groups = members(context).await?;
    let mut last = 0;
    loop {
        let mut transaction = context.engine.store.write().await?;
        let objects =
            objects(&mut transaction, context.connector_id, which.objects(Pass::LetGo), last).await?;
        let Some(object) = objects.last() else { break };
        last = object.id;
        for object in &objects {
            let_go(&mut transaction, context, object, &groups).await?;
        }
        transaction.commit().await?;
    }
    let total = context.counts.done() + count(context, which).await?;
    pages(context, which, &groups, &mut 0, Some(total)).await
}

/// The second pass alone over objects that are new, after the one of id `after`: nobody leaves by it. While an import goes on, what it
/// has staged so far can be carried on.
pub(crate) async fn carry_new_on(context: &mut Context<'_>, after: &mut i64) -> Result<(), SyncError> {
    pages(context, Which::New, &Vec::new(), after, None).await
}

/// The second pass, page by page.
async fn pages(
    context: &mut Context<'_>,
    which: Which,
    groups: &InGroups,
    after: &mut i64,
    total: Option<u64>,
) -> Result<(), SyncError> {
    loop {
        let mut transaction = context.engine.store.write().await?;
        let objects =
            objects(&mut transaction, context.connector_id, which.objects(Pass::CarryOn), *after).await?;
        let Some(object) = objects.last() else { return Ok(()) };
        let last = object.id;
        let ids: Vec<i64> = objects.iter().map(|object| object.id).collect();
        fresh::carry_on(&mut transaction, context, objects, groups).await?;
        sqlx::query(
            "UPDATE cs_object SET changed = 0 WHERE changed = 1 AND id IN (SELECT value FROM json_each(?))",
        )
        .bind(json(&ids))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        *after = last;
        context.report_progress(context.counts.done(), total);
    }
}

/// Who is in the groups that the rules ask for, nested or not: by the name of the group the GUIDs.
type InGroups = Vec<(String, HashSet<String>)>;

async fn members(context: &Context<'_>) -> Result<InGroups, SyncError> {
    let mut connection = context.engine.store.read().await?;
    let mut groups = Vec::new();
    for name in context.connector.rules.groups() {
        let everybody = group::everybody_in(&mut connection, context.connector_id, &name).await?;
        groups.push((name, everybody.into_iter().collect()));
    }
    Ok(groups)
}

async fn count(context: &Context<'_>, which: Which) -> Result<u64, SyncError> {
    let row = sqlx::query(which.count())
        .bind(context.connector_id)
        .fetch_one(&mut *context.engine.store.read().await?)
        .await?;
    u64::try_from(row.try_get::<i64, _>(0)?).map_err(|_| SyncError::Unreadable { column: "count" })
}

async fn objects(
    connection: &mut SqliteConnection,
    connector: i64,
    which: &'static str,
    after: i64,
) -> Result<Vec<Object>, SyncError> {
    let rows = sqlx::query(which).bind(connector).bind(after).bind(PAGE).fetch_all(connection).await?;
    rows.iter().map(object).collect()
}

fn object(row: &SqliteRow) -> Result<Object, SyncError> {
    let attributes = serde_json::from_str(row.try_get("attributes")?)
        .map_err(|_| SyncError::Unreadable { column: "cs_object.attributes" })?;
    Ok(Object {
        id: row.try_get("id")?,
        guid: row.try_get("object_guid")?,
        dn: row.try_get("dn")?,
        anchor: row.try_get("anchor")?,
        attributes,
        kind: Kind::named(row.try_get("kind")?),
        present: row.try_get("present")?,
        mv_id: row.try_get("mv_id")?,
        contribution: row.try_get("contribution")?,
        twin: row.try_get("twin")?,
        keys: row.try_get("keys")?,
        noted: row.try_get("noted")?,
    })
}

fn judged(
    context: &Context<'_>,
    object: &Object,
    groups: &InGroups,
) -> Result<(Verdict, Vec<(String, String)>), ObjectFault> {
    let (connector, anchor) = (context.connector, SourceAnchor(object.anchor.clone()));
    let groups = groups.iter().filter(|(_, everybody)| everybody.contains(&object.guid));
    let groups: BTreeSet<String> = groups.map(|(name, _)| name.clone()).collect();
    let subject = rules::subject(connector, &object.dn, &anchor, &object.attributes, groups);
    let verdict = rules::judge(connector, &object.guid, &anchor, &subject)?;
    let keys = match verdict {
        Verdict::InScope(_) => rules::join_keys(connector, &subject)?,
        Verdict::OutOfScope(_) => Vec::new(),
    };
    Ok((verdict, keys))
}

/// First pass: an object that is gone, or out of scope by now, leaves its person; who has no other object leaves the metaverse.
async fn let_go(
    connection: &mut SqliteConnection,
    context: &mut Context<'_>,
    object: &Object,
    groups: &InGroups,
) -> Result<(), SyncError> {
    let leaves = || match object.kind {
        Kind::Person => matches!(judged(context, object, groups), Ok((Verdict::OutOfScope(_), _))),
        Kind::Group => matches!(group_of(context, object), Ok(Err(_))),
    };
    if object.present && (object.mv_id.is_none() || !leaves()) {
        return Ok(());
    }
    if object.present {
        sqlx::query("UPDATE cs_object SET mv_id = NULL, contribution = NULL WHERE id = ?")
            .bind(object.id)
            .execute(&mut *connection)
            .await?;
        sqlx::query("DELETE FROM join_key WHERE cs_id = ?").bind(object.id).execute(&mut *connection).await?;
    } else {
        sqlx::query("DELETE FROM cs_object WHERE id = ?").bind(object.id).execute(&mut *connection).await?;
        staging::unmask_twins(connection, &object.anchor).await?;
        if object.kind == Kind::Group {
            sqlx::query("DELETE FROM edge WHERE connector_id = ? AND group_guid = ?")
                .bind(context.connector_id)
                .bind(&object.guid)
                .execute(&mut *connection)
                .await?;
        }
    }
    let Some(mv_id) = object.mv_id else { return Ok(()) };
    if object.kind == Kind::Group {
        context.counts.deletes += 1;
        return metaverse::go(connection, mv_id, &object.anchor, Leave::default()).await;
    }
    let remove_at = context.connector.suspend_first.map(|grace| context.engine.clock.now().plus(grace));
    match metaverse::rebuild(connection, mv_id, Leave { from: parent(&object.dn), remove_at }).await? {
        Rebuilt::Gone => context.counts.deletes += 1,
        Rebuilt::Person | Rebuilt::Kept { .. } => context.counts.updates += 1,
    }
    Ok(())
}

/// Second pass: what is in scope is joined, or projected, and its attributes flow.
async fn carry_on(
    connection: &mut SqliteConnection,
    context: &mut Context<'_>,
    object: &Object,
    groups: &InGroups,
) -> Result<(), SyncError> {
    if object.kind == Kind::Group {
        return carry_group_on(connection, context, object).await;
    }
    let (contribution, keys) = match judged(context, object, groups) {
        Ok((Verdict::OutOfScope(exclusion), _)) => {
            context.counts.unchanged += 1;
            return note(connection, object.id, Some(&exclusion.0), None).await;
        }
        Ok((Verdict::InScope(contribution), keys)) => (contribution, keys),
        Err(fault) => return quarantine(connection, context, object, fault).await,
    };
    // A twin of somebody who is joined, or of anybody at all: which of them is the person cannot be known.
    if let (None, Some(twin)) = (object.mv_id, &object.twin) {
        let fault = ObjectFault::AnchorDuplicate { anchor: object.anchor.clone(), other: twin.clone() };
        return quarantine(connection, context, object, fault).await;
    }
    let json = contribution.to_json();
    let keys_changed = object.keys != metaverse::keys_json(&keys);
    if object.mv_id.is_some() && object.contribution.as_ref() == Some(&json) && !object.noted && !keys_changed
    {
        context.counts.unchanged += 1;
        return Ok(());
    }
    let mv_id = match object.mv_id {
        Some(mv_id) => {
            context.counts.updates += 1;
            mv_id
        }
        None => {
            let joined = metaverse::join(connection, context.connector_id, &keys).await?;
            let mv_id = match joined {
                Some(mv_id) => mv_id,
                None => match metaverse::project(connection, &object.anchor).await? {
                    Some(mv_id) => mv_id,
                    None => {
                        let other = "a person of another connector".to_owned();
                        let fault = ObjectFault::AnchorDuplicate { anchor: object.anchor.clone(), other };
                        return quarantine(connection, context, object, fault).await;
                    }
                },
            };
            context.counts.adds += 1;
            mv_id
        }
    };
    sqlx::query("UPDATE cs_object SET mv_id = ?, contribution = ? WHERE id = ?")
        .bind(mv_id)
        .bind(json)
        .bind(object.id)
        .execute(&mut *connection)
        .await?;
    if keys_changed {
        metaverse::keep_keys(connection, object.id, &keys).await?;
    }
    if let Rebuilt::Kept { from, to } = metaverse::rebuild(connection, mv_id, Leave::default()).await?
        && to == object.anchor
    {
        return quarantine(connection, context, object, ObjectFault::AnchorChanged { from, to }).await;
    }
    if object.noted { note(connection, object.id, None, None).await } else { Ok(()) }
}

fn group_of(context: &Context<'_>, object: &Object) -> Result<Result<Group, &'static str>, ObjectFault> {
    let anchor = SourceAnchor(object.anchor.clone());
    Group::of(context.connector, &object.dn, &anchor, &object.attributes)
}

/// A group becomes a group of the tenant; who is in it is exported edge by edge.
async fn carry_group_on(
    connection: &mut SqliteConnection,
    context: &mut Context<'_>,
    object: &Object,
) -> Result<(), SyncError> {
    let group = match group_of(context, object) {
        Ok(Ok(group)) => Resource::Group(group).to_json(),
        Ok(Err(reason)) => {
            context.counts.unchanged += 1;
            return note(connection, object.id, Some(reason), None).await;
        }
        Err(fault) => return quarantine(connection, context, object, fault).await,
    };
    match object.mv_id {
        Some(_) if object.contribution.as_ref() == Some(&group) => {
            context.counts.unchanged += 1;
            return Ok(());
        }
        Some(_) => context.counts.updates += 1,
        None => context.counts.adds += 1,
    }
    let mv_id = match object.mv_id {
        Some(mv_id) => mv_id,
        None => match metaverse::project(connection, &object.anchor).await? {
            Some(mv_id) => mv_id,
            None => {
                let other =
                    object.twin.clone().unwrap_or_else(|| "an object of another connector".to_owned());
                let fault = ObjectFault::AnchorDuplicate { anchor: object.anchor.clone(), other };
                return quarantine(connection, context, object, fault).await;
            }
        },
    };
    sqlx::query("UPDATE cs_object SET mv_id = ?, contribution = ? WHERE id = ?")
        .bind(mv_id)
        .bind(&group)
        .bind(object.id)
        .execute(&mut *connection)
        .await?;
    metaverse::provision(connection, context.connector_id, Kind::Group, &object.anchor, &group).await?;
    if object.noted { note(connection, object.id, None, None).await } else { Ok(()) }
}

async fn quarantine(
    connection: &mut SqliteConnection,
    context: &mut Context<'_>,
    object: &Object,
    fault: ObjectFault,
) -> Result<(), SyncError> {
    context.record(connection, &object.dn, &fault).await?;
    note(connection, object.id, None, Some(&fault)).await
}

/// Notes on the object why it was left out, or that it was not.
async fn note(
    connection: &mut SqliteConnection,
    id: i64,
    excluded: Option<&str>,
    fault: Option<&ObjectFault>,
) -> Result<(), SyncError> {
    sqlx::query("UPDATE cs_object SET excluded = ?, fault = ? WHERE id = ?")
        .bind(excluded)
        .bind(fault.map(fault_json))
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}
