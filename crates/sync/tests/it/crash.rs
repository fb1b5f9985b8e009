//! What a crash leaves behind: an engine dropped without closing, an import that breaks off, a process that is killed.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use ritorno_protocol::clock::{ManualClock, Timestamp};
use ritorno_sync::{
    Begun, Changed, Changes, DeltaSource, Engine, ImportSource, ImportedObject, Page, Profile, Run,
    RunOutcome, SourceError, SyncError, Watermark,
};
use tokio::sync::Notify;

use crate::world::{Objects, SCOPE, World, connector, guid, object};

/// Gives its pages and then neither more nor an end.
struct Hangs {
    pages: VecDeque<Vec<ImportedObject>>,
    hanging: Arc<Notify>,
}

#[async_trait]
impl ImportSource for Hangs {
    async fn next(&mut self) -> Result<Page, SourceError> {
        match self.pages.pop_front() {
            Some(page) => Ok(Page::Objects(page)),
            None => {
                self.hanging.notify_one();
                std::future::pending().await
            }
        }
    }

    fn scope(&self) -> String {
        "DC=contoso,DC=test".to_owned()
    }
}

fn people(count: u16) -> Vec<ImportedObject> {
    (0..count).map(|number| object(number, &[])).collect()
}

#[tokio::test]
async fn an_import_that_breaks_off_removes_nothing() {
    let world = World::new().await;
    world.cycle(people(6)).await;
    let mut source = Objects::new(people(2), 1);
    source.breaks_off = true;
    let error = world.run(Run::FullImport(&mut source)).await.unwrap_err();
    assert!(matches!(error, SyncError::Source(_)), "{error}");
    let run = world.engine.history(1).await.unwrap().remove(0);
    assert_eq!((run.outcome, run.server.as_deref()), (RunOutcome::Failed, Some("dc1.contoso.test")));
    assert!(run.failure.unwrap().contains("connection lost"));
    world.sync().await.unwrap();
    world.export().await.unwrap();
    assert_eq!(world.names().len(), 6);
}

#[tokio::test]
async fn an_import_dropped_between_pages_removes_nothing_and_is_told() {
    let mut world = World::new().await;
    world.cycle(people(6)).await;
    let hanging = Arc::new(Notify::new());
    let renamed = vec![object(0, &[("displayName", "Anna")])];
    let mut source = Hangs { pages: VecDeque::from([renamed]), hanging: Arc::clone(&hanging) };
    tokio::select! {
        _ = world.run(Run::FullImport(&mut source)) => panic!("it ended"),
        () = hanging.notified() => {}
    }
    world.reopen().await;
    assert_eq!(world.engine.history(1).await.unwrap()[0].outcome, RunOutcome::Interrupted);
    world.sync().await.unwrap();
    let export = world.export().await.unwrap();
    assert_eq!((export.counts.updates, export.counts.deletes), (1, 0));
    assert_eq!(world.names().len(), 6);
}

#[tokio::test]
async fn two_runs_never_overlap() {
    let world = World::new().await;
    let hanging = Arc::new(Notify::new());
    let mut source = Hangs { pages: VecDeque::new(), hanging: Arc::clone(&hanging) };
    let second = async {
        hanging.notified().await;
        let other = Engine::open(&world.folder.store(), world.clock.clone()).await.unwrap();
        assert_eq!(other.history(1).await.unwrap()[0].outcome, RunOutcome::Running);
        other.run(&connector(), Run::FullSync, &|_| {}).await
    };
    tokio::select! {
        _ = world.run(Run::FullImport(&mut source)) => panic!("it ended"),
        refused = second => assert!(matches!(refused, Err(SyncError::RunInProgress))),
    }
    world.sync().await.unwrap();
}

const STORE: &str = "RITORNO_TEST_SYNC_STORE";

/// Not a test by itself: the process that the next one starts and kills.
#[tokio::test]
async fn process_that_imports_until_it_is_killed() {
    let Some(store) = std::env::var_os(STORE) else { return };
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(1_700_000_000_000)));
    let engine = Engine::open(&PathBuf::from(store), clock).await.unwrap();
    // One person stays as they were, one changed, and then new ones come without end.
    let pages = (0..u16::MAX).map(|number| match number {
        0 => object(0, &[("displayName", "Anna")]),
        number => object(100 + number, &[]),
    });
    let mut source = Objects::new(pages.take(20_000).collect(), 1);
    engine
        .run(&connector(), Run::FullImport(&mut source), &|progress| println!("page {}", progress.done))
        .await
        .unwrap();
}

