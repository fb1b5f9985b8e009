//! Device codes of the onboarding: pending, confirmed by one administrator, redeemed once by the agent that asked.

use ritorno_identity::device_code::{DeviceCode, DeviceCodeState, UserCodeDigest};
use ritorno_identity::ids::AdministratorId;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, TenantId};

use crate::db::Db;
use crate::error::StoreError;
use crate::value::values;

const PENDING: &str = "pending";
const CONFIRMED: &str = "confirmed";
const REDEEMED: &str = "redeemed";

/// Device codes of the onboarding.
pub struct DeviceCodes<'a>(pub(crate) &'a Db);

impl DeviceCodes<'_> {
    /// Adds a code that nobody has confirmed yet.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if the same code is there already: make another one; other [`StoreError`]s.
    pub async fn insert(&self, code: &DeviceCode) -> Result<(), StoreError> {
        const SQL: &str = "insert into device_codes (tenant, digest, agent, state, created_at, expires_at) \
             values ($1, $2, $3, $4, $5, $6)";
        let values = values![
            code.tenant,
            code.digest.0.as_slice(),
            code.agent,
            PENDING,
            code.created_at,
            code.expires_at
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// The agent that waits for a code to be confirmed: to show its name before it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending(
        &self,
        tenant: TenantId,
        digest: &UserCodeDigest,
        now: Timestamp,
    ) -> Result<Option<AgentId>, StoreError> {
        const SQL: &str = "select agent from device_codes \
             where tenant = $1 and digest = $2 and state = $3 and expires_at > $4";
        let row = self.0.read_one(SQL, values![tenant, digest.0.as_slice(), PENDING, now]).await?;
        row.map(|row| row.parsed("agent")).transpose()
    }

    /// Confirms a code, and tells for which agent. `None` if it is not pending or has expired. Who may confirm is
    /// `Administrator::may`'s to say.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn confirm(
        &self,
        tenant: TenantId,
        digest: &UserCodeDigest,
        administrator: AdministratorId,
        now: Timestamp,
    ) -> Result<Option<AgentId>, StoreError> {
        const SQL: &str = "update device_codes set state = $3, administrator = $4 \
             where tenant = $1 and digest = $2 and state = $5 and expires_at > $6 returning agent";
        let values = values![tenant, digest.0.as_slice(), CONFIRMED, administrator, PENDING, now];
        self.0.write_returning(SQL, values).await?.first().map(|row| row.parsed("agent")).transpose()
    }

    /// How far a code of this agent is. `None` if there is none, or it has expired.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn state(
        &self,
        tenant: TenantId,
        agent: AgentId,
        digest: &UserCodeDigest,
        now: Timestamp,
    ) -> Result<Option<DeviceCodeState>, StoreError> {
        const SQL: &str = "select state, administrator from device_codes \
             where tenant = $1 and digest = $2 and agent = $3 and expires_at > $4";
        let row = self.0.read_one(SQL, values![tenant, digest.0.as_slice(), agent, now]).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(match row.text("state")?.as_str() {
            PENDING => DeviceCodeState::Pending,
            CONFIRMED => DeviceCodeState::Confirmed(row.parsed("administrator")?),
            REDEEMED => DeviceCodeState::Redeemed(row.parsed("administrator")?),
            _ => return Err(StoreError::Unreadable { column: "state" }),
        }))
    }

    /// Uses a confirmed code up, and tells who confirmed it. `None` if it is not confirmed, is another agent's, was redeemed
    /// before, or has expired.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn redeem(
        &self,
        tenant: TenantId,
        agent: AgentId,
        digest: &UserCodeDigest,
        now: Timestamp,
    ) -> Result<Option<AdministratorId>, StoreError> {
        const SQL: &str = "update device_codes set state = $4 \
             where tenant = $1 and digest = $2 and agent = $3 and state = $5 and expires_at > $6 \
             returning administrator";
        let values = values![tenant, digest.0.as_slice(), agent, REDEEMED, CONFIRMED, now];
        self.0.write_returning(SQL, values).await?.first().map(|row| row.parsed("administrator")).transpose()
    }
}
