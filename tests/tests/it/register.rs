//! Registering an address in a real Chromium (`tests/browser/register.test.mjs`), and what the directory says afterwards.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::browser::browse;
use crate::world::World;

const CURRENT: &str = "Attuale-Passw0rd-2026";
/// What the owner chooses once `CURRENT` is forgotten.
const CHOSEN: &str = "Scelta-Passw0rd-2026";
const OWNER: &str = "marco.conti";
const KEYBOARD: &str = "luca.esposito";

#[test]
fn people_register_an_address_and_reset_with_it() -> Result<()> {
    let world = World::start("register", |forest| {
        for sam in [OWNER, KEYBOARD] {
            forest.set_password(&forest.person(sam)?.dn, CURRENT)?;
        }
        Ok(())
    })?;
    let mut people = serde_json::Map::new();
    for (role, sam) in [("owner", OWNER), ("keyboard", KEYBOARD)] {
        let person = world.forest.person(sam)?;
        let own = format!("{sam}@posta.test");
        people.insert(
            role.to_owned(),
            json!({
                "upn": person.upn, "address": person.alternate_mail, "mailbox": format!("{sam}@contoso.test"),
                "current": CURRENT, "own": own, "password": CHOSEN,
            }),
        );
    }
    let job = json!({
        "phase": "all", "url": world.stack.url, "ca": world.stack.ca_pem, "mail": world.mail.page(),
        "people": people, "artifacts": concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts"),
    });
    browse("register.test.mjs", &job)?;
    ensure!(world.forest.kinit(OWNER, CHOSEN)?, "Kerberos refuses the password that was chosen");
    ensure!(!world.forest.kinit(OWNER, CURRENT)?, "Kerberos still takes the forgotten password");
    // A password that is only verified stays what it is.
    ensure!(world.forest.kinit(KEYBOARD, CURRENT)?, "Kerberos refuses a password that nobody changed");
    Ok(())
}
