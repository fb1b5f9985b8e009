//! What changes who is in the tenant without anybody being touched: another scope, another primary group, and staging.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};

use crate::forests::groups;
use crate::sync::tenant;
use crate::world::World;

fn configured(world: &World, alter: impl FnOnce(&str) -> String) -> Result<()> {
    let file = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&file)?;
    let altered = alter(&text);
    ensure!(altered != text, "nothing was altered");
    Ok(std::fs::write(file, altered)?)
}

#[test]
fn a_unit_that_is_left_out_removes_nobody_until_that_list_is_approved() -> Result<()> {
    let mut world = World::start("sync-scope", |_| Ok(()))?;
    world.stack.stop_agent();
    let agent = |arguments: &[&str]| world.stack.agent_command(arguments);
    let before = tenant(&world)?;
    let left = "OU=Vendite";
    let outside: BTreeSet<String> = {
        let all = world.forest.people.iter();
        all.filter(|person| !person.dn.contains(left)).map(|person| person.sam.clone()).collect()
    };
    ensure!(outside.len() > 5 && outside.len() < before.len(), "{} of {}", outside.len(), before.len());
    // Only one of the units is ticked now: far fewer go than the guard lets through in a day.
    let (wide, narrow) = (world.forest.people_ou.clone(), format!("{left},{}", world.forest.people_ou));
    configured(&world, |text| {
        text.replace(&format!("scope = [\"{wide}\"]"), &format!("scope = [\"{narrow}\"]"))
    })?;
    ensure!(agent(&["sync", "cycle"]).is_err(), "the guard holds the export");
    ensure!(tenant(&world)?.len() == before.len(), "nobody has gone");
    let list = agent(&["sync", "removals", "contoso.test"])?;
    ensure!(list.contains(&format!("{} in all", outside.len())), "{list}");
    ensure!(
        agent(&["sync", "cycle", "--full"]).is_err() && tenant(&world)?.len() == before.len(),
        "nor later"
    );
    // Ticked again, nothing was to be decided.
    configured(&world, |text| text.replace(&narrow, &wide))?;
    agent(&["sync", "cycle"])?;
    ensure!(agent(&["sync", "pending"])?.contains("would send nothing"), "as before");
    configured(&world, |text| {
        text.replace(&format!("scope = [\"{wide}\"]"), &format!("scope = [\"{narrow}\"]"))
    })?;
    ensure!(agent(&["sync", "cycle"]).is_err(), "held again");
    let list = agent(&["sync", "removals", "contoso.test"])?;
    let digest = list.split("sync approve ").nth(1).context("the list names its digest")?;
    agent(&["sync", "approve", digest.trim()])?;
    agent(&["sync", "cycle"])?;
    let now = tenant(&world)?;
    let gone: BTreeSet<String> = before.keys().filter(|name| !now.contains_key(*name)).cloned().collect();
    ensure!(gone == outside, "{gone:?}");
    Ok(())
}

#[test]
fn the_primary_group_is_a_membership_like_any_other() -> Result<()> {
    let mut world = World::start("sync-primary", |forest| {
        let base = &forest.base_dn;
        forest
            .modify(&format!("dn: OU=Groups,{base}\nchangetype: add\nobjectClass: organizationalUnit\n"))?;
        forest.modify(&format!(
            "dn: CN=Contabili,OU=Groups,{base}\nchangetype: add\nobjectClass: group\nsAMAccountName: contabili\n\n"
        ))
    })?;
    world.stack.stop_agent();
    let group = format!("CN=Contabili,OU=Groups,{}", world.forest.base_dn);
    let scope = format!("scope = [\"{}\"]", world.forest.people_ou);
    configured(&world, |text| {
        text.replace(&scope, &format!("{scope}\ngroups = [\"OU=Groups,{}\"]", world.forest.base_dn))
    })?;
    let found = world.forest.dc_exec(&[
        "ldbsearch",
        "-H",
        "/var/lib/samba/private/sam.ldb",
        "-s",
        "base",
        "-b",
        &group,
        "objectSid",
    ])?;
    let sid = found.lines().find_map(|line| line.strip_prefix("objectSid: ")).context("a SID")?;
    let rid = sid.rsplit('-').next().context("a RID")?.to_owned();
    world.stack.agent_command(&["sync", "cycle", "--full"])?;

    let [marco, luca] =
        ["marco.conti", "luca.esposito"].map(|sam| world.forest.person(sam).map(|one| one.dn.clone()));
    let (marco, luca) = (marco?, luca?);
    let expect = |what: &str, members: &[&str]| -> Result<()> {
        world.stack.agent_command(&["sync", "cycle"])?;
        let now = groups(&world)?.remove("contabili").context("the group is in the tenant")?;
        ensure!(now == members.iter().map(|name| (*name).to_owned()).collect(), "{what}: {now:?}");
        Ok(())
    };
    let member = |operation: &str, dn: &str| {
        world.forest.modify(&format!("dn: {group}\nchangetype: modify\n{operation}: member\nmember: {dn}\n"))
    };
    let primary = |rid: &str| world.forest.set_attribute(&marco, "primaryGroupID", rid);
    member("add", &marco)?;
    member("add", &luca)?;
    expect("both are named by the group", &["marco.conti", "luca.esposito"])?;
    // The controller takes him out of the group's own list by that (MS-ADTS 3.1.1.5.3.6).
    primary(&rid)?;
    expect("one is in it by his own primaryGroupID", &["marco.conti", "luca.esposito"])?;
    member("delete", &luca)?;
    expect("and alone", &["marco.conti"])?;
    primary("513")?;
    expect("the former primary group names him again", &["marco.conti"])?;
    member("delete", &marco)?;
    expect("until it does not", &[])
}

#[test]
fn an_agent_in_staging_writes_nothing_back_until_it_is_promoted() -> Result<()> {
    let world = World::start("sync-staging", |_| Ok(()))?;
    let (sam, password) = ("giulia.ferrari", "Quattro-Stagioni-1725");
    let before = world.version(sam)?;
    world.stack.agent_command(&["staging", "on"])?;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !world.stack.agent_command(&["status"])?.contains("writeback  off") {
        ensure!(std::time::Instant::now() < until, "it does not go into staging");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    ensure!(world.reset(sam, password).is_err(), "nobody writes for it");
    ensure!(
        world.version(sam)? == before && !world.forest.kinit(sam, password)?,
        "the directory is as it was"
    );
    world.stack.agent_command(&["staging", "off"])?;
    world.stack.wait_until_open()?;
    world.reset(sam, password)
}
