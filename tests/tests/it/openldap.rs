//! The whole way for people of an OpenLDAP server: imported, reset through the portal with each rule named, and never touched where they
//! may not be. One agent serves a forest of Active Directory beside it.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_lab::OpenLdap;
use ritorno_tests::visitor::{Answer, Choosing, Visitor};

use crate::sync::tenant;
use crate::world::World;

const NEW: &str = "ritornata parola 5";

fn pass_gate(world: &World, server: &OpenLdap, uid: &str, address: &str) -> Result<(Visitor, Choosing)> {
    let person = server.person(uid)?;
    let mut visitor = world.visitor(&format!("openldap.{uid}"))?;
    let choosing = world.runtime.block_on(visitor.pass_gate(&person.upn, &world.mail, address))?;
    Ok((visitor, choosing))
}

fn submit(world: &World, visitor: &Visitor, choosing: &Choosing, password: &str) -> Result<Answer> {
    world.runtime.block_on(visitor.reset(choosing, password, &world.random))
}

/// A reset that succeeds. Waits for the notice of it, so that it is not taken for the mail with the next code.
fn reset(world: &World, visitor: &Visitor, choosing: &Choosing, password: &str, address: &str) -> Result<()> {
    let before = world.mail.newest()?;
    let answer = submit(world, visitor, choosing, password)?;
    ensure!(answer.state == "done", "{answer:?}");
    world.mail.wait_for(address, before, Duration::from_secs(20)).map(drop)
}

#[test]
fn people_of_an_openldap_server_reset_their_passwords() -> Result<()> {
    let (world, server) = World::start_with_openldap("openldap")?;
    let anna = server.person("anna.rossi")?.clone();
    let (visitor, mut choosing) = pass_gate(&world, &server, "anna.rossi", &anna.alternate_mail)?;
    let policy = choosing.policy.clone().expect("the page is told the policy");
    ensure!((policy.minimum_length, policy.complexity, policy.history) == (8, false, 5), "{policy:?}");
    for (password, rule) in [("corta", "minimum_length"), (anna.password.as_str(), "history")] {
        let answer = submit(&world, &visitor, &choosing, password)?;
        ensure!(answer.broken_rule() == Some(rule), "{rule}: {answer:?}");
        ensure!(server.takes(&anna.dn, &anna.password)?, "{rule}: refused, but the password changed");
        if let Some(context) = answer.context {
            choosing.context = context;
        }
    }
    reset(&world, &visitor, &choosing, NEW, &anna.alternate_mail)?;
    ensure!(
        server.takes(&anna.dn, NEW)? && !server.takes(&anna.dn, &anna.password)?,
        "the new one alone works"
    );
    // The same name in the forest beside it is another person.
    ensure!(
        world.forest.kinit("anna.rossi", &world.forest.person("anna.rossi")?.password)?,
        "she is untouched"
    );
    world.reset("anna.rossi", "Ritornata-Passw0rd-5")?;
    ensure!(server.takes(&anna.dn, NEW)?, "and the other way round");

    // Under a policy of her own, which says when.
    let strict =
        server.people.iter().find(|person| person.traits.contains(&ritorno_lab::Trait::StrictPolicy));
    let strict = strict.expect("somebody is").clone();
    let (visitor, choosing) = pass_gate(&world, &server, &strict.sam, &strict.alternate_mail)?;
    reset(&world, &visitor, &choosing, "una parola lunga davvero", &strict.alternate_mail)?;
    let (visitor, choosing) = pass_gate(&world, &server, &strict.sam, &strict.alternate_mail)?;
    let answer = submit(&world, &visitor, &choosing, "una parola lunga ancora")?;
    ensure!(answer.broken_rule() == Some("minimum_age"), "{answer:?}");

    // An administrator is not touched, and is told so only after the gate.
    let admin = server.people.iter().find(|person| person.traits.contains(&ritorno_lab::Trait::DomainAdmin));
    let admin = admin.expect("somebody is").clone();
    let told = pass_gate(&world, &server, &admin.sam, &admin.alternate_mail).map(drop);
    let told = told.expect_err("no password may be chosen").to_string();
    ensure!(told.contains("SSPR_0029"), "{told}");
    ensure!(server.takes(&admin.dn, &admin.password)?, "an administrator's password changed");

    // What changes at the server comes by the next import: the code goes to the new address.
    let luca = server.person("luca.esposito")?.clone();
    let address = "luca.nuovo@mail.test";
    server.modify(&format!(
        "dn: {}\nchangetype: modify\nreplace: mailRoutingAddress\nmailRoutingAddress: {address}\n",
        luca.dn
    ))?;
    for (connector, profile) in
        [(server.name, "delta-import"), (server.name, "delta-sync"), ("all", "export")]
    {
        world.stack.agent_command(&["sync", "run", connector, profile])?;
    }
    pass_gate(&world, &server, "luca.esposito", address)?;
    // So does somebody who is new, and that they are gone.
    let dn = format!("uid=neu.hier,{}", server.people_ou);
    server.modify(&format!(
        "dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: Neu Hier\nsn: Hier\nmail: neu.hier@tailspin.test\n"
    ))?;
    world.stack.agent_command(&["sync", "cycle"])?;
    ensure!(tenant(&world)?.contains_key("neu.hier"), "whoever came is there after one cycle");
    server.delete(&dn)?;
    world.stack.agent_command(&["sync", "cycle"])?;
    ensure!(
        !tenant(&world)?.contains_key("neu.hier"),
        "whoever went is gone after one cycle, and not by the night"
    );
    let history = world.stack.agent_command(&["sync", "status"])?;
    ensure!(!history.contains("none to go on from"), "where the next delta goes on is known: {history}");
    ensure!(!history.contains("in place of a delta import"), "{history}");
    a_rule_reads_its_own_attribute(&world, &server)
}

/// An attribute that only the organisation's own rules ask for is read.
fn a_rule_reads_its_own_attribute(world: &World, server: &OpenLdap) -> Result<()> {
    let rules = world.stack.folder().join("rules.toml");
    let guests =
        "[[leave_out]]\nname = \"guests\"\nwhen = [{ attribute = \"employeeType\", equals = \"guest\" }]\n";
    std::fs::write(&rules, guests)?;
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    std::fs::write(&configuration, format!("{text}\n[sync]\nrules_file = \"{}\"\n", rules.display()))?;
    let person = |uid: &str, kind: &str| {
        format!(
            "dn: uid={uid},{}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: {uid}\nsn: Hier\n\
             mail: {uid}@tailspin.test\nemployeeType: {kind}\n\n",
            server.people_ou
        )
    };
    server.modify(&(person("gast.hier", "guest") + &person("fest.hier", "staff")))?;
    world.stack.agent_command(&["sync", "cycle"])?;
    let people = tenant(world)?;
    ensure!(people.contains_key("fest.hier") && !people.contains_key("gast.hier"), "the rule sees it");
    let said = world.stack.agent_command(&["sync", "preview", "gast.hier"])?;
    ensure!(said.contains("guests"), "and is named: {said}");
    Ok(())
}
