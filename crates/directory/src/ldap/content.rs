//! Content synchronisation (RFC 4533), refreshOnly: a search that tells what is there, or what changed since a cookie, to its end. Replies are
//! taken one at a time, so that not all of a directory is held.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::error::LdapError;
use super::reply::{Entry, Reply, SyncInfo, SyncState};
use super::request::{Control, Search};

/// A search under way.
pub(crate) struct Content<'a> {
    connection: &'a mut Connection,
    id: i32,
    limit: Duration,
}

/// What the directory told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Of one entry.
    Entry {
        /// The entry; without attributes unless it is [`SyncState::Present`].
        entry: Entry,
        /// Its `entryUUID`, as bytes.
        uuid: [u8; 16],
        /// What is said of it.
        state: SyncState,
    },
    /// Something else.
    Info(SyncInfo),
    /// An entry without a word about it: the directory knows the control and does not do it for this database.
    Plain,
    /// That was all.
    End {
        /// Where the next search goes on; empty if it can't.
        cookie: Vec<u8>,
        /// Whether whoever was not named is as before; else they are gone.
        named: bool,
    },
}

impl<'a> Content<'a> {
    /// Asks for what changed since `cookie`, or for everything. Each reply has to come within `limit`.
    ///
    /// # Errors
    /// [`LdapError`].
    pub(crate) async fn ask(
        connection: &'a mut Connection,
        search: &Search,
        cookie: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Self, LdapError> {
        let (controls, deadline) = ([Control::content_sync(cookie)], Instant::now() + limit);
        let id = connection.ask(search.encode(), &controls, deadline, limit).await?;
        Ok(Self { connection, id, limit })
    }

    /// What is told next, until [`Told::End`].
    ///
    /// # Errors
    /// [`LdapError`].
    pub(crate) async fn next(&mut self) -> Result<Told, LdapError> {
        loop {
            match self.connection.reply(self.id, Instant::now() + self.limit, self.limit).await? {
                Reply::Synced { entry, uuid, state } => return Ok(Told::Entry { entry, uuid, state }),
                Reply::Sync(info) => return Ok(Told::Info(info)),
                Reply::Entry(_) => return Ok(Told::Plain),
                Reply::Done { answer, cookie, more, .. } if answer.code == 0 => {
                    return Ok(Told::End { cookie, named: more });
                }
                Reply::Done { answer, .. } | Reply::Bound { answer, .. } => {
                    let host = self.connection.host().to_owned();
                    return Err(LdapError::Refused { host, answer });
                }
                Reply::Reference | Reply::Other => {}
            }
        }
    }
}
