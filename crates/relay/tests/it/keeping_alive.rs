//! Pings, silence, and the end of a node.

use std::time::Duration;

use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::link::{HEALTH_EVERY, PING_EVERY, SILENT_AFTER, ToAgent};
use ritorno_relay::session::LinkEnd;

use crate::world::{Sent, World};

#[tokio::test]
async fn pings_go_out_and_silence_closes() {
    let world = World::new();
    let mut wire = world.link(&world.enrol()).await;
    world.time.advance(PING_EVERY).await;
    assert_eq!(wire.next().await, Sent::Ping);
    wire.sign_of_life();
    world.time.advance(SILENT_AFTER - Duration::from_millis(1)).await;
    assert!(!wire.session.is_finished());
    world.time.advance(Duration::from_millis(1)).await;
    assert!(matches!(wire.session.await.unwrap(), LinkEnd::Silent));
    assert_eq!(world.relay.live_links(), 0);
}

#[tokio::test]
async fn a_link_is_a_row_with_a_lease_and_the_newest_one_counts_on_whichever_node() {
    let mut world = World::new();
    let agent = world.enrol();
    let older = world.link(&agent).await;
    let first = world.ledger.held_link(agent.id).unwrap();
    assert_eq!(first.lease_until, world.time.now().plus(SILENT_AFTER));
    world.time.advance(HEALTH_EVERY).await;
    world.report(&older, true).await;
    let renewed = world.ledger.held_link(agent.id).unwrap();
    assert_eq!((renewed.link, renewed.lease_until), (first.link, world.time.now().plus(SILENT_AFTER)));

    let former_node = world.on_another_node();
    let newer = world.link(&agent).await;
    let second = world.ledger.held_link(agent.id).unwrap();
    assert!(second.node != first.node && second.link != first.link);
    assert!(former_node.is_live(world.tenant, agent.id), "it has not heard of the other one yet");
    world.report(&older, true).await;
    assert!(matches!(older.session.await.unwrap(), LinkEnd::Closed));
    assert_eq!(
        world.ledger.held_link(agent.id),
        Some(second),
        "the end of the older one is not the newer one's"
    );
    world.relay.close();
    assert!(matches!(newer.session.await.unwrap(), LinkEnd::Closed));
    assert_eq!(world.ledger.held_link(agent.id), None);
}

#[tokio::test]
async fn a_node_that_goes_away_says_so() {
    let world = World::new();
    let mut wire = world.link(&world.enrol()).await;
    world.relay.restarting(Duration::from_secs(1));
    assert_eq!(wire.order().await, Some(ToAgent::Restarting { after_ms: 1_000 }));
    world.relay.close();
    assert!(matches!(wire.session.await.unwrap(), LinkEnd::Closed));
}

#[tokio::test]
async fn a_frame_that_can_not_be_read_closes() {
    let world = World::new();
    let wire = world.link(&world.enrol()).await;
    wire.say_text("{\"frame\":\"what\"}".into());
    assert!(matches!(wire.session.await.unwrap(), LinkEnd::Garbled));
}
