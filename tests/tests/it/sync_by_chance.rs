//! Some thousand operations by chance at a real controller, while the agent synchronises and is killed: in the end the tenant is what the
//! rules say of the directory, by a reading of both that is not the product's.
//!
//! The numbers are drawn anew in each run. A run that failed is made again with the seed that it printed: `RITORNO_SEED`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_storage::{GroupFilter, Store, UserFilter};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::ldap_tools::{Client, Entry};
use crate::sync::let_fill_anchors;
use crate::world::{World, programs};

const ROUNDS: u32 = 20;
/// Operations of a round: the first half before a cycle begins, the second one while it goes on.
const OPERATIONS: usize = 100;
/// So often a cycle ends unharmed, and both sides are compared.
const COMPARED_EVERY: u32 = 5;
/// Units with people, of which the last one begins outside of the scope, and groups.
const UNITS: usize = 4;
const GROUPS: usize = 8;
/// Those that are disabled or removed in a day without approval are no matter of this test.
const LIMITS: &str = "[limits]\ndeletions_per_day = 100000\nmemberships_per_day = 100000\n";
/// LDAP_SERVER_SHOW_DELETED_OID (MS-ADTS 3.1.1.3.4.1.14).
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";

/// The same run for the same seed: a linear congruence (Knuth's MMIX).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(self.below(all.len())) }
    }
}

/// Somebody whom the test made.
#[derive(Clone, Debug)]
struct Someone {
    dn: String,
    guid: Vec<u8>,
    enabled: bool,
}

/// What is at the controller, as the administrator's client reads it at the beginning of each round, and as the round goes on.
struct Playground<'a> {
    client: Client<'a>,
    base: String,
    chance: Chance,
    units: Vec<String>,
    people: BTreeMap<String, Someone>,
    deleted: BTreeMap<String, Someone>,
    /// DN and members.
    groups: BTreeMap<String, (String, BTreeSet<String>)>,
    made: u32,
    done: BTreeMap<&'static str, u32>,
}

