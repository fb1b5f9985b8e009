//! A stranger who knows a name tries passwords wherever one can be tried, from many networks, at two agents, for as long as they like: the
//! account is never locked, and its owner signs in on the browser that is theirs.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_directory::{AccountState, Identity};
use ritorno_lab::Lab;
use ritorno_lab::progress::wait_until;
use ritorno_lab::stack::FurtherAgent;
use ritorno_tests::visitor::{Answer, Visitor};
use tokio::task::JoinSet;

use crate::world::World;

const OWNER: &str = "emily.clarke";
/// Where a password can be tried: the way to one's own page, to what is registered, and to another password.
const DOORS: [&str; 3] = ["/signin", "/register", "/change"];
/// How many wrong passwords lock an account here, and how many of them strangers get.
const LOCKS: u32 = 10;
const STRANGERS: u32 = LOCKS / 2;
/// How often the strangers come back, and how many at once: as many as may give a name before work is asked for it.
const ROUNDS: u8 = 9;
const AT_ONCE: u8 = 5;
const DATABASE: &str = "lockout";

struct Attack {
    /// A second agent, which counts nothing together with the first.
    _agent: FurtherAgent,
    upn: String,
    world: World,
}

impl Attack {
    /// What the cloud side counted is forgotten, as if hours had passed that did not pass at the directory, and as if work cost nothing.
    fn hours_pass(&self) -> Result<()> {
        Lab::open()?.postgresql().sql(DATABASE, "delete from limits").map(drop)
    }

    fn account(&self) -> Result<AccountState> {
        let directory = &self.world.directory;
        let read = async {
            let person = directory.locate(&Identity::AccountName(OWNER.to_owned())).await?;
            directory.state(&person).await
        };
        Ok(self.world.runtime.block_on(read)?)
    }

    /// Where the account stands: below what locks it by as much as strangers have to leave.
    fn holds(&self, when: &str) -> Result<u32> {
        let AccountState { locked, bad_password_count: wrong, .. } = self.account()?;
        ensure!(
            !locked && wrong <= STRANGERS,
            "{when}: {wrong} wrong passwords are counted, locked: {locked}"
        );
        Ok(wrong)
    }

    /// Strangers who try a password at the same time, each through one of the doors and from a network of their own.
    fn strangers(&self, round: u8) -> Result<JoinSet<Result<Answer>>> {
        let mut trying = JoinSet::new();
        let _inside = self.world.runtime.enter();
        for number in 0..AT_ONCE {
            let from = Ipv4Addr::new(127, 199, 100 + round, 1 + number);
            let visitor = Visitor::new(&self.world.stack.url, &self.world.stack.ca_pem, "en", from)?;
            let door = DOORS[usize::from(round + number) % DOORS.len()];
            let (upn, random) = (self.upn.clone(), self.world.random.clone());
            let wrong = format!("Geraten-Passw0rd-{round}-{number}");
            trying.spawn(async move { attempt(visitor, door, &upn, &wrong, &*random).await });
        }
        Ok(trying)
    }
}

/// Tries a password through one of the doors.
async fn attempt(
    mut visitor: Visitor,
    door: &str,
    upn: &str,
    password: &str,
    random: &dyn ritorno_protocol::random::Random,
) -> Result<Answer> {
    let front = visitor.open(door).await?;
    let asked = visitor.fill(&front, &[("name", upn)]).await?;
    let choosing = Visitor::choosing(&asked).with_context(|| door.to_owned())?;
    visitor.prove(&choosing, &choosing.seal(password, random)?).await
}

