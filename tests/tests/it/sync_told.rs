//! What the commands of the synchronisation tell, and a person who was deleted and comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::forests::groups;
use crate::sync::tenant;
use crate::world::{World, programs};

/// A group in a unit of its own, with these members.
fn group(world: &World, name: &str, members: &[&str]) -> Result<()> {
    let members: String = members.iter().map(|dn| format!("member: {dn}\n")).collect();
    world.forest.modify(&format!(
        "dn: CN={name},OU=Groups,{}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\n{members}",
        world.forest.base_dn
    ))
}

/// Gives somebody this group as their primary one, which they have to be in (MS-ADTS 3.1.1.5.3.2). The controller takes them off its list
/// of members, and puts them on that of the former one.
fn give_primary(world: &World, dn: &str, group: &str) -> Result<()> {
    let filter = format!("(sAMAccountName={group})");
    let found =
        world.forest.dc_exec(&["ldbsearch", "-H", "/var/lib/samba/private/sam.ldb", &filter, "objectSid"])?;
    let sid = found.lines().find_map(|line| line.strip_prefix("objectSid: ")).context("a SID")?;
    let (_, rid) = sid.rsplit_once('-').context("a RID")?;
    world.forest.set_attribute(dn, "primaryGroupID", rid)
}

/// Brought back, a tombstone is in none of its groups, which the groups do not tell. One is put into a group anew before anybody looks.
#[test]
fn an_account_that_was_deleted_and_comes_back_is_the_same_person() -> Result<()> {
    let mut world = World::start("sync-undeleted", |forest| forest.let_see_deletions())?;
    world.stack.stop_agent();
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    let base = &world.forest.base_dn;
    world
        .forest
        .modify(&format!("dn: OU=Groups,{base}\nchangetype: add\nobjectClass: organizationalUnit\n"))?;
    let text = text.replacen("\nscope = ", &format!("\ngroups = [\"OU=Groups,{base}\"]\nscope = "), 1);
    std::fs::write(&configuration, format!("{text}\n[sync]\nsuspend_first_days = 7\n"))?;
    let cycle = || world.stack.agent_command(&["sync", "cycle"]);
    cycle()?;
    let before = tenant(&world)?;
    let gone = ["marco.conti", "emma.fischer"];
    let dns = gone
        .iter()
        .map(|sam| anyhow::Ok(world.forest.person(sam)?.dn.clone()))
        .collect::<Result<Vec<_>>>()?;
    let anna = world.forest.person("anna.rossi")?.dn.clone();
    group(&world, "Both", &[&dns[0], &dns[1], &anna])?;
    group(&world, "One", &[&dns[0]])?;
    group(&world, "Outer", &[&format!("CN=One,OU=Groups,{base}")])?;
    cycle()?;
    let in_groups = |both: &[&str], one: &[&str], outer: &[&str]| -> Result<()> {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected = [("Both", set(both)), ("One", set(one)), ("Outer", set(outer))];
        let expected: BTreeMap<String, BTreeSet<String>> =
            expected.into_iter().map(|(name, members)| (name.to_owned(), members)).collect();
        let now = groups(&world)?;
        ensure!(now == expected, "{now:?} and not {expected:?}");
        Ok(())
    };
    in_groups(&["marco.conti", "emma.fischer", "anna.rossi"], &["marco.conti"], &["One"])?;
    // Her primary group has her without naming her; when another one is, it names her again. To the tenant nothing of that shows.
    for primary in ["Both", "Domain Users"] {
        give_primary(&world, &anna, primary)?;
        cycle()?;
        in_groups(&["marco.conti", "emma.fischer", "anna.rossi"], &["marco.conti"], &["One"])?;
    }
    let full_imports = || -> Result<usize> {
        Ok(world.stack.agent_command(&["sync", "history", "--limit", "1000"])?.matches("full-import").count())
    };
    let before_deletion = full_imports()?;
    for dn in &dns {
        world.forest.modify(&format!("dn: {dn}\nchangetype: delete\n"))?;
    }
    cycle()?;
    let suspended = tenant(&world)?;
    ensure!(gone.iter().all(|sam| !suspended[*sam].enabled), "they are suspended first");

    for (sam, dn) in gone.iter().zip(&dns) {
        world.forest.undelete(sam, dn)?;
        // What a tombstone has lost.
        let shown = &before[*sam].display_name;
        world.forest.modify(&format!(
            "dn: {dn}\nchangetype: modify\nreplace: displayName\ndisplayName: {shown}\n-\n\
             replace: userPrincipalName\nuserPrincipalName: {sam}@contoso.test\n-\n\
             replace: userAccountControl\nuserAccountControl: 512\n"
        ))?;
    }
    let again = format!("dn: CN=One,OU=Groups,{base}\nchangetype: modify\nadd: member\nmember: {}\n", dns[1]);
    world.forest.modify(&again)?;
    cycle()?;
    in_groups(&["anna.rossi"], &["emma.fischer"], &["One"])?;
    let now = tenant(&world)?;
    for sam in gone {
        let (then, now) = (&before[sam], &now[sam]);
        ensure!(now.id == then.id && now.on_premises() == then.on_premises(), "{sam} is {now:?}");
        ensure!(now.enabled && now.display_name == then.display_name, "{sam} is {now:?}");
    }
    ensure!(now.len() == before.len(), "nobody else came or went");
    let said = world.stack.agent_command(&["sync", "pending"])?;
    ensure!(said.contains("would send nothing"), "{said}");
    // Deleted and brought back while nobody looked; a group as well, of which nothing is told but that it is there.
    world.forest.modify(&format!(
        "dn: {anna}\nchangetype: delete\n\ndn: CN=One,OU=Groups,{base}\nchangetype: delete\n"
    ))?;
    world.forest.undelete("anna.rossi", &anna)?;
    world.forest.undelete("One", &format!("CN=One,OU=Groups,{base}"))?;
    cycle()?;
    in_groups(&[], &[], &[])?;
    ensure!(full_imports()? == before_deletion, "all by deltas");
    Ok(())
}

