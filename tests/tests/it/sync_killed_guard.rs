//! Agent and server are killed while a list of removals is held, while it is approved, and while what was approved goes out: nobody goes
//! whom nobody approved, whoever was approved goes, once, and the next run ends well.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::crowd::Crowd;

use crate::sync::tenant;
use crate::sync_moments::{
    Seen, Victim, agent, bring_back, kill, open, run_until, scope_of_crowd, without_its_store,
};
use crate::world::World;

/// People; how many of them leave the scope at once; and a few who go later, whom that approval does not name. What was approved
/// takes several requests.
const PEOPLE: usize = 300;
const LEAVE: usize = 220;
const MORE: usize = 6;
/// So often a moment is waited for that was over before anybody could be killed.
const ATTEMPTS: u32 = 6;

const CYCLE: &[&str] = &["sync", "cycle"];
const FOREST: &str = "contoso.test";

/// An export goes on.
const EXPORTING: &str = "SELECT count(*) FROM run WHERE id = (SELECT max(id) FROM run) AND outcome = 'running' AND profile = 'export'";

/// How far what was approved has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// It is about to go out.
    About,
    /// Some of it arrived.
    Some,
    /// Some of it is confirmed.
    Confirmed,
}

struct Scene {
    world: World,
    crowd: Crowd,
}

impl Scene {
    fn start() -> Result<Self> {
        let mut world = World::start("sync-killed-guard", |_| Ok(()))?;
        world.stack.stop_agent();
        world.forest.let_see_deletions()?;
        let crowd = Crowd::of(&world.forest, PEOPLE);
        crowd.add_to(&world.forest)?;
        let base = &world.forest.base_dn;
        world
            .forest
            .modify(&format!("dn: OU=Outside,{base}\nchangetype: add\nobjectClass: organizationalUnit\n"))?;
        scope_of_crowd(&world, &crowd)?;
        without_its_store(&world)?;
        let configuration = world.stack.folder().join("agent.toml");
        let text = std::fs::read_to_string(&configuration)?;
        std::fs::write(&configuration, text.replace("[limits]\n", "[limits]\ndeletions_per_day = 3\n"))?;
        world.stack.agent_command(&["sync", "cycle", "--full"])?;
        let scene = Self { world, crowd };
        ensure!(scene.there()? == all(0..PEOPLE), "everybody is there");
        Ok(scene)
    }

    /// Moves people out of the scope, or back.
    fn moved(&self, numbers: impl IntoIterator<Item = usize>, out: bool) -> Result<()> {
        let mut ldif = String::new();
        for number in numbers {
            let inside = self.crowd.person_dn(number);
            let (name, people) = inside.split_once(',').context("a parent")?;
            let outside = format!("OU=Outside,{}", self.world.forest.base_dn);
            let (from, to) = if out { (people, outside.as_str()) } else { (outside.as_str(), people) };
            writeln!(
                ldif,
                "dn: {name},{from}\nchangetype: modrdn\nnewrdn: {name}\ndeleteoldrdn: 1\nnewsuperior: {to}\n"
            )?;
        }
        self.world.forest.modify(&ldif)
    }

    /// Who of the crowd is in the tenant.
    fn there(&self) -> Result<BTreeSet<String>> {
        Ok(tenant(&self.world)?.into_keys().filter(|name| name.starts_with("sync-")).collect())
    }

    /// What the guard holds that nobody approved: how many, and the list's digest.
    fn held(&self) -> Result<Option<(usize, String)>> {
        let list = self.world.stack.agent_command(&["sync", "removals", FOREST])?;
        let Some(digest) = list.split("sync approve ").nth(1) else { return Ok(None) };
        let number = list.lines().find_map(|line| line.split_once(" in all")?.0.parse().ok());
        let number = number.with_context(|| list.clone())?;
        Ok(Some((number, digest.trim().to_owned())))
    }

    fn number(&self, server: bool, sql: &str) -> Result<i64> {
        self.world.runtime.block_on(async { open(&self.world, None, server).await?.number(sql).await })
    }

    /// Kills at a moment of a cycle; whether that was met. Then the server is there again.
    fn killed(&mut self, seen: Seen<'_>, victim: Victim) -> Result<bool> {
        let come = run_until(&mut self.world, None, CYCLE, seen, victim)?;
        bring_back(&mut self.world, victim)?;
        if come {
            eprintln!("- {victim:?} killed: {}", seen.what);
        }
        Ok(come)
    }

    /// Kills while what was approved goes out, and sees that nobody else went; whether the moment was met.
    fn killed_while_sending(
        &mut self,
        sent: Sent,
        victim: Victim,
        approved: &BTreeSet<String>,
    ) -> Result<bool> {
        let known = self.number(false, "SELECT count(*) FROM export_object")?;
        let sql = match sent {
            Sent::About => {
                "SELECT count(*) FROM export_object WHERE unsure = 1 AND desired IS NULL".to_owned()
            }
            Sent::Some => format!(
                "SELECT count(*) < {} FROM users WHERE account_name LIKE 'sync-%'",
                self.there()?.len()
            ),
            Sent::Confirmed => format!("SELECT count(*) < {known} FROM export_object"),
        };
        let seen =
            Seen { what: &format!("{sent:?} of what was approved"), server: sent == Sent::Some, sql: &sql };
        let come = self.killed(seen, victim)?;
        let gone: BTreeSet<String> = all(0..PEOPLE).difference(&self.there()?).cloned().collect();
        ensure!(gone.is_subset(approved), "somebody went whom nobody approved: {gone:?}");
        Ok(come)
    }

