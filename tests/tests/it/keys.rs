//! Keys are rolled, and nobody notices: neither who has a page with the old ones, nor an agent that was away.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::progress::wait_until;

use crate::world::World;

/// A new signing key signs this long after it was made; agents hear of it before.
const SIGNS_AFTER: Duration = Duration::from_secs(30);

#[test]
fn rolled_keys_interrupt_nobody() -> Result<()> {
    let mut world = World::start("keys", |_| Ok(()))?;
    let first = sealing_key(&world)?;

    // A page that got the agent's old key is sent after the roll.
    let (visitor, choosing) = world.pass_gate("martina.caruso")?;
    let rolled_at = Instant::now();
    world.stack.server_command(&["keys", "roll"])?;
    world.stack.agent_command(&["keys", "roll"])?;
    let second = sealing_key(&world)?;
    ensure!(first != second, "the agent's sealing key is the same");
    let answer = world.runtime.block_on(visitor.reset(&choosing, "Vecchia-Chiave-1", &world.random))?;
    ensure!(answer.state == "done", "sealed for the replaced key: {answer:?}");
    ensure!(world.forest.kinit("martina.caruso", "Vecchia-Chiave-1")?, "Kerberos refuses the new password");
    world.reset("stefano.moretti", "Nuova-Chiave-2")?;

    // Away while the signing key rolls once more, back when a new one signs, and rolled while nothing runs.
    world.stack.stop_agent();
    world.stack.server_command(&["keys", "roll"])?;
    let status = world.stack.server_command(&["keys", "status"])?;
    ensure!(status.contains("sequence 3"), "{status}");
    world.stack.agent_command(&["keys", "roll"])?;
    ensure!(sealing_key(&world)? != second, "the agent's sealing key is the same");
    std::thread::sleep((SIGNS_AFTER + Duration::from_secs(1)).saturating_sub(rolled_at.elapsed()));
    world.stack.start_agent()?;
    world.stack.wait_until_open()?;
    world.reset("laura.barbieri", "Di-Ritorno-Passw0rd-3")?;

    // A revoked agent is out at once, whatever it signs.
    let list = world.stack.server_command(&["agent", "list"])?;
    let id = list.lines().nth(1).and_then(|line| line.split_whitespace().next()).context("no agent")?;
    world.stack.server_command(&["agent", "revoke", id])?;
    let cut = wait_until(Duration::from_secs(15), || {
        Ok(world.stack.agent_command(&["status"])?.contains("revoked"))
    })?;
    ensure!(cut, "a revoked agent keeps its link: {}", world.stack.agent_command(&["status"])?);
    Ok(())
}

fn sealing_key(world: &World) -> Result<String> {
    let status = world.stack.agent_command(&["keys", "status"])?;
    let line = status.lines().find(|line| line.starts_with("sealing")).context("no sealing key is shown")?;
    Ok(line.to_owned())
}
