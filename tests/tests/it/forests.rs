//! Two real forests and their groups in one tenant: linked accounts, people who move, names that are used again.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use ritorno_identity::user::User;
use ritorno_lab::Forest;
use ritorno_lab::forest::ForestHandle;
use ritorno_storage::{GroupFilter, Store};

use crate::sync::{let_fill_anchors, tenant, wait_for, written_anchor};
use crate::world::World;

/// Accounts with one employee number are one person's; guests stay outside; a name to show is made of the others.
const RULES: &str = r#"
[[join]]
name = "employee"
key = "employeeID"

[[leave_out]]
name = "guests"
when = [{ attribute = "employeeType", equals = "guest" }]

[[flow]]
name = "shown"
to = "displayName"
expression = "sn ~ ', ' ~ givenName"
when = [{ ou = "OU=Linked,DC=fabrikam,DC=test" }]
"#;

/// Who is in which group of the tenant, by account names: the groups of Contoso.
pub(crate) fn groups(world: &World) -> Result<BTreeMap<String, BTreeSet<String>>> {
    groups_of(world, "contoso.test")
}

/// The same of the groups of one forest.
pub(crate) fn groups_of(world: &World, forest: &str) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let database = format!("sqlite:{}", world.stack.folder().join("cloud/ritorno.db").display());
    world.runtime.block_on(async {
        let store = Store::connect(&database).await?;
        let id = store.tenants().list().await?.first().context("there is a tenant")?.id;
        let forest = ritorno_protocol::ids::Forest(forest.into());
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let all = ritorno_storage::UserFilter::All;
        for user in store.users().list(id, &all, 1, 1_000).await?.users {
            if let Some(object) = user.on_premises() {
                names.insert(user.id.to_string(), object.account_name.clone());
            }
        }
        let page = store.groups().list(id, &GroupFilter::Forest(forest), 1, 100).await?.groups;
        for (group, _) in &page {
            let of = group.directory().context("a forest's group is a directory's")?;
            names.insert(group.id.to_string(), of.account_name.clone());
        }
        let mut groups = BTreeMap::new();
        for (group, _) in page {
            let members = store.groups().members(id, group.id).await?;
            groups.insert(
                names[&group.id.to_string()].clone(),
                members.iter().map(|(member, _)| names[member].clone()).collect(),
            );
        }
        store.close().await;
        Ok(groups)
    })
}

fn wait_for_groups(world: &World, expected: &[(&str, &[&str])]) -> Result<()> {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(name, members)| ((*name).to_owned(), set(members))).collect();
    // Whatever is there at the last moment is shown.
    wait_for(world, "the groups", |_| groups(world).is_ok_and(|now| now == expected))
        .with_context(|| format!("{:?}", groups(world)))
}

pub(crate) fn unit(forest: &ForestHandle, name: &str) -> Result<()> {
    let base = &forest.base_dn;
    forest.modify(&format!("dn: OU={name},{base}\nchangetype: add\nobjectClass: organizationalUnit\n"))
}

/// An account of the second forest.
pub(crate) fn linked(fabrikam: &ForestHandle, sam: &str, control: u32, more: &str) -> Result<()> {
    fabrikam.modify(&format!(
        "dn: CN={sam},OU=Linked,{}\nchangetype: add\nobjectClass: user\nsAMAccountName: {sam}\n\
         userPrincipalName: {sam}@fabrikam.test\nuserAccountControl: {control}\n{more}",
        fabrikam.base_dn
    ))
}

fn member(contoso: &ForestHandle, operation: &str, group: &str, dn: &str) -> Result<()> {
    let base = &contoso.base_dn;
    contoso.modify(&format!(
        "dn: CN={group},OU=Groups,{base}\nchangetype: modify\n{operation}: member\nmember: {dn}\n"
    ))
}

pub(crate) fn anchor(user: &User) -> Result<String> {
    Ok(user.on_premises().context("hybrid")?.source_anchor.0.clone())
}

/// The text of a person's SID (MS-DTYP 2.4.2.1).
fn text_of_sid(user: &User) -> Result<String> {
    let sid = &user.on_premises().context("hybrid")?.object_sid.0;
    let numbers = sid[8..]
        .chunks_exact(4)
        .map(|number| u32::from_le_bytes([number[0], number[1], number[2], number[3]]));
    Ok(numbers.fold("S-1-5".to_owned(), |text, number| format!("{text}-{number}")))
}

pub(crate) fn forest_of(user: &User) -> &str {
    user.on_premises().map_or("", |object| object.forest.0.as_str())
}

