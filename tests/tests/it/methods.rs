//! Authenticator app, passkeys, recovery codes and two gates in a real Chromium (`tests/browser/methods.test.mjs`), and what the directory
//! says afterwards.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::browser::browse;
use crate::world::World;

/// Who does what, and what they choose.
const PEOPLE: [(&str, &str, &str); 8] = [
    ("owner", "marco.conti", "Con-App-Passw0rd-1"),
    ("keyboard", "luca.esposito", "Con-Carta-Passw0rd-2"),
    ("both", "sofia.romano", "Con-Due-Passw0rd-3"),
    ("change", "emma.fischer", "Cambiata-Passw0rd-4"),
    ("must", "davide.colombo", "Dovuta-Passw0rd-5"),
    ("expired", "andrea.fontana", "Scaduta-Passw0rd-6"),
    ("caller", "giulia.ferrari", "Chiamata-Passw0rd-7"),
    ("passkey", "francesca.costa", "Con-Chiave-Passw0rd-8"),
];

/// The policy under which a password has expired after a second.
fn expiring(domain: &str) -> String {
    let components: Vec<String> = domain.split('.').map(|part| format!("DC={part}")).collect();
    format!("CN=Expiring,CN=Password Settings Container,CN=System,{}", components.join(","))
}

/// Puts that policy on a person.
fn expires_at_once(domain: &str, person: &str) -> String {
    format!(
        "dn: {}\nchangetype: add\n\
         objectClass: msDS-PasswordSettings\nmsDS-PasswordSettingsPrecedence: 3\n\
         msDS-PasswordReversibleEncryptionEnabled: FALSE\nmsDS-PasswordHistoryLength: 0\n\
         msDS-PasswordComplexityEnabled: TRUE\nmsDS-MinimumPasswordLength: 8\nmsDS-MinimumPasswordAge: 0\n\
         msDS-MaximumPasswordAge: -10000000\nmsDS-LockoutThreshold: 10\n\
         msDS-LockoutObservationWindow: -18000000000\nmsDS-LockoutDuration: -18000000000\n\
         msDS-PSOAppliesTo: {person}\n",
        expiring(domain)
    )
}

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
            "people": people, "administrator": world.stack.administrator, "artifacts": concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts"),
        })
    };
    let dn = |sam: &str| anyhow::Ok(world.forest.person(sam)?.dn.clone());
    let must = dn("davide.colombo")?;
    world.forest.modify(&format!("dn: {must}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: 0\n"))?;
    world.forest.modify(&expires_at_once(&world.forest.dns_domain, &dn("andrea.fontana")?))?;
    for sam in ["davide.colombo", "andrea.fontana"] {
        let first = &world.forest.person(sam)?.password;
        // Neither taken nor wrong: Kerberos asks for another one.
        ensure!(world.forest.kinit(sam, first).is_err(), "{sam} need not change the password");
    }
    browse("methods.test.mjs", &job("register"))?;
    browse("methods.test.mjs", &job("change"))?;
    browse("methods.test.mjs", &job("desk"))?;
    // Under it the new password expires at once as well: it is taken away before that one is tried.
    let policy = expiring(&world.forest.dns_domain);
    world.forest.modify(&format!("dn: {policy}\nchangetype: delete\n"))?;
    world.stack.server_command(&["tenant", "help-desk", "mailto:aiuto@contoso.test"])?;
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
