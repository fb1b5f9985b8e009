//! Which of several agents gets a request: the least loaded, and of those that have as much to do the nearest to the PDC emulator.

use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::link::{ForestHealth, Health, ToAgent, ToRelay};

use crate::world::{Wire, World, forest, settle};

/// A report with what was measured, as far as it was.
async fn report(world: &World, wire: &Wire, pdc_ms: Option<u64>, link_ms: Option<u64>) {
    let answers = ForestHealth {
        forest: forest(),
        pdc: Some("dc1.contoso.test".into()),
        reachable: true,
        detail: None,
        answered_in_ms: pdc_ms,
    };
    let (at, forests) = (world.time.now(), vec![answers]);
    wire.say(&ToRelay::Health { health: Health { at, writeback_on: true, forests, round_trip_ms: link_ms } });
    settle().await;
}

async fn has_work(wire: &mut Wire) -> bool {
    matches!(wire.order().await, Some(ToAgent::Work { .. }))
}

#[tokio::test]
async fn the_nearest_gets_the_first_and_the_other_the_next() {
    let world = World::new();
    let [mut unmeasured, mut far, mut near] = [
        world.link(&world.enrol()).await,
        world.link(&world.enrol()).await,
        world.link(&world.enrol()).await,
    ];
    report(&world, &far, Some(3), Some(90)).await;
    report(&world, &near, Some(40), Some(20)).await;
    let _reset = world.submit(world.reset(world.request_id()).await);
    assert!(has_work(&mut near).await, "60 ms are less than 93");
    assert!(!has_work(&mut far).await && !has_work(&mut unmeasured).await);
    // The nearest has something to do now.
    let _verification = world.submit(world.verification(world.request_id()).await);
    assert!(has_work(&mut far).await, "it has nothing to do, and is measured");
    assert!(!has_work(&mut near).await && !has_work(&mut unmeasured).await);
}
