//! The deletion guard: nothing leaves the tenant in numbers without a person having seen the list.

use std::fmt;
use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::{Row as _, SqliteConnection};

use crate::error::SyncError;
use crate::object::hex;
use crate::resource::Resource;

/// The sliding window in which removals are added up.
pub(crate) const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// What the tenant's guard held is asked for again after this: an administrator's approval there lasts an hour.
pub const HELD_IN_TENANT_AGAIN: Duration = Duration::from_secs(600);

/// What makes a pending change a removal: the person goes, or may no longer sign in. Scope exits are deletions here.
/// A row counts until a person approved it.
const PENDING: &str = "SELECT anchor, desired, confirmed FROM export_object \
     WHERE connector_id = ? AND approved_until = 0 AND (desired IS NOT confirmed OR unsure = 1) \
     AND (desired IS NULL OR (json_extract(confirmed, '$.enabled') = 1 AND json_extract(desired, '$.enabled') = 0)) \
     ORDER BY anchor";

/// So many people at once out of a container that then has nobody left look like one that was lost sight of: a right on
/// it was taken away, or it was moved or deleted whole. Fewer do so too often for somebody to be asked each time.
const CONTAINER: i64 = 5;

/// Containers that lost so many people and show nobody any more, neither in them nor below.
const LOST: &str = "SELECT lost_from, people FROM (SELECT lost_from, count(*) AS people FROM export_object \
     WHERE connector_id = ?1 AND approved_until = 0 AND desired IS NOT confirmed AND lost_from IS NOT NULL \
     GROUP BY lost_from HAVING count(*) >= ?2) \
     WHERE NOT EXISTS (SELECT 1 FROM cs_object WHERE connector_id = ?1 AND present = 1 \
     AND substr(dn, -length(lost_from) - 1) = ',' || lost_from) ORDER BY people DESC, lost_from LIMIT 1";

/// Of a group that stays, the members who would leave it while they stay themselves, and nobody approved it; those too whom only the tenant
/// knows. Whoever is in it by another object too stays in it.
pub(crate) const LEAVING: &str = "SELECT e.group_guid, e.member_guid, e.confirmed, x.anchor, \
     json_extract(x.confirmed, '$.groupName') AS group_name, \
     coalesce(json_extract(m.confirmed, '$.userPrincipalName'), json_extract(m.confirmed, '$.groupName'), e.confirmed) AS member_name \
     FROM edge e INDEXED BY edge_dirty \
     JOIN cs_object g ON g.connector_id = e.connector_id AND g.object_guid = e.group_guid \
     JOIN export_object x ON x.anchor = g.anchor AND x.kind = 'group' \
     LEFT JOIN export_object m ON m.target_id = e.confirmed \
     WHERE e.connector_id = ?1 AND e.dirty = 1 AND e.present = 0 AND e.approved_until = 0 AND e.confirmed IS NOT NULL \
     AND x.desired IS NOT NULL AND x.confirmed IS NOT NULL \
     AND CASE WHEN m.id IS NULL THEN e.member_guid LIKE 'tenant:%' ELSE m.desired IS NOT NULL END \
     AND NOT EXISTS (SELECT 1 FROM mv_object km \
     CROSS JOIN cs_object ko ON ko.mv_id = km.id AND ko.connector_id = e.connector_id \
     CROSS JOIN edge ke ON ke.connector_id = e.connector_id AND ke.group_guid = e.group_guid AND ke.member_guid = ko.object_guid \
     WHERE km.anchor = m.anchor AND ke.present = 1) \
     ORDER BY x.anchor, e.confirmed";

/// Whether any group shows a member of its own; who is in it by being their primary group is told by the member.
const MEMBERS_SEEN: &str =
    "SELECT EXISTS (SELECT 1 FROM edge WHERE connector_id = ? AND present = 1 AND is_primary = 0) AS seen";

