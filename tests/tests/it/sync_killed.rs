//! Agent and server are killed at every boundary of the stages and within each, at moments that their own stores tell: then the next
//! cycle ends well, the tenant is what the directory says, and nobody is there twice. The server's moments on both of its databases.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail, ensure};
use ritorno_identity::group::Group;
use ritorno_lab::Lab;
use ritorno_lab::crowd::Crowd;
use ritorno_storage::{GroupFilter, Store, UserFilter};

use crate::sync_moments::{Seen, Victim, agent, bring_back, run_until, scope_of_crowd, without_its_store};
use crate::world::World;

/// People, and how many of them change before each kill: of these a page of an export is full, and another one begun.
const PEOPLE: usize = 400;
const CHANGED: usize = 300;
/// So often a moment is waited for that was over before anybody could be killed.
const ATTEMPTS: u32 = 8;

/// A moment: what the agent is told to do, and what a store says when it has come.
struct Moment {
    what: &'static str,
    command: &'static [&'static str],
    /// Whether it is the server's store.
    server: bool,
    /// Gives a number other than 0; `:round` stands for what the people are called by then.
    when: &'static str,
}

const FULL: &[&str] = &["sync", "cycle", "--full"];
const DELTA: &[&str] = &["sync", "cycle"];
const CONFIRM: &[&str] = &["sync", "run", "tenant", "full-import"];

