//! The enrolled agents of a tenant.

use ritorno_identity::agent::{Agent, FormerChain, NextIdentity};
use ritorno_identity::agent_forests::{ForestClaim, served};
use ritorno_identity::audit::Fact;
use ritorno_protocol::certificate::KeyCertificate;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, EpochId, Forest, TenantId};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::link::Health;
use ritorno_protocol::signed::Signed;

use crate::audit::appended;
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
    /// What it says that it serves, and what it took up by that.
    pub claim: ForestClaim,
}

impl Agents<'_> {
    /// Adds an agent.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if its id is there already; other [`StoreError`]s.
    pub async fn insert(&self, agent: &Agent) -> Result<(), StoreError> {
        const SQL: &str = "insert into agents (tenant, id, name, version, identity_key, identity, sealing, forests, \
             writeback_on, epoch, enrolled_at, revoked_at, last_seen_at, health, next_identity_key, next_identity, \
             former_sealing, allowed_forests, taken_forests) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
        let next = agent.next_identity.as_ref();
        let values = values![
            agent.tenant,
            agent.id,
            agent.name.as_str(),
            agent.version.as_str(),
            agent.identity_key.as_bytes().as_slice(),
            json(&agent.identity),
            agent.sealing.as_ref().map(json),
            json(&agent.claim.said),
            agent.writeback_on,
            agent.epoch,
            agent.enrolled_at,
            agent.revoked_at,
            agent.last_seen_at,
            agent.health.as_ref().map(json),
            next.map(|next| next.key.as_bytes().as_slice()),
            next.map(|next| json(&next.certificate)),
            json(&agent.former),
            json(&agent.claim.allowed),
            json(&agent.claim.taken),
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// One agent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, tenant: TenantId, id: AgentId) -> Result<Option<Agent>, StoreError> {
        // What it serves depends on the others.
        Ok(self.list(tenant).await?.into_iter().find(|agent| agent.id == id))
    }

    /// Every agent of the tenant, revoked ones included, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<Agent>, StoreError> {
        const SQL: &str = "select * from agents where tenant = $1 order by enrolled_at, id";
        let rows = self.0.read(SQL, values![tenant]).await?;
        let mut agents = rows.iter().map(agent).collect::<Result<Vec<_>, _>>()?;
        let served: Vec<_> = agents.iter().map(|agent| served(agent, &agents)).collect();
        agents.iter_mut().zip(served).for_each(|(agent, served)| agent.forests = served);
        Ok(agents)
    }

    /// The agents that an envelope for somebody of this forest may be sealed for, live or not, last heard first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recipients(&self, tenant: TenantId, forest: &Forest) -> Result<Vec<Agent>, StoreError> {
        let mut agents = self.list(tenant).await?;
        agents.retain(|agent| agent.can_receive(forest));
        agents.sort_by_key(|agent| (std::cmp::Reverse(agent.last_seen_at), agent.id));
        Ok(agents)
    }

    /// Stores what a verified hello says, and the facts about it. `false` if there is no such agent, it is revoked, or the key that signed is
    /// neither the one in use nor the next one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn said_hello(
        &self,
        tenant: TenantId,
        id: AgentId,
        hello: &Hello,
        facts: &[Fact],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update agents set version = $3, epoch = $4, sealing = $5, forests = $6, last_seen_at = $7, \
             former_sealing = $8, identity_key = $9, identity = $10, taken_forests = $11, \
             next_identity_key = case when next_identity_key = $9 then null else next_identity_key end, \
             next_identity = case when next_identity_key = $9 then null else next_identity end \
             where tenant = $1 and id = $2 and revoked_at is null and (identity_key = $9 or next_identity_key = $9)";
        let values = values![
            tenant,
            id,
            hello.version.as_str(),
            hello.epoch,
            json(&hello.sealing),
            json(&hello.claim.said),
            now,
            json(&hello.former),
            hello.identity_key.as_bytes().as_slice(),
            json(&hello.identity),
            json(&hello.claim.taken),
        ];
        let facts = facts.iter().map(appended);
        Ok(self.0.write_whole(std::iter::once((SQL, values)).chain(facts).collect()).await?.is_none())
    }

    /// Keeps an identity key that takes the place of the one in use once the agent shows it, and the fact about it. `false` if there is no such
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
        fact: &Fact,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update agents set next_identity_key = $4, next_identity = $5 \
             where tenant = $1 and id = $2 and revoked_at is null and identity_key = $3";
        let (in_use, key) = (in_use.as_bytes().as_slice(), next.key.as_bytes().as_slice());
        let values = values![tenant, id, in_use, key, json(&next.certificate)];
        Ok(self.0.write_whole(vec![(SQL, values), appended(fact)]).await?.is_none())
    }

    /// Allows an agent a forest, whether it says already that it serves it or not. `false` if there is no such agent, it is
    /// revoked, or it was allowed before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn allow_forest(
        &self,
        tenant: TenantId,
        id: AgentId,
        forest: &Forest,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update agents set allowed_forests = $3 \
             where tenant = $1 and id = $2 and revoked_at is null and allowed_forests = $4";
        let Some(agent) = self.get(tenant, id).await? else { return Ok(false) };
        let before = agent.claim.allowed;
        if before.contains(forest) {
            return Ok(false);
        }
        let after: Vec<&Forest> = before.iter().chain([forest]).collect();
        let values = values![tenant, id, json(&after), json(&before)];
        Ok(self.0.write(SQL, values).await? == 1)
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

    /// Revokes an agent, for good, and forgets what it told of itself. `false` if there is no such agent, or it was revoked before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke(&self, tenant: TenantId, id: AgentId, now: Timestamp) -> Result<bool, StoreError> {
        const SQL: &str = "update agents set revoked_at = $3, writeback_on = 0 \
             where tenant = $1 and id = $2 and revoked_at is null";
        const TOLD: &str = "delete from doctor_reports where tenant = $1 and agent = $2";
        const SYNC: &str = "delete from sync_reports where tenant = $1 and agent = $2";
        const APPROVED: &str = "delete from export_approvals where tenant = $1 and agent = $2";
        let mut statements = vec![(SQL, values![tenant, id, now])];
        statements.extend([TOLD, SYNC, APPROVED].map(|sql| (sql, values![tenant, id])));
        Ok(self.0.write_together(statements, 1).await?.is_none())
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
        // What it may of it is known beside the other agents.
        forests: Vec::new(),
        claim: ForestClaim {
            said: row.json("forests")?,
            allowed: row.json("allowed_forests")?,
            taken: row.json("taken_forests")?,
        },
        writeback_on: row.switch("writeback_on")?,
        epoch: row.parsed_if_any("epoch")?,
        enrolled_at: row.moment("enrolled_at")?,
        revoked_at: row.moment_if_any("revoked_at")?,
        last_seen_at: row.moment_if_any("last_seen_at")?,
        health: row.json_if_any("health")?,
    })
}
