//! An agent that began and stays away: another one looks for it, and nothing is written again.

use std::time::Duration;

use ritorno_identity::audit::Activity;
use ritorno_identity::request::RequestState;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::{Clock as _, Timestamp};
use ritorno_protocol::ids::RequestId;
use ritorno_protocol::link::{ToAgent, ToRelay};
use ritorno_protocol::outcome::{Fault, Operator, Outcome};
use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Vendor};
use ritorno_protocol::query::{Answer, Asks, Found, Query};
use ritorno_protocol::settle::{DatabaseId, SeenVersion};
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::{PasswordVersion, Says};
use ritorno_relay::settle::over_at;

use crate::world::{Enrolled, Wire, World, done, settle};

/// How long whoever waits for a begun request is let wait.
const TOLD_AFTER: Duration = Duration::from_secs(15);

fn database() -> DatabaseId {
    DatabaseId(Bytes(vec![1; 16]))
}

const fn version(version: u32) -> PasswordVersion {
    PasswordVersion::Replicated { version }
}

fn started(before: PasswordVersion) -> Says {
    Says::Started { version_before: Some(before), database: Some(database()) }
}

fn seen(version: PasswordVersion, written_at: Timestamp) -> SeenVersion {
    let (written_by, read_from) = (Some(database()), Some(database()));
    SeenVersion { version, written_at: Some(written_at), written_by, read_from }
}

fn not_applied() -> Outcome {
    Outcome::NotApplied { fault: Fault::DirectoryUnavailable, operator: Operator::default() }
}

fn detail(outcome: Option<&Outcome>) -> String {
    outcome.map(|outcome| outcome.operator().detail.clone()).unwrap_or_default()
}

/// One request that its agent began, with password version 7, and an agent that is there when the first one is not.
struct Scene {
    world: World,
    first: Enrolled,
    other: Enrolled,
    wire: Wire,
    id: RequestId,
    begun_at: Timestamp,
}

impl Scene {
    async fn of(before: PasswordVersion) -> Self {
        let world = World::new();
        let first = world.enrol();
        let mut gone = world.link(&first).await;
        let id = world.request_id();
        let waiting = world.submit(world.reset(id).await);
        assert!(matches!(gone.order().await, Some(ToAgent::Work { .. })));
        let begun_at = world.time.now();
        gone.say(&world.statement(&first, id, 1, started(before)));
        assert!(matches!(gone.order().await, Some(ToAgent::Begin { .. })));
        drop(gone);
        settle().await;
        let other = world.enrol();
        let wire = world.link(&other).await;
        drop(waiting);
        Self { world, first, other, wire, id, begun_at }
    }

    /// Has the relay look, and whoever is asked answer that; whether somebody was asked.
    async fn look(&mut self, found: Found) -> bool {
        // Who was not heard of while the clock moved has dialled again.
        if self.wire.session.is_finished() {
            self.wire = self.world.link(&self.other).await;
        }
        let (relay, tenant) = (self.world.relay.clone(), self.world.tenant);
        let looking = tokio::spawn(async move { relay.recall(tenant).await });
        let query = asked(&self.world, &mut self.wire).await;
        if let Some(query) = &query {
            assert_eq!((query.agent, query.asks), (self.other.id, Asks::PasswordVersion));
            answer(&self.wire, &self.other, query, found);
        }
        self.world.time.until_over(looking).await.0.unwrap();
        query.is_some()
    }

    async fn look_for(&mut self, seen: SeenVersion) -> bool {
        self.look(Found::Password { seen, locked: false }).await
    }

    fn state(&self) -> RequestState {
        self.world.ledger.row(self.id).unwrap().state
    }

    fn outcome(&self) -> Option<Outcome> {
        self.world.ledger.row(self.id).unwrap().outcome().cloned()
    }

    async fn until(&self, moment: Timestamp) {
        let left = moment.since(self.world.time.now());
        self.world.time.advance(left).await;
    }

    fn over_at(&self) -> Timestamp {
        over_at(&self.world.ledger.row(self.id).unwrap().attempt)
    }

