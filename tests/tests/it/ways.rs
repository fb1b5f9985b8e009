//! Every method in a real Chromium, by keyboard and on a phone (`tests/browser/ways.test.mjs`), then the back button and two tabs
//! (`tests/browser/tabs.test.mjs`), and what the directory says afterwards.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::browser::browse;
use crate::pages::{Suite, met_file};
use crate::world::World;

/// Who opens the gate with what, and how.
const WAYS: [(&str, &str); 14] = [
    ("mail-keyboard", "anna.rossi"),
    ("mail-phone", "marco.conti"),
    ("sms-keyboard", "giulia.ferrari"),
    ("sms-phone", "luca.esposito"),
    ("app-keyboard", "sofia.romano"),
    ("app-phone", "davide.colombo"),
    ("passkey-keyboard", "chiara.ricci"),
    ("passkey-phone", "matteo.marino"),
    ("recovery-code-keyboard", "francesca.costa"),
    ("recovery-code-phone", "andrea.fontana"),
    ("help-desk-keyboard", "martina.caruso"),
    ("help-desk-phone", "stefano.moretti"),
    ("questions-keyboard", "laura.barbieri"),
    ("questions-phone", "nicolo.lombardi"),
];

/// Who goes back, reloads, and has two tabs open.
const TABS: [(&str, &str); 6] = [
    ("back-en", "emma.fischer"),
    ("back-it", "lukas.weber"),
    ("tabs-en", "pierre.dubois"),
    ("tabs-it", "emily.clarke"),
    ("again-en", "lars.nilsson"),
    ("again-it", "joao.silva"),
];

/// What each of them chooses.
const CHOSEN: &str = "Scelta-Passw0rd-2031";

#[test]
fn every_method_opens_the_gate_by_keyboard_and_on_a_phone_and_tabs_get_nobody_lost() -> Result<()> {
    let mut world = World::start("ways", |_| Ok(()))?;
    let met = met_file(&world.stack);
    let gateway = world.text_messages()?;
    let mut people = serde_json::Map::new();
    for (at, (role, sam)) in WAYS.iter().chain(&TABS).enumerate() {
        let person = world.forest.person(sam)?;
        people.insert(
            (*role).to_owned(),
            json!({
                "upn": person.upn, "address": person.alternate_mail, "current": person.password, "password": CHOSEN,
                "number": format!("{}", 7_654_300 + at),
            }),
        );
    }
    let job = |phase: &str| -> Value {
        json!({
            "phase": phase, "url": world.stack.url, "ca": world.stack.ca_pem, "mail": world.mail.page(), "met": met,
            "sms_port": gateway.port(), "administrator": world.stack.administrator, "people": people,
            "artifacts": concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts"),
        })
    };
    let set = |gates: &[&str]| world.stack.server_command(&[&["tenant", "gates"], gates].concat());
    set(&["1", "mail", "sms", "app", "passkey", "recovery-code", "temporary-pass"])?;
    browse("ways.test.mjs", &job("one"))?;
    browse("tabs.test.mjs", &job("tabs"))?;
    set(&["2", "mail", "questions"])?;
    browse("ways.test.mjs", &job("two"))?;
    for (role, sam) in WAYS.iter().chain(&TABS) {
        ensure!(world.forest.kinit(sam, CHOSEN)?, "{role}: Kerberos refuses the password that was chosen");
        let first = &world.forest.person(sam)?.password;
        ensure!(!world.forest.kinit(sam, first)?, "{role}: Kerberos still takes the forgotten password");
    }
    Suite::Ways.met_its_pages(&met).context("tests/tests/it/pages.rs says which pages these are")
}
