//! What is told of a whole tenant, and how soon.

use std::time::Duration;

use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::link::{HEALTH_STALE_AFTER, ToAgent, ToRelay};
use ritorno_protocol::outcome::{Fault, Operator};
use ritorno_protocol::query::{Answer, Found};
use ritorno_protocol::signed::Signed;
use ritorno_relay::ask::{ANSWER_WITHIN, OTHER_AFTER};
use ritorno_relay::dispatch_error::DispatchError;
use ritorno_relay::tenant_state::TenantState;

use crate::world::{START, World, forest, settle};

async fn state(world: &World) -> TenantState {
    world.relay.tenant_state(world.tenant).await.unwrap()
}

#[tokio::test]
async fn a_stopped_agent_and_a_stopped_pdc_are_told_within_fifteen_seconds() {
    let world = World::new();
    assert_eq!(state(&world).await, TenantState::NoAgent { since: None });
    let agent = world.enrol();
    let wire = world.link(&agent).await;
    assert_eq!(state(&world).await, TenantState::Ready);

    world.report(&wire, false).await;
    let name = Some("dc1.contoso.test".to_owned());
    assert_eq!(state(&world).await, TenantState::PdcUnreachable { name: name.clone(), since: START });
    world.time.advance(Duration::from_secs(10)).await;
    world.report(&wire, false).await;
    assert_eq!(state(&world).await, TenantState::PdcUnreachable { name, since: START });
    world.report(&wire, true).await;
    assert_eq!(state(&world).await, TenantState::Ready);

    // Frozen: the link stands, and nothing is reported.
    let heard = world.time.now();
    world.time.advance(HEALTH_STALE_AFTER + Duration::from_millis(1)).await;
    assert!(world.relay.is_live(world.tenant, agent.id));
    assert_eq!(state(&world).await, TenantState::NoAgent { since: Some(heard) });
    world.report(&wire, true).await;
    assert_eq!(state(&world).await, TenantState::Ready);
    drop(wire);
    settle().await;
    assert!(matches!(state(&world).await, TenantState::NoAgent { since: Some(_) }));
}

#[tokio::test]
async fn each_switch_turns_writeback_off() {
    let world = World::new();
    let agent = world.enrol();
    let wire = world.link(&agent).await;
    world.ledger.writeback(false);
    assert_eq!(state(&world).await, TenantState::WritebackOff);
    world.ledger.writeback(true);
    world.ledger.agent(agent.id, |row| row.writeback_on = false);
    assert_eq!(state(&world).await, TenantState::WritebackOff);
    world.ledger.agent(agent.id, |row| row.writeback_on = true);
    let health = ritorno_protocol::link::Health {
        at: world.time.now(),
        writeback_on: false,
        forests: vec![],
        round_trip_ms: None,
    };
    wire.say(&ToRelay::Health { health });
    settle().await;
    assert_eq!(state(&world).await, TenantState::WritebackOff);
    assert_eq!(world.relay.recipients(world.tenant, &forest()).await.unwrap(), vec![]);
}