/// Starts a process on the world's store and kills it when it says `line`.
fn kill_at(world: &World, process: &str, line: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("crash::{process}"), "--nocapture"])
        .env(STORE, world.folder.store())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reached = lines.map_while(Result::ok).any(|said| said.ends_with(line));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reached, "the process came to '{line}'");
}

#[tokio::test]
async fn a_killed_import_keeps_every_page_and_removes_nothing() {
    let mut world = World::new().await;
    world.cycle(people(6)).await;
    kill_at(&world, "process_that_imports_until_it_is_killed", "page 40");
    world.reopen().await;
    assert_eq!(world.engine.history(1).await.unwrap()[0].outcome, RunOutcome::Interrupted);
    // Six from before and at least the 39 new ones that were reported.
    assert!(world.engine.status().await.unwrap()[0].objects >= 45);
    world.sync().await.unwrap();
    let export = world.export().await.unwrap();
    assert_eq!((export.counts.updates, export.counts.deletes), (1, 0));
    world.cycle(people(4)).await;
    assert_eq!(world.names(), (0..4).map(|n| format!("user{n}@contoso.test")).collect::<Vec<_>>());
}

/// Tells of removals without end.
struct EndlessRemovals(u16);

#[async_trait]
impl ImportSource for EndlessRemovals {
    async fn next(&mut self) -> Result<Page, SourceError> {
        unreachable!("the mark is good")
    }

    fn scope(&self) -> String {
        SCOPE.to_owned()
    }
}

#[async_trait]
impl DeltaSource for EndlessRemovals {
    async fn begin(&mut self, _since: &Watermark) -> Result<Begun, SourceError> {
        Ok(Begun::Ready)
    }

    async fn next_changes(&mut self) -> Result<Changes, SourceError> {
        self.0 += 1;
        Ok(Changes::Some(vec![Changed::Gone(guid(self.0))]))
    }
}

/// Not a test by itself: the process that the next one starts and kills.
#[tokio::test]
async fn process_that_imports_changes_until_it_is_killed() {
    let Some(store) = std::env::var_os(STORE) else { return };
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(1_700_000_000_000)));
    let engine = Engine::open(&PathBuf::from(store), clock).await.unwrap();
    let mut source = EndlessRemovals(0);
    let told = |progress: ritorno_sync::Progress| println!("page {}", progress.done);
    engine.run(&connector(), Run::DeltaImport(&mut source), &told).await.unwrap();
}

#[tokio::test]
async fn a_killed_delta_import_is_repeated_from_its_mark() {
    let mut world = World::new().await;
    let mut source = Objects::new(people(60), 10);
    source.watermark = Some("the mark".into());
    world.run(Run::FullImport(&mut source)).await.unwrap();
    world.sync().await.unwrap();
    world.export().await.unwrap();
    kill_at(&world, "process_that_imports_changes_until_it_is_killed", "page 40");
    world.reopen().await;
    assert_eq!(world.engine.history(1).await.unwrap()[0].outcome, RunOutcome::Interrupted);
    let mut again = Again { since: None, told: false };
    let report = world.run(Run::DeltaImport(&mut again)).await.unwrap();
    assert_eq!(report.profile, Profile::DeltaImport);
    assert_eq!(again.since.as_deref(), Some("the mark"), "the mark moves with the end only");
    world.run(Run::DeltaSync).await.unwrap();
    // What was told before the kill is not forgotten, what was not is there.
    let left = world.export().await.unwrap();
    assert!((40..60).contains(&left.counts.deletes), "{left:?}");
    assert_eq!(world.names().len() as u64, 60 - left.counts.deletes);
}

/// Notes from where it was asked to go on.
struct Again {
    since: Option<String>,
    told: bool,
}

#[async_trait]
impl ImportSource for Again {
    async fn next(&mut self) -> Result<Page, SourceError> {
        unreachable!("the mark is good")
    }

    fn scope(&self) -> String {
        SCOPE.to_owned()
    }
}

#[async_trait]
impl DeltaSource for Again {
    async fn begin(&mut self, since: &Watermark) -> Result<Begun, SourceError> {
        self.since = Some(since.mark.clone());
        Ok(Begun::Ready)
    }

    async fn next_changes(&mut self) -> Result<Changes, SourceError> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(Changes::End { server: None, watermark: "another".into(), note: None, all: false });
        }
        Ok(Changes::Some(vec![Changed::Gone(guid(1))]))
    }
}