impl Playground<'_> {
    fn unit_above(&self, outside: bool) -> String {
        if outside {
            format!("OU=Outside,{}", self.base)
        } else {
            format!("OU=Inside,OU=People,{}", self.base)
        }
    }

    /// Reads again what is there: who was undeleted may be in groups again, or not.
    fn read(&mut self) -> Result<()> {
        let filter = "(&(objectCategory=person)(sAMAccountName=c-*))";
        let attributes = ["sAMAccountName", "objectGUID", "userAccountControl"];
        let before = std::mem::take(&mut self.people);
        for entry in self.client.search(&self.base, filter, &attributes)? {
            let enabled = is_enabled(&entry);
            let guid = entry.bytes("objectGUID").context("a GUID")?.to_vec();
            let someone = Someone { dn: entry.dn(), guid, enabled };
            self.people.insert(entry.text("sAMAccountName").context("a name")?, someone);
        }
        for (name, someone) in before {
            if !self.people.contains_key(&name) {
                self.deleted.insert(name, someone);
            }
        }
        self.deleted.retain(|name, _| !self.people.contains_key(name));
        let groups = format!("OU=Groups,{}", self.base);
        self.groups.clear();
        for entry in self.client.search(&groups, "(objectClass=group)", &["sAMAccountName", "member"])? {
            let members = entry.all("member").into_iter().collect();
            self.groups.insert(entry.text("sAMAccountName").context("a name")?, (entry.dn(), members));
        }
        Ok(())
    }

    /// So many operations as LDIF.
    fn operations(&mut self, count: usize) -> String {
        let (mut ldif, mut made) = (String::new(), 0);
        while made < count {
            let kind = self.chance.below(100);
            if let Some((what, text)) = self.operation(kind) {
                *self.done.entry(what).or_default() += 1;
                ldif.push_str(&text);
                made += 1;
            }
        }
        ldif
    }

    fn operation(&mut self, kind: usize) -> Option<(&'static str, String)> {
        let names: Vec<String> = self.people.keys().cloned().collect();
        match kind {
            0..=17 => Some(("add", self.add())),
            18..=27 => {
                let name = self.chance.one_of(&names)?.clone();
                let value = self.chance.below(1_000);
                let dn = &self.people[&name].dn;
                Some((
                    "change",
                    format!(
                        "dn: {dn}\nchangetype: modify\nreplace: displayName\ndisplayName: Name {value}\n\n"
                    ),
                ))
            }
            28..=35 => {
                let name = self.chance.one_of(&names)?.clone();
                let someone = self.people.get_mut(&name)?;
                someone.enabled = !someone.enabled;
                // Enabled without a password, which PASSWD_NOTREQD (0x20) allows.
                let control = if someone.enabled { 0x220 } else { 0x222 };
                let dn = &someone.dn;
                Some((
                    "disable or enable",
                    format!(
                        "dn: {dn}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: {control}\n\n"
                    ),
                ))
            }
            36..=50 => {
                let name = self.chance.one_of(&names)?.clone();
                let (_, parent) = self.people[&name].dn.split_once(',')?;
                let (parent, to) = (parent.to_owned(), self.chance.one_of(&self.units.clone())?.clone());
                let (what, to) = if kind < 43 { ("rename", parent) } else { ("move", to) };
                let named = format!("CN={name} {}", self.chance.below(100_000));
                Some((what, self.renamed(&name, &named, &to)))
            }
            51 => {
                let unit = self.chance.below(UNITS);
                let outside = self.chance.below(3) == 0;
                let (from, above) = (self.units[unit].clone(), self.unit_above(outside));
                let to = format!("OU=unit{unit} {},{above}", self.chance.below(100_000));
                let (named, _) = to.split_once(',')?;
                let text = format!(
                    "dn: {from}\nchangetype: modrdn\nnewrdn: {named}\ndeleteoldrdn: 1\nnewsuperior: {above}\n\n"
                );
                self.units[unit].clone_from(&to);
                self.moved(&from, &to);
                Some(("rename or move a unit", text))
            }
            52..=61 => {
                let name = self.chance.one_of(&names)?.clone();
                let someone = self.people.remove(&name)?;
                for (_, members) in self.groups.values_mut() {
                    members.remove(&someone.dn);
                }
                let text = format!("dn: {}\nchangetype: delete\n\n", someone.dn);
                self.deleted.insert(name, someone);
                Some(("delete", text))
            }
            62..=67 => {
                let gone = self.deleted.iter().filter(|(_, someone)| !someone.guid.is_empty());
                let gone: Vec<String> = gone.map(|(name, _)| name.clone()).collect();
                let name = self.chance.one_of(&gone)?.clone();
                let someone = self.deleted.remove(&name)?;
                let unit = self.chance.one_of(&self.units.clone())?.clone();
                let (named, _) = someone.dn.split_once(',')?;
                let target =
                    format!("{named}\\0ADEL:{},CN=Deleted Objects,{}", dashed(&someone.guid), self.base);
                let dn = format!("CN={name} again,{unit}");
                // A tombstone has lost most but its names. Nothing else of this round is about them: what there is of them is read before
                // the next one.
                Some((
                    "undelete",
                    format!(
                        "dn: {target}\ncontrol: {SHOW_DELETED} true\nchangetype: modify\ndelete: isDeleted\n-\n\
                         replace: distinguishedName\ndistinguishedName: {dn}\n\n\
                         dn: {dn}\nchangetype: modify\nreplace: displayName\ndisplayName: {name} again\n\n"
                    ),
                ))
            }
            _ => {
                let group = format!("c-group{}", self.chance.below(GROUPS));
                let mut all: Vec<String> = self.people.values().map(|someone| someone.dn.clone()).collect();
                all.extend(
                    self.groups.iter().filter(|(name, _)| **name > group).map(|(_, (dn, _))| dn.clone()),
                );
                let members: Vec<String> = self.groups[&group].1.iter().cloned().collect();
                let (operation, candidates) =
                    if kind < 90 || members.is_empty() { ("add", all) } else { ("delete", members) };
                let member = self.chance.one_of(&candidates)?.clone();
                let (dn, members) = self.groups.get_mut(&group)?;
                let changed =
                    if operation == "add" { members.insert(member.clone()) } else { members.remove(&member) };
                let text = format!("dn: {dn}\nchangetype: modify\n{operation}: member\nmember: {member}\n\n");
                changed.then_some((if operation == "add" { "join a group" } else { "leave a group" }, text))
            }
        }
    }

    fn add(&mut self) -> String {
        self.made += 1;
        let (number, unit) = (self.made, self.chance.below(UNITS));
        let (name, dn) = (format!("c-{number:05}"), format!("CN=c-{number:05},{}", self.units[unit]));
        let text = format!(
            "dn: {dn}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\nuserPrincipalName: {name}@contoso.test\n\
             displayName: Person {number}\nuserAccountControl: 546\n\n"
        );
        // Their GUID is read before anything is done that needs it.
        self.people.insert(name, Someone { dn, guid: Vec::new(), enabled: false });
        text
    }

    fn renamed(&mut self, name: &str, named: &str, parent: &str) -> String {
        let from = self.people[name].dn.clone();
        let to = format!("{named},{parent}");
        self.moved(&from, &to);
        format!("dn: {from}\nchangetype: modrdn\nnewrdn: {named}\ndeleteoldrdn: 1\nnewsuperior: {parent}\n\n")
    }

    /// Whatever is at or below `from` is at or below `to` now.
    fn moved(&mut self, from: &str, to: &str) {
        let now = |dn: &str| dn.strip_suffix(from).map(|rest| format!("{rest}{to}"));
        for someone in self.people.values_mut() {
            if let Some(dn) = now(&someone.dn) {
                someone.dn = dn;
            }
        }
        for (_, members) in self.groups.values_mut() {
            *members = members.iter().map(|dn| now(dn).unwrap_or_else(|| dn.clone())).collect();
        }
    }
}

