//! What the next export would send.

use futures_util::TryStreamExt as _;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::engine::{Engine, known};
use crate::error::SyncError;
use crate::resource::Resource;

/// People and groups that wait: those to be made first, then those to be changed, then those to be removed.
const OBJECTS: &str = "SELECT anchor, desired, confirmed FROM export_object \
     WHERE connector_id = ? AND (desired IS NOT confirmed OR unsure = 1) \
     ORDER BY desired IS NULL, confirmed IS NOT NULL, id";

/// Who would come into a group, or leave it: of what is marked, and of the groups of those who are to be made, whose edges are marked only
/// when the tenant has them. Whoever leaves with their account, or with the group, is not told again. As in an export, whoever is in a group
/// by another object too stays in it.
const MEMBERS: &str = "WITH touched (group_guid, member_guid) AS ( \
     SELECT group_guid, member_guid FROM edge INDEXED BY edge_dirty WHERE connector_id = ?1 AND dirty = 1 \
     UNION SELECT e.group_guid, e.member_guid FROM export_object x INDEXED BY export_object_pending \
     CROSS JOIN mv_object m ON m.anchor = x.anchor CROSS JOIN cs_object o ON o.mv_id = m.id AND o.connector_id = ?1 \
     CROSS JOIN edge e INDEXED BY edge_by_member ON e.connector_id = ?1 AND e.member_guid = o.object_guid \
     WHERE x.connector_id = ?1 AND (x.desired IS NOT x.confirmed OR x.unsure = 1) AND x.confirmed IS NULL AND e.present = 1) \
     SELECT e.present, coalesce(json_extract(g.desired, '$.groupName'), g.anchor) AS group_name, \
     coalesce(json_extract(coalesce(c.desired, k.desired, k.confirmed), '$.userPrincipalName'), \
     json_extract(coalesce(c.desired, k.desired, k.confirmed), '$.groupName'), e.confirmed) AS name \
     FROM touched t CROSS JOIN edge e ON e.connector_id = ?1 AND e.group_guid = t.group_guid AND e.member_guid = t.member_guid \
     CROSS JOIN cs_object go ON go.connector_id = ?1 AND go.object_guid = e.group_guid AND go.kind = 'group' \
     CROSS JOIN export_object g ON g.anchor = go.anchor AND g.kind = 'group' AND g.desired IS NOT NULL \
     LEFT JOIN cs_object o ON o.connector_id = ?1 AND o.object_guid = e.member_guid \
     LEFT JOIN foreign_member f ON f.connector_id = ?1 AND f.member_guid = e.member_guid \
     LEFT JOIN mv_object m ON m.id = coalesce(o.mv_id, (SELECT p.mv_id FROM cs_object p INDEXED BY cs_object_by_sid \
     WHERE p.sid = f.sid AND p.connector_id <> ?1 AND p.mv_id IS NOT NULL LIMIT 1)) \
     LEFT JOIN export_object c ON c.anchor = m.anchor AND e.present = 1 \
     LEFT JOIN export_object k INDEXED BY export_object_by_target ON k.target_id = e.confirmed AND e.present = 0 \
     WHERE CASE e.present \
     WHEN 1 THEN c.desired IS NOT NULL AND (e.unsure = 1 OR e.confirmed IS NULL OR e.confirmed IS NOT c.target_id) \
     ELSE e.confirmed IS NOT NULL AND (k.desired IS NOT NULL OR k.id IS NULL) AND NOT EXISTS (SELECT 1 FROM mv_object km \
     CROSS JOIN cs_object ko ON ko.mv_id = km.id AND ko.connector_id = ?1 \
     CROSS JOIN edge ke ON ke.connector_id = ?1 AND ke.group_guid = e.group_guid AND ke.member_guid = ko.object_guid \
     WHERE km.anchor = k.anchor AND ke.present = 1) END \
     ORDER BY e.present DESC, group_name, name";

/// One change that the next export would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingChange {
    /// Whom it is about: userPrincipalName, a group's name, or the anchor where none is known.
    pub name: String,
    /// What it would do.
    pub kind: PendingKind,
}

/// What an export would do for a person, or for a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PendingKind {
    /// Make them.
    Add,
    /// Change these attributes; none if what is there is to be sent again to be sure.
    Update(Vec<String>),
    /// Remove them.
    Delete,
    /// Make them a member of this group.
    Join {
        /// Its name.
        group: String,
    },
    /// Take them out of this group.
    Leave {
        /// Its name.
        group: String,
    },
}

impl Engine {
    /// Tells everything that the next export of `connector` would send: people and groups to be made, changed and removed, then members.
    ///
    /// # Errors
    /// [`SyncError::UnknownConnector`] or [`SyncError::Store`].
    pub async fn pending(
        &self,
        connector: &str,
        mut told: impl FnMut(PendingChange),
    ) -> Result<(), SyncError> {
        let mut connection = self.store.read().await?;
        let id = known(&mut connection, connector).await?;
        for (sql, read) in [(OBJECTS, object as fn(&SqliteRow) -> _), (MEMBERS, member)] {
            let mut rows = sqlx::query(sql).bind(id).fetch(&mut *connection);
            while let Some(row) = rows.try_next().await? {
                told(read(&row)?);
            }
        }
        Ok(())
    }
}

fn object(row: &SqliteRow) -> Result<PendingChange, SyncError> {
    let resource = |column: &'static str| -> Result<Option<Resource>, SyncError> {
        let json: Option<String> = row.try_get(column)?;
        json.map(|json| serde_json::from_str(&json)).transpose().map_err(|_| SyncError::Unreadable { column })
    };
    let (desired, confirmed) = (resource("desired")?, resource("confirmed")?);
    let kind = match (&desired, &confirmed) {
        (Some(_), None) => PendingKind::Add,
        (Some(desired), Some(confirmed)) => PendingKind::Update(differences(desired, confirmed)),
        (None, _) => PendingKind::Delete,
    };
    let name = match desired.or(confirmed) {
        Some(resource) => resource.name().to_owned(),
        None => row.try_get("anchor")?,
    };
    Ok(PendingChange { name, kind })
}

fn member(row: &SqliteRow) -> Result<PendingChange, SyncError> {
    let (name, group) = (row.try_get("name")?, row.try_get("group_name")?);
    let kind = match row.try_get("present")? {
        true => PendingKind::Join { group },
        false => PendingKind::Leave { group },
    };
    Ok(PendingChange { name, kind })
}

fn differences(desired: &Resource, confirmed: &Resource) -> Vec<String> {
    let values = |resource: &Resource| serde_json::to_value(resource).expect("plain values become JSON");
    let (desired, confirmed) = (values(desired), values(confirmed));
    let attributes = desired.as_object().into_iter().flatten();
    attributes
        .filter(|(name, value)| confirmed[name.as_str()] != **value)
        .map(|(name, _)| name.clone())
        .collect()
}
