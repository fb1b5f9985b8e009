//! Confirming import: the tenant's people read, and what was exported confirmed by what is there.
//!
//! An export records what the tenant answered; this records what the tenant has. Who was changed over there is sent
//! again by the next export, who was removed is made again. Nobody is removed by it: a person whom the tenant has and
//! this connector never exported is reported, for a store that was lost must not empty a tenant.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use ritorno_protocol::clock::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use crate::engine::Context;
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::group;
use crate::report::Profile;
use crate::resource::Resource;
use crate::staging::json;
use crate::target::{ExportContext, Stop, Target, TargetError, TargetGroup, TargetPage, TargetPerson};

/// So far before the latest change that was seen a delta begins: what was written at the same time may have been seen later.
const OVERLAP: Duration = Duration::from_secs(300);
/// With more than this a delta costs the tenant more than all: for each page of what a filter wants it looks through everybody.
const MOST_CHANGED: u64 = 1_000;
/// Groups whose members are read at once.
const IN_FLIGHT: usize = 4;

/// What is recorded of a person.
struct Exported {
    id: i64,
    target_id: Option<String>,
    confirmed: Option<Resource>,
}

pub(crate) async fn run(
    context: &mut Context<'_>,
    target: &dyn Target,
    lease_epoch: u64,
) -> Result<(), SyncError> {
    let export = ExportContext { connector: context.connector.name.clone(), lease_epoch };
    let first = target.page(&export, None, 1).await.map_err(stop)?;
    let mut seen = read(context, target, &export, None, first).await?;
    let mut transaction = context.engine.store.write().await?;
    let missing = sqlx::query(
        "UPDATE export_object SET confirmed = NULL, target_id = NULL, unsure = 1 WHERE connector_id = ? \
         AND confirmed IS NOT NULL AND id NOT IN (SELECT value FROM json_each(?))",
    )
    .bind(context.connector_id)
    .bind(json(&std::mem::take(&mut seen.objects)))
    .execute(&mut *transaction)
    .await?;
    context.counts.deletes = missing.rows_affected();
    seen.keep(&mut transaction, context).await?;
    Ok(transaction.commit().await?)
}

/// The same of whoever changed in the tenant since it was read last; of all if it never was. Who is not there any more is noticed by the
/// former only: a list does not tell it.
pub(crate) async fn run_delta(
    context: &mut Context<'_>,
    target: &dyn Target,
    lease_epoch: u64,
) -> Result<(), SyncError> {
    let to: Option<i64> = sqlx::query("SELECT confirmed_to FROM connector WHERE id = ?")
        .bind(context.connector_id)
        .fetch_one(&mut *context.engine.store.read().await?)
        .await?
        .try_get(0)?;
    let Some(to) = to else {
        context.instead(Profile::ConfirmingImport, "the tenant was never read to its end".to_owned()).await?;
        return run(context, target, lease_epoch).await;
    };
    let since = Timestamp::from_unix_ms(to).minus(OVERLAP);
    let export = ExportContext { connector: context.connector.name.clone(), lease_epoch };
    let first = target.page(&export, Some(since), 1).await.map_err(stop)?;
    if first.total > MOST_CHANGED {
        let why = format!("{} changed in the tenant, which is quicker read as a whole", first.total);
        context.instead(Profile::ConfirmingImport, why).await?;
        return run(context, target, lease_epoch).await;
    }
    let seen = read(context, target, &export, Some(since), first).await?;
    let mut transaction = context.engine.store.write().await?;
    seen.keep(&mut transaction, context).await?;
    Ok(transaction.commit().await?)
}

/// Whom the tenant told of.
#[derive(Default)]
struct Seen {
    /// Rows of those whom this connector exported.
    objects: Vec<i64>,
    /// The latest change.
    latest: Option<Timestamp>,
}

impl Seen {
    fn note(&mut self, changed: Option<Timestamp>) {
        self.latest = self.latest.max(changed);
    }

