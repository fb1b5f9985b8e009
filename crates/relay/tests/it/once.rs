//! One request, at most once.

use std::time::Duration;

use ritorno_identity::request::RequestState;
use ritorno_protocol::authorisation::{Authorisation, START_WITHIN};
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::link::{GoAhead, ToAgent};
use ritorno_protocol::outcome::{Fault, Operator, Outcome};
use ritorno_protocol::settle::DIRECTORY_TIMEOUT;
use ritorno_protocol::statement::Says;
use ritorno_relay::dispatch_error::DispatchError;
use ritorno_relay::submit::SETTLE_WITHIN;
use ritorno_relay::tenant_state::TenantState;

use crate::world::{Wire, World, done, settle};

/// The order that came over the wire, verified as the agent does.
async fn order(world: &World, wire: &mut Wire) -> Authorisation {
    let Some(ToAgent::Work { authorisation, envelope }) = wire.order().await else { panic!("no order") };
    let authorisation = authorisation.verify(&world.signing).unwrap();
    let (tenant, agent, epoch) = (authorisation.tenant, authorisation.agent, authorisation.epoch);
    authorisation.check(&envelope, tenant, agent, epoch, world.time.now()).unwrap();
    authorisation
}

const fn started() -> Says {
    Says::Started { version_before: None, database: None }
}

fn not_started(fault: Fault) -> Says {
    Says::NotStarted { fault, operator: Operator::default() }
}

fn unknown() -> Outcome {
    Outcome::Unknown { operator: Operator::default() }
}

/// An agent keeps its link fresh while the clock is moved.
async fn wait(world: &World, wires: &[&Wire], by: Duration) {
    let until = world.time.now().plus(by);
    while world.time.now() < until {
        let step = until.since(world.time.now()).min(Duration::from_secs(5));
        world.time.advance(step).await;
        for wire in wires {
            world.report(wire, true).await;
        }
    }
}

#[tokio::test]
async fn a_reset_goes_out_and_its_outcome_comes_back() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    let authorisation = order(&world, &mut wire).await;
    assert_eq!(world.ledger.row(id).unwrap().state, RequestState::Dispatched, "committed before dispatch");
    assert_eq!((authorisation.request, authorisation.attempt, authorisation.agent), (id, 1, agent.id));
    assert_eq!(authorisation.start_by, authorisation.issued_at.plus(START_WITHIN));
    assert!(authorisation.expires_at.since(authorisation.issued_at) <= Duration::from_secs(60));

    wire.say(&world.statement(&agent, id, 1, started()));
    let Some(ToAgent::Begin { go_ahead }) = wire.order().await else { panic!("it may not begin") };
    assert!(matches!(world.ledger.row(id).unwrap().state, RequestState::Started { .. }), "committed before");
    let GoAhead { request, attempt, .. } = go_ahead.verify(&world.signing).unwrap();
    assert_eq!((request, attempt), (id, 1));
    assert_eq!(wire.order().await, None, "a 'started' is not acknowledged");
    wire.say(&world.statement(&agent, id, 1, Says::Ended { outcome: done() }));
    assert_eq!(wire.order().await, Some(world.acknowledged(id, 1)));
    let (settled, took) = world.time.until_over(waiting).await;
    assert_eq!(settled.unwrap().outcome, done());
    assert_eq!(took, Duration::ZERO, "the statement itself wakes the waiter");
}

#[tokio::test]
async fn the_same_request_id_gets_the_first_outcome_and_no_second_order() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let new = world.reset(id).await;
    let (first, second) = (world.submit(new.clone()), world.submit(new.clone()));
    order(&world, &mut wire).await;
    assert_eq!(wire.order().await, None);
    wire.say(&world.statement(&agent, id, 1, Says::Ended { outcome: done() }));
    let first = world.time.until_over(first).await.0.unwrap();
    assert_eq!(world.time.until_over(second).await.0.unwrap(), first);
    let third = world.time.until_over(world.submit(new)).await.0.unwrap();
    assert_eq!(third, first);
    assert!(matches!(wire.order().await, Some(ToAgent::Acknowledged { .. })));
    assert_eq!(wire.order().await, None);
}

