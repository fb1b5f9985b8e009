//! Where an import's objects come from.

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::object::ImportedObject;

/// One part of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Some objects; a few hundred is a good number.
    Objects(Vec<ImportedObject>),
    /// The directory itself said that this was all. Only then are objects that were not seen taken as deleted.
    End {
        /// The server that answered.
        server: Option<String>,
        /// The mark from which a delta import goes on, taken before the first object was read; `None` if this source
        /// has no such thing.
        watermark: Option<String>,
    },
}

/// Where the last import of a source ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// The source's own mark, as it gave it.
    pub mark: String,
    /// The server that gave it.
    pub server: Option<String>,
}

/// How a delta import begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The changes come.
    Ready,
    /// The source can't go on from there: everything has to be read.
    Lost {
        /// Why, for the operator.
        reason: String,
    },
}

/// One object that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is there, and this is all of it.
    Present(ImportedObject),
    /// It was deleted or has left the scope of the import; its `objectGUID`. It need not have been known.
    Gone([u8; 16]),
    /// It is there as before; its `objectGUID`.
    Unchanged([u8; 16]),
    /// In which groups of this source an object is now, and in no others but its primary one: where it may have left some, or come into
    /// some, of which their own changes do not tell. All by `objectGUID`.
    In {
        /// The object.
        member: [u8; 16],
        /// The groups. They need not be known.
        groups: Vec<[u8; 16]>,
    },
}

/// One part of a delta import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Some changed objects, each once.
    Some(Vec<Changed>),
    /// That was all.
    End {
        /// The server that answered.
        server: Option<String>,
        /// Where the next delta import goes on.
        watermark: String,
        /// What the operator should know, such as changes that this account can't see.
        note: Option<String>,
        /// Whether every object that is there was told of, changed or not: one that was not is gone.
        all: bool,
    },
}

/// A source that can tell what changed since a mark. Everything that changed since then has to come, in any order; what
/// did not change may.
#[async_trait]
pub trait DeltaSource: ImportSource {
    /// Begins after `since`.
    ///
    /// # Errors
    /// [`SourceError`] when the directory can't be asked. A mark that is of no use is no error: [`Begun::Lost`].
    async fn begin(&mut self, since: &Watermark) -> Result<Begun, SourceError>;

    /// The next part, until [`Changes::End`].
    ///
    /// # Errors
    /// [`SourceError`] when the stream broke off.
    async fn next_changes(&mut self) -> Result<Changes, SourceError>;
}

/// A number of objects that comes by and by; `None` if it could not be had.
pub type Counting = BoxFuture<'static, Option<u64>>;

/// A directory, or whatever else objects come from, during one full import.
#[async_trait]
pub trait ImportSource: Send {
    /// The next part, until [`Page::End`].
    ///
    /// # Errors
    /// [`SourceError`] when the stream broke off. A producer that went away without saying that it was finished
    /// broke off, too.
    async fn next(&mut self) -> Result<Page, SourceError>;

    /// What was asked for and as whom (bases, filter, account), as text that is equal for equal scopes. After a
    /// change of it no removal is exported until a person approved the list.
    fn scope(&self) -> String;

    /// Counts the objects that [`ImportSource::next`] will give, about, beside the reading; `None` for nobody knows. Asked once, before the
    /// first part, by a full import that has no number of an earlier one; it is only shown. Whoever knows that nobody looks
    /// need not count.
    fn count(&mut self) -> Option<Counting> {
        None
    }

    /// What gives objects an anchor of their own, for a directory that can be written to; `None` for one that can't.
    fn anchors(&mut self) -> Option<&mut dyn AnchorWriter> {
        None
    }
}

/// A directory that keeps the source anchor of an object with the object.
#[async_trait]
pub trait AnchorWriter: Send {
    /// Adds `objectGUID` as the anchor of the object that has it (as the directory stores it), and puts it in place of no other.
    ///
    /// # Errors
    /// [`SourceError`] when nothing answers; whether this one was written is not known then. What the directory answers about one object is
    /// [`AnchorWritten::Refused`], whatever it is: it keeps nobody else from theirs.
    async fn write(&mut self, object_guid: [u8; 16]) -> Result<AnchorWritten, SourceError>;
}

/// What came of one anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorWritten {
    /// It was added.
    Written,
    /// It was there already.
    AlreadyThere,
    /// Another value was there, and stays.
    Another,
    /// The directory does not let us; why, and what mends it, for the operator.
    Refused(String),
    /// The object is protected, or has left the scope, as the directory has it now: nothing was tried; why.
    LeftAlone(String),
    /// The object is not there any more.
    Gone,
}

/// Why a source broke off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SourceError {
    /// The server that was being read, where there was one.
    pub server: Option<String>,
    /// What went wrong, for the operator.
    pub reason: String,
}