const fn of_agent(what: &'static str, command: &'static [&'static str], when: &'static str) -> Moment {
    Moment { what, command, server: false, when }
}

const fn of_server(what: &'static str, command: &'static [&'static str], when: &'static str) -> Moment {
    Moment { what, command, server: true, when }
}

/// The newest run is of this profile, and goes on.
macro_rules! during {
    ($profile:literal, $and:literal) => {
        concat!(
            "SELECT count(*) FROM run WHERE id = (SELECT max(id) FROM run) AND outcome = 'running' AND profile = '",
            $profile,
            "'",
            $and
        )
    };
}

/// So many people have their new name in the tenant.
macro_rules! arrived {
    ($number:literal) => {
        concat!("SELECT count(*) / ", $number, " FROM users WHERE display_name LIKE ':round %'")
    };
}

/// The one who leaves the large group in this round is not in it any more.
const LEFT: &str = "SELECT 1 - count(*) FROM group_members m JOIN directory_groups g ON g.id = m.group_id JOIN users u ON u.id = m.user_id \
     WHERE g.account_name = 'bench-group-0000' AND u.account_name = :leaver";

const MOMENTS: &[Moment] = &[
    of_agent("a full import begins", FULL, during!("full-import", "")),
    of_agent(
        "a page of it is staged",
        FULL,
        during!("full-import", " AND EXISTS (SELECT 1 FROM cs_object WHERE seen_run = run.id)"),
    ),
    of_agent(
        "the import has ended",
        FULL,
        "SELECT count(*) FROM run WHERE id >= (SELECT max(id) - 1 FROM run) AND outcome <> 'running' AND profile = 'full-import' \
         AND EXISTS (SELECT 1 FROM cs_object WHERE attributes LIKE '%:round %' AND changed = 1)",
    ),
    of_agent("a full sync begins", FULL, during!("full-sync", "")),
    of_agent(
        "a page of it is judged",
        FULL,
        during!("full-sync", " AND EXISTS (SELECT 1 FROM export_object WHERE desired LIKE '%:round %')"),
    ),
    of_agent("an export begins", FULL, during!("export", "")),
    of_agent(
        "its first requests are about to go out",
        FULL,
        during!("export", " AND EXISTS (SELECT 1 FROM export_object WHERE unsure = 1)"),
    ),
    of_server("the first request arrived", FULL, arrived!(1)),
    of_server("the second request arrived", FULL, arrived!(65)),
    of_server("the third request arrived", FULL, arrived!(129)),
    of_server("the fourth request arrived", FULL, arrived!(193)),
    of_agent(
        "a page of it is confirmed",
        FULL,
        during!("export", " AND EXISTS (SELECT 1 FROM export_object WHERE confirmed LIKE '%:round %')"),
    ),
    of_server("the last request arrived", FULL, arrived!(300)),
    of_server("a member has left", FULL, LEFT),
    of_agent("a confirming import begins", CONFIRM, during!("confirming-import", "")),
    of_agent("a delta import begins", DELTA, during!("delta-import", "")),
    of_agent(
        "a page of changes is staged",
        DELTA,
        "SELECT count(*) FROM cs_object WHERE attributes LIKE '%:round %' AND changed = 1",
    ),
    of_agent("a delta sync begins", DELTA, during!("delta-sync", "")),
    of_agent(
        "a page of it is judged",
        DELTA,
        "SELECT count(*) FROM export_object WHERE desired LIKE '%:round %' AND confirmed NOT LIKE '%:round %'",
    ),
    of_agent(
        "an export of changes is under way",
        DELTA,
        during!("export", " AND EXISTS (SELECT 1 FROM export_object WHERE unsure = 1)"),
    ),
    of_server("some changes arrived", DELTA, arrived!(1)),
];

/// The forest's crowd, and what is said of it now.
struct Scene {
    world: World,
    /// The server's database, where it is not a file.
    database: Option<String>,
    crowd: Crowd,
    round: u32,
    /// The people who are in the large group no more.
    left: usize,
}

impl Scene {
    fn start(name: &str, database: Option<String>) -> Result<Self> {
        let mut world = match database.clone() {
            Some(database) => World::start_over(name, database)?,
            None => World::start(name, |_| Ok(()))?,
        };
        world.stack.stop_agent();
        world.forest.let_see_deletions()?;
        let crowd = Crowd::of(&world.forest, PEOPLE);
        crowd.add_to(&world.forest)?;
        scope_of_crowd(&world, &crowd)?;
        // What the agent read before is another scope's.
        without_its_store(&world)?;
        Ok(Self { world, database, crowd, round: 0, left: 0 })
    }

    /// Gives people another name, and has one of them leave the large group; somebody comes, and who came before goes.
    fn change(&mut self) -> Result<()> {
        self.round += 1;
        let mut ldif = String::new();
        for number in 0..CHANGED {
            writeln!(
                ldif,
                "dn: {}\nchangetype: modify\nreplace: displayName\ndisplayName: {} {number}\n",
                self.crowd.person_dn(number),
                self.name()
            )?;
        }
        writeln!(
            ldif,
            "dn: {}\nchangetype: modify\ndelete: member\nmember: {}\n",
            self.crowd.group_dn(0),
            self.crowd.person_dn(self.left)
        )?;
        self.left += 1;
        writeln!(
            ldif,
            "dn: CN={guest},{people}\nchangetype: add\nobjectClass: user\nsAMAccountName: {guest}\nuserAccountControl: 546\n",
            guest = guest(self.round),
            people = self.crowd.people_ou()
        )?;
        if self.round > 1 {
            let before = guest(self.round - 1);
            writeln!(ldif, "dn: CN={before},{}\nchangetype: delete\n", self.crowd.people_ou())?;
        }
        self.world.forest.modify(&ldif)
    }

    /// What people are called in this round.
    fn name(&self) -> String {
        format!("Round {:03}", self.round)
    }

    /// Has the agent do it until the moment has come; false if it had ended by then.
    fn run_until(&mut self, moment: &Moment, victim: Victim) -> Result<bool> {
        let leaver = format!("'sync-{:06}'", self.left - 1);
        let sql = moment.when.replace(":round", &self.name()).replace(":leaver", &leaver);
        let seen = Seen { what: moment.what, server: moment.server, sql: &sql };
        run_until(&mut self.world, self.database.as_deref(), moment.command, seen, victim)
    }

    /// Kills at a moment, and sees that the next cycle ends well. A moment that was over is waited for again: each has to be met.
    fn killed_at(&mut self, moment: &Moment, victim: Victim) -> Result<()> {
        for attempt in 1..=ATTEMPTS {
            self.change()?;
            let come = self.run_until(moment, victim)?;
            self.cycle(victim).with_context(|| format!("{victim:?} killed when {}", moment.what))?;
            if come {
                eprintln!("- {victim:?} killed: {} (attempt {attempt})", moment.what);
                return Ok(());
            }
        }
        bail!("'{}' was over each time", moment.what)
    }

    /// Runs a cycle to its end, and compares the tenant with the directory.
    fn cycle(&mut self, victim: Victim) -> Result<()> {
        bring_back(&mut self.world, victim)?;
        self.world.stack.agent_command(DELTA)?;
        let file = || format!("sqlite:{}", self.world.stack.folder().join("cloud/ritorno.db").display());
        let database = self.database.clone().unwrap_or_else(file);
        let (people, members) = self.world.runtime.block_on(async {
            let store = Store::connect(&database).await?;
            let tenant = store.tenants().list().await?.first().context("there is a tenant")?.id;
            let users = store.users().list(tenant, &UserFilter::All, 1, 1_000).await?.users;
            let forest =
                GroupFilter::Forest(ritorno_protocol::ids::Forest(self.world.forest.dns_domain.clone()));
            let groups = store.groups().list(tenant, &forest, 1, 1_000).await?.groups;
            store.close().await;
            let people: Vec<_> = users
                .into_iter()
                .filter_map(|user| {
                    Some((user.on_premises()?.account_name.clone(), user.display_name.clone()))
                })
                .filter(|(account, _)| account.starts_with("sync-") || account.starts_with("guest-"))
                .collect();
            let of =
                |(group, members): &(Group, u64)| Some((group.directory()?.account_name.clone(), *members));
            let members: Vec<_> = groups.iter().filter_map(of).collect();
            anyhow::Ok((people, members))
        })?;
        let mut people = people;
        people.sort();
        // `guest` comes before `sync`.
        let (guests, people) =
            people.split_at(people.partition_point(|(account, _)| account.starts_with("guest-")));
        let now: Vec<&str> = guests.iter().map(|(account, _)| account.as_str()).collect();
        ensure!(now == [guest(self.round)], "guests: {now:?}");
        ensure!(people.len() == PEOPLE, "{} people", people.len());
        for (number, (account, name)) in people.iter().enumerate() {
            ensure!(*account == format!("sync-{number:06}"), "{account} in the place of {number}");
            let expected =
                if number < CHANGED { format!("{} {number}", self.name()) } else { account.clone() };
            ensure!(*name == expected, "{account} is {name}, not {expected}");
        }
        let mut members = members;
        members.sort();
        let mut expected = vec![("bench-group-0000".to_owned(), (PEOPLE - self.left) as u64)];
        expected.extend((1..self.crowd.groups()).map(|number| (format!("bench-group-{number:04}"), 100)));
        ensure!(members == expected, "members: {members:?}");
        let pending = self.world.stack.agent_command(&["sync", "pending"])?;
        ensure!(pending.contains("would send nothing"), "{pending}");
        Ok(())
    }
}

/// Who comes in a round.
fn guest(round: u32) -> String {
    format!("guest-{round:03}")
}

#[test]
fn killed_at_every_boundary_and_within_each_stage_the_next_run_ends_well() -> Result<()> {
    let mut scene = Scene::start("sync-killed", None)?;
    scene.change()?;
    // The first cycle does all stages at once: it is killed within each of them, and goes on each time from there.
    for (victim, when) in [
        (Victim::Agent, "SELECT count(*) FROM cs_object"),
        (Victim::Server, "SELECT count(*) FROM export_object"),
        (Victim::Agent, "SELECT count(*) FROM export_object WHERE unsure = 1"),
        (Victim::Both, "SELECT count(*) FROM export_object WHERE confirmed IS NOT NULL"),
        (Victim::Agent, "SELECT count(*) FROM edge WHERE confirmed IS NOT NULL"),
    ] {
        agent(&scene.world, &["sync", "status"])?.wait()?;
        scene.run_until(&of_agent("a first cycle is under way", FULL, when), victim)?;
        bring_back(&mut scene.world, victim)?;
    }
    scene.world.stack.agent_command(FULL)?;
    scene.cycle(Victim::Agent)?;
    for moment in MOMENTS {
        // Before a request is made nothing is asked of the server: that it goes alone makes no difference.
        let victims: &[Victim] = match moment.server {
            true => &[Victim::Agent, Victim::Server, Victim::ServerAlone],
            false => &[Victim::Agent, Victim::Both],
        };
        for victim in victims {
            scene.killed_at(moment, *victim)?;
        }
    }
    // The forest's other people were exported by the store that was removed.
    let (known, others) = (PEOPLE + 1 + scene.crowd.groups(), scene.world.forest.people.len());
    let said = scene.world.stack.agent_command(CONFIRM)?;
    ensure!(
        said.contains(&format!("0 updated, 0 removed, {known} unchanged, {others} errors")),
        "the tenant is as was exported: {said}"
    );
    Ok(())
}

#[test]
fn a_server_on_postgresql_that_is_killed_while_an_export_goes_on_has_everything_once() -> Result<()> {
    let postgresql = Lab::open()?.postgresql();
    postgresql.start()?;
    let database = postgresql.fresh_database("sync_killed")?;
    let mut scene = Scene::start("sync-killed-postgresql", Some(database))?;
    scene.change()?;
    let first = "SELECT count(*) / 65 FROM users WHERE account_name LIKE 'sync-%'";
    let come = scene.run_until(&of_server("a first cycle is under way", FULL, first), Victim::Server)?;
    ensure!(come, "the first cycle was over");
    scene.cycle(Victim::Server)?;
    let moments = [
        of_server("the third request arrived", FULL, arrived!(129)),
        of_server("a member has left", FULL, LEFT),
        of_server("some changes arrived", DELTA, arrived!(1)),
    ];
    for moment in &moments {
        for victim in [Victim::Server, Victim::ServerAlone] {
            scene.killed_at(moment, victim)?;
        }
    }
    Ok(())
}