#[tokio::test]
async fn a_signed_not_started_lets_another_agent_try_at_once() {
    let world = World::new();
    let (one, two) = (world.enrol(), world.enrol());
    let (mut wire_one, mut wire_two) = (world.link(&one).await, world.link(&two).await);
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    settle().await;
    let first_is_one = world.ledger.row(id).unwrap().attempt.agent == one.id;
    let (first, second) = if first_is_one { (&one, &two) } else { (&two, &one) };
    let (wire_first, wire_second) =
        if first_is_one { (&mut wire_one, &mut wire_two) } else { (&mut wire_two, &mut wire_one) };
    order(&world, wire_first).await;
    wire_first.say(&world.statement(first, id, 1, not_started(Fault::LimitReached)));
    assert!(matches!(wire_first.order().await, Some(ToAgent::Acknowledged { .. })));
    let authorisation = order(&world, wire_second).await;
    assert_eq!((authorisation.attempt, authorisation.agent), (2, second.id));
    assert_eq!(authorisation.epoch, second.epoch);

    // What the first one says now is about an attempt that is not under way any more.
    wire_first.say(&world.statement(first, id, 1, started()));
    settle().await;
    assert_eq!(world.ledger.row(id).unwrap().state, RequestState::Dispatched);
    wire_second.say(&world.statement(second, id, 2, Says::Ended { outcome: done() }));
    assert_eq!(world.time.until_over(waiting).await.0.unwrap().outcome, done());
}

#[tokio::test]
async fn what_lies_with_the_person_is_told_and_not_tried_elsewhere() {
    let world = World::new();
    let (one, two) = (world.enrol(), world.enrol());
    let (wire_one, wire_two) = (world.link(&one).await, world.link(&two).await);
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    settle().await;
    let first = world.ledger.row(id).unwrap().attempt.agent;
    let (agent, mut wire, mut other) =
        if first == one.id { (&one, wire_one, wire_two) } else { (&two, wire_two, wire_one) };
    order(&world, &mut wire).await;
    wire.say(&world.statement(agent, id, 1, not_started(Fault::OutOfScope)));
    let settled = world.time.until_over(waiting).await.0.unwrap();
    assert!(matches!(settled.outcome, Outcome::NotApplied { fault: Fault::OutOfScope, .. }));
    assert_eq!(world.ledger.row(id).unwrap().attempt.number, 1);
    assert_eq!(other.order().await, None);
}

#[tokio::test]
async fn silence_without_a_go_ahead_to_wait_for_is_unknown_and_nobody_else_tries() {
    let world = World::new();
    let (one, two) = (world.enrol_older(), world.enrol_older());
    let (wire_one, wire_two) = (world.link(&one).await, world.link(&two).await);
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    settle().await;
    let first = world.ledger.row(id).unwrap();
    let dead_after = first.attempt.dead_after;
    assert!(dead_after >= first.created_at.plus(START_WITHIN).plus(DIRECTORY_TIMEOUT));
    let (agent, mut wire, mut other) =
        if first.attempt.agent == one.id { (&one, wire_one, wire_two) } else { (&two, wire_two, wire_one) };
    order(&world, &mut wire).await;
    // The agent wrote, and its 'started' was lost with the link: seen from here it never spoke.
    drop(wire);
    wait(&world, &[&other], dead_after.since(world.time.now())).await;
    let told = world.time.until_over(waiting).await.0.unwrap();
    assert!(matches!(told.outcome, Outcome::Unknown { .. }), "{told:?}");
    assert_eq!(world.ledger.row(id).unwrap().attempt, first.attempt);
    assert_eq!(other.order().await, None, "nobody else was asked");
    let mut again = world.link(agent).await;
    again.say(&world.statement(agent, id, 1, Says::Ended { outcome: done() }));
    assert!(matches!(again.order().await, Some(ToAgent::Acknowledged { .. })));
    assert_eq!(world.ledger.row(id).unwrap().outcome(), Some(&done()));
}

