//! Authenticator app, passkeys, recovery codes, security questions and two gates in a real Chromium (`tests/browser/methods.test.mjs`), and what the directory
//! says afterwards.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::browser::browse;
use crate::pages::{Suite, met_file};
use crate::world::World;

/// Who does what, and what they choose.
const PEOPLE: [(&str, &str, &str); 13] = [
    ("owner", "marco.conti", "Con-App-Passw0rd-1"),
    ("keyboard", "luca.esposito", "Con-Carta-Passw0rd-2"),
    ("both", "sofia.romano", "Con-Due-Passw0rd-3"),
    ("change", "emma.fischer", "Cambiata-Passw0rd-4"),
    ("must", "davide.colombo", "Dovuta-Passw0rd-5"),
    ("must-en", "stefano.moretti", "Dovuta-Passw0rd-12"),
    ("expired", "andrea.fontana", "Scaduta-Passw0rd-6"),
    ("expired-en", "chiara.ricci", "Scaduta-Passw0rd-13"),
    ("caller", "giulia.ferrari", "Chiamata-Passw0rd-7"),
    ("passkey", "francesca.costa", "Con-Chiave-Passw0rd-8"),
    ("mobile", "matteo.marino", "Con-Numero-Passw0rd-9"),
    ("directory", "laura.barbieri", "Con-Elenco-Passw0rd-10"),
    ("answers", "nicolo.lombardi", "Con-Domande-Passw0rd-11"),
];

/// Who is given a password by the help desk.
const GIVEN: [(&str, &str); 2] = [("given", "martina.caruso"), ("handed", "emily.clarke")];

/// The policy under which a password has expired after a second.
fn expiring(domain: &str) -> String {
    let components: Vec<String> = domain.split('.').map(|part| format!("DC={part}")).collect();
    format!("CN=Expiring,CN=Password Settings Container,CN=System,{}", components.join(","))
}

/// Puts that policy on people.
fn expires_at_once(domain: &str, people: [&str; 2]) -> String {
    let [one, other] = people;
    format!(
        "dn: {}\nchangetype: add\n\
         objectClass: msDS-PasswordSettings\nmsDS-PasswordSettingsPrecedence: 3\n\
         msDS-PasswordReversibleEncryptionEnabled: FALSE\nmsDS-PasswordHistoryLength: 0\n\
         msDS-PasswordComplexityEnabled: TRUE\nmsDS-MinimumPasswordLength: 8\nmsDS-MinimumPasswordAge: 0\n\
         msDS-MaximumPasswordAge: -10000000\nmsDS-LockoutThreshold: 10\n\
         msDS-LockoutObservationWindow: -18000000000\nmsDS-LockoutDuration: -18000000000\n\
         msDS-PSOAppliesTo: {one}\nmsDS-PSOAppliesTo: {other}\n",
        expiring(domain)
    )
}

#[test]
fn people_register_their_methods_and_reset_with_them() -> Result<()> {
    // Their first passwords: one that has replaced another within the hour proves nothing.
    let mut world = World::start("methods", |forest| {
        // One has a mobile number in the directory.
        let dn = &forest.person("laura.barbieri")?.dn;
        forest.modify(&format!("dn: {dn}\nchangetype: modify\nreplace: mobile\nmobile: +39 333 7654321\n"))
    })?;
    let gateway = world.text_messages()?;
    let met = met_file(&world.stack);
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
    let file_of = |role: &str| world.stack.folder().join(format!("{role}-password"));
    for (role, sam) in GIVEN {
        let person = world.forest.person(sam)?;
        let given = json!({ "upn": person.upn, "address": person.alternate_mail, "file": file_of(role) });
        people.insert(role.to_owned(), given);
    }
    let job = json!({
            "url": world.stack.url, "ca": world.stack.ca_pem, "mail": world.mail.page(),
            "people": people, "sms_port": gateway.port(), "administrator": world.stack.administrator, "met": met,
            "artifacts": concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts"),
    });
    let in_phase = |phase: &str| {
        let mut job = job.clone();
        job["phase"] = phase.into();
        job
    };
    let dn = |sam: &str| anyhow::Ok(world.forest.person(sam)?.dn.clone());
    let (must, expired) = (["davide.colombo", "stefano.moretti"], ["andrea.fontana", "chiara.ricci"]);
    for sam in must {
        let must = dn(sam)?;
        world
            .forest
            .modify(&format!("dn: {must}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: 0\n"))?;
    }
    let (one, other) = (dn(expired[0])?, dn(expired[1])?);
    world.forest.modify(&expires_at_once(&world.forest.dns_domain, [&one, &other]))?;
    for sam in must.iter().chain(&expired) {
        let first = &world.forest.person(sam)?.password;
        // Neither taken nor wrong: Kerberos asks for another one.
        ensure!(world.forest.kinit(sam, first).is_err(), "{sam} need not change the password");
    }
    browse("methods.test.mjs", &in_phase("register"))?;
    browse("change.test.mjs", &in_phase("change"))?;
    browse("help-desk.test.mjs", &in_phase("desk"))?;
    for (role, sam) in GIVEN {
        let (file, former) = (file_of(role), &world.forest.person(sam)?.password);
        let given = std::fs::read_to_string(&file)?;
        std::fs::remove_file(&file)?;
        // Neither taken nor wrong: Kerberos asks for another one.
        ensure!(
            world.forest.kinit(sam, &given).is_err(),
            "{sam} need not change the password that was given"
        );
        ensure!(
            !world.forest.kinit(sam, "Not-What-Was-Given-7")?,
            "any password of {sam} is asked to be changed"
        );
        ensure!(!world.forest.kinit(sam, former)?, "Kerberos still takes the former password of {sam}");
        let shown = world.forest.dc_exec(&["samba-tool", "user", "show", sam, "--attributes=pwdLastSet"])?;
        ensure!(shown.contains("pwdLastSet: 0"), "{sam}: {shown}");
    }
    // Under it the new password expires at once as well: it is taken away before that one is tried.
    let policy = expiring(&world.forest.dns_domain);
    world.forest.modify(&format!("dn: {policy}\nchangetype: delete\n"))?;
    world.stack.server_command(&["tenant", "help-desk", "mailto:aiuto@contoso.test"])?;
    let told = world.stack.server_command(&["tenant", "gates", "2", "mail", "app"])?;
    ensure!(told.contains("2 of mail, app, 2 to register"), "{told}");
    browse("methods.test.mjs", &in_phase("two"))?;
    world.stack.server_command(&["tenant", "gates", "1", "mail", "sms"])?;
    browse("gateway.test.mjs", &in_phase("sms"))?;
    let told = world.stack.server_command(&["tenant", "gates", "2", "mail", "questions"])?;
    ensure!(told.contains("5 to register, 3 asked, 0 of your own"), "{told}");
    let own = ["tenant", "questions", "--to-register", "4", "--own", "Quale albero c'è nel cortile?"];
    world.stack.server_command(&own)?;
    browse("questions.test.mjs", &in_phase("questions"))?;
    for (role, sam, password) in PEOPLE {
        ensure!(world.forest.kinit(sam, password)?, "{role}: Kerberos refuses the password that was chosen");
        let first = &world.forest.person(sam)?.password;
        ensure!(!world.forest.kinit(sam, first)?, "{role}: Kerberos still takes the forgotten password");
    }
    Suite::Methods.met_its_pages(&met)
}
