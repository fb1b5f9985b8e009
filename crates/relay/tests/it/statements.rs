//! Which statements are believed.

use std::time::Duration;

use ritorno_identity::request::RequestState;
use ritorno_protocol::ids::EpochId;
use ritorno_protocol::link::{ToAgent, ToRelay};
use ritorno_protocol::outcome::{Operator, Outcome};
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::{Says, Statement};
use ritorno_relay::dispatch_error::DispatchError;
use ritorno_relay::session::LinkEnd;
use ritorno_relay::statement::StatementError;

use crate::world::{Enrolled, World, done, settle};

const fn started() -> Says {
    Says::Started { version_before: None, database: None }
}

#[tokio::test]
async fn a_wrong_signature_closes_the_link_and_moves_nothing() {
    let world = World::new();
    let (agent, other) = (world.enrol(), world.enrol());
    let wire = world.link(&agent).await;
    let id = world.request_id();
    let _waiting = world.submit(world.reset(id).await);
    settle().await;
    let forger = Enrolled { identity: other.identity.clone(), ..agent.clone() };
    wire.say(&world.statement(&forger, id, 1, Says::Ended { outcome: done() }));
    let end = wire.session.await.unwrap();
    assert!(matches!(end, LinkEnd::Statement(StatementError::Signature)), "{end}");
    assert_eq!(world.ledger.row(id).unwrap().state, RequestState::Dispatched);
}

#[tokio::test]
async fn an_agent_speaks_for_itself_only() {
    let world = World::new();
    let (agent, other) = (world.enrol(), world.enrol());
    let wire = world.link(&agent).await;
    let id = world.request_id();
    let _waiting = world.submit(world.reset(id).await);
    settle().await;
    let pretender = Enrolled { id: other.id, ..agent.clone() };
    wire.say(&world.statement(&pretender, id, 1, Says::Ended { outcome: done() }));
    let end = wire.session.await.unwrap();
    assert!(matches!(end, LinkEnd::Statement(StatementError::Speaker)), "{end}");
    assert_eq!(world.ledger.row(id).unwrap().state, RequestState::Dispatched);
}

#[tokio::test]
async fn another_agent_or_journal_can_not_end_an_attempt() {
    let world = World::new();
    let agent = world.enrol();
    let wire = world.link(&agent).await;
    let id = world.request_id();
    let _waiting = world.submit(world.reset(id).await);
    settle().await;
    let other = world.enrol();
    let other_wire = world.link(&other).await;
    other_wire.say(&world.statement(&other, id, 1, Says::Ended { outcome: done() }));
    let rolled_back =
        Enrolled { epoch: ritorno_protocol::ids::EpochId::random(&*world.chance), ..agent.clone() };
    wire.say(&world.statement(&rolled_back, id, 1, Says::Ended { outcome: done() }));
    settle().await;
    assert_eq!(world.ledger.row(id).unwrap().state, RequestState::Dispatched);
}

