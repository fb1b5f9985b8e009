//! Delta import and delta sync: what changed, and no more; everything, when there is nothing to go on from.

use async_trait::async_trait;
use ritorno_sync::{
    Begun, Changed, Changes, DeltaSource, ImportSource, ObjectFault, Page, Profile, Run, RunOutcome,
    RunReport, SourceError, SyncError, Watermark,
};

use crate::changelog::Log;
use crate::model::{Directory, Entry};
use crate::world::{Objects, SCOPE, World, guid, object};

fn entry(number: u16) -> Entry {
    let display = format!("user{number}");
    Entry { name: number, display, enabled: true, critical: false, consistency: None }
}

/// Ten people, imported in full, with a mark to go on from.
async fn ten_people() -> (World, Directory, Log) {
    let (world, log) = (World::new().await, Log::default());
    let directory: Directory = (0..10).map(|number| (number, entry(number))).collect();
    world.run(Run::FullImport(&mut log.source(&directory))).await.unwrap();
    world.sync().await.unwrap();
    world.export().await.unwrap();
    (world, directory, log)
}

async fn delta(world: &World, directory: &Directory, log: &Log) -> [RunReport; 3] {
    let import = world.run(Run::DeltaImport(&mut log.source(directory))).await.unwrap();
    let sync = world.run(Run::DeltaSync).await.unwrap();
    [import, sync, world.export().await.unwrap()]
}

#[tokio::test]
async fn only_what_changed_is_staged_judged_and_exported() {
    let (world, mut directory, mut log) = ten_people().await;
    directory.get_mut(&3).unwrap().display = "Anna".into();
    directory.remove(&4);
    directory.insert(11, entry(11));
    [3, 4, 11].into_iter().for_each(|number| log.note(number));
    for report in delta(&world, &directory, &log).await {
        let counts = report.counts;
        assert_eq!(
            (counts.adds, counts.updates, counts.deletes, counts.unchanged),
            (1, 1, 1, 0),
            "{report:?}"
        );
        assert_eq!(report.note, None);
    }
    assert_eq!(world.names().len(), 10);
    // Nothing changed since: nothing is looked at.
    for report in delta(&world, &directory, &log).await {
        assert_eq!(report.counts.done(), 0, "{report:?}");
        assert_eq!(report.outcome, RunOutcome::Succeeded);
    }
}

#[tokio::test]
async fn without_a_mark_or_with_a_lost_one_everything_is_read_and_the_history_says_so() {
    let (world, mut log) = (World::new().await, Log::default());
    let mut directory: Directory = (0..4).map(|number| (number, entry(number))).collect();
    let [import, sync, _] = delta(&world, &directory, &log).await;
    assert_eq!((import.profile, sync.profile), (Profile::FullImport, Profile::FullSync));
    assert_eq!(import.note.as_deref(), Some("in place of a delta import: no place to go on from is kept"));
    assert_eq!(sync.note.as_deref(), Some("in place of a delta sync: no full sync has gone through yet"));

    // Not even noted in the log, as when the directory was restored from a backup: found all the same.
    directory.remove(&2);
    log.lose_cookies();
    let [import, sync, export] = delta(&world, &directory, &log).await;
    assert_eq!((import.profile, sync.profile), (Profile::FullImport, Profile::DeltaSync));
    let note = "in place of a delta import: the directory does not know the mark";
    assert_eq!(import.note.as_deref(), Some(note));
    assert_eq!(export.counts.deletes, 1);
    assert_eq!(world.engine.history(3).await.unwrap()[2].note.as_deref(), Some(note));
    assert_eq!(delta(&world, &directory, &log).await[0].profile, Profile::DeltaImport);
}

#[tokio::test]
async fn changed_rules_make_both_full() {
    let (mut world, directory, log) = ten_people().await;
    world.connector.rules = crate::world::leaving_out("user7");
    let import = world.run(Run::DeltaImport(&mut log.source(&directory))).await.unwrap();
    assert_eq!(import.profile, Profile::FullImport);
    let sync = world.run(Run::DeltaSync).await.unwrap();
    assert_eq!((sync.profile, sync.counts.deletes), (Profile::FullSync, 1));
    assert_eq!(sync.note.as_deref(), Some("in place of a delta sync: the rules have changed"));
}

