//! What a sync does: staged objects judged, joined to the metaverse, and what the tenant should hold worked out.
//!
//! Two passes, a page a transaction each. The first lets go of people whose object is gone or has left the scope, the
//! second projects and updates, and only that one takes an object's mark of a change away. Each page leaves the store
//! consistent and a repeated page changes nothing, so that a crash in between costs a repetition.

use ritorno_protocol::ids::SourceAnchor;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::engine::{Context, fault_json};
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::object::{Attributes, parent};
use crate::person::Person;
use crate::rules::{Exclusion, Verdict, judge};
use crate::staging::{self, json};

/// Objects a transaction.
const PAGE: i64 = 500;

/// One staged object, with what it is joined to.
struct Object {
    id: i64,
    guid: String,
    dn: String,
    anchor: String,
    attributes: Attributes,
    present: bool,
    mv_id: Option<i64>,
    mv_attributes: Option<String>,
    /// DN of another object with the same anchor.
    twin: Option<String>,
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
}

macro_rules! objects {
    ($which:literal) => {
        concat!(
            "SELECT o.id, object_guid, dn, o.anchor, o.attributes, present, mv_id, m.attributes AS mv_attributes, \
             excluded IS NOT NULL OR fault IS NOT NULL AS noted, \
             (SELECT t.dn FROM cs_object t WHERE t.anchor = o.anchor AND t.id <> o.id \
             AND (t.present = 1 OR t.mv_id IS NOT NULL) LIMIT 1) AS twin \
             FROM cs_object o LEFT JOIN mv_object m ON m.id = o.mv_id \
             WHERE o.connector_id = ? AND o.id > ?",
            $which,
            " ORDER BY o.id LIMIT ?"
        )
    };
}

impl Which {
    fn objects(self) -> &'static str {
        match self {
            Self::All => objects!(""),
            Self::Changed => objects!(" AND o.changed = 1"),
        }
    }

    fn count(self) -> &'static str {
        match self {
            Self::All => "SELECT count(*) FROM cs_object WHERE connector_id = ?",
            Self::Changed => "SELECT count(*) FROM cs_object WHERE connector_id = ? AND changed = 1",
        }
    }
}

/// Both passes over the objects of the connector.
pub(crate) async fn flow(context: &mut Context<'_>, which: Which) -> Result<(), SyncError> {
    let mut last = 0;
    loop {
        let mut transaction = context.engine.store.write().await?;
        let objects = objects(&mut transaction, context.connector_id, which, last).await?;
        let Some(object) = objects.last() else { break };
        last = object.id;
        for object in &objects {
            let_go(&mut transaction, context, object).await?;
        }
        transaction.commit().await?;
    }
    let total = count(context, which).await?;
    let (mut last, mut done) = (0, 0);
    loop {
        let mut transaction = context.engine.store.write().await?;
        let objects = objects(&mut transaction, context.connector_id, which, last).await?;
        let Some(object) = objects.last() else { break };
        last = object.id;
        for object in &objects {
            carry_on(&mut transaction, context, object).await?;
        }
        let ids: Vec<i64> = objects.iter().map(|object| object.id).collect();
        sqlx::query(
            "UPDATE cs_object SET changed = 0 WHERE changed = 1 AND id IN (SELECT value FROM json_each(?))",
        )
        .bind(json(&ids))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        done += objects.len() as u64;
        context.report_progress(done, Some(total));
    }
    Ok(())
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
    which: Which,
    after: i64,
) -> Result<Vec<Object>, SyncError> {
    let rows =
        sqlx::query(which.objects()).bind(connector).bind(after).bind(PAGE).fetch_all(connection).await?;
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
        present: row.try_get("present")?,
        mv_id: row.try_get("mv_id")?,
        mv_attributes: row.try_get("mv_attributes")?,
        twin: row.try_get("twin")?,
        noted: row.try_get("noted")?,
    })
}

fn judged(context: &Context<'_>, object: &Object) -> Result<Verdict, ObjectFault> {
    let anchor = SourceAnchor(object.anchor.clone());
    judge(context.connector, &object.dn, &object.guid, &anchor, &object.attributes)
}

