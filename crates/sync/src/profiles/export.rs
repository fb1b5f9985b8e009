//! Export: the tenant brought to what the last full sync worked out.
//!
//! Only what differs from what the tenant confirmed last is sent. A page is marked as *unsure* before its requests go
//! out and settled with their answers; what a crash leaves unsure is sent again, which is harmless, for each request
//! may be repeated. Removals go first, so that names become free, then changes, then what is new; who is in which group comes last.

use futures_util::{StreamExt as _, stream};
use sqlx::Row as _;

use crate::engine::{Context, fault_json};
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::group;
use crate::guard::{self, HeldBecause, WINDOW};
use crate::object::Kind;
use crate::profiles::members;
use crate::resource::Resource;
use crate::target::{ExportContext, Stop, Target, TargetError};

/// Objects a page: two transactions each.
const PAGE: i64 = 128;
/// Requests in flight.
const IN_FLIGHT: usize = 8;

/// One person to bring in line.
struct Pending {
    id: i64,
    kind: Kind,
    anchor: String,
    target_id: Option<String>,
    desired: Option<Resource>,
    confirmed: Option<Resource>,
    approved: bool,
}

impl Pending {
    fn name(&self) -> &str {
        let resource = self.desired.as_ref().or(self.confirmed.as_ref());
        resource.map_or(&self.anchor, Resource::name)
    }

    fn is_removal(&self) -> bool {
        let enabled = |resource: &Option<Resource>| resource.as_ref().is_some_and(Resource::is_enabled);
        self.desired.is_none() || (enabled(&self.confirmed) && !enabled(&self.desired))
    }
}

/// Which of the pending people, in the order in which they are sent. The last one tries those again whose unique
/// values were taken: by now somebody may have given them up.
const PHASES: [&str; 4] = [
    "SELECT * FROM export_object WHERE connector_id = ? AND id > ? AND (desired IS NOT confirmed OR unsure = 1) \
     AND desired IS NULL ORDER BY id LIMIT ?",
    "SELECT * FROM export_object WHERE connector_id = ? AND id > ? AND (desired IS NOT confirmed OR unsure = 1) \
     AND desired IS NOT NULL AND confirmed IS NOT NULL ORDER BY id LIMIT ?",
    "SELECT * FROM export_object WHERE connector_id = ? AND id > ? AND (desired IS NOT confirmed OR unsure = 1) \
     AND desired IS NOT NULL AND confirmed IS NULL ORDER BY id LIMIT ?",
    "SELECT * FROM export_object WHERE connector_id = ? AND id > ? AND (desired IS NOT confirmed OR unsure = 1) \
     AND json_extract(fault, '$.kind') = 'conflict' ORDER BY id LIMIT ?",
];

