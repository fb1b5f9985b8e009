//! Removals that the tenant's deletion guard held, and which of them an administrator let through.

use std::sync::LazyLock;

use ritorno_identity::audit::Fact;
use ritorno_identity::provisioner::Provisioner;
use ritorno_identity::removal::{Removal, RemovalKind, SHOWN_FOR};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use uuid::Uuid;

use crate::audit::appended;
use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::{AT_ONCE, Sql, about_list, json, parts, row_statements, values};

/// A removal that is held again is not approved any more, but where it was approved at this very moment, under the name that it has: whoever
/// holds it had looked before.
static HOLD: LazyLock<[Sql<String>; AT_ONCE.len()]> = LazyLock::new(|| {
    let head = "insert into held_removals (tenant, agent, kind, id, name, held_at)";
    let tail = "on conflict (tenant, agent, kind, id) do update set held_at = excluded.held_at, approved_until = case \
         when held_removals.approved_until > excluded.held_at and held_removals.name = excluded.name \
         then held_removals.approved_until else null end, name = excluded.name";
    row_statements(head, 6, tail)
});

const APPROVE: Sql = about_list!(
    "update held_removals set approved_until = $4 where tenant = $1 and agent = $2 and kind = $3 and id in ",
    "$5",
    ""
);
const APPROVED: Sql = about_list!(
    "select id from held_removals where tenant = $1 and agent = $2 and kind = $3 and approved_until > $4 and id in ",
    "$5",
    ""
);
const DONE: Sql = about_list!(
    "delete from held_removals where tenant = $1 and agent = $2 and kind = $3 and id in ",
    "$4",
    ""
);

/// Removals that the tenant's deletion guard held. The column `agent` holds the id of whichever provisioner asked for them.
pub struct Removals<'a>(pub(crate) &'a Db);

impl Removals<'_> {
    /// Writes down that these were held.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold(
        &self,
        tenant: TenantId,
        by: impl Into<Provisioner>,
        removals: &[Removal],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let by = by.into();
        for (statement, removals) in parts(removals) {
            let row =
                |one: &Removal| values![tenant, by, one.kind.name(), one.id.as_str(), one.name.as_str(), now];
            let values = removals.iter().flat_map(row).collect();
            self.0.write(self.0.words(&HOLD[statement]), values).await?;
        }
        Ok(())
    }

    /// Those of a provisioner that wait for an approval, by kind and name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(
        &self,
        tenant: TenantId,
        by: impl Into<Provisioner>,
        now: Timestamp,
    ) -> Result<Vec<Removal>, StoreError> {
        const SQL: &str = "select kind, id, name from held_removals where tenant = $1 and agent = $2 and held_at > $3 \
             and coalesce(approved_until, 0) <= $4 order by kind, name, id";
        let values = values![tenant, by.into(), now.minus(SHOWN_FOR), now];
        self.0.read(SQL, values).await?.iter().map(removal).collect()
    }

    /// How many of each provisioner's wait for an approval, by [`Provisioner::id`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(&self, tenant: TenantId, now: Timestamp) -> Result<Vec<(Uuid, u32)>, StoreError> {
        const SQL: &str = "select agent, count(*) as held from held_removals where tenant = $1 and held_at > $2 \
             and coalesce(approved_until, 0) <= $3 group by agent";
        let rows = self.0.read(SQL, values![tenant, now.minus(SHOWN_FOR), now]).await?;
        rows.iter().map(|row| Ok((row.parsed("agent")?, row.count("held")?))).collect()
    }

    /// Lets exactly these through until then, and adds the fact that somebody did. `false` if those of one kind are not held any more;
    /// nothing is let through then, and no fact added.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approve(
        &self,
        tenant: TenantId,
        by: impl Into<Provisioner>,
        removals: &[Removal],
        until: Timestamp,
        fact: &Fact,
    ) -> Result<bool, StoreError> {
        let by = by.into();
        let mut statements = Vec::new();
        for kind in RemovalKind::ALL {
            let ids: Vec<&str> =
                removals.iter().filter(|one| one.kind == kind).map(|one| one.id.as_str()).collect();
            if !ids.is_empty() {
                let values = values![tenant, by, kind.name(), until, json(&ids).as_str()];
                statements.push((self.0.words(&APPROVE), values));
            }
        }
        statements.push(appended(fact));
        // All of a list or nothing.
        Ok(self.0.write_whole(statements).await?.is_none())
    }

    /// Forgets those of these ids, for they are removed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn done(
        &self,
        tenant: TenantId,
        by: impl Into<Provisioner>,
        kind: RemovalKind,
        ids: &[String],
    ) -> Result<(), StoreError> {
        let values = values![tenant, by.into(), kind.name(), json(ids).as_str()];
        self.0.write(self.0.words(&DONE), values).await.map(drop)
    }

    /// Which of these ids may be removed now, since an administrator let them through.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approved(
        &self,
        tenant: TenantId,
        by: impl Into<Provisioner>,
        kind: RemovalKind,
        ids: &[String],
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let values = values![tenant, by.into(), kind.name(), now, json(ids).as_str()];
        let rows = self.0.read(self.0.words(&APPROVED), values).await?;
        rows.iter().map(|row| row.text("id")).collect()
    }
}

fn removal(row: &Row) -> Result<Removal, StoreError> {
    let kind = row.text("kind")?;
    let kind = RemovalKind::ALL.into_iter().find(|one| one.name() == kind);
    Ok(Removal {
        kind: kind.ok_or(StoreError::Unreadable { column: "kind" })?,
        id: row.text("id")?,
        name: row.text("name")?,
    })
}
