//! Somebody looks on while a directory is read for the first time: they are told how long it takes. Nobody does, and nothing is counted.

use std::process::Command;

use anyhow::{Result, ensure};
use ritorno_lab::crowd::Crowd;

use crate::sync_moments::{scope_of_crowd, without_its_store};
use crate::world::{World, programs};

/// Enough for several parts of an import.
const PEOPLE: usize = 1_600;

#[test]
fn on_a_terminal_a_first_import_tells_how_much_there_is_and_how_long_it_takes() -> Result<()> {
    let mut world = World::start("sync-watched", |_| Ok(()))?;
    world.stack.stop_agent();
    let crowd = Crowd::of(&world.forest, PEOPLE);
    crowd.add_to(&world.forest)?;
    scope_of_crowd(&world, &crowd)?;
    without_its_store(&world)?;
    let agent = programs()?.agent;
    let configuration = world.stack.folder().join("agent.toml");
    let line = format!("{} --config {} sync run all full-import", agent.display(), configuration.display());
    // `script` (util-linux) gives the program a terminal of its own.
    let on_a_terminal = || -> Result<String> {
        let said = Command::new("script").args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").output()?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        ensure!(said.status.success(), "{text}");
        Ok(text)
    };
    let (number, shown) = (PEOPLE + crowd.groups(), format!("of 1,{:03}, ", PEOPLE + crowd.groups() - 1_000));
    // Reading and counting go on side by side, and the bar is drawn now and then: on a machine that has other work the count may come last.
    let mut first = String::new();
    for _ in 0..5 {
        without_its_store(&world)?;
        first = on_a_terminal()?;
        ensure!(first.contains(&format!("{number} added")), "{first}");
        if first.contains(&shown) && first.contains(" left") {
            break;
        }
    }
    ensure!(first.contains(&shown) && first.contains(" left"), "no {shown}: {first}");
    let again = on_a_terminal()?;
    ensure!(again.contains(&shown) && again.contains(" left"), "as many as the one before: {again}");
    Ok(())
}
