//! One forest's people and groups as a source of imports.

use async_trait::async_trait;
use futures_util::FutureExt as _;
use ritorno_directory::{AnchorFilled, Change, Delta, Directory, DirectoryError, Identity, Since};
use ritorno_protocol::outcome::Fault;
use ritorno_sync::{
    AnchorWriter, AnchorWritten, Begun, Changed, Changes, Counting, DeltaSource, ImportSource,
    ImportedObject, Members, Page, SourceError, Watermark,
};
use tokio::sync::mpsc;

use crate::config::ForestSettings;

/// Objects that are handed to the engine at once.
const PAGE: usize = 500;

/// One forest's people and groups.
pub(super) struct Source {
    directory: Directory,
    attributes: Vec<String>,
    scope: String,
    /// Whether it was worked out what mends a refused anchor: once is enough.
    explained: bool,
    /// Whether everything may be read at another controller, if the one that the mark is of does not answer.
    elsewhere: bool,
    /// Whether somebody looks on, and wants to know how long it takes.
    watched: bool,
    server: Option<String>,
    reading: Reading,
}

/// What is being read.
enum Reading {
    Nothing,
    Everybody {
        objects: mpsc::Receiver<Result<ritorno_directory::ImportedObject, DirectoryError>>,
        watermark: ritorno_directory::Watermark,
    },
    Changes(Box<Delta>),
    Broken,
}

impl Source {
    /// A source that has read nothing yet.
    pub(super) fn new(
        directory: &Directory,
        settings: &ForestSettings,
        attributes: Vec<String>,
        elsewhere: bool,
        watched: bool,
    ) -> Self {
        Self {
            explained: false,
            elsewhere,
            watched,
            directory: directory.clone(),
            attributes,
            scope: scope(settings),
            server: None,
            reading: Reading::Nothing,
        }
    }

    fn broken(&self, reason: String) -> SourceError {
        SourceError { server: self.server.clone(), reason }
    }

    /// The place is noted before the first object is read: what changes meanwhile comes twice rather than never.
    async fn start(&mut self) -> Result<(), SourceError> {
        let watermark = self.directory.watermark().await.map_err(|error| self.broken(error.to_string()))?;
        self.server = Some(watermark.dc.clone());
        let objects = self.directory.users_at(self.attributes.clone(), Some(watermark.clone()));
        self.reading = Reading::Everybody { objects, watermark };
        Ok(())
    }
}

#[async_trait]
impl ImportSource for Source {
    async fn next(&mut self) -> Result<Page, SourceError> {
        if matches!(self.reading, Reading::Nothing) {
            self.start().await?;
        }
        let Reading::Everybody { objects, watermark } = &mut self.reading else {
            return Err(self.broken("the import was read on after it had broken off".to_owned()));
        };
        let mut page = Vec::new();
        while page.len() < PAGE {
            match objects.recv().await {
                // The stream broke off if and only if its last item is an error.
                None if page.is_empty() => {
                    let watermark = serde_json::to_string(watermark).ok();
                    return Ok(Page::End { server: self.server.clone(), watermark });
                }
                None => break,
                Some(Ok(object)) => page.push(imported(object)),
                Some(Err(error)) => {
                    self.reading = Reading::Broken;
                    return Err(self.broken(error.to_string()));
                }
            }
        }
        Ok(Page::Objects(page))
    }

    fn scope(&self) -> String {
        self.scope.clone()
    }

    fn count(&mut self) -> Option<Counting> {
        let directory = self.directory.clone();
        // An import goes on without the number.
        self.watched.then(|| async move { directory.count().await.ok() }.boxed())
    }

    fn anchors(&mut self) -> Option<&mut dyn AnchorWriter> {
        Some(self)
    }
}

#[async_trait]
impl AnchorWriter for Source {
    async fn write(&mut self, object_guid: [u8; 16]) -> Result<AnchorWritten, SourceError> {
        match self.directory.fill_anchor(&object_guid).await {
            Ok(AnchorFilled::Written) => Ok(AnchorWritten::Written),
            Ok(AnchorFilled::AlreadyThere) => Ok(AnchorWritten::AlreadyThere),
            Ok(AnchorFilled::Another) => Ok(AnchorWritten::Another),
            Ok(AnchorFilled::Gone) => Ok(AnchorWritten::Gone),
            Ok(AnchorFilled::LeftAlone(error)) => {
                Ok(AnchorWritten::LeftAlone(error.operator().detail.clone()))
            }
            Ok(AnchorFilled::Refused(error)) => {
                let is_a_right =
                    matches!(error, DirectoryError::NotApplied { fault: Fault::NoPermission, .. });
                let explain = is_a_right && !self.explained;
                self.explained |= explain;
                let mending =
                    if explain { mending(&self.directory, &object_guid).await } else { String::new() };
                Ok(AnchorWritten::Refused(format!("{error}{mending}")))
            }
            Err(error) => Err(SourceError { server: None, reason: error.to_string() }),
        }
    }
}