/// The agent serves both forests from now on, with these rules.
pub(crate) fn serve_both(world: &mut World, fabrikam: &ForestHandle) -> Result<()> {
    let folder = world.stack.folder().to_owned();
    let (configuration, rules, password) =
        (folder.join("agent.toml"), folder.join("rules.toml"), folder.join("fabrikam-password"));
    std::fs::write(&rules, RULES)?;
    std::fs::write(&password, &fabrikam.service_account.password)?;
    let text = std::fs::read_to_string(&configuration)?;
    let scope = text.lines().find(|line| line.starts_with("scope = ")).context("a scope")?.to_owned();
    let text = text.replace(
        &scope,
        &format!("{scope}\ngroups = [\"OU=Groups,{}\"]\nfill_consistency_guid = true", world.forest.base_dn),
    );
    let second = format!(
        "[[forest]]\nname = \"{}\"\nhosts = [\"{}\"]\ndns_servers = [\"{}\"]\naccount = \"{}\"\n\
         password_file = \"{}\"\nca_file = \"{}\"\nscope = [\"OU=Linked,{}\"]\n",
        fabrikam.dns_domain,
        fabrikam.dc_host,
        fabrikam.dc_ip,
        fabrikam.service_account.upn,
        password.display(),
        fabrikam.ca_pem.display(),
        fabrikam.base_dn,
    );
    let sync = format!("[sync]\nevery_seconds = 5\nrules_file = \"{}\"\n", rules.display());
    std::fs::write(&configuration, format!("{text}\n{second}\n{sync}"))?;
    let said = world.stack.agent_command(&["sync", "rules", "check"])?;
    ensure!(said.contains("fabrikam.test: the rules are good") && said.contains("employeeid"), "{said}");
    std::fs::write(&rules, RULES.replace("sn ~ ', '", "sn | shorten"))?;
    let wrong = world.stack.agent_command(&["sync", "rules", "check"]);
    let wrong = format!("{:#}", wrong.err().context("a filter that does not exist")?);
    ensure!(wrong.contains("rules.toml, line 13, column 20: ") && wrong.contains("shorten"), "{wrong}");
    std::fs::write(&rules, RULES)?;
    // What was configured can be carried to another agent, without keys and passwords.
    let carried = world.stack.agent_command(&["config", "export"])?;
    ensure!(carried.contains("OU=Linked") && carried.contains("employeeID"), "{carried}");
    ensure!(!carried.contains(&fabrikam.service_account.password), "a password was carried");
    let_fill_anchors(world)?;
    world.stack.stop_agent();
    world.stack.start_agent()
}

