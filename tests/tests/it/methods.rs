//! Authenticator app, recovery codes and two gates in a real Chromium (`tests/browser/methods.test.mjs`), and what the directory
//! says afterwards.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::browser::browse;
use crate::world::World;

/// Who does what, and what they choose.
const PEOPLE: [(&str, &str, &str); 3] = [
    ("owner", "marco.conti", "Con-App-Passw0rd-1"),
    ("keyboard", "luca.esposito", "Con-Carta-Passw0rd-2"),
    ("both", "sofia.romano", "Con-Due-Passw0rd-3"),
];

#[test]
fn people_register_their_methods_and_reset_with_them() -> Result<()> {
    // Their first passwords: one that has replaced another within the hour proves nothing.
    let world = World::start("methods", |_| Ok(()))?;
    let mut people = serde_json::Map::new();
    for (role, sam, password) in PEOPLE {
        let person = world.forest.person(sam)?;
        people.insert(
            role.to_owned(),
            json!({
                "upn": person.upn, "address": person.alternate_mail,
                "current": person.password, "password": password,
            }),
        );
    }
    let job = |phase: &str| {
        json!({
            "phase": phase, "url": world.stack.url, "ca": world.stack.ca_pem, "mail": world.mail.page(),
            "people": people, "artifacts": concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts"),
        })
    };
    browse("methods.test.mjs", &job("register"))?;
    let told = world.stack.server_command(&["tenant", "gates", "2", "mail", "app"])?;
    ensure!(told.contains("2 of mail, app, 2 to register"), "{told}");
    browse("methods.test.mjs", &job("two"))?;
    for (role, sam, password) in PEOPLE {
        ensure!(world.forest.kinit(sam, password)?, "{role}: Kerberos refuses the password that was chosen");
        let first = &world.forest.person(sam)?.password;
        ensure!(!world.forest.kinit(sam, first)?, "{role}: Kerberos still takes the forgotten password");
    }
    Ok(())
}
