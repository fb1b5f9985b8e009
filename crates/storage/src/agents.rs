//! The enrolled agents of a tenant.

use ritorno_identity::agent::{Agent, FormerChain, NextIdentity};
use ritorno_protocol::certificate::KeyCertificate;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, EpochId, Forest, TenantId};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::link::Health;
use ritorno_protocol::signed::Signed;

use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::{json, values};

/// The enrolled agents of a tenant.
pub struct Agents<'a>(pub(crate) &'a Db);

/// What an agent says of itself in a hello that was verified.
#[derive(Clone, Debug)]
pub struct Hello {
    /// The program's version.
    pub version: String,
    /// Its journal.
    pub epoch: EpochId,
    /// The identity key that signed it: the one in use, or the next one, which is in use from now on.
    pub identity_key: PublicKey,
    /// That key, certified by the tenant's root.
    pub identity: Signed<KeyCertificate>,
    /// Its sealing key, certified by its identity key.
    pub sealing: Signed<KeyCertificate>,
    /// The sealing keys that it replaced.
    pub former: Vec<FormerChain>,
    /// The forests that it serves.
    pub forests: Vec<Forest>,
}

impl Agents<'_> {
    /// Adds an agent.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if its id is there already; other [`StoreError`]s.
    pub async fn insert(&self, agent: &Agent) -> Result<(), StoreError> {
        const SQL: &str = "insert into agents (tenant, id, name, version, identity_key, identity, sealing, forests, \
             writeback_on, epoch, enrolled_at, revoked_at, last_seen_at, health, next_identity_key, next_identity, \
             former_sealing) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
        let next = agent.next_identity.as_ref();
        let values = values![
            agent.tenant,
            agent.id,
            agent.name.as_str(),
            agent.version.as_str(),
            agent.identity_key.as_bytes().as_slice(),
            json(&agent.identity),
            agent.sealing.as_ref().map(json),
            json(&agent.forests),
            agent.writeback_on,
            agent.epoch,
            agent.enrolled_at,
            agent.revoked_at,
            agent.last_seen_at,
            agent.health.as_ref().map(json),
            next.map(|next| next.key.as_bytes().as_slice()),
            next.map(|next| json(&next.certificate)),
            json(&agent.former),
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// One agent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, tenant: TenantId, id: AgentId) -> Result<Option<Agent>, StoreError> {
        const SQL: &str = "select * from agents where tenant = $1 and id = $2";
        self.0.read_one(SQL, values![tenant, id]).await?.map(|row| agent(&row)).transpose()
    }

    /// Every agent of the tenant, revoked ones included, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<Agent>, StoreError> {
        const SQL: &str = "select * from agents where tenant = $1 order by enrolled_at, id";
        self.0.read(SQL, values![tenant]).await?.iter().map(agent).collect()
    }

    /// The agents that an envelope for somebody of this forest may be sealed for, live or not, last heard first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recipients(&self, tenant: TenantId, forest: &Forest) -> Result<Vec<Agent>, StoreError> {
        const SQL: &str = "select * from agents where tenant = $1 and revoked_at is null and writeback_on = 1 \
             order by coalesce(last_seen_at, 0) desc, id";
        let rows = self.0.read(SQL, values![tenant]).await?;
        let mut agents = rows.iter().map(agent).collect::<Result<Vec<_>, _>>()?;
        agents.retain(|agent| agent.can_receive(forest));
        Ok(agents)
    }

    /// Stores what a verified hello says. `false` if there is no such agent, it is revoked, or the key that signed is
    /// neither the one in use nor the next one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn said_hello(
        &self,
        tenant: TenantId,
        id: AgentId,
        hello: &Hello,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update agents set version = $3, epoch = $4, sealing = $5, forests = $6, last_seen_at = $7, \
             former_sealing = $8, identity_key = $9, identity = $10, \
             next_identity_key = case when next_identity_key = $9 then null else next_identity_key end, \
             next_identity = case when next_identity_key = $9 then null else next_identity end \
             where tenant = $1 and id = $2 and revoked_at is null and (identity_key = $9 or next_identity_key = $9)";
        let values = values![
            tenant,
            id,
            hello.version.as_str(),
            hello.epoch,
            json(&hello.sealing),
            json(&hello.forests),
            now,
            json(&hello.former),
            hello.identity_key.as_bytes().as_slice(),
            json(&hello.identity),
        ];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// Keeps an identity key that takes the place of the one in use once the agent shows it. `false` if there is no such
    /// agent, it is revoked, or `in_use` is not its key any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn certified(
        &self,
        tenant: TenantId,
        id: AgentId,
        in_use: &PublicKey,
        next: &NextIdentity,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update agents set next_identity_key = $4, next_identity = $5 \
             where tenant = $1 and id = $2 and revoked_at is null and identity_key = $3";
        let (in_use, key) = (in_use.as_bytes().as_slice(), next.key.as_bytes().as_slice());
        Ok(self.0.write(SQL, values![tenant, id, in_use, key, json(&next.certificate)]).await? == 1)
    }

    /// Names an agent. `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rename(&self, tenant: TenantId, id: AgentId, name: &str) -> Result<bool, StoreError> {
        const SQL: &str = "update agents set name = $3 where tenant = $1 and id = $2";
        Ok(self.0.write(SQL, values![tenant, id, name]).await? == 1)
    }

    /// Stores a report. `false` if there is no such agent, or it is revoked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reported(
        &self,
        tenant: TenantId,
        id: AgentId,
        health: &Health,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update agents set health = $3, last_seen_at = $4 \
             where tenant = $1 and id = $2 and revoked_at is null";
        Ok(self.0.write(SQL, values![tenant, id, json(health), now]).await? == 1)
    }

    /// Switches an agent's writeback. `false` if there is no such agent, or it is revoked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_writeback(&self, tenant: TenantId, id: AgentId, on: bool) -> Result<bool, StoreError> {
        const SQL: &str =
            "update agents set writeback_on = $3 where tenant = $1 and id = $2 and revoked_at is null";
        Ok(self.0.write(SQL, values![tenant, id, on]).await? == 1)
    }

    /// Revokes an agent, for good. `false` if there is no such agent, or it was revoked before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke(&self, tenant: TenantId, id: AgentId, now: Timestamp) -> Result<bool, StoreError> {
        const SQL: &str = "update agents set revoked_at = $3, writeback_on = 0 \
             where tenant = $1 and id = $2 and revoked_at is null";
        Ok(self.0.write(SQL, values![tenant, id, now]).await? == 1)
    }
}

fn next_identity(row: &Row) -> Result<Option<NextIdentity>, StoreError> {
    let Some(certificate) = row.json_if_any("next_identity")? else { return Ok(None) };
    let key = PublicKey::from_bytes(&row.bytes("next_identity_key")?)
        .map_err(|_| StoreError::Unreadable { column: "next_identity_key" })?;
    Ok(Some(NextIdentity { key, certificate }))
}

fn agent(row: &Row) -> Result<Agent, StoreError> {
    Ok(Agent {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        name: row.text("name")?,
        version: row.text("version")?,
        identity_key: PublicKey::from_bytes(&row.bytes("identity_key")?)
            .map_err(|_| StoreError::Unreadable { column: "identity_key" })?,
        identity: row.json("identity")?,
        next_identity: next_identity(row)?,
        former: row.json("former_sealing")?,
        sealing: row.json_if_any("sealing")?,
        forests: row.json("forests")?,
        writeback_on: row.switch("writeback_on")?,
        epoch: row.parsed_if_any("epoch")?,
        enrolled_at: row.moment("enrolled_at")?,
        revoked_at: row.moment_if_any("revoked_at")?,
        last_seen_at: row.moment_if_any("last_seen_at")?,
        health: row.json_if_any("health")?,
    })
}
