//! A group in the metaverse, and who is in it.

use ritorno_protocol::ids::{Forest, SourceAnchor};
use ritorno_protocol::scim;
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, SqliteConnection};

use crate::connector::Connector;
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::object::{Attributes, Members};
use crate::staging::json;

/// A group as the tenant should hold it. Who is in it is kept as edges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// What ties it to the directory object. Immutable.
    pub anchor: SourceAnchor,
    /// `displayName`, else `cn`, else the account name.
    pub group_name: String,
    /// `sAMAccountName`.
    pub group_account: String,
    /// NetBIOS name of the domain.
    pub domain: String,
    /// The forest.
    pub forest: Forest,
}

impl Group {
    /// The group that a staged object is; none if it is left out, by the name of the reason.
    pub(crate) fn of(
        connector: &Connector,
        dn: &str,
        anchor: &SourceAnchor,
        attributes: &Attributes,
    ) -> Result<Result<Self, &'static str>, ObjectFault> {
        if attributes.text("iscriticalsystemobject").is_some_and(|value| value.eq_ignore_ascii_case("TRUE")) {
            return Ok(Err("critical-system-object"));
        }
        if dn.contains("\\0ACNF:") {
            return Ok(Err("replication-conflict"));
        }
        let account = attributes
            .text("samaccountname")
            .ok_or_else(|| ObjectFault::AttributeMalformed { attribute: "sAMAccountName".to_owned() })?;
        let name = attributes.text("displayname").or_else(|| attributes.text("cn")).unwrap_or(account);
        Ok(Ok(Self {
            anchor: anchor.clone(),
            group_name: name.to_owned(),
            group_account: account.to_owned(),
            domain: connector.domain.clone(),
            forest: connector.forest.clone(),
        }))
    }

    /// The SCIM resource that represents it, without members.
    pub(crate) fn to_scim(&self) -> scim::Group {
        scim::Group {
            schemas: vec![scim::GROUP_SCHEMA.to_owned(), scim::RITORNO_GROUP_SCHEMA.to_owned()],
            id: None,
            external_id: Some(self.anchor.0.clone()),
            display_name: self.group_name.clone(),
            members: Vec::new(),
            meta: None,
            ritorno: Some(scim::RitornoGroup {
                anchor: self.anchor.0.clone(),
                account_name: self.group_account.clone(),
                domain: self.domain.clone(),
                forest: self.forest.0.clone(),
                member_count: None,
            }),
        }
    }
}

// What a word of a group's list makes of an edge that is there. A primary one (`is_primary`) is there without the list; that it is on it too is
// kept for when it is the primary one no more.
macro_rules! on_the_list {
    () => {
        "ON CONFLICT (connector_id, group_guid, member_guid) DO UPDATE SET present = 1, listed = 1, is_primary = min(is_primary, present), \
         dirty = max(dirty, 1 - present), approved_until = 0, held_at = NULL WHERE present = 0 OR is_primary > listed"
    };
}
macro_rules! off_the_list {
    () => {
        "SET present = is_primary, listed = 0, dirty = max(dirty, 1 - is_primary) WHERE present = 1 AND is_primary <= listed"
    };
}
macro_rules! primary_no_more {
    () => {
        "SET present = listed, is_primary = 0, dirty = max(dirty, 1 - listed) WHERE present = 1 AND is_primary = 1"
    };
}
macro_rules! primary_now {
    () => {
        "ON CONFLICT (connector_id, group_guid, member_guid) DO UPDATE SET is_primary = 1, \
         listed = CASE is_primary WHEN 0 THEN present ELSE listed END, present = 1, approved_until = 0, held_at = NULL, \
         dirty = max(dirty, 1 - present)"
    };
}

