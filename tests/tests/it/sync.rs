//! The people of a real forest in the tenant: first import, then what changed.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ritorno_identity::user::User;
use ritorno_storage::{Store, UserFilter};

use crate::doctor_watch::Console;
use crate::world::World;

/// Longest wait until a change in the forest is in the tenant: a cycle each 5 s, and longer pauses after failed ones.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

/// The people in the tenant's database, by account name.
pub(crate) fn tenant(world: &World) -> Result<BTreeMap<String, User>> {
    let database = format!("sqlite:{}", world.stack.folder().join("cloud/ritorno.db").display());
    world.runtime.block_on(async {
        let store = Store::connect(&database).await?;
        let tenant = store.tenants().list().await?.first().context("there is a tenant")?.id;
        let users = store.users().list(tenant, &UserFilter::All, 1, 1_000).await?.users;
        store.close().await;
        let hybrid = users.into_iter().filter_map(|user| {
            let account = user.on_premises()?.account_name.clone();
            Some((account, user))
        });
        Ok(hybrid.collect())
    })
}

#[test]
fn the_tenant_follows_the_forest() -> Result<()> {
    let world = World::start("sync", |_| Ok(()))?;
    let people = tenant(&world)?;
    for person in &world.forest.people {
        let user = people.get(&person.sam).with_context(|| format!("{} is in the tenant", person.sam))?;
        ensure!(user.user_principal_name == person.upn, "{}: {}", person.sam, user.user_principal_name);
        ensure!(user.alternate_mail.as_deref() == Some(&person.alternate_mail), "{}", person.sam);
    }
    ensure!(people.len() == world.forest.people.len(), "{} people in the tenant", people.len());
    ensure!(!people["bruno.gallo"].enabled && people["marco.conti"].enabled, "disabled stays disabled");

    let dn = |sam: &str| world.forest.person(sam).map(|person| person.dn.clone());
    let parent = dn("marco.conti")?.split_once(',').context("a DN has a parent")?.1.to_owned();
    world.forest.modify(&format!(
        "dn: {marco}\nchangetype: modify\nreplace: displayName\ndisplayName: Marco Conti Ferri\n-\n\
         replace: mobile\nmobile: +39 333 1234567\n\n\
         dn: {luca}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n\n\
         dn: {emma}\nchangetype: modrdn\nnewrdn: CN=Emma Bianchi\ndeleteoldrdn: 1\n\n\
         dn: {sofia}\nchangetype: delete\n\n\
         dn: CN=Nuova Persona,{parent}\nchangetype: add\nobjectClass: user\nsAMAccountName: nuova.persona\n\
         userPrincipalName: nuova.persona@contoso.test\nuserAccountControl: 512\n",
        marco = dn("marco.conti")?,
        luca = dn("luca.esposito")?,
        emma = dn("emma.fischer")?,
        sofia = dn("sofia.romano")?,
    ))?;
    world.stack.first_sync()?;

    let now = tenant(&world)?;
    ensure!(now["marco.conti"].display_name == "Marco Conti Ferri", "{}", now["marco.conti"].display_name);
    ensure!(now["marco.conti"].mobile.as_deref() == Some("+39 333 1234567"), "the number came along");
    ensure!(!now["luca.esposito"].enabled, "a disabled account is disabled in the tenant");
    ensure!(!now.contains_key("sofia.romano"), "a deleted account is deleted in the tenant");
    ensure!(
        now["nuova.persona"].user_principal_name == "nuova.persona@contoso.test",
        "a new account arrives"
    );
    ensure!(now.len() == people.len(), "one went and one came");
    for (account, user) in &people {
        if let Some(later) = now.get(account) {
            ensure!(later.id == user.id, "{account} is the same person as before");
        }
    }

    // Nothing changed: nothing is sent.
    let said = world.stack.agent_command(&["sync", "run", "all", "full-sync"])?;
    ensure!(said.contains("0 added, 0 updated, 0 removed"), "{said}");
    let said = world.stack.agent_command(&["sync", "run", "all", "export"])?;
    ensure!(said.contains("0 added, 0 updated, 0 removed, 0 unchanged, 0 errors"), "{said}");
    let said = world.stack.agent_command(&["sync", "removals", "contoso.test"])?;
    ensure!(said.contains("No removal waits"), "{said}");

    // The tenant's own connector has the same profiles: what is there is what was exported, and nothing is left to do.
    let unchanged = format!("0 added, 0 updated, 0 removed, {} unchanged, 0 errors", now.len());
    for (profile, expected) in [
        ("full-import", unchanged.as_str()),
        ("delta-import", unchanged.as_str()),
        ("full-sync", "0 added, 0 updated, 0 removed"),
        ("delta-sync", "0 added, 0 updated, 0 removed"),
        ("export", "0 added, 0 updated, 0 removed, 0 unchanged, 0 errors"),
    ] {
        let said = world.stack.agent_command(&["sync", "run", "tenant", profile])?;
        ensure!(said.contains(expected), "{profile}: {said}");
    }
    Ok(())
}