    async fn keep(&self, connection: &mut SqliteConnection, context: &Context<'_>) -> Result<(), SyncError> {
        sqlx::query("UPDATE connector SET confirmed_to = coalesce(max(?1, coalesce(confirmed_to, ?1)), confirmed_to) WHERE id = ?2")
            .bind(self.latest.map(Timestamp::unix_ms))
            .bind(context.connector_id)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Reads all, or what changed at `since` or later; the first page of people was read already.
async fn read(
    context: &mut Context<'_>,
    target: &dyn Target,
    export: &ExportContext,
    since: Option<Timestamp>,
    mut page: TargetPage,
) -> Result<Seen, SyncError> {
    let (mut start, mut seen) = (1, Seen::default());
    // A tenant of the version before keeps it of nobody, and would be sent it again each day. Whether this one keeps it is known after
    // the last page: until then those wait whose only difference it is.
    let (mut keeps_expiry, mut waiting) = (false, Vec::new());
    loop {
        let last = page.people.is_empty();
        start += page.people.len() as u64;
        keeps_expiry |= page.people.iter().any(|person| person.password_expires.is_some());
        confirm(context, page.people, &mut seen, &mut waiting).await?;
        context.report_progress(start - 1, Some(page.total));
        if last || start > page.total {
            break;
        }
        page = target.page(export, since, start).await.map_err(stop)?;
    }
    expiry_differs(context, &waiting, keeps_expiry).await?;
    let mut start = 1;
    loop {
        let page = target.groups(export, since, start).await.map_err(stop)?;
        let last = page.groups.is_empty();
        start += page.groups.len() as u64;
        confirm_groups(context, target, export, page.groups, &mut seen).await?;
        if last || start > page.total {
            break;
        }
    }
    Ok(seen)
}

fn stop(error: TargetError) -> SyncError {
    match error {
        TargetError::Stop(stop) => stop.into(),
        // A list has no object that could be refused.
        other => Stop::Unreadable { reason: format!("a list of users: {other}") }.into(),
    }
}

async fn confirm(
    context: &mut Context<'_>,
    people: Vec<TargetPerson>,
    seen: &mut Seen,
    waiting: &mut Vec<i64>,
) -> Result<(), SyncError> {
    let mut transaction = context.engine.store.write().await?;
    let anchors: Vec<&str> = people.iter().map(|person| person.anchor.as_str()).collect();
    let exported = exported(&mut transaction, context.connector_id, &anchors).await?;
    for person in people {
        seen.note(person.changed);
        // The tenant may serve this agent's other forests in the same list.
        if person.forest != context.connector.forest.0 {
            continue;
        }
        let Some(exported) = exported.get(&person.anchor) else {
            let fault = ObjectFault::NotExported { id: person.id };
            context.record(&mut transaction, &person.user_principal_name, &fault).await?;
            continue;
        };
        seen.objects.push(exported.id);
        if let Some(Resource::Person(confirmed)) = &exported.confirmed
            && exported.target_id.as_ref() == Some(&person.id)
            && person.is(confirmed, false)
        {
            if person.is(confirmed, true) {
                context.counts.unchanged += 1;
            } else {
                waiting.push(exported.id);
            }
            continue;
        }
        context.counts.updates += 1;
        // Sent again: what is there by now is not what was confirmed.
        sqlx::query("UPDATE export_object SET target_id = ?, unsure = 1 WHERE id = ?")
            .bind(&person.id)
            .bind(exported.id)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Those of whom nothing differs but when their password expires: sent again by the next export where the tenant keeps it.
async fn expiry_differs(
    context: &mut Context<'_>,
    waiting: &[i64],
    keeps_expiry: bool,
) -> Result<(), SyncError> {
    let number = waiting.len() as u64;
    if !keeps_expiry {
        context.counts.unchanged += number;
        return Ok(());
    }
    context.counts.updates += number;
    let mut transaction = context.engine.store.write().await?;
    sqlx::query("UPDATE export_object SET unsure = 1 WHERE id IN (SELECT value FROM json_each(?))")
        .bind(json(waiting))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// The same for groups, and for who is in each: a number alone would not tell of two who changed places.
async fn confirm_groups(
    context: &mut Context<'_>,
    target: &dyn Target,
    export: &ExportContext,
    groups: Vec<TargetGroup>,
    seen: &mut Seen,
) -> Result<(), SyncError> {
    groups.iter().for_each(|group| seen.note(group.changed));
    // The tenant may serve this agent's other forests in the same list.
    let ours = groups.into_iter().filter(|group| group.forest == context.connector.forest.0);
    let read = ours.map(|group| async move {
        if group.members == Some(0) {
            return Ok((group, Some(Vec::new())));
        }
        match target.members(export, &group.id).await {
            Ok(members) => Ok((group, Some(members))),
            // It went in this moment; the next confirming import finds it missing.
            Err(TargetError::NotFound) => Ok((group, None)),
            Err(error) => Err(stop(error)),
        }
    });
    let mut read = stream::iter(read.collect::<Vec<_>>()).buffered(IN_FLIGHT);
    while let Some(group) = read.next().await {
        let (group, members) = group?;
        let mut transaction = context.engine.store.write().await?;
        let exported = exported(&mut transaction, context.connector_id, &[&group.anchor]).await?;
        let Some(exported) = exported.get(&group.anchor) else {
            let fault = ObjectFault::NotExported { id: group.id };
            context.record(&mut transaction, &group.name, &fault).await?;
            transaction.commit().await?;
            continue;
        };
        seen.objects.push(exported.id);
        let same = exported.target_id.as_ref() == Some(&group.id)
            && matches!(&exported.confirmed, Some(Resource::Group(confirmed)) if group.is(confirmed));
        if !same {
            sqlx::query("UPDATE export_object SET target_id = ?, unsure = 1 WHERE id = ?")
                .bind(&group.id)
                .bind(exported.id)
                .execute(&mut *transaction)
                .await?;
        }
        let differ = match members {
            Some(members) => group::note_members(&mut transaction, &group.anchor, &members).await?,
            None => false,
        };
        transaction.commit().await?;
        if same && !differ { context.counts.unchanged += 1 } else { context.counts.updates += 1 }
    }
    Ok(())
}

async fn exported(
    connection: &mut SqliteConnection,
    connector: i64,
    anchors: &[&str],
) -> Result<HashMap<String, Exported>, SyncError> {
    let rows = sqlx::query(
        "SELECT id, anchor, target_id, confirmed FROM export_object \
         WHERE connector_id = ? AND anchor IN (SELECT value FROM json_each(?))",
    )
    .bind(connector)
    .bind(json(anchors))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let confirmed: Option<String> = row.try_get("confirmed")?;
            let confirmed = confirmed
                .map(|json| serde_json::from_str(&json))
                .transpose()
                .map_err(|_| SyncError::Unreadable { column: "export_object.confirmed" })?;
            let exported =
                Exported { id: row.try_get("id")?, target_id: row.try_get("target_id")?, confirmed };
            Ok((row.try_get("anchor")?, exported))
        })
        .collect()
}