#[tokio::test]
async fn not_started_said_when_nobody_waits_any_more_is_the_outcome() {
    let world = World::new();
    let agent = world.enrol_older();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    order(&world, &mut wire).await;
    drop(wire);
    let told = world.time.until_over(waiting).await.0.unwrap();
    assert!(matches!(told.outcome, Outcome::Unknown { .. }), "{told:?}");
    let mut again = world.link(&agent).await;
    again.say(&world.statement(&agent, id, 1, not_started(Fault::LimitReached)));
    assert!(matches!(again.order().await, Some(ToAgent::Acknowledged { .. })));
    let row = world.ledger.row(id).unwrap();
    let Some(Outcome::NotApplied { fault: Fault::LimitReached, .. }) = row.outcome() else {
        panic!("{row:?}")
    };
}

#[tokio::test]
async fn after_started_nobody_else_writes_and_silence_is_unknown() {
    let world = World::new();
    let (one, two) = (world.enrol(), world.enrol());
    let (wire_one, wire_two) = (world.link(&one).await, world.link(&two).await);
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    settle().await;
    let first = world.ledger.row(id).unwrap().attempt.agent;
    let (agent, mut wire) = if first == one.id { (&one, wire_one) } else { (&two, wire_two) };
    order(&world, &mut wire).await;
    wire.say(&world.statement(agent, id, 1, started()));
    settle().await;
    drop(wire);
    let (settled, took) = world.time.until_over(waiting).await;
    assert!(matches!(settled.unwrap().outcome, Outcome::Unknown { .. }));
    assert_eq!(took, DIRECTORY_TIMEOUT + SETTLE_WITHIN);
    assert_eq!(world.ledger.row(id).unwrap().attempt.number, 1);

    // The agent comes back and resends: committed and acknowledged though nobody waits.
    let mut again = world.link(agent).await;
    again.say(&world.statement(agent, id, 1, Says::Ended { outcome: done() }));
    assert_eq!(again.order().await, Some(world.acknowledged(id, 1)));
    assert_eq!(world.ledger.row(id).unwrap().outcome(), Some(&done()));
}

#[tokio::test]
async fn an_unknown_outcome_that_settles_in_time_is_told_settled() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    order(&world, &mut wire).await;
    wire.say(&world.statement(&agent, id, 1, started()));
    wire.say(&world.statement(&agent, id, 1, Says::Ended { outcome: unknown() }));
    world.time.advance(SETTLE_WITHIN - Duration::from_millis(10)).await;
    assert!(!waiting.is_finished());
    wire.say(&world.statement(&agent, id, 1, Says::Settled { outcome: done() }));
    assert_eq!(world.time.until_over(waiting).await.0.unwrap().outcome, done());
}

#[tokio::test]
async fn a_new_request_waits_for_one_that_is_not_settled() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let first = world.request_id();
    let waiting = world.submit(world.reset(first).await);
    order(&world, &mut wire).await;
    wire.say(&world.statement(&agent, first, 1, Says::Ended { outcome: unknown() }));
    let told = world.time.until_over(waiting).await.0.unwrap();
    assert!(matches!(told.outcome, Outcome::Unknown { .. }));

    let second = world.request_id();
    let waiting = world.submit(world.reset(second).await);
    wait(&world, &[&wire], Duration::from_secs(20)).await;
    assert!(world.ledger.row(second).is_none(), "nothing is dispatched while the first is open");
    wire.say(&world.statement(&agent, first, 1, Says::Settled { outcome: done() }));
    wait(&world, &[&wire], Duration::from_secs(1)).await;
    for _ in ["ended", "settled"] {
        let acknowledged = wire.order().await;
        assert!(matches!(acknowledged, Some(ToAgent::Acknowledged { request, .. }) if request == first));
    }
    assert_eq!(order(&world, &mut wire).await.request, second);
    wire.say(&world.statement(&agent, second, 1, Says::Ended { outcome: done() }));
    assert_eq!(world.time.until_over(waiting).await.0.unwrap().outcome, done());
}