#[test]
fn two_forests_and_their_groups_are_one_tenant() -> Result<()> {
    let mut world = World::start("sync-forests", |contoso| {
        contoso.let_see_deletions()?;
        unit(contoso, "Groups")?;
        let base = &contoso.base_dn;
        let anna = contoso.person("anna.rossi")?.dn.clone();
        contoso.set_attribute(&anna, "employeeID", "e1")?;
        for (name, member) in [("Inner", contoso.person("marco.conti")?.dn.clone()), ("Sales", anna)] {
            contoso.modify(&format!(
                "dn: CN={name},OU=Groups,{base}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\nmember: {member}\n"
            ))?;
        }
        member(contoso, "add", "Sales", &format!("CN=Inner,OU=Groups,{base}"))
    })?;
    let before = tenant(&world)?;
    let fabrikam = world.lab.forest(Forest::Fabrikam)?;
    fabrikam.up()?;
    fabrikam.let_see_deletions()?;
    unit(&fabrikam, "Linked")?;
    linked(&fabrikam, "anna.linked", 514, "employeeID: e1\nsn: Rossi\ngivenName: Anna\n")?;
    linked(&fabrikam, "zoe.neu", 512, "sn: Neu\ngivenName: Zoe\n")?;
    linked(&fabrikam, "gast.konto", 512, "employeeType: Guest\n")?;
    serve_both(&mut world, &fabrikam)?;

    // The enabled account of a linked person counts; the other one's forest has its own rules, and a guest stays out.
    wait_for(&world, "the second forest", |people| people.contains_key("zoe.neu"))?;
    let people = tenant(&world)?;
    ensure!(people["zoe.neu"].display_name == "Neu, Zoe" && forest_of(&people["zoe.neu"]) == "fabrikam.test");
    ensure!(!people.contains_key("anna.linked") && !people.contains_key("gast.konto"), "{:?}", people.keys());
    ensure!(
        people["anna.rossi"].id == before["anna.rossi"].id
            && forest_of(&people["anna.rossi"]) == "contoso.test"
    );
    let said = world.stack.agent_command(&["sync", "search", "anna.linked"])?;
    ensure!(said.contains("joined"), "{said}");
    let said = world.stack.agent_command(&["sync", "preview", "gast.konto"])?;
    ensure!(said.contains("left out by guests"), "{said}");
    wait_for_groups(&world, &[("Inner", &["marco.conti"]), ("Sales", &["anna.rossi", "Inner"])])?;

    // A member comes, one goes, one is renamed and moved to another unit: who is in which group follows.
    let contoso = &world.forest;
    let dn = |sam: &str| contoso.person(sam).map(|person| person.dn.clone());
    unit(contoso, "Elsewhere,OU=People")?;
    contoso.modify(&format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: CN=Emma Bianchi\ndeleteoldrdn: 1\nnewsuperior: OU=Elsewhere,OU=People,{}\n",
        dn("emma.fischer")?,
        contoso.base_dn
    ))?;
    member(contoso, "add", "Inner", &format!("CN=Emma Bianchi,OU=Elsewhere,OU=People,{}", contoso.base_dn))?;
    member(contoso, "delete", "Sales", &dn("anna.rossi")?)?;
    wait_for_groups(&world, &[("Inner", &["marco.conti", "emma.fischer"]), ("Sales", &["Inner"])])?;
    let people = tenant(&world)?;
    ensure!(people["emma.fischer"].id == before["emma.fischer"].id, "a rename and a move leave who she is");
    let said = world.stack.agent_command(&["sync", "search", "emma.fischer"])?;
    ensure!(said.contains("CN=Emma Bianchi,OU=Elsewhere,"), "{said}");

    // A person of the other forest in a group of this one, which knows her by her SID.
    let sid = text_of_sid(&people["zoe.neu"])?;
    let principal = format!("CN={sid},CN=ForeignSecurityPrincipals,{}", contoso.base_dn);
    // The controller makes the object that stands for her.
    member(contoso, "add", "Inner", &format!("<SID={sid}>"))?;
    wait_for_groups(
        &world,
        &[("Inner", &["marco.conti", "emma.fischer", "zoe.neu"]), ("Sales", &["Inner"])],
    )?;
    member(contoso, "delete", "Inner", &principal)?;
    wait_for_groups(&world, &[("Inner", &["marco.conti", "emma.fischer"]), ("Sales", &["Inner"])])?;

    // Moved to the other forest with the anchor that the agent wrote: the same person of the tenant, and in the groups of the first no more.
    let luca = &before["luca.esposito"];
    let luca_dn = dn("luca.esposito")?;
    wait_for(&world, "the anchor in the directory", |_| {
        written_anchor(&world, &luca_dn).is_ok_and(|written| written.is_some())
    })?;
    let written = written_anchor(&world, &luca_dn)?.context("it was written")?;
    ensure!(written == anchor(luca)?, "{written} is another anchor");
    linked(
        &fabrikam,
        "luca.moved",
        512,
        &format!("sn: Esposito\ngivenName: Luca\nmS-DS-ConsistencyGuid:: {written}\n"),
    )?;
    contoso.modify(&format!("dn: {}\nchangetype: delete\n", dn("luca.esposito")?))?;
    // A name that is used again is somebody else's.
    contoso.modify(&format!(
        "dn: {sofia}\nchangetype: delete\n\ndn: CN=Sofia Nuova,OU=People,{base}\nchangetype: add\nobjectClass: user\n\
         sAMAccountName: sofia.romano\nuserPrincipalName: sofia.romano@contoso.test\nuserAccountControl: 512\n\
         displayName: Sofia Nuova\n",
        sofia = dn("sofia.romano")?,
        base = contoso.base_dn
    ))?;
    wait_for(&world, "who moved, and who is new", |people| {
        people.get("luca.moved").is_some_and(|user| user.id == luca.id)
            && people.get("sofia.romano").is_some_and(|user| user.id != before["sofia.romano"].id)
    })?;
    let people = tenant(&world)?;
    ensure!(forest_of(&people["luca.moved"]) == "fabrikam.test" && !people.contains_key("luca.esposito"));
    ensure!(people["luca.moved"].display_name == "Esposito, Luca", "by that forest's rules");

    // The other account of the linked person becomes the enabled one: its anchor is another, and an anchor is immutable. The fault
    // names both, and giving the account the person's anchor mends it.
    contoso.set_attribute(&dn("anna.rossi")?, "userAccountControl", "514")?;
    let other = format!("CN=anna.linked,OU=Linked,{}", fabrikam.base_dn);
    fabrikam.set_attribute(&other, "userAccountControl", "512")?;
    wait_for(&world, "the disabled account", |people| !people["anna.rossi"].enabled)?;
    wait_for(&world, "the fault", |_| {
        let said = world.stack.agent_command(&["sync", "search", "anna.linked"]);
        said.is_ok_and(|said| {
            said.contains(&format!("source anchor was {}", anchor(&before["anna.rossi"]).unwrap_or_default()))
        })
    })?;
    fabrikam.modify(&format!(
        "dn: {other}\nchangetype: modify\nadd: mS-DS-ConsistencyGuid\nmS-DS-ConsistencyGuid:: {}\n",
        anchor(&before["anna.rossi"])?
    ))?;
    wait_for(&world, "the other account", |people| {
        people.get("anna.linked").is_some_and(|user| user.enabled && user.id == before["anna.rossi"].id)
    })
}