/// A GUID as text: its first three fields are stored in little-endian order (MS-DTYP 2.3.4.2).
fn dashed(guid: &[u8]) -> String {
    let hex = |order: &[usize]| order.iter().map(|at| format!("{:02x}", guid[*at])).collect::<String>();
    let fields = [&[3, 2, 1, 0][..], &[5, 4], &[7, 6], &[8, 9], &[10, 11, 12, 13, 14, 15]];
    fields.map(hex).join("-")
}

fn is_enabled(entry: &Entry) -> bool {
    entry
        .text("userAccountControl")
        .and_then(|bits| bits.parse::<i64>().ok())
        .is_some_and(|bits| bits & 2 == 0)
}

/// One side: people by their anchor, with account, principal name, name to show and whether they are enabled; groups by their anchor, with
/// their account and their members' anchors.
#[derive(Debug, Default, PartialEq, Eq)]
struct Side {
    people: BTreeMap<String, (String, String, String, bool)>,
    groups: BTreeMap<String, (String, BTreeSet<String>)>,
}

/// What the program's own rules say of the directory.
fn expected(client: &Client<'_>) -> Result<Side> {
    let base = &client.0.base_dn;
    let attributes = [
        "objectGUID",
        "mS-DS-ConsistencyGuid",
        "sAMAccountName",
        "userPrincipalName",
        "displayName",
        "userAccountControl",
    ];
    let anchor = |entry: &Entry| -> Result<String> {
        let own = entry.bytes("objectGUID").context("a GUID")?;
        Ok(STANDARD.encode(entry.bytes("mS-DS-ConsistencyGuid").unwrap_or(own)))
    };
    let (mut side, mut anchors) = (Side::default(), BTreeMap::new());
    let people = "(&(objectCategory=person)(objectClass=user))";
    for entry in client.search(&client.0.people_ou, people, &attributes)? {
        let account = entry.text("sAMAccountName").context("an account")?;
        let implied = format!("{account}@{}", client.0.dns_domain);
        let principal = entry.text("userPrincipalName").unwrap_or(implied);
        let shown = entry.text("displayName").context("a name to show")?;
        anchors.insert(entry.dn().to_lowercase(), anchor(&entry)?);
        side.people.insert(anchor(&entry)?, (account, principal, shown, is_enabled(&entry)));
    }
    let groups = client.search(
        &format!("OU=Groups,{base}"),
        "(objectClass=group)",
        &["objectGUID", "sAMAccountName", "member"],
    )?;
    for entry in &groups {
        anchors.insert(entry.dn().to_lowercase(), anchor(entry)?);
    }
    for entry in &groups {
        // Who is out of the scope is in no group of the tenant.
        let members =
            entry.all("member").iter().filter_map(|dn| anchors.get(&dn.to_lowercase()).cloned()).collect();
        side.groups.insert(anchor(entry)?, (entry.text("sAMAccountName").context("an account")?, members));
    }
    Ok(side)
}

