//! Where a connector stands.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::scim::HELD_STATUS;
use sqlx::{Row as _, SqliteConnection};

use crate::error::SyncError;
use crate::guard::HELD_IN_TENANT_AGAIN;

/// Where a connector stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorStatus {
    /// Its name.
    pub connector: String,
    /// Objects in its connector space that the last clean import saw.
    pub objects: u64,
    /// Of them, those that are joined to a person in the metaverse.
    pub joined: u64,
    /// Of them, those that the rules leave out.
    pub out_of_scope: u64,
    /// Of them, those that could not be carried on, duplicates of an anchor among them.
    pub faulty: u64,
    /// Objects that changed since a sync judged them last.
    pub unsynced: u64,
    /// People whom the directory is to be given an anchor of.
    pub anchors_due: u64,
    /// The server that the next delta import goes on at, empty if any will do; `None` if that has to be a full one.
    pub delta_server: Option<String>,
    /// People that the next export would make.
    pub pending_adds: u64,
    /// People that the next export would change.
    pub pending_updates: u64,
    /// People that the next export would remove.
    pub pending_deletes: u64,
    /// Members of groups that the next export would put in or take out.
    pub pending_members: u64,
    /// Of them, those whom the tenant's deletion guard holds in their group until an administrator approves it.
    pub held_members: u64,
    /// Of those, whom the next export does not ask for again yet.
    pub paused_members: u64,
    /// People whom the tenant refused at the last export.
    pub refused: u64,
    /// Removals of those that the tenant's deletion guard holds until an administrator approves them.
    pub held_in_tenant: u64,
}

const QUERY: &str = "SELECT name,
    (SELECT count(*) FROM cs_object o WHERE o.connector_id = c.id AND present = 1) AS objects,
    (SELECT count(*) FROM cs_object o WHERE o.connector_id = c.id AND present = 1 AND mv_id IS NOT NULL) AS joined,
    (SELECT count(*) FROM cs_object o WHERE o.connector_id = c.id AND present = 1 AND excluded IS NOT NULL)
        AS out_of_scope,
    (SELECT count(*) FROM cs_object o WHERE o.connector_id = c.id AND present = 1 AND fault IS NOT NULL) AS faulty,
    (SELECT count(*) FROM cs_object o WHERE o.connector_id = c.id AND changed = 1) AS unsynced,
    (SELECT count(*) FROM cs_object o INDEXED BY cs_object_anchor_due JOIN mv_object m ON m.id = mv_id AND m.anchor = o.anchor
        WHERE o.connector_id = c.id AND anchor_due >= 0 AND present = 1 AND c.anchors_from IS NOT NULL) AS anchors_due,
    CASE WHEN watermark IS NOT NULL THEN coalesce(watermark_server, '') END AS delta_server,
    (SELECT count(*) FROM export_object e WHERE e.connector_id = c.id AND desired IS NOT NULL AND confirmed IS NULL)
        AS adds,
    (SELECT count(*) FROM export_object e WHERE e.connector_id = c.id AND desired IS NOT NULL
        AND confirmed IS NOT NULL AND (desired <> confirmed OR unsure = 1)) AS updates,
    (SELECT count(*) FROM export_object e WHERE e.connector_id = c.id AND desired IS NULL) AS deletes,
    (SELECT count(*) FROM edge e INDEXED BY edge_dirty JOIN cs_object o ON o.connector_id = c.id AND o.object_guid = e.group_guid
        JOIN export_object x ON x.anchor = o.anchor AND x.kind = 'group' AND x.confirmed IS NOT NULL
        WHERE e.connector_id = c.id AND e.dirty = 1) AS members,
    (SELECT count(*) FROM edge e INDEXED BY edge_dirty WHERE e.connector_id = c.id AND e.dirty = 1 AND e.held_at IS NOT NULL)
        AS held_members,
    (SELECT count(*) FROM edge e INDEXED BY edge_dirty WHERE e.connector_id = c.id AND e.dirty = 1 AND e.held_at > ?1)
        AS paused_members,
    (SELECT count(*) FROM export_object e WHERE e.connector_id = c.id AND fault IS NOT NULL) AS refused,
    (SELECT count(*) FROM export_object e WHERE e.connector_id = c.id AND json_extract(fault, '$.status') = ?2) AS held
    FROM connector c ORDER BY name";

