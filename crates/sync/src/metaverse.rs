//! People made of their objects: joined, projected, and what the tenant should hold of them.

use std::collections::BTreeMap;

use ritorno_protocol::clock::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use crate::error::SyncError;
use crate::object::Kind;
use crate::person::{self, Contribution};
use crate::staging::json;

/// How somebody goes who has no object any more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leave<'a> {
    /// The container that the object was in.
    pub(crate) from: Option<&'a str>,
    /// When they are removed, if they are suspended first.
    pub(crate) remove_at: Option<Timestamp>,
}

/// What became of a person whose objects changed.
#[derive(Debug)]
pub(crate) enum Rebuilt {
    /// They are what their objects say.
    Person,
    /// They keep their anchor, which is not that of the account that counts now.
    Kept { from: String, to: String },
    /// They have no object any more, or none that their anchor is of.
    Gone,
}

/// The person to whom an object of `connector` with these join keys belongs: of the first group of rules that exactly one person
/// matches, and who has no object of this connector.
pub(crate) async fn join(
    connection: &mut SqliteConnection,
    connector: i64,
    keys: &[(String, String)],
) -> Result<Option<i64>, SyncError> {
    for (rule, key) in keys {
        let rows = sqlx::query(
            "SELECT DISTINCT mv_id FROM cs_object o WHERE mv_id IS NOT NULL AND connector_id <> ?1 \
             AND (o.anchor = ?3 OR o.id IN (SELECT cs_id FROM join_key WHERE rule = ?2 AND key = ?3)) \
             AND NOT EXISTS (SELECT 1 FROM cs_object own WHERE own.mv_id = o.mv_id AND own.connector_id = ?1) LIMIT 2",
        )
        .bind(connector)
        .bind(rule)
        .bind(key)
        .fetch_all(&mut *connection)
        .await?;
        if let [row] = rows.as_slice() {
            return Ok(Some(row.try_get("mv_id")?));
        }
    }
    Ok(None)
}