/// First pass: the person of an object that is gone, or out of scope by now, leaves the metaverse.
async fn let_go(
    connection: &mut SqliteConnection,
    context: &mut Context<'_>,
    object: &Object,
) -> Result<(), SyncError> {
    if object.present
        && (object.mv_id.is_none() || !matches!(judged(context, object), Ok(Verdict::OutOfScope(_))))
    {
        return Ok(());
    }
    if !object.present {
        sqlx::query("DELETE FROM cs_object WHERE id = ?").bind(object.id).execute(&mut *connection).await?;
        staging::unmask_twins(connection, &object.anchor).await?;
    }
    let Some(mv_id) = object.mv_id else { return Ok(()) };
    context.counts.deletes += 1;
    sqlx::query("UPDATE cs_object SET mv_id = NULL WHERE mv_id = ?")
        .bind(mv_id)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM mv_object WHERE id = ?").bind(mv_id).execute(&mut *connection).await?;
    // What was never sent needs no removal.
    sqlx::query("DELETE FROM export_object WHERE anchor = ? AND confirmed IS NULL AND unsure = 0")
        .bind(&object.anchor)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE export_object SET desired = NULL, approved = 0, fault = NULL, lost_from = ? WHERE anchor = ?",
    )
    .bind(parent(&object.dn))
    .bind(&object.anchor)
    .execute(connection)
    .await?;
    Ok(())
}

/// Second pass: what is in scope is joined by its anchor, or projected, and its attributes flow.
async fn carry_on(
    connection: &mut SqliteConnection,
    context: &mut Context<'_>,
    object: &Object,
) -> Result<(), SyncError> {
    let person = match judged(context, object) {
        Ok(Verdict::OutOfScope(exclusion)) => {
            context.counts.unchanged += 1;
            return note(connection, object.id, Some(exclusion), None).await;
        }
        Ok(Verdict::InScope(person)) => person,
        Err(fault) => return quarantine(connection, context, object, fault).await,
    };
    // A twin of somebody who is joined, or of anybody at all: which of them is the person cannot be known.
    if let (None, Some(twin)) = (object.mv_id, &object.twin) {
        let fault = ObjectFault::AnchorDuplicate { anchor: object.anchor.clone(), other: twin.clone() };
        return quarantine(connection, context, object, fault).await;
    }
    let attributes = person.contributed_by(context.connector_id);
    match object.mv_id {
        Some(_) if object.mv_attributes.as_ref() == Some(&attributes) => context.counts.unchanged += 1,
        Some(mv_id) => {
            context.counts.updates += 1;
            sqlx::query("UPDATE mv_object SET attributes = ? WHERE id = ?")
                .bind(attributes)
                .bind(mv_id)
                .execute(&mut *connection)
                .await?;
            provision(connection, context.connector_id, &person).await?;
        }
        None => {
            context.counts.adds += 1;
            let mv_id: i64 =
                sqlx::query("INSERT INTO mv_object (anchor, attributes) VALUES (?, ?) RETURNING id")
                    .bind(&object.anchor)
                    .bind(attributes)
                    .fetch_one(&mut *connection)
                    .await?
                    .try_get(0)?;
            sqlx::query("UPDATE cs_object SET mv_id = ? WHERE id = ?")
                .bind(mv_id)
                .bind(object.id)
                .execute(&mut *connection)
                .await?;
            provision(connection, context.connector_id, &person).await?;
        }
    }
    if object.noted { note(connection, object.id, None, None).await } else { Ok(()) }
}

/// Writes down what the tenant should hold of a person. A pending removal of the same anchor turns into an update.
async fn provision(
    connection: &mut SqliteConnection,
    connector: i64,
    person: &Person,
) -> Result<(), SyncError> {
    sqlx::query(
        "INSERT INTO export_object (connector_id, anchor, desired) VALUES (?, ?, ?) ON CONFLICT (anchor) DO UPDATE \
         SET connector_id = excluded.connector_id, desired = excluded.desired, approved = 0, fault = NULL, \
         lost_from = NULL",
    )
    .bind(connector)
    .bind(&person.anchor.0)
    .bind(person.to_json())
    .execute(connection)
    .await?;
    Ok(())
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
    excluded: Option<Exclusion>,
    fault: Option<&ObjectFault>,
) -> Result<(), SyncError> {
    sqlx::query("UPDATE cs_object SET excluded = ?, fault = ? WHERE id = ?")
        .bind(excluded.map(Exclusion::name))
        .bind(fault.map(fault_json))
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}