/// Stages who is in a group; how many edges came or went. `watched` says whether rules ask for members of groups: then everybody below
/// an edge that changed is to be judged anew.
pub(crate) async fn stage_members(
    connection: &mut SqliteConnection,
    connector: i64,
    group: &str,
    members: &Members,
    watched: bool,
) -> Result<u64, SyncError> {
    let text = |guids: &[[u8; 16]]| -> String {
        json(&guids.iter().map(|guid| uuid::Uuid::from_bytes_le(*guid).to_string()).collect::<Vec<_>>())
    };
    let (present, gone) = match members {
        Members::All(all) => (text(all), None),
        Members::Changed { added, removed } => (text(added), Some(text(removed))),
    };
    let came = sqlx::query(concat!(
        "INSERT INTO edge (connector_id, group_guid, member_guid, present, listed) \
         SELECT ?, ?, value, 1, 1 FROM json_each(?) WHERE true ",
        on_the_list!(),
        " RETURNING member_guid"
    ))
    .bind(connector)
    .bind(group)
    .bind(&present)
    .fetch_all(&mut *connection)
    .await?;
    // Of a list of all, whoever is not in it went.
    let condition = match gone {
        None => concat!(
            "UPDATE edge ",
            off_the_list!(),
            " AND connector_id = ? AND group_guid = ? AND member_guid NOT IN (SELECT value FROM json_each(?)) RETURNING member_guid"
        ),
        Some(_) => concat!(
            "UPDATE edge ",
            off_the_list!(),
            " AND connector_id = ? AND group_guid = ? AND member_guid IN (SELECT value FROM json_each(?)) RETURNING member_guid"
        ),
    };
    let went = sqlx::query(condition)
        .bind(connector)
        .bind(group)
        .bind(gone.unwrap_or(present))
        .fetch_all(&mut *connection)
        .await?;
    if watched {
        let touched = came.iter().chain(&went).map(|row| row.try_get("member_guid"));
        let touched: Vec<String> = touched.collect::<Result<_, _>>()?;
        judge_anew(connection, connector, &touched).await?;
    }
    Ok((came.len() + went.len()) as u64)
}

