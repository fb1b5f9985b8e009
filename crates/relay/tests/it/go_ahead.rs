//! Nothing is begun without the server's word, so silence is proof.

use std::time::Duration;

use ritorno_identity::request::{Request, RequestState};
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::EpochId;
use ritorno_protocol::link::ToAgent;
use ritorno_protocol::outcome::{Fault, Outcome};
use ritorno_protocol::statement::Says;
use ritorno_relay::ledger::{Begun, Ledger as _};

use crate::world::{Enrolled, Wire, World, done, settle};

/// Whether the order that came over the wire needs a go-ahead.
async fn needs_go_ahead(world: &World, wire: &mut Wire) -> bool {
    let Some(ToAgent::Work { authorisation, .. }) = wire.order().await else { panic!("no order") };
    authorisation.verify(&world.signing).unwrap().go_ahead
}

const STARTED: Says = Says::Started { version_before: None, database: None };

#[tokio::test]
async fn an_agent_of_the_version_before_is_not_made_to_wait() {
    let world = World::new();
    let agent = world.enrol_older();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    assert!(!needs_go_ahead(&world, &mut wire).await);
    wire.say(&world.statement(&agent, id, 1, STARTED));
    assert_eq!(wire.order().await, None, "it would not know the frame");
    wire.say(&world.statement(&agent, id, 1, Says::Ended { outcome: done() }));
    assert_eq!(world.time.until_over(waiting).await.0.unwrap().outcome, done());
}

#[tokio::test]
async fn an_order_that_was_lost_with_its_agent_is_given_to_another() {
    let world = World::new();
    let (one, two) = (world.enrol(), world.enrol());
    let (wire_one, wire_two) = (world.link(&one).await, world.link(&two).await);
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    settle().await;
    let first = world.ledger.row(id).unwrap().attempt;
    let (agent, second, mut wire, mut other) = if first.agent == one.id {
        (&one, &two, wire_one, wire_two)
    } else {
        (&two, &one, wire_two, wire_one)
    };
    assert!(needs_go_ahead(&world, &mut wire).await);
    drop(wire);
    while world.time.now() < first.dead_after {
        assert_eq!(other.order().await, None, "it could still begin");
        world.time.advance(Duration::from_secs(1)).await;
        world.report(&other, true).await;
    }
    world.time.advance(Duration::from_secs(1)).await;
    assert!(needs_go_ahead(&world, &mut other).await);
    let now = world.ledger.row(id).unwrap().attempt;
    assert_eq!((now.number, now.agent), (2, second.id));

    // The first one was not dead after all. It is late, and gets no word.
    let mut back = world.link(agent).await;
    back.say(&world.statement(agent, id, 1, STARTED));
    assert_eq!(back.order().await, None);
    other.say(&world.statement(second, id, 2, STARTED));
    assert!(matches!(other.order().await, Some(ToAgent::Begin { .. })));
    other.say(&world.statement(second, id, 2, Says::Ended { outcome: done() }));
    assert_eq!(world.time.until_over(waiting).await.0.unwrap().outcome, done());
}

#[tokio::test]
async fn an_order_that_was_lost_with_the_only_agent_is_told_as_not_applied() {
    let world = World::new();
    let agent = world.enrol();
    let wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    settle().await;
    drop(wire);
    // It is back with another journal, as after a kill.
    let again = Enrolled { epoch: EpochId::random(&*world.chance), ..agent.clone() };
    let _back = world.link(&again).await;
    let told = world.time.until_over(waiting).await.0.unwrap();
    assert!(matches!(told.outcome, Outcome::NotApplied { fault: Fault::Expired, .. }), "{told:?}");
    let first = Enrolled { epoch: agent.epoch, ..again };
    let mut late = world.link(&first).await;
    late.say(&world.statement(&first, id, 1, STARTED));
    assert_eq!(late.order().await, None, "what was told as not applied is not begun");
}

#[tokio::test]
async fn an_order_that_nobody_waits_for_lapses() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    assert!(needs_go_ahead(&world, &mut wire).await);
    // A server that stopped left another one behind.
    let row = world.ledger.row(id).unwrap();
    let left = Request { id: world.request_id(), ..row };
    assert!(matches!(world.ledger.begin(&left, None).await.unwrap(), Begun::Now));
    assert_eq!(world.relay.recall(world.tenant).await.unwrap(), 0, "it may still be begun");
    world.time.until_over(waiting).await.0.unwrap();
    assert_eq!(world.relay.recall(world.tenant).await.unwrap(), 0, "another server may wait for it");
    world.time.advance(Duration::from_secs(5)).await;
    assert_eq!(world.relay.recall(world.tenant).await.unwrap(), 1);
    let state = world.ledger.row(left.id).unwrap().state;
    assert!(
        matches!(state, RequestState::Finished(Outcome::NotApplied { fault: Fault::Expired, .. })),
        "{state:?}"
    );
    assert_eq!(world.relay.recall(world.tenant).await.unwrap(), 0);
}

#[tokio::test]
async fn what_began_is_let_begin_again_over_a_new_link_and_never_lapses() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    assert!(needs_go_ahead(&world, &mut wire).await);
    wire.say(&world.statement(&agent, id, 1, STARTED));
    settle().await;
    drop(wire);
    let mut again = world.link(&agent).await;
    again.say(&world.statement(&agent, id, 1, STARTED));
    assert!(
        matches!(again.order().await, Some(ToAgent::Begin { .. })),
        "the first one was lost with the link"
    );
    let told = world.time.until_over(waiting).await.0.unwrap();
    assert!(matches!(told.outcome, Outcome::Unknown { .. }), "it may have written: {told:?}");
    world.time.advance(Duration::from_secs(600)).await;
    assert_eq!(world.relay.recall(world.tenant).await.unwrap(), 0);
    assert!(matches!(world.ledger.row(id).unwrap().state, RequestState::Started { .. }));
}