#[tokio::test]
async fn a_repeated_or_replayed_statement_changes_nothing_and_is_acknowledged() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    assert!(matches!(wire.order().await, Some(ToAgent::Work { .. })));
    let started = world.statement(&agent, id, 1, started());
    let ended = world.statement(&agent, id, 1, Says::Ended { outcome: done() });
    wire.say(&started);
    wire.say(&ended);
    world.time.until_over(waiting).await.0.unwrap();
    let row = world.ledger.row(id).unwrap();
    let refused = Outcome::NotApplied {
        fault: ritorno_protocol::outcome::Fault::Protected,
        operator: Operator::default(),
    };
    let contrary = world.statement(&agent, id, 1, Says::Ended { outcome: refused.clone() });
    let too_late = world.statement(&agent, id, 1, Says::Settled { outcome: refused });
    for again in [&started, &ended, &contrary, &too_late] {
        wire.say(again);
        settle().await;
        assert_eq!(world.ledger.row(id).unwrap(), row);
    }
    let mut acknowledged = 0;
    while let Some(frame) = wire.order().await {
        match frame {
            ToAgent::Acknowledged { .. } => acknowledged += 1,
            ToAgent::Begin { .. } => assert_eq!(acknowledged, 0, "what is over is let begin again"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(acknowledged, 4, "every outcome that was sent, the first one included");
}

#[tokio::test]
async fn an_outcome_of_a_request_that_nobody_knows_is_acknowledged() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    wire.say(&world.statement(&agent, id, 1, Says::Ended { outcome: done() }));
    assert_eq!(wire.order().await, Some(world.acknowledged(id, 1)));
    assert!(world.ledger.row(id).is_none());
}

#[tokio::test]
async fn only_the_agent_that_was_asked_says_how_its_attempt_ended() {
    let world = World::new();
    let agent = world.enrol();
    let wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    settle().await;
    let other = world.enrol();
    let other_wire = world.link(&other).await;
    let not_asked = |says| {
        let (agent, epoch) = (other.id, other.epoch);
        let statement = Statement { agent, epoch, request: id, attempt: 1, at: crate::world::START, says };
        ToRelay::Statement { statement: Signed::sign(&statement, &other.identity) }
    };
    let unknown = Outcome::Unknown { operator: Operator::default() };
    for says in [started(), Says::Ended { outcome: unknown }] {
        wire.say(&world.statement(&agent, id, 1, says));
        settle().await;
        let row = world.ledger.row(id).unwrap();
        for says in [Says::Settled { outcome: done() }, Says::Ended { outcome: done() }] {
            other_wire.say(&not_asked(says));
            settle().await;
            assert_eq!(world.ledger.row(id).unwrap(), row);
        }
    }
    wire.say(&world.statement(&agent, id, 1, Says::Settled { outcome: done() }));
    assert_eq!(world.time.until_over(waiting).await.0.unwrap().outcome, done());
}

/// The directory has the new password, and the server's database fails: the person is told what the agent said, and the row has it when the
/// agent says it again.
#[tokio::test]
async fn what_is_done_is_told_though_it_cannot_be_written_down() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    assert!(matches!(wire.order().await, Some(ToAgent::Work { .. })));
    wire.say(&world.statement(&agent, id, 1, started()));
    assert!(matches!(wire.order().await, Some(ToAgent::Begin { .. })));
    world.ledger.0.lock().unwrap().failing = true;
    // Long enough for the waiter to meet it.
    world.time.advance(Duration::from_secs(2)).await;
    assert!(!waiting.is_finished(), "an agent is at work");
    wire.say(&world.statement(&agent, id, 1, Says::Ended { outcome: done() }));
    let (settled, took) = world.time.until_over(waiting).await;
    let settled = settled.unwrap();
    assert_eq!((settled.outcome, settled.recorded), (done(), false));
    assert!(took < Duration::from_secs(1), "{took:?}");

    world.ledger.0.lock().unwrap().failing = false;
    assert!(matches!(world.ledger.row(id).unwrap().state, RequestState::Started { .. }));
    let mut wire = world.link(&agent).await;
    wire.say(&world.statement(&agent, id, 1, Says::Ended { outcome: done() }));
    assert_eq!(wire.order().await, Some(world.acknowledged(id, 1)));
    assert_eq!(world.ledger.row(id).unwrap().state, RequestState::Finished(done()));
}

/// What an agent says of another attempt than the one under way, or by another journal, is no answer, whatever the database does; nor is that it
/// does not know.
#[tokio::test]
async fn what_is_said_of_another_attempt_is_not_told() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    assert!(matches!(wire.order().await, Some(ToAgent::Work { .. })));
    world.ledger.0.lock().unwrap().failing = true;
    let restored = Enrolled { epoch: EpochId::random(&*world.chance), ..agent.clone() };
    let unknown = Outcome::Unknown { operator: Operator::default() };
    for said in [
        world.statement(&agent, id, 2, Says::Ended { outcome: done() }),
        world.statement(&restored, id, 1, Says::Ended { outcome: done() }),
        world.statement(&agent, id, 1, Says::Ended { outcome: unknown }),
    ] {
        let wire = world.link(&agent).await;
        wire.say(&said);
        settle().await;
    }
    let (answer, _) = world.time.until_over(waiting).await;
    assert!(matches!(answer, Err(DispatchError::Ledger(_))), "{answer:?}");
}