    /// Kills the program that approves while it does so, until it has done it; each time either all of the list is approved, or nothing.
    fn approved_with_kills(&self, number: usize, digest: &str) -> Result<()> {
        let mut killed = 0;
        let mut patience = Duration::from_millis(1);
        loop {
            let mut approving = agent(&self.world, &["sync", "approve", digest])?;
            std::thread::sleep(patience);
            killed += u32::from(approving.try_wait()?.is_none());
            kill(approving.id())?;
            approving.wait()?;
            match self.held()? {
                None => break,
                Some(held) => {
                    ensure!(held == (number, digest.to_owned()), "half of a list is approved: {held:?}")
                }
            }
            ensure!(patience < Duration::from_secs(30), "it never comes to its end");
            // A tenth more each time: the moments lie close where they count, and a slow machine is waited for.
            patience += (patience / 10).max(Duration::from_millis(4));
        }
        ensure!(killed > 0, "the approval was over each time");
        let approved = self.number(false, "SELECT count(*) FROM export_object WHERE approved_until > 0")?;
        ensure!(approved == i64::try_from(number)?, "{approved} approved and not {number}");
        Ok(())
    }
}

fn all(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    numbers.into_iter().map(|number| format!("sync-{number:06}")).collect()
}

#[test]
fn a_held_list_is_approved_and_goes_out_as_a_whole_and_once_whoever_is_killed_when() -> Result<()> {
    let mut scene = Scene::start()?;

    // Held: killed before the guard has counted, and before that is known, nobody goes.
    scene.moved(0..LEAVE, true)?;
    let begins = Seen { what: "an export begins that the guard will hold", server: false, sql: EXPORTING };
    for victim in [Victim::Agent, Victim::Both] {
        let mut met = false;
        for _ in 0..ATTEMPTS {
            met = met || scene.killed(begins, victim)?;
            ensure!(scene.there()? == all(0..PEOPLE), "somebody went whom nobody approved");
        }
        // It takes milliseconds: what counts is that nobody went.
        eprintln!("- {victim:?} met while held: {met}");
    }
    ensure!(scene.world.stack.agent_command(CYCLE).is_err(), "the guard holds it");
    let (number, digest) = scene.held()?.context("a list")?;
    ensure!(number == LEAVE, "{number} held");

    // Approved: all of it or nothing, and nobody goes by that alone. The server is killed meanwhile.
    kill(scene.world.stack.server_pid().context("the server runs")?)?;
    scene.approved_with_kills(LEAVE, &digest)?;
    bring_back(&mut scene.world, Victim::Server)?;
    ensure!(scene.there()? == all(0..PEOPLE), "an approval alone sends nothing");

    // One of the approved is back before that is sent. It goes out, and is killed in the middle of it.
    scene.moved([7], false)?;
    let approved: BTreeSet<String> = all((0..LEAVE).filter(|number| *number != 7));
    let mut met = 0;
    for (what, victim) in [(Sent::About, Victim::Agent), (Sent::Some, Victim::Both)] {
        met += usize::from(scene.killed_while_sending(what, victim, &approved)?);
    }
    // More leave the scope meanwhile: the approval is not theirs. They hold the rest, which stays approved.
    scene.moved(PEOPLE - MORE..PEOPLE, true)?;
    let staying = all((0..PEOPLE).filter(|number| *number >= LEAVE || *number == 7));
    let more = all(PEOPLE - MORE..PEOPLE);
    ensure!(scene.world.stack.agent_command(CYCLE).is_err(), "the guard holds those who left later");
    ensure!(scene.there()?.is_superset(&staying), "somebody went whom nobody approved");
    let (number, digest) = scene.held()?.context("a list")?;
    ensure!(number == MORE, "{number} held");
    let mut approving = agent(&scene.world, &["sync", "approve", &digest])?;
    kill(approving.id())?;
    approving.wait()?;
    if scene.held()?.is_some() {
        scene.world.stack.agent_command(&["sync", "approve", &digest])?;
    }
    ensure!(scene.held()?.is_none(), "all is approved");
    let approved = approved.union(&more).cloned().collect();
    for (what, victim) in [(Sent::Some, Victim::Agent), (Sent::Confirmed, Victim::Agent)] {
        met += usize::from(scene.killed_while_sending(what, victim, &approved)?);
    }
    ensure!(met > 1, "only {met} of the moments were met");
    scene.world.stack.agent_command(CYCLE)?;
    let expected: BTreeSet<String> = staying.difference(&more).cloned().collect();
    ensure!(scene.there()? == expected, "exactly whoever was approved went: {:?}", scene.there());

    let left = scene.number(
        false,
        "SELECT count(*) FROM export_object WHERE desired IS NULL OR unsure = 1 OR approved_until > 0",
    )?;
    ensure!(left == 0, "{left} are still to go, or approved for another time");
    let twice = scene.number(true, "SELECT count(*) - count(DISTINCT account_name) FROM users")?;
    ensure!(twice == 0, "somebody is there twice");
    let pending = scene.world.stack.agent_command(&["sync", "pending"])?;
    ensure!(pending.contains("would send nothing"), "{pending}");
    // An approval is used up: whoever comes back and leaves again is asked about again.
    scene.moved([1, 2, 3, 4], false)?;
    scene.world.stack.agent_command(CYCLE)?;
    scene.moved([1, 2, 3, 4], true)?;
    ensure!(scene.world.stack.agent_command(CYCLE).is_err(), "the guard holds them");
    ensure!(scene.there()?.is_superset(&all(1..5)), "an approval was used twice");
    ensure!(scene.held()?.context("a list")?.0 == 4, "four of them");
    Ok(())
}
