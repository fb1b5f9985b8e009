//! The second pass over a page: people who are nobody's yet and can be joined to nobody become people of the metaverse together, in a few
//! statements for all of them; everybody else one by one.

use std::collections::HashMap;

use sqlx::{Row as _, SqliteConnection};

use super::{InGroups, Object, carry_on as carry_one_on, judged};
use crate::engine::Context;
use crate::error::SyncError;
use crate::metaverse;
use crate::object::Kind;
use crate::person::{self, Contribution};
use crate::rules::Verdict;
use crate::staging::json;

/// Somebody who is nobody's yet: the object, what it gives, and by what others may be joined to it.
struct Fresh {
    object: Object,
    contribution: Contribution,
    keys: Vec<(String, String)>,
}

/// Carries the objects of a page on.
pub(super) async fn carry_on(
    connection: &mut SqliteConnection,
    context: &mut Context<'_>,
    objects: Vec<Object>,
    groups: &InGroups,
) -> Result<(), SyncError> {
    let alone = is_alone(connection, context.connector_id).await?;
    let mut fresh = Vec::new();
    for object in objects {
        let apart = alone && object.kind == Kind::Person && object.mv_id.is_none() && object.twin.is_none();
        match apart.then(|| judged(context, &object, groups)) {
            Some(Ok((Verdict::InScope(contribution), keys))) => {
                fresh.push(Fresh { object, contribution: *contribution, keys })
            }
            _ => carry_one_on(connection, context, &object, groups).await?,
        }
    }
    let mut people = project(connection, context.connector_id, &fresh).await?;
    let (mut joined, mut keys_of, mut keyed) = (Vec::new(), Vec::new(), Vec::new());
    for Fresh { object, contribution, keys } in &fresh {
        let Some(mv_id) = people.remove(object.anchor.as_str()) else {
            // Somebody has the anchor: the long way says who.
            carry_one_on(connection, context, object, groups).await?;
            continue;
        };
        context.counts.adds += 1;
        joined.push((object.id, mv_id, contribution.to_json()));
        if object.keys != "[]" {
            keyed.push(object.id);
        }
        keys_of.extend(metaverse::kept(keys).map(|(rule, key)| (object.id, rule, key)));
    }
    sqlx::query(
        "UPDATE cs_object SET mv_id = said.value ->> 1, contribution = said.value ->> 2, excluded = NULL, fault = NULL, changed = 0 \
         FROM json_each(?) said WHERE cs_object.id = said.value ->> 0",
    )
    .bind(json(&joined))
    .execute(&mut *connection)
    .await?;
    if !keyed.is_empty() {
        sqlx::query("DELETE FROM join_key WHERE cs_id IN (SELECT value FROM json_each(?))")
            .bind(json(&keyed))
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(
        "INSERT INTO join_key (cs_id, rule, key) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) \
         WHERE true ON CONFLICT DO UPDATE SET key = excluded.key",
    )
    .bind(json(&keys_of))
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether no other connector has an object, so that there is nobody to be joined to.
async fn is_alone(connection: &mut SqliteConnection, connector: i64) -> Result<bool, SyncError> {
    let row = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM connector c WHERE id <> ?1 AND EXISTS (SELECT 1 FROM cs_object o \
         WHERE o.connector_id = c.id)) AS others",
    )
    .bind(connector)
    .fetch_one(connection)
    .await?;
    Ok(!row.try_get::<bool, _>("others")?)
}

/// Makes people of those whose anchor nobody has, and writes down what the tenant should hold of them; their ids by anchor.
async fn project(
    connection: &mut SqliteConnection,
    connector: i64,
    fresh: &[Fresh],
) -> Result<HashMap<String, i64>, SyncError> {
    let mut merged = Vec::with_capacity(fresh.len());
    for Fresh { object, contribution, .. } in fresh {
        let one = person::merged(&[(connector, contribution.clone())], 0)
            .ok_or(SyncError::Unreadable { column: "cs_object.contribution" })?;
        merged.push((object.anchor.clone(), one.attributes, one.person.to_json()));
    }
    let rows = sqlx::query(
        "INSERT INTO mv_object (anchor, attributes) SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true \
         ON CONFLICT DO NOTHING RETURNING id, anchor",
    )
    .bind(json(&merged))
    .fetch_all(&mut *connection)
    .await?;
    let mut people = HashMap::with_capacity(rows.len());
    for row in &rows {
        people.insert(row.try_get("anchor")?, row.try_get("id")?);
    }
    let desired: Vec<(&str, &str)> = merged
        .iter()
        .filter(|(anchor, _, _)| people.contains_key(anchor))
        .map(|(anchor, _, desired)| (anchor.as_str(), desired.as_str()))
        .collect();
    metaverse::provision_people(connection, connector, &desired).await?;
    Ok(people)
}
