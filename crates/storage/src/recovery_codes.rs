//! Recovery codes of people.

use ritorno_identity::method::Method;
use ritorno_identity::recovery_code::{HOW_MANY, RecoveryDigest};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::gate_tries::{GateTried, GateTry};
use crate::value::values;

/// Recovery codes of people.
pub struct RecoveryCodes<'a>(pub(crate) &'a Db);

impl RecoveryCodes<'_> {
    /// Stores a person's codes, in the place of those that they had: all or none, and one after the other where two are made at
    /// once, so that those of the last one hold. `false` if there is no such person.
    ///
    /// # Errors
    /// [`StoreError`]: then the former ones hold still.
    pub async fn replace(
        &self,
        tenant: TenantId,
        user: UserId,
        codes: &[RecoveryDigest; HOW_MANY],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Whoever else replaces them waits here: a row of PostgreSQL that was written is locked up to the commit.
        const WAIT: &str = "update users set version = version where tenant = $1 and id = $2";
        const FORGET: &str = "delete from recovery_codes where tenant = $1 and user_id = $2";
        const PUT: &str = "insert into recovery_codes (tenant, user_id, made_at, digest) values \
             ($1, $2, $3, $4), ($1, $2, $3, $5), ($1, $2, $3, $6), ($1, $2, $3, $7), ($1, $2, $3, $8), \
             ($1, $2, $3, $9), ($1, $2, $3, $10), ($1, $2, $3, $11), ($1, $2, $3, $12), ($1, $2, $3, $13)";
        let mut put = values![tenant, user, now];
        put.extend(codes.iter().map(|code| code.0.as_slice().into()));
        let whose = values![tenant, user];
        let statements = vec![(WAIT, whose.clone()), (FORGET, whose), (PUT, put)];
        Ok(self.0.write_together(statements, 1).await?.is_none())
    }

    /// Removes a person's codes. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, tenant: TenantId, user: UserId) -> Result<bool, StoreError> {
        const SQL: &str = "delete from recovery_codes where tenant = $1 and user_id = $2";
        Ok(self.0.write(SQL, values![tenant, user]).await? > 0)
    }

    /// Tries a code: counted first, and used up if it is right.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempt(
        &self,
        attempt: &GateTry,
        typed: &RecoveryDigest,
        now: Timestamp,
    ) -> Result<GateTried, StoreError> {
        const USE: &str = "update recovery_codes set used_at = $4 \
             where tenant = $1 and user_id = $2 and digest = $3 and used_at is null";
        if let Some(end) = attempt.count(self.0, Method::RecoveryCode, now).await? {
            return Ok(end);
        }
        let values = values![attempt.tenant, attempt.user, typed.0.as_slice(), now];
        if self.0.write(USE, values).await? == 1 {
            attempt.was_right(self.0, Method::RecoveryCode).await
        } else {
            Ok(GateTried::Wrong)
        }
    }
}
