//! What is kept of runs, and for how long.

use std::time::Duration;

use ritorno_sync::{Profile, SyncError};

use crate::world::{Objects, World, object};

#[tokio::test]
async fn a_week_of_runs_is_kept_and_the_last_good_one_for_ever() {
    let world = World::new().await;
    let people = || vec![object(1, &[])];
    world.cycle(people()).await;
    world.clock.advance(Duration::from_secs(8 * 86_400));
    let mut broken = Objects::new(people(), 1);
    broken.breaks_off = true;
    world.run(ritorno_sync::Run::FullImport(&mut broken)).await.unwrap_err();
    // Still there: the last good import, sync and export, though over a week old.
    assert_eq!(world.engine.history(100).await.unwrap().len(), 4);
    let latest = world.engine.latest().await.unwrap();
    let of = |profile| latest.iter().filter(move |run| run.profile == profile).collect::<Vec<_>>();
    assert_eq!(of(Profile::FullImport).iter().map(|run| run.is_good()).collect::<Vec<_>>(), [false, true]);
    assert_eq!(of(Profile::Export).len(), 1);

    world.import(people()).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    world.import(people()).await.unwrap();
    let left: Vec<i64> = world.engine.history(100).await.unwrap().iter().map(|run| run.id).collect();
    assert_eq!(left, [6, 5, 4, 3, 2], "the first import has had better ones since");
    assert_eq!(world.engine.run_report(2).await.unwrap().profile, Profile::FullSync);
    assert!(matches!(world.engine.run_report(1).await, Err(SyncError::UnknownRun(1))));
}
