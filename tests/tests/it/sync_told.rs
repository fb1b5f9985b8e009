//! What the commands of the synchronisation tell, and a person who was deleted and comes back.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::forest::ForestHandle;

use crate::sync::tenant;
use crate::world::{World, programs};

/// Takes an account out of the deleted ones, as an administrator does over LDAP (MS-ADTS 3.1.1.5.3.7).
fn undelete(forest: &ForestHandle, sam: &str, dn: &str) -> Result<()> {
    let database = "/var/lib/samba/private/sam.ldb";
    let filter = format!("(sAMAccountName={sam})");
    let found = forest.dc_exec(&["ldbsearch", "-H", database, "--show-deleted", &filter, "objectGUID"])?;
    let guid =
        found.lines().find_map(|line| line.strip_prefix("objectGUID: ")).context("a deleted account")?;
    let (named, _) = dn.split_once(',').context("a DN has a parent")?;
    let gone = format!("{named}\\0ADEL:{guid},CN=Deleted Objects,{}", forest.base_dn);
    let ldif = format!(
        "dn: {gone}\ncontrol: 1.2.840.113556.1.4.417 true\nchangetype: modify\ndelete: isDeleted\n-\n\
         replace: distinguishedName\ndistinguishedName: {dn}\n"
    );
    let mut command = Command::new("ldapmodify")
        .args(["-x", "-D", &forest.administrator.upn, "-w", &forest.administrator.password])
        .args(["-H", &format!("ldaps://{}", forest.dc_ip)])
        .env("LDAPTLS_CACERT", &forest.ca_pem)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    command.stdin.take().context("it reads")?.write_all(ldif.as_bytes())?;
    let said = command.wait_with_output()?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    Ok(())
}

/// Samba brings back tombstones, which keep GUID, SID and account name and lose most else. Once its recycle bin is enabled, 4.24 brings
/// nothing back: it wants to remove `isRecycled`, which what is in the bin does not have.
#[test]
fn an_account_that_was_deleted_and_comes_back_is_the_same_person() -> Result<()> {
    let mut world = World::start("sync-undeleted", |forest| forest.let_see_deletions())?;
    world.stack.stop_agent();
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    std::fs::write(&configuration, format!("{text}\n[sync]\nsuspend_first_days = 7\n"))?;
    let cycle = || world.stack.agent_command(&["sync", "cycle"]);
    cycle()?;
    let before = tenant(&world)?;
    let gone = ["marco.conti", "emma.fischer"];
    let dns = gone
        .iter()
        .map(|sam| anyhow::Ok(world.forest.person(sam)?.dn.clone()))
        .collect::<Result<Vec<_>>>()?;
    for dn in &dns {
        world.forest.modify(&format!("dn: {dn}\nchangetype: delete\n"))?;
    }
    cycle()?;
    let suspended = tenant(&world)?;
    ensure!(gone.iter().all(|sam| !suspended[*sam].enabled), "they are suspended first");

    for (sam, dn) in gone.iter().zip(&dns) {
        undelete(&world.forest, sam, dn)?;
        // What a tombstone has lost.
        let shown = &before[*sam].display_name;
        world.forest.modify(&format!(
            "dn: {dn}\nchangetype: modify\nreplace: displayName\ndisplayName: {shown}\n-\n\
             replace: userPrincipalName\nuserPrincipalName: {sam}@contoso.test\n-\n\
             replace: userAccountControl\nuserAccountControl: 512\n"
        ))?;
    }
    cycle()?;
    let now = tenant(&world)?;
    for sam in gone {
        let (then, now) = (&before[sam], &now[sam]);
        ensure!(now.id == then.id && now.on_premises() == then.on_premises(), "{sam} is {now:?}");
        ensure!(now.enabled && now.display_name == then.display_name, "{sam} is {now:?}");
    }
    ensure!(now.len() == before.len(), "nobody else came or went");
    let said = world.stack.agent_command(&["sync", "pending"])?;
    ensure!(said.contains("would send nothing"), "{said}");
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
