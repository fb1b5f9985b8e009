//! Pings, silence, and the end of a node.

use std::time::Duration;

use ritorno_protocol::link::{PING_EVERY, SILENT_AFTER, ToAgent};
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
