//! Tokens for programs.

use std::time::Duration;

use ritorno_identity::administrator::Action;
use ritorno_identity::api_token::ApiToken;
use ritorno_identity::ids::ApiTokenId;
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::values;

/// How exactly it is kept when a token was used last.
const USED_TO: Duration = Duration::from_secs(60);

/// Tokens for programs.
pub struct ApiTokens<'a>(pub(crate) &'a Db);

impl ApiTokens<'_> {
    /// Adds a token, with the digest of its text.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if its administrator is gone; other [`StoreError`]s.
    pub async fn insert(&self, token: &ApiToken, digest: &TokenDigest) -> Result<(), StoreError> {
        const SQL: &str = "insert into api_tokens (tenant, id, administrator, name, digest, scopes, created_at, \
             expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let scopes: Vec<&str> = token.scopes.iter().filter_map(|action| action.scope()).collect();
        let values = values![
            token.tenant,
            token.id,
            token.administrator,
            token.name.as_str(),
            *digest,
            scopes.join(" "),
            token.created_at,
            token.expires_at,
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// The token with that digest, if it holds; it counts as used now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(
        &self,
        tenant: TenantId,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<ApiToken>, StoreError> {
        const SQL: &str = "select * from api_tokens where tenant = $1 and digest = $2 and expires_at > $3 \
             and revoked_at is null";
        const USED: &str = "update api_tokens set last_used_at = $3 where tenant = $1 and id = $2";
        let Some(row) = self.0.read_one(SQL, values![tenant, *digest, now]).await? else { return Ok(None) };
        let token = token(&row)?;
        if token.last_used_at.is_none_or(|used| used.plus(USED_TO) <= now) {
            self.0.write(USED, values![tenant, token.id, now]).await?;
        }
        Ok(Some(token))
    }

    /// Every token of a tenant, the latest first, also those that hold no more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<ApiToken>, StoreError> {
        const SQL: &str = "select * from api_tokens where tenant = $1 order by created_at desc, id";
        self.0.read(SQL, values![tenant]).await?.iter().map(token).collect()
    }

    /// Revokes a token for good. `false` if there is none, or it was revoked before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke(&self, tenant: TenantId, id: ApiTokenId, now: Timestamp) -> Result<bool, StoreError> {
        const SQL: &str =
            "update api_tokens set revoked_at = $3 where tenant = $1 and id = $2 and revoked_at is null";
        Ok(self.0.write(SQL, values![tenant, id, now]).await? == 1)
    }
}

fn token(row: &Row) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        administrator: row.parsed("administrator")?,
        name: row.text("name")?,
        // A scope that a later version knows is none here: a token never may more by being read.
        scopes: row.text("scopes")?.split(' ').filter_map(Action::of_scope).collect(),
        created_at: row.moment("created_at")?,
        expires_at: row.moment("expires_at")?,
        revoked_at: row.moment_if_any("revoked_at")?,
        last_used_at: row.moment_if_any("last_used_at")?,
    })
}
