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
use crate::staging::json;
use crate::target::{Answer, Ask, ExportContext, Stop, Target, TargetError};

/// Objects a page: two transactions each.
const PAGE: i64 = 512;
/// Objects in one request, and requests in flight.
const TOGETHER: usize = 64;
const IN_FLIGHT: usize = 8;

/// One person or group to bring in line.
struct Pending {
    id: i64,
    kind: Kind,
    anchor: String,
    target_id: Option<String>,
    desired: Option<Wanted>,
    confirmed: Option<Resource>,
    approved: bool,
}

/// What is to be there, and the text of it that is kept as confirmed: it may be another one by then.
struct Wanted {
    resource: Resource,
    json: String,
}

impl Pending {
    fn name(&self) -> &str {
        let resource = self.desired.as_ref().map(|wanted| &wanted.resource).or(self.confirmed.as_ref());
        resource.map_or(&self.anchor, Resource::name)
    }

    fn is_removal(&self) -> bool {
        let Some(wanted) = &self.desired else { return true };
        self.confirmed.as_ref().is_some_and(Resource::is_enabled) && !wanted.resource.is_enabled()
    }

    /// What has to be asked for; nothing yet where it is not known by which id the target has it.
    fn ask(&self) -> Option<Ask<'_>> {
        match (&self.desired, &self.target_id) {
            (Some(wanted), None) => Some(Ask::Create(&wanted.resource)),
            (Some(wanted), Some(id)) => Some(Ask::Replace(id, &wanted.resource)),
            (None, Some(id)) => Some(Ask::Delete(self.kind, id)),
            (None, None) => None,
        }
    }
}

macro_rules! pending {
    ($which:literal) => {
        concat!(
            "SELECT * FROM export_object WHERE connector_id = ? AND id > ? AND ",
            $which,
            " ORDER BY id LIMIT ?"
        )
    };
}

/// Which of the pending people, in the order in which they are sent. The last one tries those again whose unique
/// values were taken: by now somebody may have given them up.
const PHASES: [&str; 4] = [
    pending!("(desired IS NOT confirmed OR unsure = 1) AND desired IS NULL"),
    pending!("(desired IS NOT confirmed OR unsure = 1) AND desired IS NOT NULL AND confirmed IS NOT NULL"),
    pending!("(desired IS NOT confirmed OR unsure = 1) AND desired IS NOT NULL AND confirmed IS NULL"),
    pending!("(desired IS NOT confirmed OR unsure = 1) AND json_extract(fault, '$.kind') = 'conflict'"),
];

/// Those whom the tenant never had, and of whom no request was begun.
const NEW: &str = pending!(
    "(desired IS NOT confirmed OR unsure = 1) AND desired IS NOT NULL AND confirmed IS NULL AND target_id IS NULL \
     AND unsure = 0 AND fault IS NULL"
);