#[tokio::test]
async fn a_verification_neither_waits_nor_is_waited_for() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let reset = world.request_id();
    let waiting = world.submit(world.reset(reset).await);
    order(&world, &mut wire).await;
    wire.say(&world.statement(&agent, reset, 1, Says::Ended { outcome: unknown() }));
    world.time.until_over(waiting).await.0.unwrap();
    let acknowledged = wire.order().await;
    assert!(matches!(acknowledged, Some(ToAgent::Acknowledged { request, .. }) if request == reset));

    // A reset that is not settled holds no verification up.
    let verification = world.request_id();
    let verifying = world.submit(world.verification(verification).await);
    let authorisation = order(&world, &mut wire).await;
    assert_eq!((authorisation.request, authorisation.operation), (verification, Operation::Verify));
    wire.say(&world.statement(&agent, verification, 1, started()));

    // A verification under way holds no reset up, and hides no reset that is not settled.
    let next = world.request_id();
    let waiting = world.submit(world.reset(next).await);
    wait(&world, &[&wire], Duration::from_secs(1)).await;
    assert!(world.ledger.row(next).is_none(), "the first reset is not settled yet");
    wire.say(&world.statement(&agent, reset, 1, Says::Settled { outcome: done() }));
    wait(&world, &[&wire], Duration::from_secs(1)).await;
    assert!(world.ledger.row(next).is_some(), "nothing but a reset is waited for");
    for request in [verification, next] {
        wire.say(&world.statement(&agent, request, 1, Says::Ended { outcome: done() }));
    }
    for task in [verifying, waiting] {
        assert_eq!(world.time.until_over(task).await.0.unwrap().outcome, done());
    }
}

#[tokio::test]
async fn an_envelope_for_something_else_is_not_dispatched() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let good = world.reset(world.request_id()).await;
    let mut other_context = good.clone();
    other_context.envelope.context.request = world.request_id();
    let mut doubled = good.clone();
    doubled.envelope.recipients.push(doubled.envelope.recipients[0].clone());
    let mut none = good.clone();
    none.envelope.recipients.clear();
    for bad in [other_context, doubled, none] {
        let answer = world.time.until_over(world.submit(bad)).await.0;
        assert!(matches!(answer, Err(DispatchError::Envelope)), "{answer:?}");
    }
    assert_eq!(wire.order().await, None);
}

#[tokio::test]
async fn an_expired_offer_and_a_strangers_request_id_are_refused() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let late = world.reset(world.request_id()).await;
    let expires = late.offer.context.expires_at;
    let id = world.request_id();
    let new = world.reset(id).await;
    let waiting = world.submit(new.clone());
    order(&world, &mut wire).await;
    wire.say(&world.statement(&agent, id, 1, Says::Ended { outcome: done() }));
    world.time.until_over(waiting).await.0.unwrap();
    let mut stolen = new;
    stolen.user.id = ritorno_protocol::ids::UserId::random(&*world.chance);
    let answer = world.time.until_over(world.submit(stolen)).await.0;
    assert!(matches!(answer, Err(DispatchError::AnotherRequest)), "{answer:?}");
    wait(&world, &[&wire], expires.since(world.time.now())).await;
    let answer = world.time.until_over(world.submit(late)).await.0;
    assert!(matches!(answer, Err(DispatchError::Expired)), "{answer:?}");
}

#[tokio::test]
async fn without_an_agent_nothing_is_written_down() {
    let world = World::new();
    let agent = world.enrol();
    let wire = world.link(&agent).await;
    let id = world.request_id();
    let new = world.reset(id).await;
    world.report(&wire, false).await;
    let answer = world.time.until_over(world.submit(new)).await.0;
    let Err(DispatchError::Unavailable(TenantState::PdcUnreachable { name, .. })) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(name.as_deref(), Some("dc1.contoso.test"));
    assert!(world.ledger.row(id).is_none());
}
