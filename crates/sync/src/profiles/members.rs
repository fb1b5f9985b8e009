//! The last part of an export: who is in which group, edge by edge, so that one changed member of a large group is one small request.
//!
//! Only edges that are marked are looked at. What is sent may be repeated, so that a mark is taken away after the answer and a crash in
//! between costs a repetition. Before it is sent an edge is noted as *unsure*: should the directory say the opposite after a crash, it is
//! sent whatever was confirmed before. Who leaves a group has passed the deletion guard before; the tenant's own guard may still hold somebody,
//! which keeps nobody else, and is asked for again after a pause.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::OnceLock;

use futures_util::{StreamExt as _, stream};
use ritorno_protocol::scim::{HELD_STATUS, MAX_MEMBERS, Member, MemberChanges, MemberKind};
use sqlx::{Row as _, SqliteConnection};

use crate::engine::Context;
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::group;
use crate::guard::HELD_IN_TENANT_AGAIN;
use crate::object::Kind;
use crate::staging::json;
use crate::target::{Answer, Ask, ExportContext, Stop, Target, TargetError};

/// Members that one request takes out: each is an operation of its own, and there are 64 in a request.
const OUT: usize = 60;
/// Edges of one group that are looked at in one round, and groups in a round. Three rounds are held at a time.
const EDGES: i64 = 5_000;
const GROUPS: usize = 16;
/// Changes to groups in one request, and requests in flight.
const TOGETHER: usize = 8;
const IN_FLIGHT: usize = 4;

/// Marked edges of a group. The joins are fixed in the order in which each has an index for the next: the other way round every edge
/// would look through its whole group.
const MARKED: &str = "SELECT e.member_guid, e.present, e.confirmed, e.unsure, x.target_id, x.kind, \
         CASE WHEN e.present = 0 AND e.confirmed IS NOT NULL THEN EXISTS (SELECT 1 FROM export_object k INDEXED BY export_object_by_target \
         CROSS JOIN mv_object km ON km.anchor = k.anchor \
         CROSS JOIN cs_object ko ON ko.mv_id = km.id AND ko.connector_id = e.connector_id \
         CROSS JOIN edge ke ON ke.connector_id = e.connector_id AND ke.group_guid = e.group_guid AND ke.member_guid = ko.object_guid \
         WHERE k.target_id = e.confirmed AND ke.present = 1) ELSE 0 END AS stays, \
         e.approved_until = 0 AND coalesce((SELECT k.desired IS NOT NULL FROM export_object k WHERE k.target_id = e.confirmed), \
         e.member_guid LIKE 'tenant:%') AS counts \
         FROM edge e INDEXED BY edge_dirty \
         LEFT JOIN cs_object o ON o.connector_id = e.connector_id AND o.object_guid = e.member_guid \
         LEFT JOIN foreign_member f ON f.connector_id = e.connector_id AND f.member_guid = e.member_guid \
         LEFT JOIN mv_object m ON m.id = coalesce(o.mv_id, (SELECT p.mv_id FROM cs_object p INDEXED BY cs_object_by_sid \
         WHERE p.sid = f.sid AND p.connector_id <> e.connector_id AND p.mv_id IS NOT NULL LIMIT 1)) \
         LEFT JOIN export_object x ON x.anchor = m.anchor AND x.confirmed IS NOT NULL \
         WHERE e.connector_id = ? AND e.group_guid = ? AND e.dirty = 1 AND (e.held_at IS NULL OR e.held_at <= ?) LIMIT ?";

/// Edges are confirmed with these ids.
const CAME: &str = "WITH said (guid, id) AS MATERIALIZED (SELECT value ->> 0, value ->> 1 FROM json_each(?3)) \
     UPDATE edge INDEXED BY edge_by_member SET confirmed = said.id, dirty = 1 - present, unsure = 0 FROM said \
     WHERE edge.connector_id = ?1 AND edge.group_guid = ?2 AND edge.member_guid = said.guid";