/// Gives the service account the right to write source anchors, by the lines that the agent prints once that is asked for.
pub(crate) fn let_fill_anchors(world: &World) -> Result<()> {
    let said = world.stack.agent_command(&["prepare", &world.forest.dns_domain])?;
    let line = |what: &str| said.lines().find(|line| line.contains(what)).context("a line of the script");
    let script = format!("{}; {}", line("sid=$(")?, line("23773dc2-")?);
    world.forest.dc_exec(&["bash", "-c", &script]).map(drop)
}

/// What a person has as `mS-DS-ConsistencyGuid` at the controller, in base64, read as the system.
pub(crate) fn written_anchor(world: &World, dn: &str) -> Result<Option<String>> {
    let database = "/var/lib/samba/private/sam.ldb";
    let search = ["ldbsearch", "-H", database, "-s", "base", "-b", dn, "mS-DS-ConsistencyGuid"];
    let found = world.forest.dc_exec(&search)?;
    Ok(found.lines().find_map(|line| line.strip_prefix("mS-DS-ConsistencyGuid:: ")).map(str::to_owned))
}

/// Waits until `arrived` holds of the tenant.
pub(crate) fn wait_for(
    world: &World,
    what: &str,
    arrived: impl Fn(&BTreeMap<String, User>) -> bool,
) -> Result<()> {
    let until = Instant::now() + ARRIVES_WITHIN;
    while Instant::now() < until {
        if arrived(&tenant(world)?) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    bail!("{what} did not arrive within {} s", ARRIVES_WITHIN.as_secs())
}

fn add(world: &World, sam: &str) -> Result<()> {
    world.forest.modify(&format!(
        "dn: CN={sam},{}\nchangetype: add\nobjectClass: user\nsAMAccountName: {sam}\n\
         userPrincipalName: {sam}@contoso.test\nuserAccountControl: 512\n",
        world.forest.people_ou
    ))
}

#[test]
fn changes_arrive_by_themselves_as_deltas() -> Result<()> {
    let mut world = World::start("sync-delta", |_| Ok(()))?;
    // Faster than by default, so that the test is.
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    std::fs::write(&configuration, format!("{text}\n[sync]\nevery_seconds = 5\n"))?;
    world.stack.stop_agent();
    world.stack.start_agent()?;
    let agent = |arguments: &[&str]| world.stack.agent_command(arguments);
    let person = |sam: &str| world.forest.person(sam).map(|person| person.dn.clone());

    // Added, renamed, disabled, deleted, moved out of the scope.
    add(&world, "nuova.persona")?;
    world.forest.modify(&format!(
        "dn: {marco}\nchangetype: modify\nreplace: displayName\ndisplayName: Marco Conti Ferri\n-\n\
         replace: mobile\nmobile: +39 333 1234567\n\n\
         dn: {emma}\nchangetype: modrdn\nnewrdn: CN=Emma Bianchi\ndeleteoldrdn: 1\n\n\
         dn: {luca}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n\n\
         dn: {sofia}\nchangetype: delete\n\n\
         dn: {anna}\nchangetype: modrdn\nnewrdn: CN=Anna Rossi\ndeleteoldrdn: 1\nnewsuperior: CN=Users,{base}\n",
        marco = person("marco.conti")?,
        emma = person("emma.fischer")?,
        luca = person("luca.esposito")?,
        sofia = person("sofia.romano")?,
        anna = person("anna.rossi")?,
        base = world.forest.base_dn,
    ))?;
    wait_for(&world, "what changed", |people| {
        people.contains_key("nuova.persona")
            && people["marco.conti"].display_name == "Marco Conti Ferri"
            && !people["luca.esposito"].enabled
            && !people.contains_key("sofia.romano")
            && !people.contains_key("anna.rossi")
    })?;
    let said = agent(&["sync", "history"])?;
    let delta = said.lines().find(|line| line.contains("delta-import")).context("a delta import is told")?;
    ensure!(delta.contains("succeeded in 0.") && delta.contains(" at dc1.contoso.test: "), "{delta}");
    ensure!(
        agent(&["sync", "search", "emma.fischer"])?.contains("CN=Emma Bianchi,"),
        "the new name is staged"
    );

    // Suspended, nothing comes; resumed, it does.
    agent(&["sync", "suspend"])?;
    ensure!(agent(&["sync", "status"])?.contains("scheduler  suspended"), "it says so");
    // A cycle that was under way has ended by then.
    agent(&["sync", "run", "all", "delta-import"])?;
    add(&world, "dopo.pausa")?;
    std::thread::sleep(Duration::from_secs(12));
    ensure!(!tenant(&world)?.contains_key("dopo.pausa"), "suspended is suspended");
    agent(&["sync", "resume"])?;
    wait_for(&world, "what was missed", |people| people.contains_key("dopo.pausa"))?;

    // In staging it is seen and not sent, and nothing is written back; promoted, it goes.
    agent(&["staging", "on"])?;
    add(&world, "in.prova")?;
    let pending = || agent(&["sync", "pending"]);
    let until = Instant::now() + ARRIVES_WITHIN;
    while !pending()?.contains("add     in.prova@contoso.test") && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(500));
    }
    ensure!(pending()?.contains("contoso.test: 1 to add, 0 to change, 0 to remove"), "{}", pending()?);
    ensure!(agent(&["sync", "preview", "in.prova"])?.contains("export     would make the person"), "preview");
    ensure!(agent(&["sync", "run", "all", "export"]).is_err(), "staging exports nothing, asked or not");
    ensure!(agent(&["status"])?.contains("writeback  off"), "staging writes nothing back");
    std::thread::sleep(Duration::from_secs(7));
    ensure!(!tenant(&world)?.contains_key("in.prova"), "staging exports nothing");
    ensure!(agent(&["staging", "off"])?.contains("add     in.prova@contoso.test"), "it lists what goes");
    wait_for(&world, "what was staged", |people| people.contains_key("in.prova"))?;
    ensure!(agent(&["status"])?.contains("writeback  on"), "promoted, it writes back");

    // The domain controller is put back to what it was: its marks are of no use, everything is read, and it is said.
    world.forest.restore()?;
    wait_for(&world, "the earlier state", |people| {
        people.contains_key("sofia.romano")
            && people.contains_key("anna.rossi")
            && !people.contains_key("in.prova")
    })?;
    let said = agent(&["sync", "history", "--all", "--limit", "200"])?;
    let full =
        said.lines().find(|line| line.contains("in place of a delta import")).context("a full import")?;
    ensure!(full.contains("full-import") && full.contains("is shorter than it was"), "{full}");
    Ok(())
}

