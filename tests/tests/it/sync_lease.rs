//! An agent that has nothing to send asks for no sync lease: whoever exports is left alone.

use anyhow::{Context as _, Result, ensure};
use ritorno_storage::Store;

use crate::sync::tenant;
use crate::sync_moments::open;
use crate::world::World;

const FOREST: &str = "contoso.test";

/// The lease's newest epoch, which is another one each time that somebody asks for the lease; and whether the agent that was enrolled last
/// has it.
fn lease(world: &World) -> Result<(i64, bool)> {
    let folder = world.stack.folder().join("cloud/ritorno.db");
    world.runtime.block_on(async {
        let store = Store::connect(&format!("sqlite:{}", folder.display())).await?;
        let id = store.tenants().list().await?.first().context("there is a tenant")?.id;
        let agents = store.agents().list(id).await?;
        store.close().await;
        ensure!(agents.len() == 2, "{} agents", agents.len());
        let newest = agents.last().context("an agent")?.id;
        let mut seen = open(world, None, true).await?;
        let of = |what: &str| format!("SELECT {what} FROM sync_leases WHERE connector = '{FOREST}'");
        let epoch = seen.number(&of("epoch")).await?;
        Ok((epoch, seen.number(&of(&format!("agent = '{newest}'"))).await? == 1))
    })
}

#[test]
fn an_idle_cycle_asks_for_no_sync_lease_and_leaves_another_agents_export_alone() -> Result<()> {
    let mut world = World::start("sync-lease", |_| Ok(()))?;
    world.stack.stop_agent();
    let ours = |arguments: &[&str]| world.stack.agent_command(arguments);
    ours(&["sync", "cycle"])?;
    // Another agent of the forest, with the same configuration and a state of its own, exports from now on.
    let folder = world.stack.folder();
    let text = std::fs::read_to_string(folder.join("agent.toml"))?;
    let (state, its) = (folder.join("agent").display().to_string(), folder.join("agent-2"));
    let text = text.replace(&format!("\"{state}\""), &format!("\"{}\"", its.display()));
    let text = text.replace("agent-events.log", "agent-2-events.log");
    std::fs::write(folder.join("agent-2.toml"), text)?;
    let other = world.stack.enrol_further(&folder.join("agent-2.toml"))?;
    other.command(&["sync", "cycle"])?;
    let (taken, is_others) = lease(&world)?;
    ensure!(is_others, "the other one exported");

    let dn = world.forest.person("marco.conti")?.dn.clone();
    for round in 0..4 {
        // What changes in the directory alone is nothing to send, either.
        if round == 2 {
            world.forest.set_attribute(&dn, "description", "nothing that anybody asks for")?;
        }
        let said = ours(&["sync", "cycle"])?;
        ensure!(said.contains("delta-import") && !said.contains("export"), "it had nothing to send: {said}");
        ensure!(
            lease(&world)? == (taken, true),
            "it took the lease from whoever exports: {:?}",
            lease(&world)?
        );
    }
    let said = other.command(&["sync", "run", "all", "export"])?;
    ensure!(said.contains("export of contoso.test succeeded"), "{said}");

    // With something to send it asks, and exports.
    world.forest.set_attribute(&dn, "displayName", "Marco Nuovo")?;
    let before = lease(&world)?.0;
    ours(&["sync", "cycle"])?;
    let (now, is_others) = lease(&world)?;
    ensure!(now > before && !is_others, "it exported without a lease: {now}");
    ensure!(tenant(&world)?["marco.conti"].display_name == "Marco Nuovo", "it exported");
    Ok(())
}
