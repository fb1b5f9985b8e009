//! How long audit facts are kept, and how those that are older go.

use ritorno_identity::audit::Fact;
use ritorno_protocol::audit::Checkpoint;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::audit::appended;
use crate::audit_chain::{AuditChain, position, stored};
use crate::error::StoreError;
use crate::value::values;

/// Facts that are deleted in one transaction.
const AT_ONCE: u64 = 5_000;

impl AuditChain<'_> {
    /// For how many days facts are kept; `None` for ever.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept_days(&self, tenant: TenantId) -> Result<Option<u32>, StoreError> {
        const SQL: &str = "select days from audit_retention where tenant = $1 and days is not null";
        self.0.read_one(SQL, values![tenant]).await?.map(|row| row.count("days")).transpose()
    }

    /// Says for how many days they are, and adds the fact that somebody did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_kept_days(
        &self,
        tenant: TenantId,
        days: Option<u32>,
        fact: &Fact,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into audit_retention (tenant, days) values ($1, $2) \
             on conflict (tenant) do update set days = excluded.days";
        let statements = vec![(SQL, values![tenant, days.map(i64::from)]), appended(fact)];
        self.0.write_together(statements, 0).await.map(|_| ())
    }

    /// The position up to which facts were cut: the chain begins after it. 0 if none were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cut_at(&self, tenant: TenantId) -> Result<u64, StoreError> {
        const SQL: &str = "select cut_position as position from audit_retention where tenant = $1";
        self.0.read_one(SQL, values![tenant]).await?.map_or(Ok(0), |row| position(&row))
    }

    /// The last signed head up to which every fact is older than `limit`, and that is not the last one of all; `None` if there is none
    /// after the cut that was made before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_before(
        &self,
        tenant: TenantId,
        limit: Timestamp,
    ) -> Result<Option<(u64, Checkpoint)>, StoreError> {
        const NEWER: &str = "select position from audit where tenant = $1 and position > $2 and at >= $3 \
             order by position limit 1";
        const SIGNED: &str = "select position, checkpoint from audit_checkpoints where tenant = $1 \
             and position > $2 and position < $3 \
             and position < (select max(position) from audit_checkpoints where tenant = $1) \
             order by position desc limit 1";
        let cut = self.cut_at(tenant).await?;
        let newer = self.0.read_one(NEWER, values![tenant, stored(cut), limit]).await?;
        let end = newer.map_or(Ok(u64::MAX), |row| position(&row))?;
        let row = self.0.read_one(SIGNED, values![tenant, stored(cut), stored(end)]).await?;
        row.map(|row| Ok((position(&row)?, row.json("checkpoint")?))).transpose()
    }

    /// Cuts the chain at a signed head, and adds the fact that tells of it. `false`, and nothing is changed, if it was cut there or
    /// further on already. What is before the cut counts no more; [`AuditChain::sweep`] deletes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cut(&self, tenant: TenantId, at: u64, fact: &Fact) -> Result<bool, StoreError> {
        const SQL: &str =
            "update audit_retention set cut_position = $2 where tenant = $1 and cut_position < $2";
        let statements = vec![(SQL, values![tenant, stored(at)]), appended(fact)];
        Ok(self.0.write_whole(statements).await?.is_none())
    }

    /// Deletes some of what is before the cut. `false` if nothing is left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self, tenant: TenantId) -> Result<bool, StoreError> {
        const FIRST: &str = "select position from audit where tenant = $1 and position is not null \
             and position <= $2 order by position limit 1";
        const FACTS: &str = "delete from audit where tenant = $1 and position <= $2";
        const SIGNED: &str = "delete from audit_checkpoints where tenant = $1 and position < $2";
        let cut = self.cut_at(tenant).await?;
        let Some(first) = self.0.read_one(FIRST, values![tenant, stored(cut)]).await? else {
            return Ok(false);
        };
        let to = position(&first)?.saturating_add(AT_ONCE).min(cut);
        // The head that was signed at the cut stays: the rest is verified from it.
        let statements = vec![(FACTS, values![tenant, stored(to)]), (SIGNED, values![tenant, stored(to)])];
        self.0.write_together(statements, 0).await?;
        Ok(to < cut)
    }
}
