//! A password that breaks a rule is refused with that rule named, and nothing changes in the directory.

use anyhow::{Result, ensure};

use crate::world::World;

const USED: &str = "Gebraucht-Passw0rd-7";

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