/// Stages for whom of another connector members stand.
pub(crate) async fn stage_foreign(
    connection: &mut SqliteConnection,
    connector: i64,
    foreign: &[([u8; 16], String)],
) -> Result<(), SyncError> {
    if foreign.is_empty() {
        return Ok(());
    }
    let said: Vec<_> =
        foreign.iter().map(|(guid, sid)| (uuid::Uuid::from_bytes_le(*guid).to_string(), sid)).collect();
    sqlx::query(
        "INSERT INTO foreign_member (connector_id, member_guid, sid) SELECT ?1, value ->> 0, value ->> 1 FROM json_each(?2) \
         WHERE true ON CONFLICT DO UPDATE SET sid = excluded.sid",
    )
    .bind(connector)
    .bind(json(&said))
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks these objects, and everybody in them, as changed.
pub(crate) async fn judge_anew(
    connection: &mut SqliteConnection,
    connector: i64,
    guids: &[String],
) -> Result<(), SyncError> {
    if guids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH RECURSIVE below (guid) AS (SELECT value FROM json_each(?2) UNION \
         SELECT member_guid FROM edge JOIN below ON group_guid = guid WHERE connector_id = ?1) \
         UPDATE cs_object SET changed = 1 WHERE connector_id = ?1 AND object_guid IN (SELECT guid FROM below)",
    )
    .bind(connector)
    .bind(json(guids))
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks whoever is in a group that went, and is not let go of yet, as changed.
pub(crate) async fn judge_those_of_gone(
    connection: &mut SqliteConnection,
    connector: i64,
) -> Result<(), SyncError> {
    let rows = sqlx::query(
        "SELECT object_guid FROM cs_object WHERE connector_id = ? AND present = 0 AND changed = 1 AND kind = 'group'",
    )
    .bind(connector)
    .fetch_all(&mut *connection)
    .await?;
    let gone: Vec<String> = rows.iter().map(|row| row.try_get("object_guid")).collect::<Result<_, _>>()?;
    judge_anew(connection, connector, &gone).await
}

/// A person's primary group is this one now, and no other any more.
pub(crate) async fn leave_primary(
    connection: &mut SqliteConnection,
    connector: i64,
    member: &str,
    rid: Option<i64>,
) -> Result<(), SyncError> {
    sqlx::query(concat!(
        "UPDATE edge INDEXED BY edge_by_member ",
        primary_no_more!(),
        " AND connector_id = ?1 AND member_guid = ?2 \
         AND group_guid NOT IN (SELECT object_guid FROM cs_object WHERE connector_id = ?1 AND rid = ?3)"
    ))
    .bind(connector)
    .bind(member)
    .bind(rid)
    .execute(connection)
    .await?;
    Ok(())
}

/// Stages which groups are people's primary ones, of those that are imported: GUIDs of people, and RIDs of groups.
pub(crate) async fn stage_primaries(
    connection: &mut SqliteConnection,
    connector: i64,
    people: &[(String, Option<i64>)],
) -> Result<(), SyncError> {
    if people.is_empty() {
        return Ok(());
    }
    sqlx::query(concat!(
        "INSERT INTO edge (connector_id, group_guid, member_guid, present, is_primary) \
         SELECT o.connector_id, o.object_guid, said.value ->> 0, 1, 1 FROM json_each(?2) said CROSS JOIN cs_object o \
         ON o.connector_id = ?1 AND o.rid = said.value ->> 1 WHERE true ",
        primary_now!()
    ))
    .bind(connector)
    .bind(json(people))
    .execute(connection)
    .await?;
    Ok(())
}

/// A group is nobody's primary one by the number that it had.
pub(crate) async fn forget_primaries(
    connection: &mut SqliteConnection,
    connector: i64,
    group: &str,
) -> Result<(), SyncError> {
    sqlx::query(concat!("UPDATE edge ", primary_no_more!(), " AND connector_id = ? AND group_guid = ?"))
        .bind(connector)
        .bind(group)
        .execute(connection)
        .await?;
    Ok(())
}

/// Stages whose primary group these groups are, which are new or have another number than before: the people are known, and not told again.
pub(crate) async fn gather_primaries(
    connection: &mut SqliteConnection,
    connector: i64,
    groups: &[String],
) -> Result<(), SyncError> {
    if groups.is_empty() {
        return Ok(());
    }
    // Each person looks for their group, and not each group for its people.
    sqlx::query(concat!(
        "INSERT INTO edge (connector_id, group_guid, member_guid, present, is_primary) \
         SELECT o.connector_id, g.object_guid, o.object_guid, 1, 1 FROM cs_object o CROSS JOIN cs_object g INDEXED BY cs_object_by_rid \
         ON g.connector_id = o.connector_id AND g.rid = CAST(json_extract(o.attributes, '$.primarygroupid[0]') AS INTEGER) \
         WHERE o.connector_id = ?1 AND o.kind = 'person' AND o.present = 1 AND g.object_guid IN (SELECT value FROM json_each(?2)) ",
        primary_now!()
    ))
    .bind(connector)
    .bind(json(groups))
    .execute(connection)
    .await?;
    Ok(())
}

/// Stages in which groups one object is, and no others but its primary one; how many edges that changed. `watched` as in [`stage_members`].
pub(crate) async fn stage_memberships(
    connection: &mut SqliteConnection,
    connector: i64,
    member: &str,
    groups: &[[u8; 16]],
    watched: bool,
) -> Result<u64, SyncError> {
    let groups: Vec<_> = groups.iter().map(|guid| uuid::Uuid::from_bytes_le(*guid).to_string()).collect();
    let groups = json(&groups);
    let mut changed = 0;
    for sql in [
        concat!(
            "INSERT INTO edge (connector_id, group_guid, member_guid, present, listed) \
             SELECT ?1, value, ?2, 1, 1 FROM json_each(?3) WHERE true ",
            on_the_list!()
        ),
        concat!(
            "UPDATE edge INDEXED BY edge_by_member ",
            off_the_list!(),
            " AND connector_id = ?1 AND member_guid = ?2 AND group_guid NOT IN (SELECT value FROM json_each(?3))"
        ),
    ] {
        let query = sqlx::query(sql).bind(connector).bind(member).bind(&groups);
        changed += query.execute(&mut *connection).await?.rows_affected();
    }
    if watched && changed > 0 {
        judge_anew(connection, connector, &[member.to_owned()]).await?;
    }
    Ok(changed)
}

/// The GUIDs of everybody in a group of this name, nested or not, by groups that are there; the name in lower case.
pub(crate) async fn everybody_in(
    connection: &mut SqliteConnection,
    connector: i64,
    dn: &str,
) -> Result<Vec<String>, SyncError> {
    let rows = sqlx::query(
        "WITH RECURSIVE below (guid) AS (SELECT object_guid FROM cs_object WHERE connector_id = ?1 AND kind = 'group' \
         AND present = 1 AND lower(dn) = ?2 UNION SELECT member_guid FROM below CROSS JOIN cs_object o \
         ON o.connector_id = ?1 AND o.object_guid = guid AND o.kind = 'group' AND o.present = 1 CROSS JOIN edge e \
         ON e.connector_id = ?1 AND e.group_guid = guid AND e.present = 1) SELECT guid FROM below",
    )
    .bind(connector)
    .bind(dn)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(row.try_get("guid")?)).collect()
}