    /// The first agent comes back and says how it ended.
    async fn comes_back(&self, says: Says) -> Wire {
        let wire = self.world.link(&self.first).await;
        wire.say(&self.world.statement(&self.first, self.id, 1, says));
        settle().await;
        wire
    }
}

async fn asked(world: &World, wire: &mut Wire) -> Option<Query> {
    match wire.order().await {
        Some(ToAgent::Ask { query }) => Some(query.verify(&world.signing).unwrap()),
        None => None,
        other => panic!("{other:?}"),
    }
}

fn answer(wire: &Wire, agent: &Enrolled, query: &Query, found: Found) {
    let answer = Answer { id: query.id, agent: agent.id, found };
    wire.say(&ToRelay::Answer { answer: Signed::sign(&answer, &agent.identity) });
}

#[tokio::test]
async fn whoever_waits_is_told_that_it_is_not_known_yet_and_another_agent_proves_it_later() {
    let world = World::new();
    let first = world.enrol();
    let mut gone = world.link(&first).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    assert!(matches!(gone.order().await, Some(ToAgent::Work { .. })));
    let begun_at = world.time.now();
    gone.say(&world.statement(&first, id, 1, started(version(7))));
    settle().await;
    drop(gone);
    settle().await;
    let other = world.enrol();
    let wire = world.link(&other).await;
    let (told, waited) = world.time.until_over(waiting).await;
    let told = told.unwrap().outcome;
    assert!(matches!(told, Outcome::Unknown { .. }) && waited <= TOLD_AFTER, "{told:?} after {waited:?}");
    let mut scene = Scene { world, first, other, wire, id, begun_at };
    scene.until(scene.over_at()).await;
    assert!(scene.look_for(seen(version(8), begun_at)).await);
    let row = scene.world.ledger.row(id).unwrap();
    assert_eq!(row.settled_by, Some(scene.other.id));
    assert!(matches!(row.outcome(), Some(Outcome::Done(_))), "{row:?}");
    let who = format!("'{}'", scene.world.ledger.row_of(scene.other.id).name);
    assert!(detail(row.outcome()).contains(&who), "{}", detail(row.outcome()));
}

#[tokio::test]
async fn nobody_elses_write_is_taken_for_one_that_can_still_come() {
    let mut scene = Scene::of(version(7)).await;
    let somebody_elses = seen(version(8), scene.begun_at);
    for moment in [scene.begun_at, scene.over_at().minus(Duration::from_secs(1))] {
        scene.until(moment).await;
        assert!(!scene.look_for(somebody_elses.clone()).await, "what is seen now proves nothing");
        assert!(matches!(scene.state(), RequestState::Started { .. }), "{:?}", scene.state());
    }
    // It came, after the other one.
    scene.until(scene.over_at()).await;
    assert!(scene.look_for(seen(version(9), scene.begun_at)).await, "not slept through");
    assert!(matches!(scene.state(), RequestState::Started { .. }), "{:?}", scene.state());
}

#[tokio::test]
async fn the_same_version_is_no_write_once_it_can_not_come_any_more() {
    let mut scene = Scene::of(version(7)).await;
    let unchanged = || seen(version(7), scene_start());
    scene.until(scene.over_at().minus(Duration::from_secs(1))).await;
    assert!(!scene.look_for(unchanged()).await);
    scene.until(scene.over_at()).await;
    let elsewhere = SeenVersion { read_from: None, ..unchanged() };
    assert!(scene.look_for(elsewhere).await);
    assert!(matches!(scene.state(), RequestState::Started { .. }), "it may not have arrived there");
    assert!(!scene.look_for(unchanged()).await, "not asked again at once");
    scene.world.time.advance(Duration::from_secs(2)).await;
    assert!(scene.look_for(unchanged()).await);
    let outcome = scene.outcome();
    assert!(matches!(outcome, Some(Outcome::NotApplied { .. })), "{outcome:?}");
    scene.world.time.advance(Duration::from_secs(3_600)).await;
    assert!(!scene.look_for(unchanged()).await, "it is settled");
}

