//! Where an import's objects come from.

use async_trait::async_trait;

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
    },
}

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