/// How many removals (deletions, disabled accounts, people out of scope) may go out unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// Within any 24 hours. With more, the export stops until the list is approved.
    pub removals: u32,
    /// The same for members who leave their groups and stay themselves, which happens more often.
    pub memberships: u32,
    /// The same as [`Guard::removals`], as a part of the people that the tenant has of this connector, in percent; whichever is less counts.
    pub percent: Option<u8>,
}

impl Default for Guard {
    fn default() -> Self {
        Self { removals: 500, memberships: 5_000, percent: None }
    }
}

/// What tripped the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldBecause {
    /// More than the threshold.
    OverThreshold {
        /// The threshold.
        threshold: u32,
    },
    /// More than this part.
    OverPercentage {
        /// The percentage.
        percent: u8,
        /// Of so many people.
        of: u64,
    },
    /// A container lost all its people at once.
    ContainerLost {
        /// Its distinguished name.
        container: String,
        /// How many there were.
        people: u64,
    },
    /// More members who leave their groups than this.
    OverMemberships {
        /// The threshold.
        threshold: u32,
    },
    /// So many leave their groups, and no group shows a member any more.
    MembersLost {
        /// How many there were.
        members: u64,
    },
    /// Scope, account, rules or names of the connector differ from those of the last export.
    ScopeChanged,
}

impl fmt::Display for HeldBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OverThreshold { threshold } => write!(f, "the threshold is {threshold}"),
            Self::OverPercentage { percent, of } => write!(f, "the threshold is {percent} % of {of} people"),
            Self::ContainerLost { container, people } => {
                write!(
                    f,
                    "all {people} people of {container} are gone at once: was it moved, or a right on it taken?"
                )
            }
            Self::OverMemberships { threshold } => {
                write!(f, "the threshold of members who leave groups is {threshold}")
            }
            Self::MembersLost { members } => write!(
                f,
                "all {members} members of all groups are gone at once: was the right to read `member` taken away?"
            ),
            Self::ScopeChanged => f.write_str("scope, account or rules have changed since the last export"),
        }
    }
}

impl Guard {
    /// What keeps `removals` from going out, of a connector with `people` in the tenant.
    pub(crate) fn trips(self, removals: u64, people: u64) -> Option<HeldBecause> {
        if removals > u64::from(self.removals) {
            return Some(HeldBecause::OverThreshold { threshold: self.removals });
        }
        let percent = self.percent.filter(|percent| removals * 100 > u64::from(*percent) * people)?;
        Some(HeldBecause::OverPercentage { percent, of: people })
    }
}

/// How a person is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalKind {
    /// Removed from the tenant.
    Delete,
    /// No longer allowed to sign in.
    Disable,
    /// Taken out of a group.
    Leave {
        /// The group's name.
        group: String,
    },
}

/// One removal that nobody approved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The source anchor; of somebody who leaves a group, that of the group.
    pub anchor: String,
    /// The userPrincipalName, or the group's name, that the tenant confirmed last, if it did; of a member of a group whom only the tenant
    /// knows, its id.
    pub user_principal_name: Option<String>,
    /// How.
    pub kind: RemovalKind,
}

/// The removals that the next export would send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removals {
    /// SHA-256 over the list, in hexadecimal: what an approval names.
    pub digest: String,
    /// The list, by anchor.
    pub list: Vec<Removal>,
}

/// The removals pending for a connector that nobody approved.
pub(crate) async fn pending(
    connection: &mut SqliteConnection,
    connector: i64,
) -> Result<Removals, SyncError> {
    let rows = sqlx::query(PENDING).bind(connector).fetch_all(&mut *connection).await?;
    let mut digest = Sha256::new();
    let mut list = Vec::with_capacity(rows.len());
    for row in rows {
        let anchor: String = row.try_get("anchor")?;
        let confirmed: Option<String> = row.try_get("confirmed")?;
        let desired: Option<String> = row.try_get("desired")?;
        let kind = if desired.is_none() { RemovalKind::Delete } else { RemovalKind::Disable };
        digest.update(format!("{anchor} {kind:?}\n"));
        let user_principal_name = confirmed
            .map(|json| serde_json::from_str::<Resource>(&json).map(|resource| resource.name().to_owned()))
            .transpose()
            .map_err(|_| SyncError::Unreadable { column: "export_object.confirmed" })?;
        list.push(Removal { anchor, user_principal_name, kind });
    }
    for row in sqlx::query(LEAVING).bind(connector).fetch_all(connection).await? {
        let (anchor, member): (String, String) = (row.try_get("anchor")?, row.try_get("confirmed")?);
        digest.update(format!("{anchor} {member} Leave\n"));
        let kind = RemovalKind::Leave { group: row.try_get("group_name")? };
        list.push(Removal { anchor, user_principal_name: row.try_get("member_name")?, kind });
    }
    Ok(Removals { digest: hex(&digest.finalize()), list })
}

