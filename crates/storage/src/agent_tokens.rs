//! Agents' access tokens, and the nonces that they were asked for with.

use ritorno_identity::agent_token::AgentToken;
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, TenantId};

use crate::db::Db;
use crate::error::StoreError;
use crate::value::values;

/// Agents' access tokens.
pub struct AgentTokens<'a>(pub(crate) &'a Db);

impl AgentTokens<'_> {
    /// Adds a token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert(&self, token: &AgentToken) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into agent_tokens (digest, tenant, agent, expires_at) values ($1, $2, $3, $4)";
        let values = values![token.digest, token.tenant, token.agent, token.expires_at];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// The agent that holds a token, unless it has expired or the agent was revoked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(
        &self,
        tenant: TenantId,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<AgentId>, StoreError> {
        const SQL: &str = "select agent_tokens.agent as agent from agent_tokens join agents \
             on agents.tenant = agent_tokens.tenant and agents.id = agent_tokens.agent \
             where agent_tokens.tenant = $1 and agent_tokens.digest = $2 and agent_tokens.expires_at > $3 \
             and agents.revoked_at is null";
        let row = self.0.read_one(SQL, values![tenant, *digest, now]).await?;
        row.map(|row| row.parsed("agent")).transpose()
    }

    /// Uses the nonce of an assertion. `false` if it was used before. It is remembered until `expires_at`, when the
    /// assertion itself is too old.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn use_nonce(
        &self,
        tenant: TenantId,
        agent: AgentId,
        nonce: &[u8],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "insert into agent_nonces (tenant, agent, nonce, expires_at) values ($1, $2, $3, $4) \
             on conflict (tenant, agent, nonce) do nothing";
        Ok(self.0.write(SQL, values![tenant, agent, nonce, expires_at]).await? == 1)
    }
}
