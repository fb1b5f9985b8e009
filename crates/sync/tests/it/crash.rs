//! What a crash leaves behind: an engine dropped without closing, an import that breaks off, a process that is killed.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use ritorno_protocol::clock::{ManualClock, Timestamp};
use ritorno_sync::{Engine, ImportSource, ImportedObject, Page, Run, RunOutcome, SourceError, SyncError};
use tokio::sync::Notify;

use crate::world::{Objects, World, connector, object};

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

#[tokio::test]
async fn a_killed_import_keeps_every_page_and_removes_nothing() {
    let mut world = World::new().await;
    world.cycle(people(6)).await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::process_that_imports_until_it_is_killed", "--nocapture"])
        .env(STORE, world.folder.store())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reached = lines.map_while(Result::ok).any(|line| line.ends_with("page 40"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reached, "the process came to page 40");
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
