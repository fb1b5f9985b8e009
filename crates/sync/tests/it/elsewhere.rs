//! A full import that is read at another server than the one before: it may lag behind.

use std::time::Duration;

use ritorno_sync::{ImportedObject, Run, RunReport};

use crate::world::{Objects, World, object};

async fn import(world: &World, server: &'static str, objects: Vec<ImportedObject>) -> RunReport {
    let mut source = Objects::new(objects, 3);
    source.server = server;
    source.watermark = Some("mark".into());
    world.run(Run::FullImport(&mut source)).await.unwrap()
}

#[tokio::test]
async fn who_is_not_there_yet_is_not_gone() {
    let world = World::new().await;
    let people = |from: u16| (from..6).map(|number| object(number, &[])).collect::<Vec<_>>();
    import(&world, "dc2", people(0)).await;
    world.sync().await.unwrap();
    world.export().await.unwrap();
    // dc1 has not heard of two of them.
    let lagging = import(&world, "dc1", people(2)).await;
    assert_eq!(lagging.counts.deletes, 0);
    assert!(lagging.note.unwrap().starts_with("2 objects that were known are not at this server"));
    world.sync().await.unwrap();
    world.export().await.unwrap();
    assert_eq!(world.names().len(), 6);
    // One of them arrives; the other is still missed back at the first server, within the same hour.
    assert_eq!(import(&world, "dc2", people(1)).await.counts.deletes, 0);
    // A day later at yet another one it is gone, and who is missed for the first time is not.
    world.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(import(&world, "dc3", people(2)).await.counts.deletes, 1);
    world.sync().await.unwrap();
    world.export().await.unwrap();
    assert_eq!(world.names().len(), 5);
    // The same server as before: what it does not have is gone.
    assert_eq!(import(&world, "dc3", people(3)).await.counts.deletes, 2);
}