#[test]
fn a_stranger_who_hammers_a_name_locks_nobody_and_keeps_nobody_out() -> Result<()> {
    let postgresql = Lab::open()?.postgresql();
    postgresql.start()?;
    let database = postgresql.fresh_database(DATABASE)?;
    let world = World::start_over("lockout", database)?;
    let person = world.forest.person(OWNER)?.clone();
    // The browser becomes the owner's by an unlocking, after which the password is the one that it was.
    world.stack.server_command(&["tenant", "set", "unlock", "on"])?;
    world.forest.lock_out(OWNER)?;
    let (mut owner, _) = world.pass_gate(OWNER)?;
    // An order that begins too late on a busy machine is no unlocking, and can be given again.
    let is_unlocked = wait_until(Duration::from_secs(60), || {
        let page = world.runtime.block_on(owner.open("/reset/password"))?;
        let told = world.runtime.block_on(owner.press(&page, "/reset/unlock"))?.text();
        ensure!(told.contains("Your account is unlocked") || told.contains("It took too long"), "{told}");
        Ok(told.contains("Your account is unlocked"))
    })?;
    ensure!(is_unlocked, "the account stays locked");
    let agent = world.stack.further_agent("second-agent")?;
    world.stack.wait_until_open()?;
    let attack = Attack { _agent: agent, upn: person.upn.clone(), world };
    let at_home = Ipv4Addr::new(127, 199, 77, 7);
    let sign_in = |from| {
        let browser = owner.also_at(&attack.world.stack.url, &attack.world.stack.ca_pem, "en", from)?;
        let trying = attempt(browser, "/signin", &person.upn, &person.password, &*attack.world.random);
        anyhow::Ok(trying)
    };

    let (mut evaluated, mut most) = (0, 0);
    for round in 0..ROUNDS {
        attack.hours_pass()?;
        let mut trying = attack.strangers(round)?;
        while let Some(answer) = attack.world.runtime.block_on(trying.join_next()) {
            let answer = answer??;
            ensure!(["refused", "failed"].contains(&answer.state.as_str()), "{answer:?}");
            evaluated += u8::from(answer.context.is_some());
        }
        most = most.max(attack.holds(&format!("round {round}"))?);
    }
    ensure!(evaluated >= ROUNDS, "of {ROUNDS} rounds only {evaluated} passwords were looked at");
    ensure!(most == STRANGERS, "they did not come as far as strangers may: {most}");

    // Somebody new has to wait until the directory forgets; in the owner's own browser the right password is right.
    attack.hours_pass()?;
    let elsewhere = Visitor::new(&attack.world.stack.url, &attack.world.stack.ca_pem, "en", at_home)?;
    let elsewhere = attempt(elsewhere, "/signin", &person.upn, &person.password, &*attack.world.random);
    let elsewhere = attack.world.runtime.block_on(elsewhere)?;
    ensure!(elsewhere.state == "refused", "the strangers' part is used up, and: {elsewhere:?}");
    attack.hours_pass()?;
    let mut trying = attack.strangers(ROUNDS)?;
    let answer = attack.world.runtime.block_on(sign_in(at_home)?)?;
    ensure!(answer.state == "done", "while strangers try: {answer:?}");
    while attack.world.runtime.block_on(trying.join_next()).is_some() {}
    attack.holds("after the owner signed in")?;

    // Whoever sits in the same network, and used up what one network has.
    attack.hours_pass()?;
    for number in 0..6 {
        Lab::open()?
            .postgresql()
            .sql(DATABASE, "delete from limits where name in ('starts', 'challenges-open')")?;
        let neighbour = Visitor::new(&attack.world.stack.url, &attack.world.stack.ca_pem, "en", at_home)?;
        let wrong = format!("Nachbar-Passw0rd-{number}");
        let told = attempt(neighbour, DOORS[number % 3], &person.upn, &wrong, &*attack.world.random);
        let told = attack.world.runtime.block_on(told)?;
        ensure!(told.context.is_some() == (number < 5), "{number}: {told:?}");
    }
    attack.holds("after a neighbour's tries")?;
    let answer = attack.world.runtime.block_on(sign_in(at_home)?)?;
    ensure!(answer.state == "done", "beside a neighbour who tries: {answer:?}");
    ensure!(attack.world.forest.kinit(OWNER, &person.password)?, "Kerberos refuses the owner's password");
    attack.holds("at the end").map(drop)
}