/// What the tenant has.
fn tenant(world: &World) -> Result<Side> {
    let database = format!("sqlite:{}", world.stack.folder().join("cloud/ritorno.db").display());
    world.runtime.block_on(async {
        let store = Store::connect(&database).await?;
        let id = store.tenants().list().await?.first().context("there is a tenant")?.id;
        let (mut side, mut anchors) = (Side::default(), BTreeMap::new());
        for user in store.users().list(id, &UserFilter::All, 1, 5_000).await?.users {
            let Some(object) = user.on_premises() else { continue };
            let anchor = object.source_anchor.0.clone();
            anchors.insert(user.id.to_string(), anchor.clone());
            let person = (
                object.account_name.clone(),
                user.user_principal_name.clone(),
                user.display_name.clone(),
                user.enabled,
            );
            ensure!(
                side.people.insert(anchor, person).is_none(),
                "{} is there twice",
                user.user_principal_name
            );
        }
        let forest = GroupFilter::Forest(ritorno_protocol::ids::Forest(world.forest.dns_domain.clone()));
        let groups = store.groups().list(id, &forest, 1, 1_000).await?.groups;
        for (group, _) in &groups {
            let of = group.directory().context("a forest's group is a directory's")?;
            anchors.insert(group.id.to_string(), of.source_anchor.0.clone());
        }
        for (group, _) in groups {
            let members = store.groups().members(id, group.id).await?;
            let members = members.iter().map(|(member, _)| anchors[member].clone()).collect();
            let of = group.directory().context("a forest's group is a directory's")?;
            side.groups.insert(of.source_anchor.0.clone(), (of.account_name.clone(), members));
        }
        store.close().await;
        Ok(side)
    })
}

/// Compares both sides, and tells the first that differ.
fn compare(world: &World, client: &Client<'_>) -> Result<usize> {
    let (expected, found) = (expected(client)?, tenant(world)?);
    let differ = |anchor: &&String| expected.people.get(*anchor) != found.people.get(*anchor);
    for anchor in expected.people.keys().chain(found.people.keys()).filter(differ).take(3) {
        eprintln!(
            "{anchor}: {:?}, in the tenant {:?}",
            expected.people.get(anchor),
            found.people.get(anchor)
        );
    }
    ensure!(expected.people == found.people, "the people differ");
    ensure!(expected.groups.keys().eq(found.groups.keys()), "the groups differ");
    for (anchor, group) in &expected.groups {
        let there = &found.groups[anchor];
        ensure!(there == group, "the group {} differs: {:?}, in the tenant {:?}", group.0, group.1, there.1);
    }
    Ok(expected.people.len())
}

fn configure(world: &World) -> Result<()> {
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    let scope = text.lines().find(|line| line.starts_with("scope = ")).context("a scope")?.to_owned();
    let groups =
        format!("{scope}\ngroups = [\"OU=Groups,{}\"]\nfill_consistency_guid = true", world.forest.base_dn);
    std::fs::write(&configuration, text.replace(&scope, &groups).replace("[limits]\n", LIMITS))?;
    let_fill_anchors(world)
}

