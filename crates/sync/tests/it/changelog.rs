//! A directory that remembers what changed when, and gives marks to go on from, as one with DirSync does.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ritorno_sync::{
    Begun, Changed, Changes, DeltaSource, ImportSource, ImportedObject, Page, SourceError, Watermark,
};

use crate::model::{Directory, imported, objects};
use crate::world::{SCOPE, guid};

/// Objects on a page.
const PAGE: usize = 3;

/// What changed, in order.
#[derive(Default)]
pub(crate) struct Log {
    changed: Vec<u16>,
    /// Marks of an earlier generation are of no use.
    generation: u64,
}

/// What a delta import was told of one object, by its number.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    Present(u16),
    Gone(u16),
}

impl Log {
    /// Something of this object changed.
    pub(crate) fn note(&mut self, number: u16) {
        self.changed.push(number);
    }

    /// No mark that was given is of any use any more.
    pub(crate) fn lose_cookies(&mut self) {
        self.generation += 1;
    }

    /// The directory as it is now.
    pub(crate) fn source(&self, directory: &Directory) -> LogSource {
        LogSource {
            mark: format!("{} {}", self.generation, self.changed.len()),
            changed: self.changed.clone(),
            directory: directory.clone(),
            objects: objects(directory),
            given: Vec::new(),
            delta: Vec::new(),
            full: true,
            breaks_off_after: None,
        }
    }
}

/// The directory at one moment.
pub(crate) struct LogSource {
    mark: String,
    changed: Vec<u16>,
    directory: Directory,
    objects: Vec<ImportedObject>,
    given: Vec<Given>,
    delta: Vec<u16>,
    full: bool,
    breaks_off_after: Option<usize>,
}

impl LogSource {
    /// Gives so many pages and no end.
    pub(crate) fn break_off_after(&mut self, pages: usize) {
        self.breaks_off_after = Some(pages);
    }

    /// Whether everything was read.
    pub(crate) fn was_full(&self) -> bool {
        self.full
    }

    /// What was given.
    pub(crate) fn given(&self) -> &[Given] {
        &self.given
    }

    /// Errs after as many pages as it is to give, and instead of the end.
    fn count_page(&mut self, is_end: bool) -> Result<(), SourceError> {
        count_page(&mut self.breaks_off_after, is_end)
    }
}

/// Errs after as many pages as `left` says, and instead of the end.
pub(crate) fn count_page(left: &mut Option<usize>, is_end: bool) -> Result<(), SourceError> {
    match left {
        Some(left) if *left == 0 || is_end => {
            Err(SourceError { server: None, reason: "connection lost".into() })
        }
        Some(left) => {
            *left -= 1;
            Ok(())
        }
        None => Ok(()),
    }
}

#[async_trait]
impl ImportSource for LogSource {
    async fn next(&mut self) -> Result<Page, SourceError> {
        self.count_page(self.objects.is_empty())?;
        if self.objects.is_empty() {
            return Ok(Page::End { server: None, watermark: Some(self.mark.clone()) });
        }
        let page: Vec<_> = self.objects.drain(..PAGE.min(self.objects.len())).collect();
        let number =
            |object: &ImportedObject| u16::from_be_bytes([object.object_guid[0], object.object_guid[1]]);
        self.given.extend(page.iter().map(|object| Given::Present(number(object))));
        Ok(Page::Objects(page))
    }

    fn scope(&self) -> String {
        SCOPE.to_owned()
    }
}

#[async_trait]
impl DeltaSource for LogSource {
    async fn begin(&mut self, since: &Watermark) -> Result<Begun, SourceError> {
        let parts = |mark: &str| {
            let (generation, place) = mark.split_once(' ').expect("a mark of ours");
            (generation.to_owned(), place.parse::<usize>().expect("a place"))
        };
        let (now, since) = (parts(&self.mark), parts(&since.mark));
        if now.0 != since.0 {
            return Ok(Begun::Lost { reason: "the directory does not know the mark".into() });
        }
        self.full = false;
        let changed: BTreeSet<u16> = self.changed[since.1..].iter().copied().collect();
        self.delta = changed.into_iter().collect();
        Ok(Begun::Ready)
    }

    async fn next_changes(&mut self) -> Result<Changes, SourceError> {
        self.count_page(self.delta.is_empty())?;
        if self.delta.is_empty() {
            return Ok(Changes::End { server: None, watermark: self.mark.clone(), note: None, all: false });
        }
        let page: Vec<u16> = self.delta.drain(..PAGE.min(self.delta.len())).collect();
        let mut changes = Vec::new();
        for number in page {
            let entry = self.directory.get(&number);
            self.given.push(if entry.is_some() { Given::Present(number) } else { Given::Gone(number) });
            changes.push(match entry {
                Some(entry) => Changed::Present(imported(number, entry)),
                None => Changed::Gone(guid(number)),
            });
        }
        Ok(Changes::Some(changes))
    }
}
