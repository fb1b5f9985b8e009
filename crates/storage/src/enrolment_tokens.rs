//! Tokens to enrol agents with, each used once.

use ritorno_identity::enrolment::EnrolmentRecord;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::value::values;

/// Tokens to enrol agents with.
pub struct EnrolmentTokens<'a>(pub(crate) &'a Db);

impl EnrolmentTokens<'_> {
    /// Adds a token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert(&self, record: &EnrolmentRecord) -> Result<(), StoreError> {
        const SQL: &str = "insert into enrolment_tokens (secret_digest, tenant, made_by, created_at, expires_at) \
             values ($1, $2, $3, $4, $5)";
        let values = values![
            record.secret_digest.as_slice(),
            record.tenant,
            record.made_by,
            record.created_at,
            record.expires_at
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// Uses a token of the tenant up. `None` if there is none, or it was used or has expired; one of another tenant stays as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn consume(
        &self,
        tenant: TenantId,
        secret_digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<EnrolmentRecord>, StoreError> {
        const SQL: &str = "update enrolment_tokens set used_at = $3 \
             where tenant = $1 and secret_digest = $2 and used_at is null and expires_at > $3 \
             returning made_by, created_at, expires_at";
        let rows = self.0.write_returning(SQL, values![tenant, secret_digest.as_slice(), now]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(EnrolmentRecord {
            secret_digest: *secret_digest,
            tenant,
            made_by: row.parsed_if_any("made_by")?,
            created_at: row.moment("created_at")?,
            expires_at: row.moment("expires_at")?,
        }))
    }
}