pub(crate) async fn run(
    context: &mut Context<'_>,
    target: &dyn Target,
    lease_epoch: u64,
) -> Result<(), SyncError> {
    let fingerprint = pass_guard(context).await?;
    let total = count(context).await?;
    let export = ExportContext { connector: context.connector.name.clone(), lease_epoch };
    for phase in PHASES {
        let mut last = 0;
        loop {
            let page = take(context, phase, last).await?;
            let Some(pending) = page.last() else { break };
            last = pending.id;
            send(context, target, &export, page).await?;
            context.report_progress(context.counts.done(), Some(total));
        }
    }
    record_conflicts(context).await?;
    members::run(context, target, &export).await?;
    let mut transaction = context.engine.store.write().await?;
    sqlx::query("UPDATE connector SET exported_under = ? WHERE id = ?")
        .bind(fingerprint)
        .bind(context.connector_id)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Counts what would be removed before anything is sent, and stops if a person has to see it first. Returns the
/// digest of what decides the scope.
async fn pass_guard(context: &Context<'_>) -> Result<String, SyncError> {
    let mut connection = context.engine.store.read().await?;
    let row = sqlx::query(
        "SELECT coalesce(imported_scope, '') AS scope, exported_under, \
         (SELECT count(*) FROM removal WHERE connector_id = connector.id AND at > ?) AS recent, \
         (SELECT count(*) FROM export_object e WHERE e.connector_id = connector.id AND confirmed IS NOT NULL) AS people \
         FROM connector WHERE id = ?",
    )
    .bind(context.engine.clock.now().minus(WINDOW).unix_ms())
    .bind(context.connector_id)
    .fetch_one(&mut *connection)
    .await?;
    let fingerprint = context.connector.fingerprint(row.try_get("scope")?);
    let exported_under: Option<String> = row.try_get("exported_under")?;
    let recent = u64::try_from(row.try_get::<i64, _>("recent")?).unwrap_or(0);
    let removals = guard::pending(&mut connection, context.connector_id).await?;
    let pending = removals.list.len() as u64;
    // Whoever was removed in the window counted among the people before it.
    let people = u64::try_from(row.try_get::<i64, _>("people")?).unwrap_or(0) + recent;
    let because = if pending == 0 {
        None
    } else if exported_under.is_some_and(|under| under != fingerprint) {
        Some(HeldBecause::ScopeChanged)
    } else if let Some(because) = context.connector.guard.trips(pending + recent, people) {
        Some(because)
    } else {
        guard::lost_container(&mut connection, context.connector_id).await?
    };
    match because {
        Some(because) => Err(SyncError::Held { pending, recent, because, digest: removals.digest }),
        None => Ok(fingerprint),
    }
}

async fn count(context: &Context<'_>) -> Result<u64, SyncError> {
    let row = sqlx::query(
        "SELECT count(*) FROM export_object WHERE connector_id = ? AND (desired IS NOT confirmed OR unsure = 1)",
    )
    .bind(context.connector_id)
    .fetch_one(&mut *context.engine.store.read().await?)
    .await?;
    u64::try_from(row.try_get::<i64, _>(0)?).map_err(|_| SyncError::Unreadable { column: "count" })
}

/// The next page of a phase, marked as unsure.
async fn take(context: &Context<'_>, phase: &'static str, after: i64) -> Result<Vec<Pending>, SyncError> {
    let mut transaction = context.engine.store.write().await?;
    let rows = sqlx::query(phase)
        .bind(context.connector_id)
        .bind(after)
        .bind(PAGE)
        .fetch_all(&mut *transaction)
        .await?;
    let mut page = Vec::with_capacity(rows.len());
    for row in &rows {
        let resource = |column: &'static str| -> Result<Option<Resource>, SyncError> {
            let json: Option<String> = row.try_get(column)?;
            json.map(|json| serde_json::from_str(&json))
                .transpose()
                .map_err(|_| SyncError::Unreadable { column })
        };
        page.push(Pending {
            id: row.try_get("id")?,
            kind: Kind::named(row.try_get("kind")?),
            anchor: row.try_get("anchor")?,
            target_id: row.try_get("target_id")?,
            desired: resource("desired")?,
            confirmed: resource("confirmed")?,
            approved: row.try_get("approved")?,
        });
    }
    let ids: Vec<i64> = page.iter().map(|pending| pending.id).collect();
    sqlx::query("UPDATE export_object SET unsure = 1 WHERE id IN (SELECT value FROM json_each(?))")
        .bind(serde_json::to_string(&ids).expect("numbers become JSON"))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(page)
}

async fn send(
    context: &mut Context<'_>,
    target: &dyn Target,
    export: &ExportContext,
    page: Vec<Pending>,
) -> Result<(), SyncError> {
    let requests = page.into_iter().map(|pending| async move {
        let answer = request(target, export, &pending).await;
        (pending, answer)
    });
    let answers: Vec<_> = stream::iter(requests).buffer_unordered(IN_FLIGHT).collect().await;
    let mut transaction = context.engine.store.write().await?;
    let mut stopped = None;
    for (pending, answer) in answers {
        match answer {
            Ok(target_id) => confirm(&mut transaction, context, &pending, target_id).await?,
            Err(TargetError::Stop(stop)) => stopped = Some(stop),
            Err(TargetError::Conflict { detail }) => {
                refuse(&mut transaction, pending.id, &ObjectFault::Conflict { detail }).await?;
            }
            Err(TargetError::Refused { status, detail }) => {
                let fault = ObjectFault::Refused { status, detail };
                refuse(&mut transaction, pending.id, &fault).await?;
                context.record(&mut transaction, pending.name(), &fault).await?;
            }
            // Both places that may meet it deal with it; a target that says it of a search makes no sense.
            Err(TargetError::NotFound) => {
                stopped = Some(Stop::Unreadable { reason: "not found, to a request that finds".to_owned() });
            }
        }
    }
    transaction.commit().await?;
    stopped.map_or(Ok(()), |stop| Err(stop.into()))
}

