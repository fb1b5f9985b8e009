//! The pages in a real Chromium (`tests/browser/*.test.mjs`), and what the directory says about it afterwards.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_lab::command::run;
use ritorno_lab::forest::ForestHandle;
use ritorno_lab::middlebox::interfaces_stay;
use ritorno_lab::stack::{Plan, Programs, Stack};
use ritorno_lab::{Forest, Lab};
use serde_json::{Value, json};

use crate::pages::{Suite, met_file};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser");
/// Long enough for the PSO, and of four classes.
const BEFORE: &str = "Prima-Passw0rd-2026";

/// Who does what in `portal.test.mjs`, and the password that they have at the end; none if theirs must not change.
const PEOPLE: &[(&str, &str, Option<&str>)] = &[
    ("happy", "marco.conti", Some("Felice-Passw0rd-1")),
    ("keyboard", "luca.esposito", Some("Tastiera-Passw0rd-2")),
    ("twice", "emma.fischer", Some("Doppio-Passw0rd-3")),
    ("history", "sofia.romano", Some("Storia-Passw0rd-4")),
    ("refused", "davide.colombo", None),
    ("lost", "pierre.dubois", Some("Ritrovata-Passw0rd-6")),
    ("codes", "andrea.fontana", None),
    ("young", "paolo.bianchi", None),
    ("names", "chiara.ricci", None),
];

/// Who takes what the page suggests: a password that nobody else knows.
const SUGGESTED: &str = "piotr.wisniewski";

/// A ring and a bar, 200 by 80 pixels, in base64.
const LOGO: &str = "iVBORw0KGgoAAAANSUhEUgAAAMgAAABQAQMAAABmo6jzAAAABlBMVEX///+KFTim1xOiAAAAAnRSTlMA/1uRIrUAAADnSURB\
    VHja1ZVLDoMwDERBLFhyBI6So6VHy1E4AksWCBfL6kfKvEjtoqLZVOpDztixx113iWN202A0WzVJZgcFg3CDkwWugYtmJzsI\
    AAnZiZE0Ka4PUkC0lD0GEbKn8+9TxCbTKb1MaPZckiLJA00q1eyXjyrV7IIHRSJ9VYT4Otekf5BSkyMUCrJHVqUu6BY1Wj4h\
    a1R8qR9hffshYq+zP8MM1yQlyvdnqrnW9D78pt90CPdbq0epr3kWGvPDM8dzyrPNfsAewr7DXsX+xp7IPtrwXvZr9njeC7xL\
    eP80dhbvOd6Nvzh3Aub1M8DWJIYAAAAASUVORK5CYII=";

