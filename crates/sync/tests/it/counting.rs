//! How much there is to be read: known from the import before, or counted beside the first one.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use ritorno_sync::{Counting, ImportSource, ImportedObject, Page, Profile, Progress, Run, SourceError};
use tokio::sync::Notify;

use crate::world::{Objects, World, object};

/// Counts when it is asked to, and goes on reading when that was told.
struct Counted {
    objects: Objects,
    number: Option<u64>,
    /// How often it was asked.
    asked: Arc<AtomicUsize>,
    told: Arc<Notify>,
    waits: bool,
}

impl Counted {
    fn new(people: u16, number: Option<u64>, asked: &Arc<AtomicUsize>) -> Self {
        let objects: Vec<ImportedObject> = (0..people).map(|number| object(number, &[])).collect();
        let (asked, told) = (Arc::clone(asked), Arc::default());
        Self { objects: Objects::new(objects, 2), number, asked, told, waits: number.is_some() }
    }
}

#[async_trait]
impl ImportSource for Counted {
    async fn next(&mut self) -> Result<Page, SourceError> {
        if std::mem::take(&mut self.waits) {
            self.told.notified().await;
        }
        self.objects.next().await
    }

    fn scope(&self) -> String {
        self.objects.scope()
    }

    fn count(&mut self) -> Option<Counting> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let number = self.number;
        Some(async move { number }.boxed())
    }
}

#[tokio::test]
async fn the_first_import_tells_what_was_counted_and_a_later_one_what_the_one_before_saw() {
    let world = World::new().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let totals = async |mut source: Counted| {
        let told = Arc::clone(&source.told);
        let said = Mutex::new(Vec::new());
        let progress = |progress: Progress| {
            assert_eq!(progress.profile, Profile::FullImport);
            said.lock().unwrap().push((progress.done, progress.total));
            told.notify_one();
        };
        let ended = world.engine.run(&world.connector, Run::FullImport(&mut source), &progress).await;
        (ended, said.into_inner().unwrap())
    };
    let source = |people, number| Counted::new(people, number, &asked);

    // A first one that breaks off has seen nobody knows how much of it.
    let mut breaks = source(4, Some(6));
    breaks.objects.breaks_off = true;
    let (ended, said) = totals(breaks).await;
    ended.unwrap_err();
    assert_eq!(
        said,
        [(0, Some(6)), (2, Some(6)), (4, Some(6))],
        "told as soon as it is known, and with each page"
    );
    let (ended, said) = totals(source(6, Some(7))).await;
    ended.unwrap();
    assert_eq!(said, [(0, Some(7)), (2, Some(7)), (4, Some(7)), (6, Some(7))]);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    let (ended, said) = totals(source(4, None)).await;
    ended.unwrap();
    assert_eq!(said, [(2, Some(6)), (4, Some(6))], "as many as the last one saw");
    assert_eq!(asked.load(Ordering::Relaxed), 2, "nobody counted");
}

#[tokio::test]
async fn an_import_goes_on_where_nothing_could_be_counted() {
    let world = World::new().await;
    let asked = Arc::default();
    let mut source = Counted::new(4, None, &asked);
    let said = Mutex::new(Vec::new());
    let progress = |progress: Progress| said.lock().unwrap().push(progress.total);
    world.engine.run(&world.connector, Run::FullImport(&mut source), &progress).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let said = said.into_inner().unwrap();
    assert!(!said.is_empty() && said.iter().all(Option::is_none), "{said:?}");
}