impl Removals {
    /// How many of the list are people and groups that go, and how many are members who leave a group.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let leaving =
            self.list.iter().filter(|removal| matches!(removal.kind, RemovalKind::Leave { .. })).count();
        ((self.list.len() - leaving) as u64, leaving as u64)
    }
}

/// Whether all members of all groups of the connector are gone at once, `leaving` of them.
pub(crate) async fn lost_members(
    connection: &mut SqliteConnection,
    connector: i64,
    leaving: u64,
) -> Result<Option<HeldBecause>, SyncError> {
    if leaving < CONTAINER.unsigned_abs() {
        return Ok(None);
    }
    let row = sqlx::query(MEMBERS_SEEN).bind(connector).fetch_one(connection).await?;
    Ok((!row.try_get::<bool, _>("seen")?).then_some(HeldBecause::MembersLost { members: leaving }))
}

/// A container that lost all its people, if there is one.
pub(crate) async fn lost_container(
    connection: &mut SqliteConnection,
    connector: i64,
) -> Result<Option<HeldBecause>, SyncError> {
    let row = sqlx::query(LOST).bind(connector).bind(CONTAINER).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    let people = u64::try_from(row.try_get::<i64, _>("people")?).unwrap_or(0);
    Ok(Some(HeldBecause::ContainerLost { container: row.try_get("lost_from")?, people }))
}

/// How long an approval lasts: until it may have been held in the tenant, and been approved there as well.
pub(crate) const APPROVED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What was approved and did not go out in time is not approved any more, each by itself.
pub(crate) async fn end_approval(
    connection: &mut SqliteConnection,
    connector: i64,
    now: Timestamp,
) -> Result<(), SyncError> {
    // Whatever was approved and did not go out waits, so that the indexes of what waits have it.
    for sql in [
        "UPDATE export_object INDEXED BY export_object_pending SET approved_until = 0 WHERE connector_id = ? \
         AND (desired IS NOT confirmed OR unsure = 1) AND approved_until BETWEEN 1 AND ?",
        "UPDATE edge INDEXED BY edge_dirty SET approved_until = 0 WHERE connector_id = ? AND dirty = 1 \
         AND approved_until BETWEEN 1 AND ?",
    ] {
        sqlx::query(sql).bind(connector).bind(now.unix_ms()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Marks all removals as approved until then that are pending for a connector: the list that [`pending`] gives in the same transaction.
pub(crate) async fn approve(
    connection: &mut SqliteConnection,
    connector: i64,
    until: Timestamp,
) -> Result<(), SyncError> {
    let until = until.unix_ms();
    for row in sqlx::query(LEAVING).bind(connector).fetch_all(&mut *connection).await? {
        sqlx::query(
            "UPDATE edge SET approved_until = ? WHERE connector_id = ? AND group_guid = ? AND member_guid = ?",
        )
        .bind(until)
        .bind(connector)
        .bind(row.try_get::<String, _>("group_guid")?)
        .bind(row.try_get::<String, _>("member_guid")?)
        .execute(&mut *connection)
        .await?;
    }
    for row in sqlx::query(PENDING).bind(connector).fetch_all(&mut *connection).await? {
        sqlx::query("UPDATE export_object SET approved_until = ? WHERE anchor = ?")
            .bind(until)
            .bind(row.try_get::<String, _>("anchor")?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