#[test]
fn people_reset_their_passwords_in_a_browser() -> Result<()> {
    let lab = Lab::open()?.private("browser")?;
    let forest = lab.forest(Forest::Contoso)?;
    forest.up()?;
    let mail = lab.mail()?;
    mail.start()?;
    let built = std::env::current_exe()?;
    let built = built.ancestors().nth(2).context("the test runs outside of cargo's folders")?;
    let folder = lab.folder().join("stack");
    let mut stack = Stack::start(
        &lab,
        &Plan {
            programs: &Programs::in_folder(built)?,
            folder: &folder,
            forest: &forest,
            openldap: None,
            mail: &mail,
            database: None,
            port: None,
            end_with_thread: false,
            beyond: None,
            owner: None,
        },
    )?;
    let mut people = serde_json::Map::new();
    for (role, sam, password) in PEOPLE {
        let person = forest.person(sam)?;
        // Now, so that the minimum age of the PSO has just begun.
        forest.set_password(&person.dn, BEFORE)?;
        let (upn, address) = (&person.upn, &person.alternate_mail);
        people.insert(
            (*role).to_owned(),
            json!({ "upn": upn, "address": address, "password": password, "used": BEFORE }),
        );
    }
    let person = forest.person(SUGGESTED)?;
    forest.set_password(&person.dn, BEFORE)?;
    people.insert("suggested".to_owned(), json!({ "upn": person.upn, "address": person.alternate_mail }));
    let met = met_file(&stack);
    let job = |phase: &str, stack: &Stack, stopped_at: u64| {
        json!({
            "phase": phase, "stopped_at": stopped_at, "url": stack.url, "ca": stack.ca_pem,
            "mail": mail.page(), "people": people, "met": met, "artifacts": concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts"),
        })
    };
    // All of it in the tenant's own colours, with its logo: as well to read, and as light.
    let logo = folder.join("logo.png");
    std::fs::write(&logo, STANDARD.decode(LOGO)?)?;
    let logo = logo.to_string_lossy();
    stack.server_command(&["tenant", "brand", "--accent", "#8a1538", "--logo", &logo])?;
    browse("portal.test.mjs", &job("all", &stack, 0))?;
    stack.server_command(&["tenant", "set", "second-factor", "on"])?;
    let mut console = job("all", &stack, 0);
    console["administrators"] =
        json!({ "en": administrator(&stack, "ellen")?, "it": administrator(&stack, "ivo")? });
    browse("console.test.mjs", &console)?;
    let mut app = job("all", &stack, 0);
    app["app_administrators"] =
        json!({ "en": administrator(&stack, "eva")?, "it": administrator(&stack, "irma")? });
    browse("console-app.test.mjs", &app)?;
    console["administrators"] =
        json!({ "en": administrator(&stack, "erin")?, "it": administrator(&stack, "ida")? });
    browse("console-passkeys.test.mjs", &console)?;
    stack.server_command(&["tenant", "set", "second-factor", "off"])?;
    prove(&forest)?;
    ensure!(!forest.kinit(SUGGESTED, BEFORE)?, "Kerberos still takes the old password of {SUGGESTED}");

    stack.server_command(&["tenant", "brand", "--clear"])?;
    stack.server_command(&["tenant", "set", "forbid-names", "on"])?;
    stack.server_command(&["tenant", "ban-words", "Contoso", "milano"])?;
    browse("portal.test.mjs", &job("names", &stack, 0))?;
    prove(&forest)?;

    stack.stop_agent();
    browse("portal.test.mjs", &job("down", &stack, now_ms()?))?;
    Suite::Browser.met_its_pages(&met)?;

    // Back again without touching anything else.
    stack.start_agent()?;
    stack.wait_until_open()?;
    let person = forest.person("giulia.ferrari")?;
    let staying = interfaces_stay();
    let said = run(
        Command::new("node").arg(Path::new(FOLDER).join("reset.mjs")),
        json!({
            "url": stack.url, "ca": stack.ca_pem, "upn": person.upn, "address": person.alternate_mail,
            "mail": mail.page(), "new_password": "Ritornata-Passw0rd-5", "language": "it",
        })
        .to_string()
        .as_bytes(),
    )?;
    drop(staying);
    eprintln!("{}", said.trim());
    // A tired person on a phone gets through in under a minute, by what `reset.mjs` assumes of them.
    let measured: Value = serde_json::from_str(said.trim())?;
    ensure!(measured["person_seconds"].as_u64().is_some_and(|seconds| seconds < 60), "{measured}");
    ensure!(
        forest.kinit(&person.sam, "Ritornata-Passw0rd-5")?,
        "the reset after the restart is not in the directory"
    );
    Ok(())
}

/// A global administrator who never signed in.
fn administrator(stack: &Stack, name: &str) -> Result<Value> {
    let said = stack.server_command(&["admin", "add", name, "--role", "global"])?;
    let password = said.split("password: ").nth(1).and_then(|rest| rest.split_whitespace().next());
    Ok(json!({ "administrator": name, "password": password.context("no password was printed")? }))
}

/// Runs the tests of one file, in one phase.
pub(crate) fn browse(file: &str, job: &Value) -> Result<()> {
    let _staying = interfaces_stay();
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .arg(Path::new(FOLDER).join(file))
        .env("RITORNO_BROWSER", job.to_string())
        .status()
        .context("these tests need Node.js")?;
    ensure!(status.success(), "{file} failed in phase {}", job["phase"]);
    Ok(())
}

/// Everybody's password is what it has to be, by Kerberos.
fn prove(forest: &ForestHandle) -> Result<()> {
    for (role, sam, password) in PEOPLE {
        let right = password.unwrap_or(BEFORE);
        ensure!(forest.kinit(sam, right)?, "{role}: Kerberos refuses the password that {sam} should have");
        if password.is_some() {
            ensure!(!forest.kinit(sam, BEFORE)?, "{role}: Kerberos still takes the old password of {sam}");
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the browser compares it with its own clock")]
fn now_ms() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}