#[tokio::test]
async fn a_twin_comes_in_when_the_other_goes_or_gets_another_anchor() {
    let (world, mut directory, mut log) = ten_people().await;
    directory.insert(20, Entry { consistency: Some(5), ..entry(20) });
    log.note(20);
    let [_, sync, _] = delta(&world, &directory, &log).await;
    let error = world.engine.errors(sync.id, 9).await.unwrap().remove(0);
    assert!(matches!(error.fault, ObjectFault::AnchorDuplicate { .. }), "{error}");
    // Nobody but 5 changes; 20 takes over the anchor, and with it the person.
    directory.remove(&5);
    log.note(5);
    let [_, sync, export] = delta(&world, &directory, &log).await;
    assert_eq!((sync.counts.deletes, sync.counts.adds, export.counts.updates), (1, 1, 1));
    assert!(world.names().contains(&"user20@contoso.test".to_owned()));

    // Of two newcomers with one anchor neither is anybody, until one is given another.
    directory.insert(30, Entry { consistency: Some(50), ..entry(30) });
    directory.insert(31, Entry { consistency: Some(50), ..entry(31) });
    [30, 31].into_iter().for_each(|number| log.note(number));
    assert_eq!(delta(&world, &directory, &log).await[1].counts.errors, 2);
    directory.get_mut(&31).unwrap().consistency = None;
    log.note(31);
    assert_eq!(delta(&world, &directory, &log).await[1].counts.adds, 2);
}

#[tokio::test]
async fn a_delta_import_that_breaks_off_is_repeated_from_where_it_began() {
    let (world, mut directory, mut log) = ten_people().await;
    for number in 0..8 {
        directory.remove(&number);
        log.note(number);
    }
    let mut source = log.source(&directory);
    source.break_off_after(1);
    world.run(Run::DeltaImport(&mut source)).await.unwrap_err();
    let [import, sync, export] = delta(&world, &directory, &log).await;
    assert_eq!((import.profile, import.counts.deletes), (Profile::DeltaImport, 5));
    assert_eq!((sync.counts.deletes, export.counts.deletes), (8, 8));
}

/// Tells of these once.
struct Told(Vec<Changed>, bool);

#[async_trait]
impl ImportSource for Told {
    async fn next(&mut self) -> Result<Page, SourceError> {
        panic!("nothing is lost")
    }

    fn scope(&self) -> String {
        SCOPE.to_owned()
    }
}

#[async_trait]
impl DeltaSource for Told {
    async fn begin(&mut self, _: &Watermark) -> Result<Begun, SourceError> {
        Ok(Begun::Ready)
    }

    async fn next_changes(&mut self) -> Result<Changes, SourceError> {
        let changes = std::mem::take(&mut self.0);
        if changes.is_empty() {
            return Ok(Changes::End { server: None, watermark: "m".into(), note: None, all: self.1 });
        }
        Ok(Changes::Some(changes))
    }
}

#[tokio::test]
async fn where_everybody_was_told_of_whoever_was_not_is_gone() {
    let world = World::new().await;
    let mut source = Objects::new((0..10).map(|number| object(number, &[])).collect(), 3);
    source.watermark = Some("m".into());
    world.run(Run::FullImport(&mut source)).await.unwrap();
    world.sync().await.unwrap();
    world.export().await.unwrap();
    let told = || (0..7).map(|number| Changed::Unchanged(guid(number))).collect::<Vec<_>>();
    let run = async |changes: Vec<Changed>, all: bool| {
        let report = world.run(Run::DeltaImport(&mut Told(changes, all))).await?;
        world.run(Run::DeltaSync).await?;
        world.export().await?;
        Ok::<_, SyncError>(report.counts)
    };
    // Not everybody: nobody is gone by not having been told of.
    let changed = vec![Changed::Present(object(7, &[("displayName", "Anna")]))];
    assert_eq!(run(changed, false).await.unwrap().deletes, 0);
    // Everybody; three are there as before or changed, whoever else is gone.
    let mut everybody = told();
    everybody.push(Changed::Present(object(7, &[("displayName", "Anna B.")])));
    everybody.push(Changed::Present(object(20, &[])));
    let counts = run(everybody, true).await.unwrap();
    assert_eq!((counts.adds, counts.updates, counts.deletes), (1, 1, 2));
    assert_eq!(world.names().len(), 9);
    // One that tells of nobody removes nobody.
    assert!(matches!(run(Vec::new(), true).await, Err(SyncError::NothingSeen { before: 9 })));
    world.sync().await.unwrap();
    world.export().await.unwrap();
    assert_eq!(world.names().len(), 9);
}