/// What waits of a connector: what a cycle asks for each time, so that it costs with what waits and not with how many people there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Objects that changed since a sync judged them last.
    pub unsynced: u64,
    /// People and groups that the next export would make, change or remove.
    pub objects: u64,
    /// Of them, those that the tenant refused at the last export.
    pub refused: u64,
    /// Of those, removals that the tenant's deletion guard holds.
    pub held_in_tenant: u64,
    /// Members of groups that the next export would put in or take out.
    pub members: u64,
    /// Of them, those whom it does not ask for again yet.
    pub paused_members: u64,
}

const WAITING: &str = "SELECT
    (SELECT count(*) FROM cs_object o INDEXED BY cs_object_changed WHERE o.connector_id = c.id AND changed = 1) AS unsynced,
    (SELECT count(*) FROM export_object e INDEXED BY export_object_pending WHERE e.connector_id = c.id
        AND (desired IS NOT confirmed OR unsure = 1)) AS objects,
    (SELECT count(*) FROM export_object e INDEXED BY export_object_pending WHERE e.connector_id = c.id
        AND (desired IS NOT confirmed OR unsure = 1) AND fault IS NOT NULL) AS refused,
    (SELECT count(*) FROM export_object e INDEXED BY export_object_pending WHERE e.connector_id = c.id
        AND (desired IS NOT confirmed OR unsure = 1) AND json_extract(fault, '$.status') = ?2) AS held,
    (SELECT count(*) FROM edge e INDEXED BY edge_dirty JOIN cs_object o ON o.connector_id = c.id AND o.object_guid = e.group_guid
        JOIN export_object x ON x.anchor = o.anchor AND x.kind = 'group' AND x.confirmed IS NOT NULL
        WHERE e.connector_id = c.id AND e.dirty = 1) AS members,
    (SELECT count(*) FROM edge e INDEXED BY edge_dirty WHERE e.connector_id = c.id AND e.dirty = 1 AND e.held_at > ?1)
        AS paused_members
    FROM connector c WHERE name = ?3";

/// What waits of a connector; nothing of one that never ran.
pub(crate) async fn waiting(
    connection: &mut SqliteConnection,
    connector: &str,
    now: Timestamp,
) -> Result<Waiting, SyncError> {
    let paused = now.minus(HELD_IN_TENANT_AGAIN).unix_ms();
    let row = sqlx::query(WAITING)
        .bind(paused)
        .bind(HELD_STATUS)
        .bind(connector)
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(Waiting::default()) };
    let count = |column: &'static str| -> Result<u64, SyncError> {
        u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| SyncError::Unreadable { column })
    };
    Ok(Waiting {
        unsynced: count("unsynced")?,
        objects: count("objects")?,
        refused: count("refused")?,
        held_in_tenant: count("held")?,
        members: count("members")?,
        paused_members: count("paused_members")?,
    })
}

/// Where every connector that ever ran stands.
pub(crate) async fn all(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Vec<ConnectorStatus>, SyncError> {
    let paused = now.minus(HELD_IN_TENANT_AGAIN).unix_ms();
    let rows = sqlx::query(QUERY).bind(paused).bind(HELD_STATUS).fetch_all(connection).await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let count = |column: &'static str| -> Result<u64, SyncError> {
            u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| SyncError::Unreadable { column })
        };
        all.push(ConnectorStatus {
            connector: row.try_get("name")?,
            objects: count("objects")?,
            joined: count("joined")?,
            out_of_scope: count("out_of_scope")?,
            faulty: count("faulty")?,
            unsynced: count("unsynced")?,
            anchors_due: count("anchors_due")?,
            delta_server: row.try_get("delta_server")?,
            pending_adds: count("adds")?,
            pending_updates: count("updates")?,
            pending_deletes: count("deletes")?,
            pending_members: count("members")?,
            held_members: count("held_members")?,
            paused_members: count("paused_members")?,
            refused: count("refused")?,
            held_in_tenant: count("held")?,
        });
    }
    Ok(all)
}