/// What an administrator can do about a refused anchor, if that can be worked out.
async fn mending(directory: &Directory, object_guid: &[u8; 16]) -> String {
    let remedy = async {
        let person = directory.locate(&Identity::Guid(*object_guid)).await?;
        let rights = directory.rights(&person).await?;
        directory.remedy(&person, &rights).await
    };
    let Ok(remedy) = remedy.await else { return String::new() };
    let grants = [("on Windows", &remedy.windows), ("on Samba", &remedy.samba)];
    let lines = grants.into_iter().filter(|(_, lines)| !lines.is_empty());
    let lines: String = lines.map(|(system, lines)| format!("; {system}: {}", lines.join(" && "))).collect();
    remedy.notes.into_iter().fold(lines, |text, note| format!("{text}; {note}"))
}

#[async_trait]
impl DeltaSource for Source {
    async fn begin(&mut self, since: &Watermark) -> Result<Begun, SourceError> {
        self.server.clone_from(&since.server);
        let Ok(mark) = serde_json::from_str::<ritorno_directory::Watermark>(&since.mark) else {
            return Ok(Begun::Lost { reason: "the kept mark is damaged".to_owned() });
        };
        match self.directory.changes(&mark, self.attributes.clone()).await {
            Ok(Since::Changes(delta)) => {
                self.reading = Reading::Changes(delta);
                Ok(Begun::Ready)
            }
            Ok(Since::Lost(reason)) => Ok(Begun::Lost { reason }),
            Err(error) => {
                let other =
                    if self.elsewhere { self.directory.readable_instead_of(&mark.dc).await } else { None };
                match other {
                    Some(other) => {
                        let dc = mark.dc;
                        Ok(Begun::Lost { reason: format!("{dc} can't be read ({error}), and {other} can") })
                    }
                    None => Err(self.broken(error.to_string())),
                }
            }
        }
    }

    async fn next_changes(&mut self) -> Result<Changes, SourceError> {
        let Reading::Changes(mut delta) = std::mem::replace(&mut self.reading, Reading::Broken) else {
            return Err(self.broken("the import was read on after it had broken off".to_owned()));
        };
        match delta.next().await {
            Ok(Some(changes)) => {
                self.reading = Reading::Changes(delta);
                Ok(Changes::Some(changes.into_iter().map(changed).collect()))
            }
            Ok(None) => {
                let (watermark, note) = delta.end().await;
                self.server = Some(watermark.dc.clone());
                let watermark = serde_json::to_string(&watermark)
                    .map_err(|error| self.broken(format!("the mark can't be kept: {error}")))?;
                Ok(Changes::End { server: self.server.clone(), watermark, note, all: false })
            }
            Err(error) => Err(self.broken(error.to_string())),
        }
    }
}

/// What is asked for and as whom. Without groups it is what it was before there were any.
pub(super) fn scope(settings: &ForestSettings) -> String {
    let mut scope = format!("{}\n{}", settings.scope.join("\n"), settings.account);
    if !settings.groups.is_empty() {
        scope.push_str(&format!("\ngroups\n{}", settings.groups.join("\n")));
    }
    scope
}

fn imported(object: ritorno_directory::ImportedObject) -> ImportedObject {
    let members = object.members.map(members);
    let (dn, object_guid, foreign) = (object.dn, object.object_guid, object.foreign);
    ImportedObject { dn, object_guid, attributes: object.attributes, members, foreign }
}

/// Who is in a group, as the engine is told.
pub(super) fn members(members: ritorno_directory::Members) -> Members {
    match members {
        ritorno_directory::Members::All(all) => Members::All(all),
        ritorno_directory::Members::Changed { added, removed } => Members::Changed { added, removed },
    }
}

fn changed(change: Change) -> Changed {
    match change {
        Change::Present(object) => Changed::Present(imported(object)),
        Change::Gone(guid) => Changed::Gone(guid),
        Change::In { member, groups } => Changed::In { member, groups },
    }
}