/// Makes a person with this anchor; none if there is one of another connector.
pub(crate) async fn project(
    connection: &mut SqliteConnection,
    anchor: &str,
) -> Result<Option<i64>, SyncError> {
    let row = sqlx::query(
        "INSERT INTO mv_object (anchor, attributes) VALUES (?, '{}') ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(anchor)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// The keys that are kept of an object as JSON, in order. Anchors have a column of their own.
pub(crate) fn keys_json(keys: &[(String, String)]) -> String {
    let kept: BTreeMap<_, _> = kept(keys).collect();
    json(&kept.into_iter().collect::<Vec<_>>())
}

/// The keys that are kept of an object; anchors have a column of their own.
pub(crate) fn kept(keys: &[(String, String)]) -> impl Iterator<Item = (&String, &String)> {
    // Of several rules of one name the first one counts.
    keys.iter().rev().filter(|(rule, _)| rule != "anchor").map(|(rule, key)| (rule, key))
}

/// Keeps by what others may be joined to an object.
pub(crate) async fn keep_keys(
    connection: &mut SqliteConnection,
    object: i64,
    keys: &[(String, String)],
) -> Result<(), SyncError> {
    sqlx::query("DELETE FROM join_key WHERE cs_id = ?").bind(object).execute(&mut *connection).await?;
    for (rule, key) in kept(keys) {
        sqlx::query("INSERT INTO join_key (cs_id, rule, key) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET key = excluded.key")
            .bind(object)
            .bind(rule)
            .bind(key)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Makes a person anew of their objects. `leave` says how they go if nothing is left.
pub(crate) async fn rebuild(
    connection: &mut SqliteConnection,
    mv_id: i64,
    leave: Leave<'_>,
) -> Result<Rebuilt, SyncError> {
    let anchor: String = sqlx::query("SELECT anchor FROM mv_object WHERE id = ?")
        .bind(mv_id)
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    let mut contributions = contributions(connection, mv_id).await?;
    person::order(&mut contributions);
    let Some((_, first)) = contributions.first() else {
        go(connection, mv_id, &anchor, leave).await?;
        return Ok(Rebuilt::Gone);
    };
    let wanted = first.identity.anchor.0.clone();
    let holder = contributions.iter().position(|(_, other)| other.identity.anchor.0 == anchor);
    if wanted == anchor || !is_known(connection, &anchor).await? {
        if wanted != anchor {
            // Nobody knows the person by the former anchor yet.
            sqlx::query("DELETE FROM export_object WHERE anchor = ?")
                .bind(&anchor)
                .execute(&mut *connection)
                .await?;
            sqlx::query("UPDATE mv_object SET anchor = ? WHERE id = ?")
                .bind(&wanted)
                .bind(mv_id)
                .execute(&mut *connection)
                .await?;
        }
        keep(connection, mv_id, &contributions, 0).await?;
        return Ok(Rebuilt::Person);
    }
    let Some(holder) = holder else {
        // Whose anchor the tenant knows has no object any more. The others are somebody else to it, and are judged anew.
        sqlx::query("UPDATE cs_object SET mv_id = NULL, contribution = NULL, changed = 1 WHERE mv_id = ?")
            .bind(mv_id)
            .execute(&mut *connection)
            .await?;
        go(connection, mv_id, &anchor, leave).await?;
        return Ok(Rebuilt::Gone);
    };
    keep(connection, mv_id, &contributions, holder).await?;
    Ok(Rebuilt::Kept { from: anchor, to: wanted })
}

pub(crate) async fn contributions(
    connection: &mut SqliteConnection,
    mv_id: i64,
) -> Result<Vec<(i64, Contribution)>, SyncError> {
    let rows = sqlx::query(
        "SELECT connector_id, contribution FROM cs_object WHERE mv_id = ? AND contribution IS NOT NULL",
    )
    .bind(mv_id)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let contribution = serde_json::from_str(row.try_get("contribution")?)
                .map_err(|_| SyncError::Unreadable { column: "cs_object.contribution" })?;
            Ok((row.try_get("connector_id")?, contribution))
        })
        .collect()
}

/// Whether the tenant knows, or may know, a person by this anchor.
async fn is_known(connection: &mut SqliteConnection, anchor: &str) -> Result<bool, SyncError> {
    let row =
        sqlx::query("SELECT 1 FROM export_object WHERE anchor = ? AND (confirmed IS NOT NULL OR unsure = 1)")
            .bind(anchor)
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

async fn keep(
    connection: &mut SqliteConnection,
    mv_id: i64,
    contributions: &[(i64, Contribution)],
    account: usize,
) -> Result<(), SyncError> {
    let merged = person::merged(contributions, account)
        .ok_or(SyncError::Unreadable { column: "cs_object.contribution" })?;
    sqlx::query("UPDATE mv_object SET attributes = ? WHERE id = ?")
        .bind(&merged.attributes)
        .bind(mv_id)
        .execute(&mut *connection)
        .await?;
    let (anchor, json) = (merged.person.anchor.0.clone(), merged.person.to_json());
    provision(connection, merged.connector, Kind::Person, &anchor, &json).await
}

macro_rules! provision {
    ($rows:literal) => {
        concat!(
            "INSERT INTO export_object (connector_id, kind, anchor, desired) ",
            $rows,
            " ON CONFLICT (anchor) DO UPDATE \
             SET connector_id = excluded.connector_id, desired = excluded.desired, approved_until = 0, fault = NULL, \
             lost_from = NULL, remove_at = NULL"
        )
    };
}

/// Writes down what the tenant should hold of an object. A pending removal of the same anchor turns into an update.
pub(crate) async fn provision(
    connection: &mut SqliteConnection,
    connector: i64,
    kind: Kind,
    anchor: &str,
    desired: &str,
) -> Result<(), SyncError> {
    sqlx::query(provision!("VALUES (?, ?, ?, ?)"))
        .bind(connector)
        .bind(kind.name())
        .bind(anchor)
        .bind(desired)
        .execute(connection)
        .await?;
    Ok(())
}

/// The same for many people: anchors, and what the tenant should hold.
pub(crate) async fn provision_people(
    connection: &mut SqliteConnection,
    connector: i64,
    people: &[(&str, &str)],
) -> Result<(), SyncError> {
    sqlx::query(provision!("SELECT ?1, 'person', value ->> 0, value ->> 1 FROM json_each(?2) WHERE true"))
        .bind(connector)
        .bind(json(people))
        .execute(connection)
        .await?;
    Ok(())
}

/// A person or a group leaves the metaverse, and is to leave the tenant.
pub(crate) async fn go(
    connection: &mut SqliteConnection,
    mv_id: i64,
    anchor: &str,
    leave: Leave<'_>,
) -> Result<(), SyncError> {
    sqlx::query("DELETE FROM mv_object WHERE id = ?").bind(mv_id).execute(&mut *connection).await?;
    // What was never sent needs no removal.
    sqlx::query("DELETE FROM export_object WHERE anchor = ? AND confirmed IS NULL AND unsure = 0")
        .bind(anchor)
        .execute(&mut *connection)
        .await?;
    // Whom the tenant knows for sure is suspended until then, if that is wanted.
    sqlx::query(
        "UPDATE export_object SET approved_until = 0, fault = NULL, lost_from = ?1, \
         remove_at = CASE WHEN confirmed IS NOT NULL AND kind = 'person' THEN ?2 END, \
         desired = CASE WHEN confirmed IS NOT NULL AND kind = 'person' AND ?2 IS NOT NULL \
         THEN json_set(confirmed, '$.enabled', json('false')) END WHERE anchor = ?3",
    )
    .bind(leave.from)
    .bind(leave.remove_at.map(|at| at.unix_ms()))
    .bind(anchor)
    .execute(connection)
    .await?;
    Ok(())
}

/// Has those removed whose time is over. How many.
pub(crate) async fn remove_suspended(
    connection: &mut SqliteConnection,
    connector: i64,
    now: Timestamp,
) -> Result<u64, SyncError> {
    let removed = sqlx::query(
        "UPDATE export_object SET desired = NULL, remove_at = NULL, approved_until = 0, lost_from = NULL \
         WHERE connector_id = ? AND remove_at <= ?",
    )
    .bind(connector)
    .bind(now.unix_ms())
    .execute(connection)
    .await?;
    Ok(removed.rows_affected())
}
