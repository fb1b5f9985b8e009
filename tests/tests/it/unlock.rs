//! Real accounts that wrong passwords have locked are unlocked, and keep their passwords: without a browser, and in one
//! (`tests/browser/unlock.test.mjs`).

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::browser::browse;
use crate::world::World;

const LOCKED: &str = "pierre.dubois";

/// Who does it in a browser, in which language.
const IN_A_BROWSER: [(&str, &str); 2] = [("en", "emma.fischer"), ("it", "marco.conti")];

#[test]
fn a_locked_account_is_unlocked_without_a_new_password() -> Result<()> {
    let world = World::start("unlock", |_| Ok(()))?;
    let password_of = |sam: &str| anyhow::Ok(world.forest.person(sam)?.password.clone());
    let everybody = || IN_A_BROWSER.iter().map(|(_, sam)| *sam).chain([LOCKED]);
    let mut before = Vec::new();
    for sam in everybody() {
        ensure!(world.forest.kinit(sam, &password_of(sam)?)?, "{sam} does not work to begin with");
        before.push(world.version(sam)?);
        world.forest.lock_out(sam)?;
    }
    let mut people = serde_json::Map::new();
    for (language, sam) in IN_A_BROWSER {
        let person = world.forest.person(sam)?;
        people.insert(language.to_owned(), json!({ "upn": person.upn, "address": person.alternate_mail }));
    }
    let job = |phase: &str| -> Value {
        json!({
            "phase": phase, "url": world.stack.url, "ca": world.stack.ca_pem, "mail": world.mail.page(),
            "people": people, "artifacts": concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts"),
        })
    };

    // As it is after 'ritorno init': nobody is offered it.
    let (mut visitor, _) = world.pass_gate(LOCKED)?;
    let page = world.runtime.block_on(visitor.open("/reset/password"))?;
    ensure!(!page.html.contains("/reset/unlock"), "it is offered although the tenant has it off");
    browse("unlock.test.mjs", &job("off"))?;

    world.stack.server_command(&["tenant", "set", "unlock", "on"])?;
    let page = world.runtime.block_on(visitor.open("/reset/password"))?;
    let outcome = world.runtime.block_on(visitor.press(&page, "/reset/unlock"))?;
    ensure!(outcome.text().contains("Your account is unlocked"), "{}", outcome.text());
    let facts = world.stack.server_command(&["requests", "--most", "1", "--json"])?;
    ensure!(facts.contains("\"operation\":\"unlock\"") && facts.contains("\"state\":\"done\""), "{facts}");
    for (_, sam) in IN_A_BROWSER {
        // The KDC's word for locked and disabled alike.
        let told = world.forest.kinit(sam, &password_of(sam)?);
        ensure!(told.is_err_and(|error| error.to_string().contains("revoked")), "{sam} is locked no longer");
    }
    browse("unlock.test.mjs", &job("on"))?;
    for (sam, before) in everybody().zip(before) {
        ensure!(
            world.forest.kinit(sam, &password_of(sam)?)?,
            "Kerberos refuses the password of {sam}, unlocked"
        );
        ensure!(world.version(sam)? == before, "the password of {sam} was written");
    }
    Ok(())
}
