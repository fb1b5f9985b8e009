//! Signing in to one's own page in a real Chromium (`tests/browser/account.test.mjs`): people of the directory, and one of the tenant's own.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::browser::browse;
use crate::pages::{Suite, met_file};
use crate::world::World;

/// Whose password the directory judges.
const PEOPLE: [(&str, &str); 2] = [("owner", "marco.conti"), ("keyboard", "luca.esposito")];
/// What they change it to.
const CHANGED: &str = "Cambiata-Passw0rd-2031";
/// Whose password the tenant itself keeps.
const CARLA: &str = "carla.neri@cloud.contoso.test";
const CARLAS_MAIL: &str = "carla.neri@posta.test";

#[test]
fn people_sign_in_to_their_own_page() -> Result<()> {
    let world = World::start("account", |_| Ok(()))?;
    let met = met_file(&world.stack);
    let mut people = serde_json::Map::new();
    for (role, sam) in PEOPLE {
        let person = world.forest.person(sam)?;
        people.insert(
            role.to_owned(),
            json!({ "upn": person.upn, "current": person.password, "password": CHANGED, "name": person.display_name }),
        );
    }
    world.stack.server_command(&["tenant", "cloud-domains", "cloud.contoso.test"])?;
    let added = ["person", "add", CARLA, "--name", "Carla Neri", "--alternate-mail", CARLAS_MAIL];
    ensure!(world.stack.server_command(&added)?.contains("is added"), "the person is not added");
    people.insert(
        "cloud".to_owned(),
        json!({
            "upn": CARLA, "address": CARLAS_MAIL, "name": "Carla Neri",
            "first": "quattro gatti in fila", "first_changed": "quattro cani in fila",
            "second": "cinque galline sul tetto", "second_changed": "cinque papere sul tetto",
        }),
    );
    let job = |phase: &str| -> Value {
        json!({
            "phase": phase, "url": world.stack.url, "ca": world.stack.ca_pem, "mail": world.mail.page(),
            "people": people, "met": met, "artifacts": concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts"),
        })
    };
    browse("account.test.mjs", &job("open"))?;
    world.stack.server_command(&["tenant", "gates", "1", "mail", "recovery-code", "--to-register", "2"])?;
    world.stack.server_command(&["tenant", "set", "require-registration", "on"])?;
    browse("account.test.mjs", &job("must"))?;
    for (_, sam) in PEOPLE {
        let unchanged = &world.forest.person(sam)?.password;
        ensure!(world.forest.kinit(sam, unchanged)?, "Kerberos refuses a password that nobody changed");
    }
    browse("account.test.mjs", &job("change"))?;
    for (_, sam) in PEOPLE {
        let former = &world.forest.person(sam)?.password;
        ensure!(world.forest.kinit(sam, CHANGED)?, "Kerberos refuses what {sam} changed the password to");
        ensure!(!world.forest.kinit(sam, former)?, "Kerberos still takes the former password of {sam}");
    }
    Suite::Account.met_its_pages(&met)
}
