//! Orders that were lost on the way.

use std::time::Duration;

use ritorno_identity::request::RequestState;
use ritorno_protocol::authorisation::AuthorisationError;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::EpochId;
use ritorno_protocol::link::ToAgent;
use ritorno_protocol::outcome::{Fault, Operator, Outcome};
use ritorno_protocol::statement::Says;

use crate::world::{Enrolled, World, done};

#[tokio::test]
async fn a_lost_order_is_asked_about_once_it_can_have_no_effect() {
    let world = World::new();
    let agent = world.enrol_older();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    // It leaves the server, and the link goes down with it.
    assert!(matches!(wire.order().await, Some(ToAgent::Work { .. })));
    drop(wire);
    let (unknown, _) = world.time.until_over(waiting).await;
    assert!(matches!(unknown.unwrap().outcome, Outcome::Unknown { .. }));
    let row = world.ledger.row(id).unwrap();
    assert_eq!(row.state, RequestState::Dispatched);

    assert_eq!(world.relay.recall(world.tenant).await.unwrap(), 0, "nobody is there who could know");
    let other = Enrolled { epoch: EpochId::random(&*world.chance), ..agent.clone() };
    drop(world.link(&other).await);
    let restarted = world.link(&other).await;
    assert_eq!(world.relay.recall(world.tenant).await.unwrap(), 0, "another journal can't know");
    drop(restarted);

    let mut wire = world.link(&agent).await;
    assert_eq!(world.relay.recall(world.tenant).await.unwrap(), 1);
    let Some(ToAgent::Work { authorisation, envelope }) = wire.order().await else { panic!("not asked") };
    let order = authorisation.verify(&world.signing).unwrap();
    assert_eq!((order.request, order.attempt), (id, 1));
    let refused = order.check(&envelope, world.tenant, agent.id, agent.epoch, world.time.now());
    assert_eq!(refused, Err(AuthorisationError::Expired), "it can't be begun");
    let says = Says::NotStarted { fault: Fault::Expired, operator: Operator::default() };
    wire.say(&world.statement(&agent, id, 1, says));
    let _ = wire.order().await;
    let state = world.ledger.row(id).unwrap().state;
    assert!(
        matches!(state, RequestState::Finished(Outcome::NotApplied { fault: Fault::Expired, .. })),
        "{state:?}"
    );
    assert_eq!(world.relay.recall(world.tenant).await.unwrap(), 0, "it is settled");
}

#[tokio::test]
async fn an_order_that_may_still_be_begun_is_left_alone() {
    let world = World::new();
    let agent = world.enrol_older();
    let mut wire = world.link(&agent).await;
    let id = world.request_id();
    let waiting = world.submit(world.reset(id).await);
    assert!(matches!(wire.order().await, Some(ToAgent::Work { .. })));
    world.time.advance(Duration::from_secs(5)).await;
    assert_eq!(world.relay.recall(world.tenant).await.unwrap(), 0);
    wire.say(&world.statement(&agent, id, 1, Says::Ended { outcome: done() }));
    let (settled, _) = world.time.until_over(waiting).await;
    assert_eq!(settled.unwrap().outcome, done());
}