/// Does what has to be done for one person; the target's id of them, if they are still there.
async fn request(
    target: &dyn Target,
    export: &ExportContext,
    pending: &Pending,
) -> Result<Option<String>, TargetError> {
    match (&pending.desired, &pending.target_id) {
        (Some(resource), None) => create(target, export, resource).await.map(Some),
        (Some(resource), Some(id)) => match target.replace(export, id, resource).await {
            Ok(()) => Ok(Some(id.clone())),
            // Somebody removed it over there.
            Err(TargetError::NotFound) => create(target, export, resource).await.map(Some),
            Err(error) => Err(error),
        },
        (None, id) => {
            let id = match id {
                Some(id) => Some(id.clone()),
                None => target.find(export, pending.kind, &pending.anchor).await?,
            };
            match id {
                None => Ok(None),
                Some(id) => match target.delete(export, pending.kind, &id).await {
                    Ok(()) | Err(TargetError::NotFound) => Ok(None),
                    Err(error) => Err(error),
                },
            }
        }
    }
}

/// Makes a person or a group. If an earlier try got through and its answer did not, it is there already.
async fn create(
    target: &dyn Target,
    export: &ExportContext,
    resource: &Resource,
) -> Result<String, TargetError> {
    let conflict = match target.create(export, resource).await {
        Err(conflict @ TargetError::Conflict { .. }) => conflict,
        other => return other,
    };
    match target.find(export, resource.kind(), resource.anchor()).await? {
        Some(id) => target.replace(export, &id, resource).await.map(|()| id),
        None => Err(conflict),
    }
}

async fn confirm(
    connection: &mut sqlx::SqliteConnection,
    context: &mut Context<'_>,
    pending: &Pending,
    target_id: Option<String>,
) -> Result<(), SyncError> {
    match (&pending.desired, &pending.confirmed) {
        (None, _) => context.counts.deletes += 1,
        (Some(_), Some(_)) => context.counts.updates += 1,
        (Some(_), None) => context.counts.adds += 1,
    }
    if pending.is_removal() && !pending.approved {
        sqlx::query("INSERT INTO removal (connector_id, anchor, at) VALUES (?, ?, ?)")
            .bind(context.connector_id)
            .bind(&pending.anchor)
            .bind(context.engine.clock.now().unix_ms())
            .execute(&mut *connection)
            .await?;
    }
    let Some(resource) = &pending.desired else {
        sqlx::query("DELETE FROM export_object WHERE id = ?")
            .bind(pending.id)
            .execute(&mut *connection)
            .await?;
        return group::note_in_tenant(connection, &pending.anchor, None).await;
    };
    if target_id != pending.target_id || pending.confirmed.is_none() {
        group::note_in_tenant(connection, &pending.anchor, target_id.as_deref()).await?;
        if pending.kind == Kind::Group {
            group::note_empty(connection, &pending.anchor).await?;
        }
    }
    sqlx::query(
        "UPDATE export_object SET target_id = ?, confirmed = ?, unsure = 0, approved = 0, fault = NULL WHERE id = ?",
    )
    .bind(target_id)
    .bind(resource.to_json())
    .bind(pending.id)
    .execute(connection)
    .await?;
    Ok(())
}

/// A refused request changed nothing, so that what was confirmed before still holds.
async fn refuse(
    connection: &mut sqlx::SqliteConnection,
    id: i64,
    fault: &ObjectFault,
) -> Result<(), SyncError> {
    sqlx::query("UPDATE export_object SET unsure = 0, fault = ? WHERE id = ?")
        .bind(fault_json(fault))
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Conflicts count as errors only when they are left at the end.
async fn record_conflicts(context: &mut Context<'_>) -> Result<(), SyncError> {
    let mut transaction = context.engine.store.write().await?;
    let rows = sqlx::query(
        "SELECT coalesce(json_extract(desired, '$.userPrincipalName'), json_extract(desired, '$.groupName')) AS name, fault FROM export_object \
         WHERE connector_id = ? AND json_extract(fault, '$.kind') = 'conflict' ORDER BY id",
    )
    .bind(context.connector_id)
    .fetch_all(&mut *transaction)
    .await?;
    for row in &rows {
        let fault: ObjectFault = serde_json::from_str(row.try_get("fault")?)
            .map_err(|_| SyncError::Unreadable { column: "export_object.fault" })?;
        context.record(&mut transaction, row.try_get("name")?, &fault).await?;
    }
    transaction.commit().await?;
    Ok(())
}