#[tokio::test]
async fn recipients_are_live_or_not_but_enrolled_and_on_the_healthiest_first() {
    let world = World::new();
    let (gone, revoked, live) = (world.enrol(), world.enrol(), world.enrol());
    drop(world.link(&gone).await);
    drop(world.link(&revoked).await);
    world.ledger.agent(revoked.id, |row| row.revoked_at = Some(START));
    let never_dialled = world.enrol();
    let _wire = world.link(&live).await;
    let recipients = world.relay.recipients(world.tenant, &forest()).await.unwrap();
    assert_eq!(recipients, vec![live.chain, gone.chain]);
    assert!(!recipients.contains(&never_dialled.chain));
    let elsewhere = ritorno_protocol::ids::Forest("fabrikam.test".into());
    assert_eq!(world.relay.recipients(world.tenant, &elsewhere).await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_question_is_answered_or_times_out() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let ask = || {
        let (relay, anna) = (world.relay.clone(), world.anna.clone());
        tokio::spawn(async move { relay.ask(&anna, true).await })
    };
    let waiting = ask();
    let Some(ToAgent::Ask { query }) = wire.order().await else { panic!("no question") };
    let query = query.verify(&world.signing).unwrap();
    assert_eq!((query.agent, &query.anchor), (agent.id, &world.anna.on_premises().unwrap().source_anchor));
    let found = Found::Nothing { fault: Fault::NotFound, operator: Operator::default() };
    let answer = Answer { id: query.id, agent: agent.id, found: found.clone() };
    wire.say(&ToRelay::Answer { answer: Signed::sign(&answer, &agent.identity) });
    assert_eq!(world.time.until_over(waiting).await.0.unwrap(), found);

    let (answer, took) = world.time.until_over(ask()).await;
    assert!(matches!(answer, Err(DispatchError::TimedOut)), "{answer:?}");
    assert_eq!(took, ANSWER_WITHIN);
    drop(wire);
    settle().await;
    let answer = world.time.until_over(ask()).await.0;
    let Err(DispatchError::Unavailable(TenantState::NoAgent { .. })) = answer else { panic!("{answer:?}") };
}

#[tokio::test]
async fn a_question_that_one_agent_has_no_room_for_goes_to_the_next() {
    let world = World::new();
    let agents = [world.enrol(), world.enrol()];
    let mut wires = [world.link(&agents[0]).await, world.link(&agents[1]).await];
    let (relay, anna) = (world.relay.clone(), world.anna.clone());
    let asking = tokio::spawn(async move { relay.ask(&anna, false).await });
    let no_room = || Found::Nothing { fault: Fault::LimitReached, operator: Operator::default() };
    let not_found = Found::Nothing { fault: Fault::NotFound, operator: Operator::default() };
    let mut asked = Vec::new();
    for found in [no_room(), not_found.clone()] {
        settle().await;
        for (agent, wire) in agents.iter().zip(&mut wires) {
            let Some(ToAgent::Ask { query }) = wire.order().await else { continue };
            let query = query.verify(&world.signing).unwrap();
            asked.push(agent.id);
            let answer = Answer { id: query.id, agent: agent.id, found: found.clone() };
            wire.say(&ToRelay::Answer { answer: Signed::sign(&answer, &agent.identity) });
            break;
        }
    }
    assert_eq!(world.time.until_over(asking).await.0.unwrap(), not_found);
    assert_eq!(asked.len(), 2);
    assert_ne!(asked[0], asked[1]);
}

#[tokio::test]
async fn an_agent_that_hangs_holds_nobody_up_for_long_and_is_asked_last_afterwards() {
    let world = World::new();
    let (hangs, answers) = (world.enrol(), world.enrol());
    let mut hanging = world.link(&hangs).await;
    let mut other = world.link(&answers).await;
    let (relay, anna) = (world.relay.clone(), world.anna.clone());
    let found = Found::Nothing { fault: Fault::NotFound, operator: Operator::default() };
    let (mut longest, mut asked) = (Duration::ZERO, 0);
    for round in 0..6 {
        let (relay, anna) = (relay.clone(), anna.clone());
        let asking = tokio::spawn(async move { relay.ask(&anna, false).await });
        let started = world.time.now();
        settle().await;
        while !asking.is_finished() {
            asked += usize::from(hanging.order().await.is_some());
            if let Some(ToAgent::Ask { query }) = other.order().await {
                let id = query.verify(&world.signing).unwrap().id;
                let answer = Answer { id, agent: answers.id, found: found.clone() };
                other.say(&ToRelay::Answer { answer: Signed::sign(&answer, &answers.identity) });
                settle().await;
            } else {
                world.time.advance(Duration::from_millis(100)).await;
            }
        }
        assert_eq!(asking.await.unwrap().unwrap(), found);
        let took = world.time.now().since(started);
        longest = longest.max(took);
        assert!(round < 2 || took.is_zero(), "round {round} took {took:?}");
    }
    assert!(longest <= OTHER_AFTER, "{longest:?}");
    assert_eq!(asked, 1, "the one that hangs is asked once");
}

#[tokio::test]
async fn a_server_that_has_just_started_does_not_blame_agents() {
    let world = World::new();
    assert!(!world.relay.is_ready(world.tenant).await);
    world.time.advance(Duration::from_secs(40)).await;
    assert!(world.relay.is_ready(world.tenant).await);
}
