//! A password that breaks a rule is refused with that rule named, and nothing changes in the directory.

use anyhow::{Result, ensure};

use crate::world::World;

const USED: &str = "Gebraucht-Passw0rd-7";
const BREACHED: &str = "Bekannt-Passw0rd-1";
/// As a public file has it.
const SHA1_OF_BREACHED: &str = "1606B6B345A5494A2E0334255FD41CED6122D967";

#[test]
fn broken_rule_is_named_and_nothing_changes() -> Result<()> {
    let world = World::start("refusals", |forest| {
        // Now, so that it is in the history, and so that the minimum age of the PSO has just begun.
        for sam in ["andrea.fontana", "paolo.bianchi"] {
            forest.set_password(&forest.person(sam)?.dn, USED)?;
        }
        Ok(())
    })?;
    world.stack.server_command(&["tenant", "set", "forbid-names", "on"])?;
    world.stack.server_command(&["tenant", "ban-words", "Contoso", "milano"])?;
    let cases: [(&str, &[(&str, &str)]); 2] = [
        (
            "andrea.fontana",
            &[
                ("aB3$", "minimum_length"),
                ("nurkleinebuchstaben", "complexity"),
                ("Xy-andrea.fontana-99", "contains_name"),
                ("Viva-M1LANO-2031", "banned_word"),
                (USED, "history"),
            ],
        ),
        ("paolo.bianchi", &[("Ganz-Neues-Passw0rd-8", "minimum_age")]),
    ];
    for (sam, tries) in cases {
        let (visitor, mut choosing) = world.pass_gate(sam)?;
        let before = world.version(sam)?;
        for (password, rule) in tries {
            let answer = world.runtime.block_on(visitor.reset(&choosing, password, &world.random))?;
            ensure!(answer.state == "refused", "{sam}, {rule}: {answer:?}");
            ensure!(answer.broken_rule() == Some(*rule), "{sam}, {rule}: {answer:?}");
            ensure!(answer.message.as_deref().is_some_and(|words| !words.is_empty()), "{rule} has no words");
            ensure!(world.version(sam)? == before, "{sam}, {rule}: refused, but the password changed");
            if let Some(context) = answer.context {
                choosing.context = context;
            }
        }
        ensure!(world.forest.kinit(sam, USED)?, "{sam} lost the old password");
    }

    // After all that, the same page still takes a good one.
    world.reset("francesca.costa", "Endlich-Passw0rd-9")
}

/// The rule is among those that the page shows, the agent alone judges it, and a list that went away stops resets instead of letting them by.
#[test]
fn breached_passwords_are_refused_at_the_agent_and_the_page_says_so_beforehand() -> Result<()> {
    let mut world = World::start("breached", |_| Ok(()))?;
    let folder = world.stack.folder().to_owned();
    let (public, breached, common) =
        (folder.join("public.txt"), folder.join("breached"), folder.join("common"));
    std::fs::write(&public, format!("{}:3\r\n{}:12\r\n", SHA1_OF_BREACHED, "F".repeat(40)))?;
    let path = |path: &std::path::Path| path.display().to_string();
    let said =
        world.stack.agent_command(&["breached", "build", &path(&public), "--out", &path(&breached)])?;
    ensure!(said.contains("2 SHA-1 hashes, of 2 lines"), "{said}");
    std::fs::write(&public, "sommer-in-rom\n")?;
    world.stack.agent_command(&[
        "breached",
        "build",
        "--passwords",
        &path(&public),
        "--out",
        &path(&common),
    ])?;
    let settings = folder.join("agent.toml");
    let text = std::fs::read_to_string(&settings)?;
    let table = format!("\n[passwords]\ncommon_file = {common:?}\nbreached_file = {breached:?}\n");
    std::fs::write(&settings, text + &table)?;
    let checked = world.stack.agent_command(&["check-config"])?;
    ensure!(
        checked.contains(&format!("passwords in {} are refused: 2 of them", breached.display())),
        "{checked}"
    );
    world.stack.stop_agent();
    world.stack.start_agent()?;
    world.stack.wait_until_open()?;

    let (visitor, mut choosing) = world.pass_gate("andrea.fontana")?;
    ensure!(
        choosing.policy.as_ref().is_some_and(|policy| policy.breached),
        "the page does not know the rule"
    );
    let before = world.version("andrea.fontana")?;
    for password in [BREACHED, "S0mmer-in-R0m"] {
        let answer = world.runtime.block_on(visitor.reset(&choosing, password, &world.random))?;
        ensure!(answer.broken_rule() == Some("breached_password"), "{password}: {answer:?}");
        ensure!(
            answer.message.as_deref().is_some_and(|words| words.contains("known to others")),
            "{answer:?}"
        );
        if let Some(context) = answer.context {
            choosing.context = context;
        }
    }
    ensure!(world.version("andrea.fontana")? == before, "refused, but the password changed");
    // Compared exactly: what is in no list is none of ours to refuse.
    let answer = world.runtime.block_on(visitor.reset(&choosing, "bekannt-Passw0rd-1", &world.random))?;
    ensure!(answer.state == "done", "{answer:?}");
    ensure!(world.forest.kinit("andrea.fontana", "bekannt-Passw0rd-1")?, "Kerberos refuses the new password");

    std::fs::remove_file(&breached)?;
    let before = world.version("francesca.costa")?;
    let (visitor, choosing) = world.pass_gate("francesca.costa")?;
    let answer = world.runtime.block_on(visitor.reset(&choosing, "Ganz-Neues-Passw0rd-8", &world.random))?;
    ensure!(answer.state == "failed", "{answer:?}");
    ensure!(
        world.version("francesca.costa")? == before,
        "it was written, and nobody knew whether it was breached"
    );

    // An agent that begins so says it, does all else, and writes no password either.
    world.stack.stop_agent();
    world.stack.start_agent()?;
    world.stack.wait_until_open()?;
    let events = std::fs::read_to_string(folder.join("agent-events.log"))?;
    let told = events.lines().filter(|line| line.contains("32005") && line.contains(&path(&breached)));
    ensure!(told.count() == 1, "{events}");
    let (visitor, choosing) = world.pass_gate("francesca.costa")?;
    let answer = world.runtime.block_on(visitor.reset(&choosing, "Ganz-Neues-Passw0rd-8", &world.random))?;
    ensure!(answer.state == "failed", "{answer:?}");
    ensure!(world.version("francesca.costa")? == before, "written after the start without the list");
    Ok(())
}