fn scene_start() -> Timestamp {
    crate::world::START.minus(Duration::from_secs(86_400))
}

#[tokio::test]
async fn what_can_not_be_told_from_another_write_stays_unknown() {
    let elsewhere = DatabaseId(Bytes(vec![9; 16]));
    type Change = fn(&mut SeenVersion, DatabaseId);
    let cases: [(&str, Change); 6] = [
        ("two more", |seen, _| seen.version = version(9)),
        ("fewer", |seen, _| seen.version = version(6)),
        ("written elsewhere", |seen, elsewhere| seen.written_by = Some(elsewhere)),
        ("written by nobody knows whom", |seen, _| seen.written_by = None),
        ("written before", |seen, _| seen.written_at = Some(scene_start())),
        ("by its time alone", |seen, _| seen.version = PasswordVersion::LastSet { filetime: 1 }),
    ];
    for (name, change) in cases {
        let mut scene = Scene::of(version(7)).await;
        let mut other = seen(version(8), scene.begun_at);
        change(&mut other, elsewhere.clone());
        scene.until(scene.over_at()).await;
        assert!(scene.look_for(other.clone()).await, "{name}");
        assert!(matches!(scene.state(), RequestState::Started { .. }), "{name}: {:?}", scene.state());
        scene.until(scene.over_at().plus(Duration::from_secs(3_600))).await;
        assert!(!scene.look_for(other).await, "{name}: it never will be, and nobody is asked again");
    }
}

#[tokio::test]
async fn the_time_of_the_last_change_settles_nothing_through_another() {
    let before = PasswordVersion::LastSet { filetime: 133_000_000_000_000_000 };
    let mut scene = Scene::of(before.clone()).await;
    scene.until(scene.over_at()).await;
    assert!(scene.look_for(seen(before, scene_start())).await);
    assert!(matches!(scene.state(), RequestState::Started { .. }), "{:?}", scene.state());
}

#[tokio::test]
async fn an_agent_that_is_there_settles_by_itself_unless_it_lost_its_journal() {
    let mut scene = Scene::of(version(7)).await;
    let applied = seen(version(8), scene.begun_at);
    // It says so long after the write can't come any more, and looks itself from then on.
    scene.until(scene.over_at()).await;
    let back = scene.comes_back(Says::Ended { outcome: unknown() }).await;
    assert!(!scene.look_for(applied.clone()).await);
    drop(back);
    scene.world.time.advance(Duration::from_secs(61)).await;
    // It is there, and does not see to it.
    let back = scene.world.link(&scene.first).await;
    scene.world.report(&back, false).await;
    assert!(scene.look_for(applied).await);
    assert!(matches!(scene.outcome(), Some(Outcome::Done(_))));
}

#[tokio::test]
async fn an_agent_of_the_version_before_tells_the_policy_and_nothing_breaks() {
    let mut scene = Scene::of(version(7)).await;
    let policy = EffectivePolicy {
        source: PolicySource::Domain,
        vendor: Vendor::Samba,
        minimum_length: 8,
        complexity: true,
        history: 24,
        hints: true,
        not_before: None,
        forbid_names: false,
        account_name: "anna".into(),
        display_name: "Anna Rossi".into(),
        banned_words: Vec::new(),
        breached: false,
    };
    scene.until(scene.over_at()).await;
    assert!(scene.look(Found::Person { policy, locked: false, disabled: false }).await);
    assert!(matches!(scene.state(), RequestState::Started { .. }));
    let nothing = || Found::Nothing { fault: Fault::OutOfScope, operator: Operator::default() };
    assert!(!scene.look(nothing()).await, "not at once: there are others to be asked about");
    scene.world.time.advance(Duration::from_secs(2)).await;
    assert!(scene.look(nothing()).await, "asked again");
    assert!(!scene.wire.session.is_finished());
    // One that did not say which database it wrote to is settled by nobody else.
    let world = World::new();
    let older = world.enrol();
    let mut gone = world.link(&older).await;
    let id = world.request_id();
    let _waiting = world.submit(world.reset(id).await);
    assert!(gone.order().await.is_some());
    let at = world.time.now();
    gone.say(&world.statement(
        &older,
        id,
        1,
        Says::Started { version_before: Some(version(7)), database: None },
    ));
    settle().await;
    drop(gone);
    let other = world.enrol();
    let wire = world.link(&other).await;
    let mut scene = Scene { world, first: older, other, wire, id, begun_at: at };
    scene.until(scene.over_at()).await;
    scene.look_for(seen(version(8), at)).await;
    assert!(matches!(scene.state(), RequestState::Started { .. }));
}