/// The store of one of the programs, to be written to.
async fn store(world: &World, file: &str) -> Result<sqlx::SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(world.stack.folder().join(file));
    Ok(options.busy_timeout(Duration::from_secs(10)).connect().await?)
}

/// Lets the tenant forget what it counted, and takes the agent's cookie away, or damages it.
fn between_rounds(world: &World, round: u32) -> Result<()> {
    world.runtime.block_on(async {
        let mut cloud = store(world, "cloud/ritorno.db").await?;
        sqlx::query("DELETE FROM limits WHERE name LIKE 'directory-%'").execute(&mut cloud).await?;
        let mut agent = store(world, "agent/sync.db").await?;
        let spoiled = match round {
            7 => "UPDATE connector SET watermark = NULL",
            13 => "UPDATE connector SET watermark = 'x' || watermark",
            _ => return Ok(()),
        };
        sqlx::query(spoiled).execute(&mut agent).await?;
        Ok(())
    })
}

/// Lets through what the agent's deletion guard holds, which is everybody of a unit that left the scope.
fn approve(world: &World) -> Result<bool> {
    let list = world.stack.agent_command(&["sync", "removals", &world.forest.dns_domain])?;
    let Some(digest) = list.split("sync approve ").nth(1) else { return Ok(false) };
    world.stack.agent_command(&["sync", "approve", digest.trim()])?;
    Ok(true)
}

/// A cycle to its end, and once more where the guard held it.
fn complete(world: &World) -> Result<()> {
    match world.stack.agent_command(&["sync", "cycle"]) {
        Err(_) if approve(world)? => world.stack.agent_command(&["sync", "cycle"]).map(drop),
        said => said.map(drop),
    }
}

