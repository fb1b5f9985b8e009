//! The whole way to a domain controller that nobody gave a certificate.

use anyhow::{Context as _, Result, ensure};

use crate::world::World;

#[test]
fn a_controller_without_tls_takes_resets_and_is_imported_from_by_kerberos() -> Result<()> {
    let mut world = World::start("transport", |_| Ok(()))?;
    world.stack.stop_agent();
    world.forest.take_tls_away()?;
    let file = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&file)?;
    ensure!(world.stack.agent_command(&["check-config"]).is_err(), "LDAPS is still there");

    let authority = text.lines().filter(|line| line.starts_with("ca_file")).nth(1).context("no ca_file")?;
    let (server, forest) = text.split_once("[[forest]]\n").context("no forest")?;
    let forest = forest.replacen(authority, "transport = \"kerberos\"", 1);
    std::fs::write(&file, format!("{server}[[forest]]\n{forest}"))?;
    world.stack.agent_command(&["check-config"])?;
    world.stack.start_agent()?;
    world.stack.wait_until_open()?;
    world.reset("anna.rossi", "Versiegelt-Passw0rd-1")?;
    world.stack.first_sync()?;
    world.reset("lukas.weber", "Versiegelt-Passw0rd-2")
}