/// A request about these edges goes out. Whoever comes is taken for confirmed from now on, so that their going is sent, and counted, even
/// if no answer comes.
const SENT: &str = "WITH said (guid, id) AS MATERIALIZED (SELECT value ->> 0, value ->> 1 FROM json_each(?3)) \
     UPDATE edge INDEXED BY edge_by_member SET confirmed = coalesce(confirmed, said.id), unsure = 1 FROM said \
     WHERE edge.connector_id = ?1 AND edge.group_guid = ?2 AND edge.member_guid = said.guid";

/// Some marked edges of one group, with what the tenant calls the members: what one request is about.
#[derive(Default)]
struct Edges {
    changes: MemberChanges,
    /// Members that are confirmed with these ids when the request is answered.
    came: Vec<(String, String)>,
    /// Members who are taken out.
    out: Vec<Out>,
    /// Members whose edge is no more, and of whom the tenant knows nothing.
    went: Vec<String>,
    /// Members of whom there is nothing to send now.
    idle: Vec<String>,
}

/// A member who is taken out of a group.
struct Out {
    member: String,
    /// The tenant's id of them.
    id: String,
    /// Whether they stay themselves, and nobody approved it.
    counts: bool,
}

impl Edges {
    fn take_out(&mut self, out: Out) {
        self.changes.remove.push(out.id.clone());
        self.out.push(out);
    }

    /// Whom the tenant's guard holds, by its ids of them, apart from the others. If it names none of them it holds all who are taken out.
    fn apart(mut self, named: &[String]) -> (Self, Self) {
        self.changes.remove.clear();
        let named: HashSet<&String> = named.iter().collect();
        let out = std::mem::take(&mut self.out);
        let is_named = out.iter().any(|out| named.contains(&out.id));
        let mut held = Self::default();
        for out in out {
            let part = if is_named && !named.contains(&out.id) { &mut self } else { &mut held };
            part.take_out(out);
        }
        (held, self)
    }
}

/// A group with marked edges, as the tenant knows it.
struct Pending {
    guid: String,
    anchor: String,
    name: String,
    target_id: String,
}

/// Groups with marked edges, round by round: while one round's requests are answered, what came of the one before is written down, and the
/// next one is read.
pub(crate) async fn run(
    context: &mut Context<'_>,
    target: &dyn Target,
    export: &ExportContext,
) -> Result<(), SyncError> {
    let mut waiting: VecDeque<String> = marked(context).await?.into();
    let mut now = next(context, &mut waiting).await?;
    let mut before = None;
    while now.is_some() || before.is_some() {
        let asking = async {
            match now {
                Some(round) => Some(asked(target, export, round).await),
                None => None,
            }
        };
        let reading = async {
            if let Some(round) = before.take() {
                waiting.extend(settled(context, round).await?);
            }
            next(context, &mut waiting).await
        };
        let (answered, following) = tokio::join!(asking, reading);
        before = answered;
        // What was answered is written down, whatever else went wrong, and before the next round goes out if none is to go out.
        let stopped = before.as_ref().is_some_and(|(_, answers)| stop(answers.iter().flatten()).is_some());
        if (stopped || following.is_err())
            && let Some(round) = before.take()
        {
            settled(context, round).await?;
        }
        now = following?;
    }
    Ok(())
}

/// Some edges of some groups.
struct Round {
    groups: Vec<Pending>,
    /// Of which of them there are more edges than these.
    unfinished: Vec<bool>,
    /// Each by the number of its group.
    parts: Vec<(usize, Edges)>,
}

/// The next round; none when no group is left.
async fn next(context: &Context<'_>, waiting: &mut VecDeque<String>) -> Result<Option<Round>, SyncError> {
    let mut round = Round { groups: Vec::new(), unfinished: Vec::new(), parts: Vec::new() };
    while round.groups.len() < GROUPS
        && let Some(guid) = waiting.pop_front()
    {
        let Some(group) = pending(context, &guid).await? else { continue };
        let (edges, more) = edges(context, &group).await?;
        let number = round.groups.len();
        round.parts.extend(edges.into_iter().map(|edges| (number, edges)));
        round.unfinished.push(more);
        round.groups.push(group);
    }
    if round.groups.is_empty() {
        return Ok(None);
    }
    note_sent(context, &round).await?;
    Ok(Some(round))
}

