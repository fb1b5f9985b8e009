//! Lists of passwords that were breached or that many people choose: looked into here, where the plaintext is, and on the disk. The
//! cloud side neither has them nor learns what was looked for.

pub mod build;
pub mod list;

use std::fs::File;
use std::path::{Path, PathBuf};

use ritorno_protocol::secret::Password;

use list::{List, NoList};

/// The lists of one agent, as files. None is held open: what replaces a file counts from the next password on.
#[derive(Clone, Debug, Default)]
pub struct Breached {
    files: Vec<PathBuf>,
}

/// Why a list can't be looked into.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub struct BreachedError {
    /// The list.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Breached {
    /// Lists that are looked into one after the other.
    #[must_use]
    pub const fn new(files: Vec<PathBuf>) -> Self {
        Self { files }
    }

    /// Whether there is a list at all.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.files.is_empty()
    }

    /// The first list that `password` is in. Some reads of 4 KB each, on a thread where waiting for a disk holds up nobody.
    ///
    /// # Errors
    /// [`BreachedError`] if a list can't be read: that it is not in there is then not known.
    pub async fn find(&self, password: &Password) -> Result<Option<PathBuf>, BreachedError> {
        if !self.any() {
            return Ok(None);
        }
        let (files, password) = (self.files.clone(), password.clone());
        let looking = tokio::task::spawn_blocking(move || {
            for file in files {
                let list = open(&file)?;
                let found = list.holds(&list.fingerprint(&password));
                if found.map_err(|error| BreachedError { file: file.clone(), reason: error.to_string() })? {
                    return Ok(Some(file));
                }
            }
            Ok(None)
        });
        looking.await.unwrap_or_else(|_| {
            let file = self.files.first().cloned().unwrap_or_default();
            Err(BreachedError { file, reason: "the search did not come to its end".to_owned() })
        })
    }
}

/// Opens the list in `file`.
///
/// # Errors
/// [`BreachedError`] if it can't be read, or is no list.
pub fn open(file: &Path) -> Result<List<File>, BreachedError> {
    let wrong = |reason: String| BreachedError { file: file.to_owned(), reason };
    let opened = File::open(file).map_err(|error| wrong(error.to_string()))?;
    List::open(opened).map_err(|error: NoList| wrong(error.to_string()))
}