#[test]
fn the_history_names_each_object_with_its_error_and_a_second_agent_previews_the_same_people() -> Result<()> {
    let mut world = World::start("sync-told", |_| Ok(()))?;
    world.stack.stop_agent();
    let dn = |sam: &str| world.forest.person(sam).map(|person| person.dn.clone());
    // One whose anchor is too short, and two who have the same one, of whom neither was there before.
    let mut ldif = format!(
        "dn: {}\nchangetype: modify\nadd: mS-DS-ConsistencyGuid\nmS-DS-ConsistencyGuid: short\n\n",
        dn("marco.conti")?
    );
    for sam in ["twin.one", "twin.two"] {
        ldif.push_str(&format!(
            "dn: CN={sam},{}\nchangetype: add\nobjectClass: user\nsAMAccountName: {sam}\nuserAccountControl: 514\n\
             mS-DS-ConsistencyGuid: sixteen bytes ok\n\n",
            world.forest.people_ou
        ));
    }
    world.forest.modify(&ldif)?;
    let agent = |arguments: &[&str]| world.stack.agent_command(arguments);
    agent(&["sync", "cycle"])?;
    let history = agent(&["sync", "history", "--all"])?;
    let run = |profile: &str| {
        let line = history.lines().find(|line| line.contains(profile));
        line.and_then(|line| line.split_whitespace().next()).map(str::to_owned).context("a run")
    };
    let import = agent(&["sync", "history", &run("delta-import")?])?;
    let too_short =
        format!("  {}: mS-DS-ConsistencyGuid has 5 bytes; a source anchor has 16", dn("marco.conti")?);
    ensure!(import.lines().any(|line| line == too_short), "{import}");
    ensure!(import.contains("completed with errors") && import.contains("1 errors"), "{import}");
    let synced = agent(&["sync", "history", &run("delta-sync")?])?;
    for (one, other) in [("twin.one", "twin.two"), ("twin.two", "twin.one")] {
        let told = |line: &str| {
            line.starts_with(&format!("  CN={one},"))
                && line.contains("another object has the same source anchor")
                && line.contains(&format!("CN={other},"))
        };
        ensure!(synced.lines().any(told), "{synced}");
    }
    ensure!(agent(&["sync", "history", "999999"]).is_err(), "there is no such run");

    // Configuration and rules of the first agent for a second one, which has a state of its own and no word to the tenant.
    let rules = world.stack.folder().join("rules.toml");
    std::fs::write(
        &rules,
        "[[leave_out]]\nname = \"not-emma\"\nwhen = [{ attribute = \"sAMAccountName\", equals = \"emma.fischer\" }]\n\n\
         [[flow]]\nname = \"shown\"\nto = \"displayName\"\nexpression = \"sn ~ ', ' ~ givenName\"\nprecedence = 10\n",
    )?;
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    std::fs::write(&configuration, format!("{text}\n[sync]\nrules_file = \"{}\"\n", rules.display()))?;
    let document = world.stack.folder().join("carried.toml");
    std::fs::write(&document, agent(&["config", "export"])?)?;
    let second = world.stack.folder().join("second");
    std::fs::create_dir_all(&second)?;
    let there = second.join("agent.toml");
    let said = Command::new(programs()?.agent)
        .arg("--config")
        .arg(&there)
        .args(["config", "import"])
        .arg(&document)
        .output()?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let imported = std::fs::read_to_string(&there)?;
    ensure!(
        imported.contains("mode = \"staging\"") && !imported.contains(&rules.display().to_string()),
        "{imported}"
    );
    let own = format!("state_dir = \"{}\"", second.join("state").display());
    let first =
        imported.lines().find(|line| line.starts_with("state_dir = ")).context("a folder")?.to_owned();
    std::fs::write(&there, imported.replace(&first, &own))?;
    let other = world.stack.enrol_further(&there)?;

    for profile in ["full-import", "full-sync"] {
        agent(&["sync", "run", "all", profile])?;
        other.command(&["sync", "run", "all", profile])?;
    }
    // He is in no store that never had him with a good anchor.
    let people = world.forest.people.iter().filter(|person| person.sam != "marco.conti");
    for person in people {
        let previews =
            [agent(&["sync", "preview", &person.sam])?, other.command(&["sync", "preview", &person.sam])?];
        // The tenant knows them by what the first one exported.
        let flows = previews.map(|text| {
            let of_person = text.lines().filter(|line| !line.starts_with("export"));
            of_person
                .map(|line| line.split(" (the tenant has").next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        });
        let without_source = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| line.split(", from ").next().unwrap_or_default().to_owned()).collect()
        };
        ensure!(without_source(&flows[0]) == without_source(&flows[1]), "{flows:#?}");
        let out = flows[1].iter().any(|line| line == "rules      left out by not-emma");
        ensure!(out == (person.sam == "emma.fischer"), "{flows:#?}");
    }
    ensure!(other.command(&["sync", "run", "all", "export"]).is_err(), "what was carried arrives in staging");
    Ok(())
}