/// Notes of whom a round is about, before it goes out.
async fn note_sent(context: &Context<'_>, round: &Round) -> Result<(), SyncError> {
    let mut transaction = context.engine.store.write().await?;
    for (number, edges) in &round.parts {
        let out = edges.out.iter().map(|out| (&out.member, &out.id));
        let said: Vec<_> = edges.came.iter().map(|(member, id)| (member, id)).chain(out).collect();
        if !said.is_empty() {
            sqlx::query(SENT)
                .bind(context.connector_id)
                .bind(&round.groups[*number].guid)
                .bind(json(&said))
                .execute(&mut *transaction)
                .await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// Sends a round; it, and what came of each of its parts.
async fn asked(
    target: &dyn Target,
    export: &ExportContext,
    mut round: Round,
) -> (Round, Vec<Option<Answer>>) {
    let parts = std::mem::take(&mut round.parts);
    let answers = answers(target, export, &round.groups, &parts).await;
    let (parts, answers) = asked_without_held(target, export, &round.groups, parts, answers).await;
    round.parts = parts;
    (round, answers)
}

/// Why nothing further can be sent, if that is so.
fn stop<'a>(mut answers: impl Iterator<Item = &'a Answer>) -> Option<&'a Stop> {
    answers.find_map(|answer| match answer {
        Err(TargetError::Stop(stop)) => Some(stop),
        _ => None,
    })
}

/// What comes of something that is not sent any more.
fn unsent(stop: &Stop) -> Answer {
    Err(stop.clone().into())
}

/// Writes down what came of a round; the groups of which there is more to send.
async fn settled(
    context: &mut Context<'_>,
    (round, answers): (Round, Vec<Option<Answer>>),
) -> Result<Vec<String>, SyncError> {
    let (mut stopped, mut over, mut held) = (None, Vec::new(), BTreeMap::new());
    let mut transaction = context.engine.store.write().await?;
    for ((number, edges), answer) in round.parts.iter().zip(answers) {
        let group = &round.groups[*number];
        match answer {
            None => settle(&mut transaction, context, group, edges).await?,
            Some(Ok(_)) => {
                context.counts.updates += 1;
                settle(&mut transaction, context, group, edges).await?;
            }
            Some(Err(TargetError::Stop(stop))) => stopped = Some(stop),
            Some(Err(TargetError::NotFound)) => {
                gone(&mut transaction, group).await?;
                over.push(*number);
            }
            Some(Err(TargetError::Refused { status: HELD_STATUS, detail, .. })) => {
                hold(&mut transaction, context, group, edges).await?;
                held.insert(group.name.as_str(), detail);
            }
            Some(Err(TargetError::Refused { status, detail, .. })) => {
                let fault = ObjectFault::Refused { status, detail };
                context.record(&mut transaction, &group.name, &fault).await?;
                over.push(*number);
            }
            Some(Err(error @ TargetError::Conflict { .. })) => {
                stopped = Some(Stop::Unreadable { reason: format!("members of a group: {error}") });
            }
        }
    }
    // One line a group, however many of its members are held.
    for (name, detail) in held {
        let fault = ObjectFault::Refused { status: HELD_STATUS, detail };
        context.record(&mut transaction, name, &fault).await?;
    }
    transaction.commit().await?;
    if let Some(stop) = stopped {
        return Err(stop.into());
    }
    let groups = round.groups.into_iter().zip(round.unfinished).enumerate();
    Ok(groups
        .filter(|(number, (_, more))| *more && !over.contains(number))
        .map(|(_, (group, _))| group.guid)
        .collect())
}

/// Edges by the number of their group, and what came of them; nothing where there was nothing to ask for.
type Asked = (Vec<(usize, Edges)>, Vec<Option<Answer>>);

/// Whom the tenant's guard held in a request is left out of it, and the request goes once more for the others: of sixty of whom one is
/// held, the rest leave, and however many are held, nobody is asked for alone.
async fn asked_without_held(
    target: &dyn Target,
    export: &ExportContext,
    groups: &[Pending],
    parts: Vec<(usize, Edges)>,
    answers: Vec<Option<Answer>>,
) -> Asked {
    let (mut kept, mut answered, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for ((group, edges), answer) in parts.into_iter().zip(answers) {
        match answer {
            Some(Err(TargetError::Refused { status: HELD_STATUS, detail, held: named })) => {
                let (held, others) = edges.apart(&named);
                kept.push((group, held));
                answered.push(Some(Err(TargetError::Refused { status: HELD_STATUS, detail, held: named })));
                again.push((group, others));
            }
            answer => {
                kept.push((group, edges));
                answered.push(answer);
            }
        }
    }
    let others = match stop(answered.iter().flatten()) {
        Some(stop) => again.iter().map(|_| Some(unsent(stop))).collect(),
        None => self::answers(target, export, groups, &again).await,
    };
    answered.extend(others);
    kept.extend(again);
    (kept, answered)
}

/// What came of each; none where there was nothing to ask for. After one that says that nothing further can be sent only those are answered
/// that were on their way.
async fn answers(
    target: &dyn Target,
    export: &ExportContext,
    groups: &[Pending],
    parts: &[(usize, Edges)],
) -> Vec<Option<Answer>> {
    let asked = |edges: &Edges| edges.changes != MemberChanges::default();
    let asks: Vec<Ask<'_>> = parts
        .iter()
        .filter(|(_, edges)| asked(edges))
        .map(|(group, edges)| Ask::Members(&groups[*group].target_id, &edges.changes))
        .collect();
    let stopped = OnceLock::new();
    let together = asks.chunks(TOGETHER).map(|asks| async {
        if let Some(stop) = stopped.get() {
            return asks.iter().map(|_| unsent(stop)).collect();
        }
        let answers = target.ask(export, asks).await;
        if let Some(stop) = stop(answers.iter()) {
            stopped.get_or_init(|| stop.clone());
        }
        answers
    });
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
        .bind(context.engine.clock.now().minus(HELD_IN_TENANT_AGAIN).unix_ms())
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
        let (there, unsure): (Option<String>, bool) = (row.try_get("target_id")?, row.try_get("unsure")?);
        match (row.try_get::<bool, _>("present")?, confirmed, there) {
            (true, confirmed, Some(id)) if unsure || confirmed.as_ref() != Some(&id) => {
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
                part.take_out(Out { member, id, counts: row.try_get("counts")? });
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
    let unapproved = edges.out.iter().filter(|out| out.counts).count() as i64;
    if unapproved > 0 {
        sqlx::query("INSERT INTO removal (connector_id, anchor, at, members) VALUES (?, ?, ?, ?)")
            .bind(context.connector_id)
            .bind(&pending.anchor)
            .bind(context.engine.clock.now().unix_ms())
            .bind(unapproved)
            .execute(&mut *connection)
            .await?;
    }
    for (sql, members) in [
        (CAME, json(&edges.came)),
        (
            "DELETE FROM edge WHERE connector_id = ?1 AND group_guid = ?2 AND present = 0 \
             AND member_guid IN (SELECT value FROM json_each(?3))",
            json(&edges.went.iter().chain(edges.out.iter().map(|out| &out.member)).collect::<Vec<_>>()),
        ),
        (
            // Whoever came back while they were taken out is taken in again.
            "UPDATE edge SET confirmed = NULL, unsure = 0, dirty = 1 WHERE connector_id = ?1 AND group_guid = ?2 AND present = 1 \
             AND member_guid IN (SELECT value FROM json_each(?3))",
            json(&edges.out.iter().map(|out| &out.member).collect::<Vec<_>>()),
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

/// The tenant's guard holds it: it is asked for again after a pause.
async fn hold(
    connection: &mut SqliteConnection,
    context: &Context<'_>,
    pending: &Pending,
    edges: &Edges,
) -> Result<(), SyncError> {
    sqlx::query(
        "UPDATE edge SET held_at = ?1, unsure = 0 WHERE connector_id = ?2 AND group_guid = ?3 \
         AND member_guid IN (SELECT value FROM json_each(?4))",
    )
    .bind(context.engine.clock.now().unix_ms())
    .bind(context.connector_id)
    .bind(&pending.guid)
    .bind(json(&edges.out.iter().map(|out| &out.member).collect::<Vec<_>>()))
    .execute(connection)
    .await?;
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