#[test]
fn too_many_removals_wait_until_exactly_that_list_is_approved() -> Result<()> {
    let mut world = World::start("sync-guard", |_| Ok(()))?;
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    let limited = text.replace("[limits]\n", "[limits]\ndeletions_per_day = 1\n");
    std::fs::write(&configuration, format!("{limited}\n[sync]\nevery_seconds = 5\n"))?;
    world.stack.stop_agent();
    world.stack.start_agent()?;
    let agent = |arguments: &[&str]| world.stack.agent_command(arguments);
    let gone = ["sofia.romano", "marco.conti"];
    // At once: a cycle in between would let the first of them go.
    let deletion = |sam| anyhow::Ok(format!("dn: {}\nchangetype: delete\n\n", world.forest.person(sam)?.dn));
    world.forest.modify(&gone.into_iter().map(deletion).collect::<Result<String>>()?)?;
    add(&world, "nuova.persona")?;

    let removals = || agent(&["sync", "removals", "contoso.test"]);
    let until = Instant::now() + ARRIVES_WITHIN;
    while !removals()?.contains("2 in all") && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(500));
    }
    let list = removals()?;
    ensure!(gone.iter().all(|sam| list.contains(&format!("remove   {sam}@contoso.test"))), "{list}");
    let digest = list.split("sync approve ").nth(1).context("the list names its digest")?.trim().to_owned();
    // Two cycles later still nobody has gone, and nobody has come either: what is held is held as a whole.
    std::thread::sleep(Duration::from_secs(12));
    let people = tenant(&world)?;
    ensure!(
        gone.iter().all(|sam| people.contains_key(*sam)) && !people.contains_key("nuova.persona"),
        "held"
    );
    ensure!(agent(&["sync", "status"])?.contains("the deletion guard stopped the export"), "it is said");
    let events = std::fs::read_to_string(world.stack.folder().join("agent-events.log"))?;
    let told: Vec<&str> = events.lines().filter(|line| line.contains(&digest)).collect();
    ensure!(told.len() == 1 && told[0].contains("\"id\":32000"), "one event tells of the list: {events}");
    ensure!(agent(&["sync", "approve", &"0".repeat(64)]).is_err(), "another list is not this one");

    agent(&["sync", "approve", &digest])?;
    wait_for(&world, "what was approved", |people| {
        gone.iter().all(|sam| !people.contains_key(*sam)) && people.contains_key("nuova.persona")
    })?;

    // The next list is approved in the console, which shows it by what the agent tells.
    let gone = ["luca.esposito", "emma.fischer"];
    world.forest.modify(&gone.into_iter().map(deletion).collect::<Result<String>>()?)?;
    let console = Console::sign_in(&world)?;
    let until = Instant::now() + ARRIVES_WITHIN;
    let page = loop {
        let page = console.ask("/console/sync", &["--header", "accept-language: en"], "")?;
        if gone.iter().all(|sam| page.contains(&format!("{sam}@contoso.test"))) || Instant::now() > until {
            break page;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    let value = |name: &str| {
        let after = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
        after.and_then(|rest| rest.split('"').next()).with_context(|| format!("no {name}: {page}"))
    };
    let (agent_id, digest) = (format!("agent={}", value("agent")?), format!("digest={}", value("digest")?));
    let since = format!("since={}", value("since")?);
    let words = ["--data-urlencode", &agent_id, "--data-urlencode", &digest, "--data-urlencode", &since];
    console.ask("/console/sync/approve", &words, "")?;
    wait_for(&world, "what was approved in the console", |people| {
        gone.iter().all(|sam| !people.contains_key(*sam))
    })
}

/// Ends a process as a power cut would.
fn kill_now(pid: Option<u32>) -> Result<()> {
    let pid = pid.context("it runs")?.to_string();
    ensure!(Command::new("kill").args(["-9", &pid]).status()?.success(), "process {pid} was not there");
    Ok(())
}

#[test]
fn killed_at_any_moment_nothing_is_lost_and_nobody_is_there_twice() -> Result<()> {
    const ROUNDS: u64 = 10;
    let mut world = World::start("sync-kill", |_| Ok(()))?;
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    std::fs::write(&configuration, format!("{text}\n[sync]\nevery_seconds = 5\n"))?;
    let before = tenant(&world)?.len();
    let marco = world.forest.person("marco.conti")?.dn.clone();
    for round in 0..ROUNDS {
        world.stack.stop_agent();
        add(&world, &format!("nuova{round}"))?;
        world.forest.set_attribute(&marco, "displayName", &format!("Marco {round}"))?;
        if let Some(earlier) = round.checked_sub(2) {
            let people = &world.forest.people_ou;
            world.forest.modify(&format!("dn: CN=nuova{earlier},{people}\nchangetype: delete\n"))?;
        }
        // A cycle begins with the link; each round ends it a little later, at one end of the wire or the other.
        world.stack.start_agent()?;
        std::thread::sleep(Duration::from_millis(120 * round));
        if round % 3 == 2 {
            kill_now(world.stack.server_pid())?;
            world.stack.stop_server();
            world.stack.start_server()?;
        }
        kill_now(world.stack.agent_pid())?;
    }
    world.stack.stop_agent();
    world.stack.start_agent()?;
    let (newest, second) = (format!("nuova{}", ROUNDS - 1), format!("nuova{}", ROUNDS - 2));
    wait_for(&world, "the last of it", |people| {
        let added: Vec<_> = people.keys().filter(|sam| sam.starts_with("nuova")).collect();
        added == [&second, &newest] && people["marco.conti"].display_name == format!("Marco {}", ROUNDS - 1)
    })?;
    ensure!(tenant(&world)?.len() == before + 2, "two came, and nobody else came or went");
    let said = world.stack.agent_command(&["sync", "run", "tenant", "full-import"])?;
    ensure!(
        said.contains(&format!("{} unchanged, 0 errors", before + 2)),
        "the tenant is as was exported: {said}"
    );
    Ok(())
}