pub(crate) async fn run(
    context: &mut Context<'_>,
    target: &dyn Target,
    lease_epoch: u64,
) -> Result<(), SyncError> {
    let fingerprint = pass_guard(context).await?;
    let total = context.counts.done() + count(context).await?;
    let export = ExportContext { connector: context.connector.name.clone(), lease_epoch };
    for phase in PHASES {
        send(context, target, &export, Sending { phase, resolve: true, total: Some(total) }, &mut 0).await?;
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

/// Sends those after `after` whom the tenant never had, and nothing else: nobody is changed or removed by it, so that it needs neither
/// the end of the import nor the guard. Whoever contradicts somebody over there is left to the export.
pub(crate) async fn send_new(
    context: &mut Context<'_>,
    target: &dyn Target,
    export: &ExportContext,
    after: &mut i64,
) -> Result<(), SyncError> {
    send(context, target, export, Sending { phase: NEW, resolve: false, total: None }, after).await
}

/// What is sent, and how.
#[derive(Clone, Copy)]
struct Sending {
    phase: &'static str,
    /// Whether somebody who is there already under the anchor is brought in line.
    resolve: bool,
    total: Option<u64>,
}

/// Sends page by page; while the answers to one come, what came of the one before is written down, and the next one is taken.
async fn send(
    context: &mut Context<'_>,
    target: &dyn Target,
    export: &ExportContext,
    sending: Sending,
    after: &mut i64,
) -> Result<(), SyncError> {
    let mut page = take(context, sending.phase, *after).await?;
    let mut before: Option<(Vec<Pending>, Vec<Answer>)> = None;
    while let Some(last) = page.last().map(|pending| pending.id) {
        let writing = async {
            if let Some((page, answers)) = before.take() {
                settle(context, &page, answers).await?;
                context.report_progress(context.counts.done(), sending.total);
            }
            take(context, sending.phase, last).await
        };
        let (answers, next) = tokio::join!(answers(target, export, &page, sending.resolve), writing);
        let stopped = answers.iter().any(|answer| matches!(answer, Err(TargetError::Stop(_))));
        if stopped || next.is_err() {
            settle(context, &page, answers).await?;
        } else {
            before = Some((page, answers));
        }
        (*after, page) = (last, next?);
    }
    if let Some((page, answers)) = before {
        settle(context, &page, answers).await?;
        context.report_progress(context.counts.done(), sending.total);
    }
    Ok(())
}

/// Counts what would be removed before anything is sent, and stops if a person has to see it first. Returns the
/// digest of what decides the scope.
async fn pass_guard(context: &Context<'_>) -> Result<String, SyncError> {
    let mut transaction = context.engine.store.write().await?;
    guard::end_approval(&mut transaction, context.connector_id, context.engine.clock.now()).await?;
    transaction.commit().await?;
    let mut connection = context.engine.store.read().await?;
    let row = sqlx::query(
        "SELECT coalesce(imported_scope, '') AS scope, exported_under, \
         (SELECT count(*) FROM removal WHERE connector_id = connector.id AND at > ?1 AND members = 0) AS recent, \
         (SELECT coalesce(sum(members), 0) FROM removal WHERE connector_id = connector.id AND at > ?1) AS left \
         FROM connector WHERE id = ?2",
    )
    .bind(context.engine.clock.now().minus(WINDOW).unix_ms())
    .bind(context.connector_id)
    .fetch_one(&mut *connection)
    .await?;
    let fingerprint = context.connector.fingerprint(row.try_get("scope")?);
    let exported_under: Option<String> = row.try_get("exported_under")?;
    let recent = u64::try_from(row.try_get::<i64, _>("recent")?).unwrap_or(0);
    let removals = guard::pending(&mut connection, context.connector_id).await?;
    let (pending, leaving) = removals.counted();
    let left = u64::try_from(row.try_get::<i64, _>("left")?).unwrap_or(0);
    let guard = context.connector.guard;
    let held = |pending, recent, because| {
        Err(SyncError::Held { pending, recent, because, digest: removals.digest.clone() })
    };
    // No export has ended yet: whoever is in the tenant came there under nobody knows which scope and rules.
    if pending + leaving > 0 && exported_under.is_none_or(|under| under != fingerprint) {
        return held(pending + leaving, recent, HeldBecause::ScopeChanged);
    }
    if pending > 0 {
        // Whoever was removed in the window counted among the people before it.
        let people = people(&mut connection, context.connector_id).await? + recent;
        if let Some(because) = guard.trips(pending + recent, people) {
            return held(pending, recent, because);
        }
        if let Some(because) = guard::lost_container(&mut connection, context.connector_id).await? {
            return held(pending, recent, because);
        }
    }
    if leaving > 0 {
        if leaving + left > u64::from(guard.memberships) {
            return held(leaving, left, HeldBecause::OverMemberships { threshold: guard.memberships });
        }
        if let Some(because) = guard::lost_members(&mut connection, context.connector_id, leaving).await? {
            return held(leaving, left, because);
        }
    }
    Ok(fingerprint)
}

/// How many people and groups the tenant has of the connector.
async fn people(connection: &mut sqlx::SqliteConnection, connector: i64) -> Result<u64, SyncError> {
    let row =
        sqlx::query("SELECT count(*) FROM export_object WHERE connector_id = ? AND confirmed IS NOT NULL")
            .bind(connector)
            .fetch_one(connection)
            .await?;
    u64::try_from(row.try_get::<i64, _>(0)?).map_err(|_| SyncError::Unreadable { column: "count" })
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
        let resource = |json: &str, column: &'static str| -> Result<Resource, SyncError> {
            serde_json::from_str(json).map_err(|_| SyncError::Unreadable { column })
        };
        let (desired, confirmed): (Option<String>, Option<&str>) =
            (row.try_get("desired")?, row.try_get("confirmed")?);
        let wanted =
            |json: String| Ok::<_, SyncError>(Wanted { resource: resource(&json, "desired")?, json });
        page.push(Pending {
            id: row.try_get("id")?,
            kind: Kind::named(row.try_get("kind")?),
            anchor: row.try_get("anchor")?,
            target_id: row.try_get("target_id")?,
            desired: desired.map(wanted).transpose()?,
            confirmed: confirmed.map(|json| resource(json, "confirmed")).transpose()?,
            approved: row.try_get::<i64, _>("approved_until")? > 0,
        });
    }
    let ids: Vec<i64> = page.iter().map(|pending| pending.id).collect();
    sqlx::query("UPDATE export_object SET unsure = 1 WHERE id IN (SELECT value FROM json_each(?))")
        .bind(json(&ids))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(page)
}

