//! Registering an address in a real Chromium (`tests/browser/register.test.mjs`), and what the directory says afterwards.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::browser::browse;
use crate::pages::{Suite, met_file};
use crate::world::World;

/// What the owner chooses once the first one is forgotten.
const CHOSEN: &str = "Scelta-Passw0rd-2026";
const OWNER: &str = "marco.conti";
const KEYBOARD: &str = "luca.esposito";

#[test]
fn people_register_an_address_and_reset_with_it() -> Result<()> {
    // Their first password: one that has replaced another within the hour proves nothing.
    let world = World::start("register", |_| Ok(()))?;
    let mut people = serde_json::Map::new();
    for (role, sam) in [("owner", OWNER), ("keyboard", KEYBOARD)] {
        let person = world.forest.person(sam)?;
        let own = format!("{sam}@posta.test");
        people.insert(
            role.to_owned(),
            json!({
                "upn": person.upn, "address": person.alternate_mail, "mailbox": format!("{sam}@contoso.test"),
                "current": person.password, "own": own, "password": CHOSEN,
            }),
        );
    }
    let met = met_file(&world.stack);
    let job = json!({
        "phase": "all", "url": world.stack.url, "ca": world.stack.ca_pem, "mail": world.mail.page(),
        "people": people, "met": met, "artifacts": concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts"),
    });
    browse("register.test.mjs", &job)?;
    ensure!(world.forest.kinit(OWNER, CHOSEN)?, "Kerberos refuses the password that was chosen");
    let first = &world.forest.person(OWNER)?.password;
    ensure!(!world.forest.kinit(OWNER, first)?, "Kerberos still takes the forgotten password");
    // A password that is only verified stays what it is.
    let unchanged = &world.forest.person(KEYBOARD)?.password;
    ensure!(world.forest.kinit(KEYBOARD, unchanged)?, "Kerberos refuses a password that nobody changed");
    Suite::Register.met_its_pages(&met)
}
