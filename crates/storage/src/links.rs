//! Which node holds an agent's link: one row an agent, with a lease that the node renews for as long as it hears of the agent.

use ritorno_identity::ids::{LinkId, NodeId};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, TenantId};

use crate::db::Db;
use crate::error::StoreError;
use crate::value::values;

/// Which node holds which agent's link.
pub struct Links<'a>(pub(crate) &'a Db);

/// A link of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldLink {
    /// The agent.
    pub agent: AgentId,
    /// The link.
    pub link: LinkId,
    /// The node that holds it.
    pub node: NodeId,
    /// Until when that is to be believed, unless it is renewed.
    pub lease_until: Timestamp,
}

impl Links<'_> {
    /// Keeps a new link. It takes the place of the agent's former one, on whichever node that is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn up(&self, tenant: TenantId, held: &HeldLink) -> Result<(), StoreError> {
        const SQL: &str = "insert into links (tenant, agent, link, node, lease_until) values ($1, $2, $3, $4, $5) \
             on conflict (tenant, agent) do update set link = excluded.link, node = excluded.node, \
             lease_until = excluded.lease_until";
        let values = values![tenant, held.agent, held.link, held.node, held.lease_until];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// Renews the lease. `false` if another link has taken its place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept(
        &self,
        tenant: TenantId,
        agent: AgentId,
        link: LinkId,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update links set lease_until = $4 where tenant = $1 and agent = $2 and link = $3";
        Ok(self.0.write(SQL, values![tenant, agent, link, until]).await? == 1)
    }

    /// Forgets that very link, not one that took its place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn down(&self, tenant: TenantId, agent: AgentId, link: LinkId) -> Result<(), StoreError> {
        const SQL: &str = "delete from links where tenant = $1 and agent = $2 and link = $3";
        self.0.write(SQL, values![tenant, agent, link]).await.map(|_| ())
    }

    /// The tenant's links whose leases hold.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn live(&self, tenant: TenantId, now: Timestamp) -> Result<Vec<HeldLink>, StoreError> {
        const SQL: &str = "select * from links where tenant = $1 and lease_until > $2 order by agent";
        let rows = self.0.read(SQL, values![tenant, now]).await?;
        rows.iter()
            .map(|row| {
                Ok(HeldLink {
                    agent: row.parsed("agent")?,
                    link: row.parsed("link")?,
                    node: row.parsed("node")?,
                    lease_until: row.moment("lease_until")?,
                })
            })
            .collect()
    }
}