/// What came of each of a page: the target's id of it, if it is there.
async fn answers(
    target: &dyn Target,
    export: &ExportContext,
    page: &[Pending],
    resolve: bool,
) -> Vec<Answer> {
    let parts = page.chunks(TOGETHER).map(|part| async move {
        let asks: Vec<Ask<'_>> = part.iter().filter_map(Pending::ask).collect();
        let mut answered = target.ask(export, &asks).await.into_iter();
        let mut answers = Vec::with_capacity(part.len());
        for pending in part {
            let answer = match pending.ask() {
                Some(_) => answered.next().unwrap_or_else(|| Err(nothing_said())),
                None => find_and_delete(target, export, pending).await,
            };
            answers.push(finish(target, export, pending, answer, resolve).await);
        }
        answers
    });
    stream::iter(parts.collect::<Vec<_>>()).buffered(IN_FLIGHT).concat().await
}

fn nothing_said() -> TargetError {
    Stop::Unreadable { reason: "it says less than it was asked".to_owned() }.into()
}

/// One thing alone.
async fn one(target: &dyn Target, export: &ExportContext, ask: Ask<'_>) -> Answer {
    target.ask(export, &[ask]).await.pop().unwrap_or_else(|| Err(nothing_said()))
}

async fn find_and_delete(target: &dyn Target, export: &ExportContext, pending: &Pending) -> Answer {
    match target.find(export, pending.kind, &pending.anchor).await? {
        Some(id) => one(target, export, Ask::Delete(pending.kind, &id)).await,
        None => Ok(None),
    }
}

/// Goes on where the first answer was not the last word.
async fn finish(
    target: &dyn Target,
    export: &ExportContext,
    pending: &Pending,
    answer: Answer,
    resolve: bool,
) -> Answer {
    let Some(wanted) = &pending.desired else {
        // Gone is gone.
        return match answer {
            Ok(_) | Err(TargetError::NotFound) => Ok(None),
            Err(error) => Err(error),
        };
    };
    let made = match (&pending.target_id, answer) {
        (Some(id), Ok(_)) => return Ok(Some(id.clone())),
        // Somebody removed it over there.
        (Some(_), Err(TargetError::NotFound)) => one(target, export, Ask::Create(&wanted.resource)).await,
        (Some(_), other) => return other,
        (None, made) => made,
    };
    match made {
        // If an earlier try got through and its answer did not, it is there already.
        Err(TargetError::Conflict { detail }) if resolve => {
            let resource = &wanted.resource;
            let Some(id) = target.find(export, resource.kind(), resource.anchor()).await? else {
                return Err(TargetError::Conflict { detail });
            };
            one(target, export, Ask::Replace(&id, resource)).await?;
            Ok(Some(id))
        }
        other => other,
    }
}