// As a member: whoever is not there is in no group there; whoever has come is to be put into theirs. By object, for which there is an
// index; a person has several objects, of which one has the anchor. The edges are found first and changed by their keys: joined to what
// is to be changed, SQLite would look through all edges for it.
macro_rules! note_in_tenant {
    ($set:literal) => {
        concat!(
            "WITH said (anchor, target_id) AS MATERIALIZED (SELECT value ->> 0, value ->> 1 FROM json_each(?)), \
             own (connector_id, guid, sid, target_id) AS MATERIALIZED ( \
             SELECT connector_id, object_guid, sid, target_id FROM said CROSS JOIN cs_object o INDEXED BY cs_object_by_anchor \
             ON o.anchor = said.anchor UNION \
             SELECT connector_id, object_guid, sid, target_id FROM said CROSS JOIN mv_object m ON m.anchor = said.anchor \
             CROSS JOIN cs_object o ON o.mv_id = m.id), \
             object (connector_id, guid, target_id) AS MATERIALIZED (SELECT connector_id, guid, target_id FROM own UNION \
             SELECT f.connector_id, f.member_guid, own.target_id FROM own CROSS JOIN foreign_member f ON f.sid = own.sid) \
             UPDATE edge SET ",
            $set,
            " WHERE (connector_id, group_guid, member_guid) IN ( \
             SELECT e.connector_id, e.group_guid, e.member_guid FROM object CROSS JOIN edge e INDEXED BY edge_by_member \
             ON e.connector_id = object.connector_id AND e.member_guid = object.guid \
             WHERE (e.confirmed IS NULL OR e.confirmed IS NOT object.target_id) \
             AND NOT (e.dirty = 1 AND (e.confirmed IS NULL OR object.target_id IS NOT NULL)))"
        )
    };
}

/// What objects' group edges become when the tenant has them under these ids now, or (`None`) has them no more; by anchor.
pub(crate) async fn note_in_tenant(
    connection: &mut SqliteConnection,
    objects: &[(&str, Option<&str>)],
) -> Result<(), SyncError> {
    let (there, gone) = objects.iter().copied().partition::<Vec<_>, _>(|(_, target_id)| target_id.is_some());
    for (sql, objects) in
        [(note_in_tenant!("dirty = 1"), there), (note_in_tenant!("dirty = 1, confirmed = NULL"), gone)]
    {
        if !objects.is_empty() {
            sqlx::query(sql).bind(json(&objects)).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// The groups with this anchor: connector and `objectGUID`.
async fn groups_of(connection: &mut SqliteConnection, anchor: &str) -> Result<Vec<(i64, String)>, SyncError> {
    let rows =
        sqlx::query("SELECT connector_id, object_guid FROM cs_object WHERE anchor = ? AND kind = 'group'")
            .bind(anchor)
            .fetch_all(connection)
            .await?;
    rows.iter().map(|row| Ok((row.try_get("connector_id")?, row.try_get("object_guid")?))).collect()
}

/// A group that the tenant has anew has nobody in it yet.
pub(crate) async fn note_empty(connection: &mut SqliteConnection, anchor: &str) -> Result<(), SyncError> {
    for (connector, group) in groups_of(connection, anchor).await? {
        sqlx::query("UPDATE edge SET dirty = 1, confirmed = NULL WHERE connector_id = ? AND group_guid = ?")
            .bind(connector)
            .bind(group)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// What stands for the member of this id where only the tenant says that it is in a group. A directory's GUID never looks like this.
pub(crate) fn stranger(target_id: &str) -> String {
    format!("tenant:{target_id}")
}

/// Whoever is gone from the tenant is in no group there, and need not be taken out of one.
pub(crate) async fn forget_strangers(
    connection: &mut SqliteConnection,
    connector: i64,
    strangers: &[String],
) -> Result<(), SyncError> {
    sqlx::query(
        "DELETE FROM edge WHERE connector_id = ? AND member_guid IN (SELECT value FROM json_each(?))",
    )
    .bind(connector)
    .bind(json(strangers))
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes whom the tenant has in a group: whoever should be there and is not comes again, whoever is there and should not be is taken
/// out. Whether anything differs.
pub(crate) async fn note_members(
    connection: &mut SqliteConnection,
    anchor: &str,
    there: &[String],
) -> Result<bool, SyncError> {
    let (there, mut differ) = (json(there), 0);
    for (connector, group) in groups_of(connection, anchor).await? {
        let lost = sqlx::query(
            "UPDATE edge SET confirmed = NULL, dirty = 1 WHERE connector_id = ?1 AND group_guid = ?2 \
             AND confirmed IS NOT NULL AND confirmed NOT IN (SELECT value FROM json_each(?3))",
        )
        .bind(connector)
        .bind(&group)
        .bind(&there)
        .execute(&mut *connection)
        .await?;
        // A stranger is an edge that the directory does not say and the tenant has.
        let strangers = sqlx::query(
            "INSERT INTO edge (connector_id, group_guid, member_guid, present, confirmed, dirty) \
             SELECT ?1, ?2, ?4 || value, 0, value, 1 FROM json_each(?3) \
             WHERE value NOT IN (SELECT confirmed FROM edge WHERE connector_id = ?1 AND group_guid = ?2 \
             AND confirmed IS NOT NULL) ON CONFLICT DO NOTHING",
        )
        .bind(connector)
        .bind(&group)
        .bind(&there)
        .bind(stranger(""))
        .execute(&mut *connection)
        .await?;
        differ += lost.rows_affected() + strangers.rows_affected();
    }
    Ok(differ > 0)
}
