//! Administrators' sessions.

use ritorno_identity::ids::AdministratorId;
use ritorno_identity::session::{IDLE, Session};
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::value::values;

/// Administrators' sessions.
pub struct Sessions<'a>(pub(crate) &'a Db);

impl Sessions<'_> {
    /// Adds a session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert(&self, session: &Session) -> Result<(), StoreError> {
        const SQL: &str = "insert into sessions (digest, tenant, administrator, created_at, last_used_at, expires_at, \
             proved_at, half_until) values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = values![
            session.digest,
            session.tenant,
            session.administrator,
            session.created_at,
            session.last_used_at,
            session.expires_at,
            session.proved_at,
            session.half_until,
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// The session of a cookie, which counts as used now. `None` if there is none, it has expired, or it was idle for too
    /// long.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn touch(
        &self,
        tenant: TenantId,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        const SQL: &str = "update sessions set last_used_at = $3 \
             where tenant = $1 and digest = $2 and last_used_at > $4 \
             and (expires_at > $3 or (proved_at is null and coalesce(half_until, 0) > $3)) \
             returning administrator, created_at, expires_at, proved_at, half_until";
        let rows = self.0.write_returning(SQL, values![tenant, *digest, now, now.minus(IDLE)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Session {
            digest: *digest,
            tenant,
            administrator: row.parsed("administrator")?,
            created_at: row.moment("created_at")?,
            last_used_at: now,
            proved_at: row.moment_if_any("proved_at")?,
            expires_at: row.moment("expires_at")?,
            half_until: row.moment_if_any("half_until")?,
        }))
    }

    /// The sessions of a tenant that hold at that moment and are not half open, and whose they are. None of them counts as used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn live(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Vec<(TokenDigest, AdministratorId)>, StoreError> {
        const SQL: &str = "select digest, administrator from sessions where tenant = $1 and last_used_at > $2 \
             and expires_at > $3";
        let rows = self.0.read(SQL, values![tenant, now.minus(IDLE), now]).await?;
        rows.iter()
            .map(|row| Ok((TokenDigest(row.digest("digest")?), row.parsed("administrator")?)))
            .collect()
    }

    /// Ends every session of an administrator; how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_of(
        &self,
        tenant: TenantId,
        administrator: AdministratorId,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "delete from sessions where tenant = $1 and administrator = $2";
        self.0.write(SQL, values![tenant, administrator]).await
    }

    /// Ends an administrator's sessions but one; how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_others(
        &self,
        tenant: TenantId,
        administrator: AdministratorId,
        own: &TokenDigest,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "delete from sessions where tenant = $1 and administrator = $2 and digest <> $3";
        self.0.write(SQL, values![tenant, administrator, *own]).await
    }

    /// Ends every session of a tenant; how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_all(&self, tenant: TenantId) -> Result<u64, StoreError> {
        self.0.write("delete from sessions where tenant = $1", values![tenant]).await
    }

    /// Ends a session. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(&self, tenant: TenantId, digest: &TokenDigest) -> Result<bool, StoreError> {
        const SQL: &str = "delete from sessions where tenant = $1 and digest = $2";
        Ok(self.0.write(SQL, values![tenant, *digest]).await? == 1)
    }
}