/// Writes down what came of a page, in one transaction.
async fn settle(context: &mut Context<'_>, page: &[Pending], answers: Vec<Answer>) -> Result<(), SyncError> {
    let mut transaction = context.engine.store.write().await?;
    let (mut stopped, mut confirmed) = (None, Vec::new());
    for (pending, answer) in page.iter().zip(answers) {
        match answer {
            Ok(target_id) => {
                note_removal(&mut transaction, context, pending).await?;
                confirmed.push((pending, target_id));
            }
            Err(TargetError::Stop(stop)) => stopped = Some(stop),
            Err(TargetError::Conflict { detail }) => {
                refuse(&mut transaction, pending.id, &ObjectFault::Conflict { detail }).await?;
            }
            Err(TargetError::Refused { status, detail, .. }) => {
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
    confirm(&mut transaction, context, &confirmed).await?;
    transaction.commit().await?;
    stopped.map_or(Ok(()), |stop| Err(stop.into()))
}

/// Counts a removal that went out and that nobody had approved.
async fn note_removal(
    connection: &mut sqlx::SqliteConnection,
    context: &Context<'_>,
    pending: &Pending,
) -> Result<(), SyncError> {
    if pending.is_removal() && !pending.approved {
        sqlx::query("INSERT INTO removal (connector_id, anchor, at) VALUES (?, ?, ?)")
            .bind(context.connector_id)
            .bind(&pending.anchor)
            .bind(context.engine.clock.now().unix_ms())
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Writes down what the tenant has now, and under which ids.
async fn confirm(
    connection: &mut sqlx::SqliteConnection,
    context: &mut Context<'_>,
    answered: &[(&Pending, Option<String>)],
) -> Result<(), SyncError> {
    let (mut gone, mut strangers, mut there, mut come) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (pending, target_id) in answered {
        let Some(wanted) = &pending.desired else {
            context.counts.deletes += 1;
            gone.push(pending.id);
            strangers.extend(pending.target_id.as_deref().map(group::stranger));
            come.push((pending.anchor.as_str(), None));
            continue;
        };
        match &pending.confirmed {
            Some(_) => context.counts.updates += 1,
            None => context.counts.adds += 1,
        }
        there.push((pending.id, target_id, &wanted.json));
        if *target_id != pending.target_id || pending.confirmed.is_none() {
            come.push((pending.anchor.as_str(), target_id.as_deref()));
        }
    }
    sqlx::query("DELETE FROM export_object WHERE id IN (SELECT value FROM json_each(?))")
        .bind(json(&gone))
        .execute(&mut *connection)
        .await?;
    group::forget_strangers(connection, context.connector_id, &strangers).await?;
    group::note_in_tenant(connection, &come).await?;
    for (pending, target_id) in answered.iter().filter(|(pending, _)| pending.kind == Kind::Group) {
        if pending.desired.is_some() && (*target_id != pending.target_id || pending.confirmed.is_none()) {
            group::note_empty(connection, &pending.anchor).await?;
        }
    }
    sqlx::query(
        "UPDATE export_object SET target_id = said.value ->> 1, confirmed = said.value ->> 2, unsure = 0, approved_until = 0, \
         fault = NULL FROM json_each(?) said WHERE export_object.id = said.value ->> 0",
    )
    .bind(json(&there))
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
         WHERE connector_id = ? AND (desired IS NOT confirmed OR unsure = 1) AND json_extract(fault, '$.kind') = 'conflict' ORDER BY id",
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