fn cycle(world: &World) -> Result<Child> {
    let mut command = Command::new(programs()?.agent);
    command.arg("--config").arg(world.stack.folder().join("agent.toml")).args(["sync", "cycle"]);
    Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

#[test]
fn after_two_thousand_operations_the_tenant_is_what_the_rules_say_of_the_directory() -> Result<()> {
    let mut world = World::start("sync-chance", |forest| {
        forest.let_see_deletions()?;
        let base = &forest.base_dn;
        let unit = |dn: String| format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n\n");
        forest.modify(&unit(format!("OU=Inside,OU=People,{base}")))?;
        forest.modify(&unit(format!("OU=Outside,{base}")))?;
        forest.modify(&unit(format!("OU=Groups,{base}")))
    })?;
    world.stack.stop_agent();
    let seed = match std::env::var("RITORNO_SEED") {
        Ok(seed) => seed.parse().context("RITORNO_SEED is a number")?,
        Err(_) => {
            let mut bytes = [0; 8];
            world.random.fill(&mut bytes);
            u64::from_le_bytes(bytes)
        }
    };
    eprintln!("RITORNO_SEED={seed}");
    by_chance(&world, seed).with_context(|| format!("RITORNO_SEED={seed}"))
}

fn by_chance(world: &World, seed: u64) -> Result<()> {
    configure(world)?;
    let forest = &world.forest;
    let mut play = Playground {
        client: Client(forest),
        base: forest.base_dn.clone(),
        chance: Chance(seed),
        units: Vec::new(),
        people: BTreeMap::new(),
        deleted: BTreeMap::new(),
        groups: BTreeMap::new(),
        made: 0,
        done: BTreeMap::new(),
    };
    let mut first = String::new();
    for unit in 0..UNITS {
        let dn = format!("OU=unit{unit},{}", play.unit_above(unit + 1 == UNITS));
        first.push_str(&format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n\n"));
        play.units.push(dn);
    }
    for group in 0..GROUPS {
        first.push_str(&format!(
            "dn: CN=c-group{group},OU=Groups,{}\nchangetype: add\nobjectClass: group\nsAMAccountName: c-group{group}\n\n",
            play.base
        ));
    }
    for _ in 0..60 {
        first.push_str(&play.add());
    }
    play.client.modify(&first)?;
    world.stack.agent_command(&["sync", "cycle", "--full"])?;
    compare(world, &play.client)?;

    let mut killed = 0;
    for round in 1..=ROUNDS {
        between_rounds(world, round)?;
        approve(world)?;
        play.read()?;
        let (before, meanwhile) = (play.operations(OPERATIONS / 2), play.operations(OPERATIONS / 2));
        play.client.modify(&before)?;
        let mut agent = cycle(world)?;
        // A cycle takes about half a second.
        let patience = Duration::from_millis(play.chance.below(400) as u64);
        let is_compared = round % COMPARED_EVERY == 0;
        let client = &play.client;
        std::thread::scope(|scope| {
            let making = scope.spawn(|| client.modify(&meanwhile));
            if !is_compared {
                std::thread::sleep(patience);
                killed += usize::from(agent.try_wait()?.is_none());
                // SIGKILL.
                agent.kill()?;
            }
            agent.wait()?;
            making.join().map_err(|_| anyhow::anyhow!("the operations panicked"))?
        })?;
        if is_compared {
            // What came meanwhile may be what the guard holds.
            complete(world)?;
            let people = compare(world, &play.client).with_context(|| format!("after round {round}"))?;
            eprintln!("- round {round}: {people} people on both sides");
        }
    }
    eprintln!("- {:?}, {killed} cycles killed", play.done);
    ensure!(killed > 2, "only {killed} cycles went on when they were to be killed");
    ensure!(
        play.done.len() == 10 && play.done.values().sum::<u32>() == ROUNDS * OPERATIONS as u32,
        "{:?}",
        play.done
    );

    // Once more everything is read, on both sides, and there is nothing left to be done.
    let people = compare(world, &play.client)?;
    let said = world.stack.agent_command(&["sync", "cycle", "--full"])?;
    ensure!(said.contains("full-import"), "{said}");
    world.stack.agent_command(&["sync", "run", "tenant", "full-import"])?;
    complete(world)?;
    ensure!(compare(world, &play.client)? == people, "nobody came or went");
    let pending = world.stack.agent_command(&["sync", "pending"])?;
    ensure!(pending.contains("would send nothing"), "{pending}");
    let said = world.stack.agent_command(&["sync", "run", "tenant", "full-import"])?;
    let known = people + GROUPS;
    ensure!(said.contains(&format!("0 updated, 0 removed, {known} unchanged, 0 errors")), "{said}");

    // Meanwhile everybody in scope was given the anchor that they had, but for the protected, to whom nothing is ever written.
    world.stack.agent_command(&["sync", "cycle"])?;
    let everybody = "(&(objectCategory=person)(objectClass=user))";
    let all = play.client.search(&forest.people_ou, everybody, &["objectGUID", "mS-DS-ConsistencyGuid"])?;
    // LDAP_MATCHING_RULE_TRANSITIVE_EVAL (MS-ADTS 3.1.1.3.4.4.3).
    let protected = format!("(memberOf:1.2.840.113556.1.4.1941:=CN=Domain Admins,CN=Users,{})", play.base);
    let protected = play.client.search(&forest.people_ou, &protected, &["objectGUID"])?;
    ensure!(protected.len() == 1, "{} are protected", protected.len());
    for entry in &all {
        let is_protected = protected.iter().any(|one| one.bytes("objectGUID") == entry.bytes("objectGUID"));
        let expected = if is_protected { None } else { entry.bytes("objectGUID") };
        ensure!(
            entry.bytes("mS-DS-ConsistencyGuid") == expected,
            "{} has another anchor: {}",
            entry.dn(),
            world.stack.agent_command(&["sync", "history", "--all", "--limit", "60"])?
        );
    }
    ensure!(all.len() == people, "{} people", all.len());
    compare(world, &play.client).map(drop)
}
