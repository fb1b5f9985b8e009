//! The state folder: who the agent is, its keys, and the switch that local root holds.
//!
//! ```text
//! enrolment.json    what the server said at enrolment, with the pinned root
//! identity.key      signs hellos, statements and sealing certificates   mode 0600
//! sealing.key       opens envelopes                                     mode 0600
//! *.next.key        there while keys are rolled, see keys.rs            mode 0600
//! former-*.key      replaced sealing keys, for some minutes             mode 0600
//! roll-keys         there while `keys roll` waits for the running agent
//! writeback-on      there while writeback is switched on
//! staging           there while `staging on` holds
//! sync-suspended    there while `sync suspend` holds
//! keys.lock         held while sealing keys are replaced or ended
//! journal.db        see ritorno-writeback
//! sync.db           see ritorno-sync
//! doctor-standings.json  how each check of the doctor stood last      mode 0600
//! status.sock       answers `ritorno-agent status`                      mode 0600
//! ```

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ritorno_writeback::limits::Switch;
use zeroize::Zeroizing;

/// Why the state folder can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// It holds no enrolment.
    #[error("{} holds no enrolment: run `ritorno-agent enrol TOKEN` first", .0.display())]
    NotEnrolled(PathBuf),
    /// A file can't be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A file does not hold what it should.
    #[error("{} is damaged: restore it, or enrol again", .0.display())]
    Damaged(PathBuf),
}

/// What local root decides by a file that is there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Writeback is switched on.
    WritebackOn,
    /// The agent neither exports nor writes back.
    Staging,
    /// The scheduler begins no cycle.
    SyncSuspended,
    /// The running agent is to roll its keys.
    RollKeys,
}

impl Mark {
    const fn file(self) -> &'static str {
        match self {
            Self::WritebackOn => "writeback-on",
            Self::Staging => "staging",
            Self::SyncSuspended => "sync-suspended",
            Self::RollKeys => "roll-keys",
        }
    }
}

/// The state folder.
#[derive(Clone, Debug)]
pub(crate) struct State(PathBuf);

impl State {
    /// The folder; made with mode 0700 if it is not there.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub(crate) fn open(folder: &Path) -> Result<Self, StateError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| StateError::File { path: folder.into(), reason: error.to_string() })?;
        Ok(Self(folder.to_owned()))
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, StateError> {
        let path = self.path(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Zeroizing::new(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(StateError::NotEnrolled(self.0.clone()))
            }
            Err(error) => Err(StateError::File { path, reason: error.to_string() }),
        }
    }

    /// Writes a file of mode 0600 as a whole or not at all. It belongs to the folder's owner, so that the service can read
    /// what root made by hand.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let (path, new) = (self.path(name), self.path(&format!("{name}.new")));
        let write = || {
            // What is left of a crash goes. Nothing that lies there is ever opened: the folder is the service's, and a link in
            // it would lead root elsewhere.
            match std::fs::remove_file(&new) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(bytes)?;
            belongs_with(&file, &self.0)?;
            file.sync_all()?;
            std::fs::rename(&new, &path)
        };
        write().map_err(|error: std::io::Error| StateError::File {
            path: path.clone(),
            reason: error.to_string(),
        })
    }

    /// Switches writeback on or off, at once.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub(crate) fn switch_writeback(&self, on: bool) -> Result<(), StateError> {
        self.mark(Mark::WritebackOn, on)
    }

    /// Whether a mark is there.
    pub(crate) fn is_marked(&self, mark: Mark) -> bool {
        self.path(mark.file()).exists()
    }

    /// Sets a mark or takes it away, at once. The running agent sees it with what it does next.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub(crate) fn mark(&self, mark: Mark, on: bool) -> Result<(), StateError> {
        if on {
            return self.write(mark.file(), b"");
        }
        let path = self.path(mark.file());
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StateError::File { path, reason: error.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// The connector space, whose files belong to the folder's owner whoever makes them: a command that root runs by hand must not lock
    /// the service out.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub(crate) fn connector_space(&self) -> Result<PathBuf, StateError> {
        // The second is the lock that ritorno-sync holds during a run.
        for name in ["sync.db", "sync.db.lock"] {
            self.made(name, |_| Ok(()))?;
        }
        Ok(self.path("sync.db"))
    }

    /// Waits until no other process of this agent imports or exports. The lock ends with the file.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub(crate) fn lock_sync(&self) -> Result<File, StateError> {
        self.lock("sync.lock")
    }

    /// Waits until nobody else changes which sealing keys lie there: the running agent ends them, and commands replace them. The lock
    /// ends with the file.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub(crate) fn lock_keys(&self) -> Result<File, StateError> {
        self.lock("keys.lock")
    }

    fn lock(&self, name: &str) -> Result<File, StateError> {
        self.made(name, File::lock)
    }

    /// A file of mode 0600 that belongs to the folder's owner, made if it is not there, after `done` to it.
    fn made(&self, name: &str, done: impl FnOnce(&File) -> std::io::Result<()>) -> Result<File, StateError> {
        let path = self.path(name);
        let make = || {
            let file = File::options().append(true).create(true).mode(0o600).open(&path)?;
            belongs_with(&file, &self.0)?;
            done(&file)?;
            Ok(file)
        };
        make().map_err(|error: std::io::Error| StateError::File {
            path: path.clone(),
            reason: error.to_string(),
        })
    }
}

/// Gives a file to its folder's owner: what root makes by hand, the service's user has to read.
///
/// # Errors
/// When it can't be given away.
pub(crate) fn belongs_with(file: &File, folder: &Path) -> std::io::Result<()> {
    let (folder, own) = (std::fs::metadata(folder)?, file.metadata()?);
    // Only root can give files away, and only root makes files for others.
    if own.uid() == 0 && own.nlink() == 1 && (folder.uid(), folder.gid()) != (0, own.gid()) {
        std::os::unix::fs::fchown(file, Some(folder.uid()), Some(folder.gid()))?;
    }
    Ok(())
}

/// The switch as a file: local root can flip it offline, and the running agent sees it with the next request.
#[derive(Clone, Debug)]
pub(crate) struct FileSwitch {
    /// The folder.
    pub(crate) state: State,
    /// Whether the configuration itself says staging, where nothing is written back whatever the switch says.
    pub(crate) staging: bool,
}

impl Switch for FileSwitch {
    fn writeback_on(&self) -> bool {
        !self.staging && !self.state.is_marked(Mark::Staging) && self.state.is_marked(Mark::WritebackOn)
    }
}
