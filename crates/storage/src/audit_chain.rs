//! The chain of a tenant's audit facts: what is linked, what is not yet, how far it has come, and who was told.

use ritorno_identity::audit::Fact;
use ritorno_identity::audit_chain::Head;
use ritorno_protocol::audit::Checkpoint;
use ritorno_protocol::ids::TenantId;

use crate::audit::fact;
use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::{Sql, json, values};
use crate::writer::Statement;

/// Links facts, in one statement for all of them. SQLite is kept from the indexes by tenant: by them it would look through the list for each
/// fact.
const LINK: Sql = Sql {
    sqlite: "update audit set position = said.value ->> 1, hash = unhex(said.value ->> 2) from json_each($2) said \
         where +audit.tenant = $1 and audit.id = said.value ->> 0 and +audit.position is null",
    postgres: "update audit set position = (said.value ->> 1)::bigint, hash = decode(said.value ->> 2, 'hex') \
         from jsonb_array_elements($2::text::jsonb) said where audit.tenant = $1 and audit.id = said.value ->> 0 \
         and audit.position is null",
};

/// The chains of the tenants.
pub struct AuditChain<'a>(pub(crate) &'a Db);

/// A fact with its place in the chain, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Its position and hash.
    pub head: Head,
    /// The fact.
    pub fact: Fact,
}

impl AuditChain<'_> {
    /// How far the chain has come.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn head(&self, tenant: TenantId) -> Result<Head, StoreError> {
        const SQL: &str = "select position, hash from audit_heads where tenant = $1";
        self.0.read_one(SQL, values![tenant]).await?.map_or(Ok(Head::default()), |row| head(&row))
    }

    /// Links what is not linked yet, at most `count` facts, in the order in which they were written. Those that were; none if another
    /// server did it at the same time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn link(&self, tenant: TenantId, count: u32) -> Result<Vec<Fact>, StoreError> {
        const UNLINKED: &str =
            "select * from audit where tenant = $1 and position is null order by sequence limit $2";
        const BEGIN: &str =
            "insert into audit_heads (tenant, position, hash) values ($1, 0, $2) on conflict do nothing";
        const MOVE: &str =
            "update audit_heads set position = $3, hash = $4 where tenant = $1 and position = $2";
        let rows = self.0.read(UNLINKED, values![tenant, count]).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let before = self.head(tenant).await?;
        if before == Head::default() {
            self.0.write(BEGIN, values![tenant, before.hash.as_slice()]).await?;
        }
        let facts = rows.iter().map(fact).collect::<Result<Vec<Fact>, _>>()?;
        let (mut now, mut links) = (before, Vec::with_capacity(facts.len()));
        for fact in &facts {
            now = now.after(fact);
            links.push((fact.id.to_string(), stored(now.position), hex(&now.hash)));
        }
        // The head moves first, so that of two servers one waits, and then finds that it moved.
        let moved: Statement =
            (MOVE, values![tenant, stored(before.position), stored(now.position), now.hash.as_slice()]);
        let linked = (self.0.words(&LINK), values![tenant, json(&links).as_str()]);
        Ok(if self.0.write_whole(vec![moved, linked]).await?.is_none() { facts } else { Vec::new() })
    }

    /// The hash at a position; `None` if there is no fact.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hash_at(&self, tenant: TenantId, position: u64) -> Result<Option<[u8; 32]>, StoreError> {
        const SQL: &str = "select hash from audit where tenant = $1 and position = $2";
        self.0
            .read_one(SQL, values![tenant, stored(position)])
            .await?
            .map(|row| row.digest("hash"))
            .transpose()
    }

    /// The position of the last signed head; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_signed(&self, tenant: TenantId) -> Result<u64, StoreError> {
        const SQL: &str =
            "select coalesce(max(position), 0) as position from audit_checkpoints where tenant = $1";
        self.0.read_one(SQL, values![tenant]).await?.map_or(Ok(0), |row| position(&row))
    }

    /// Linked facts after a position, in their order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn linked(&self, tenant: TenantId, after: u64, count: u32) -> Result<Vec<Linked>, StoreError> {
        const SQL: &str =
            "select * from audit where tenant = $1 and position > $2 order by position limit $3";
        let rows = self.0.read(SQL, values![tenant, stored(after), count]).await?;
        rows.iter().map(|row| Ok(Linked { head: head(row)?, fact: fact(row)? })).collect()
    }

    /// How many facts are not linked yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_unlinked(&self, tenant: TenantId) -> Result<u32, StoreError> {
        const SQL: &str = "select count(*) as unlinked from audit where tenant = $1 and position is null";
        self.0.read_one(SQL, values![tenant]).await?.map_or(Ok(0), |row| row.count("unlinked"))
    }

    /// Keeps a signed head.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep(
        &self,
        tenant: TenantId,
        position: u64,
        checkpoint: &Checkpoint,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into audit_checkpoints (tenant, position, checkpoint) values ($1, $2, $3) \
             on conflict do nothing";
        self.0.write(SQL, values![tenant, stored(position), json(checkpoint)]).await.map(|_| ())
    }

    /// The head that was signed at a position; `None` if none was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoint_at(
        &self,
        tenant: TenantId,
        position: u64,
    ) -> Result<Option<Checkpoint>, StoreError> {
        const SQL: &str = "select checkpoint from audit_checkpoints where tenant = $1 and position = $2";
        let row = self.0.read_one(SQL, values![tenant, stored(position)]).await?;
        row.map(|row| row.json("checkpoint")).transpose()
    }

    /// Every signed head, by position.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoints(&self, tenant: TenantId) -> Result<Vec<(u64, Checkpoint)>, StoreError> {
        const SQL: &str =
            "select position, checkpoint from audit_checkpoints where tenant = $1 order by position";
        let rows = self.0.read(SQL, values![tenant]).await?;
        rows.iter().map(|row| Ok((position(row)?, row.json("checkpoint")?))).collect()
    }

    /// Up to which position a sink has everything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn told(&self, tenant: TenantId, sink: &str) -> Result<u64, StoreError> {
        const SQL: &str = "select position from audit_sinks where tenant = $1 and sink = $2";
        self.0.read_one(SQL, values![tenant, sink]).await?.map_or(Ok(0), |row| position(&row))
    }

    /// Writes down up to which position a sink has everything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_told(&self, tenant: TenantId, sink: &str, position: u64) -> Result<(), StoreError> {
        const SQL: &str = "insert into audit_sinks (tenant, sink, position) values ($1, $2, $3) \
             on conflict (tenant, sink) do update set position = excluded.position \
             where excluded.position > audit_sinks.position";
        self.0.write(SQL, values![tenant, sink, stored(position)]).await.map(|_| ())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A position as it is stored. No chain gets as far as to be cut off by it.
pub(crate) fn stored(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

pub(crate) fn position(row: &Row) -> Result<u64, StoreError> {
    u64::try_from(row.int("position")?).map_err(|_| StoreError::Unreadable { column: "position" })
}

fn head(row: &Row) -> Result<Head, StoreError> {
    Ok(Head { position: position(row)?, hash: row.digest("hash")? })
}
