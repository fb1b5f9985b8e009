//! Agents' links.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_identity::ids::{LinkId, NodeId};
use ritorno_storage::HeldLink;

use crate::fixture::{Fixture, NOW, on_both};

on_both!(the_newest_link_counts_for_as_long_as_its_lease);

async fn the_newest_link_counts_for_as_long_as_its_lease(f: &Fixture) -> Result<()> {
    let (links, tenant, agent) = (f.store.links(), f.tenant.id, f.agent("dc1"));
    f.store.agents().insert(&agent).await?;
    let until = |seconds| NOW.plus(Duration::from_secs(seconds));
    let held = |lease_until| HeldLink {
        agent: agent.id,
        link: LinkId::random(&f.random),
        node: NodeId::random(&f.random),
        lease_until,
    };
    let first = held(until(25));
    links.up(tenant, &first).await?;
    assert_eq!(links.live(tenant, NOW).await?, [first]);
    assert_eq!(links.live(tenant, until(25)).await?, []);
    ensure!(links.kept(tenant, agent.id, first.link, until(35)).await?);
    assert_eq!(links.live(tenant, until(25)).await?, [HeldLink { lease_until: until(35), ..first }]);

    let second = held(until(40));
    links.up(tenant, &second).await?;
    ensure!(!links.kept(tenant, agent.id, first.link, until(99)).await?, "another one has its place");
    links.down(tenant, agent.id, first.link).await?;
    assert_eq!(links.live(tenant, NOW).await?, [second]);
    assert_eq!(links.live(f.other_tenant().await?, NOW).await?, []);
    f.store.purge(until(40)).await?;
    ensure!(!links.kept(tenant, agent.id, second.link, until(99)).await?, "its row is there after its lease");
    Ok(())
}
