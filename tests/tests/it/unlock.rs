//! A real account that wrong passwords have locked is unlocked, and keeps its password.

use anyhow::{Result, ensure};

use crate::world::World;

const LOCKED: &str = "pierre.dubois";

#[test]
fn a_locked_account_is_unlocked_without_a_new_password() -> Result<()> {
    let world = World::start("unlock", |_| Ok(()))?;
    let password = world.forest.person(LOCKED)?.password.clone();
    ensure!(world.forest.kinit(LOCKED, &password)?, "the account does not work to begin with");
    let before = world.version(LOCKED)?;
    world.forest.lock_out(LOCKED)?;

    // As it is after 'ritorno init': nobody is offered it.
    let (mut visitor, _) = world.pass_gate(LOCKED)?;
    let page = world.runtime.block_on(visitor.open("/reset/password"))?;
    ensure!(!page.html.contains("/reset/unlock"), "it is offered although the tenant has it off");

    world.stack.server_command(&["tenant", "set", "unlock", "on"])?;
    let page = world.runtime.block_on(visitor.open("/reset/password"))?;
    let outcome = world.runtime.block_on(visitor.press(&page, "/reset/unlock"))?;
    ensure!(outcome.text().contains("Your account is unlocked"), "{}", outcome.text());
    ensure!(world.forest.kinit(LOCKED, &password)?, "Kerberos refuses the password of the unlocked account");
    ensure!(world.version(LOCKED)? == before, "the password was written");
    let facts = world.stack.server_command(&["requests", "--most", "1", "--json"])?;
    ensure!(facts.contains("\"operation\":\"unlock\"") && facts.contains("\"state\":\"done\""), "{facts}");
    Ok(())
}