#[tokio::test]
async fn nobody_is_asked_about_a_person_who_is_gone() {
    let mut scene = Scene::of(version(7)).await;
    scene.world.ledger.forget_the_person();
    scene.until(scene.over_at()).await;
    assert!(!scene.look_for(seen(version(8), scene.begun_at)).await);
}

#[tokio::test]
async fn an_agent_that_comes_back_and_agrees_changes_nothing() {
    let mut scene = Scene::of(version(7)).await;
    scene.until(scene.over_at()).await;
    assert!(scene.look_for(seen(version(8), scene.begun_at)).await);
    let row = scene.world.ledger.row(scene.id).unwrap();
    for says in [Says::Ended { outcome: unknown() }, Says::Settled { outcome: done() }] {
        let mut wire = scene.comes_back(says).await;
        let acknowledged = wire.order().await;
        assert!(matches!(acknowledged, Some(ToAgent::Acknowledged { .. })), "{acknowledged:?}");
        assert_eq!(scene.world.ledger.row(scene.id).unwrap(), row);
    }
    // That it began, said again, lets nothing begin.
    let mut wire = scene.comes_back(started(version(7))).await;
    assert_eq!(wire.order().await, None);
    assert_eq!(scene.world.ledger.facts(), []);
}

#[tokio::test]
async fn an_agent_that_comes_back_and_knows_better_is_right_once() {
    let mut scene = Scene::of(version(7)).await;
    scene.until(scene.over_at()).await;
    assert!(scene.look_for(seen(version(8), scene.begun_at)).await);
    assert!(matches!(scene.outcome(), Some(Outcome::Done(_))));
    let mut wire = scene.comes_back(Says::Ended { outcome: not_applied() }).await;
    assert!(matches!(wire.order().await, Some(ToAgent::Acknowledged { .. })));
    assert_eq!(scene.outcome(), Some(not_applied()));
    let facts = scene.world.ledger.facts();
    let [fact] = &facts[..] else { panic!("{facts:?}") };
    assert_eq!((fact.activity, fact.request), (Activity::OutcomeCorrected, Some(scene.id)));
    assert!(fact.reason.contains("not applied") && fact.reason.contains(&scene.other.id.to_string()));
    wire.say(&scene.world.statement(&scene.first, scene.id, 1, Says::Settled { outcome: done() }));
    settle().await;
    assert_eq!(scene.outcome(), Some(not_applied()), "once");
    // Nobody else may.
    let mut scene = Scene::of(version(7)).await;
    scene.until(scene.over_at()).await;
    assert!(scene.look_for(seen(version(8), scene.begun_at)).await);
    let statement =
        scene.world.statement(&scene.other, scene.id, 1, Says::Settled { outcome: not_applied() });
    scene.wire.say(&statement);
    settle().await;
    assert!(matches!(scene.outcome(), Some(Outcome::Done(_))));
}

fn unknown() -> Outcome {
    Outcome::Unknown { operator: Operator::default() }
}

#[tokio::test]
async fn what_its_agent_called_unknown_before_it_left_is_settled_too() {
    let mut scene = Scene::of(version(7)).await;
    drop(scene.comes_back(Says::Ended { outcome: unknown() }).await);
    settle().await;
    scene.until(scene.over_at()).await;
    assert!(scene.look_for(seen(version(8), scene.begun_at)).await);
    assert!(matches!(scene.outcome(), Some(Outcome::Done(_))));
}
