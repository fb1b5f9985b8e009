//! What can go wrong between the server and its database.

/// Why an operation on the database failed. For operators: nothing of it is shown to people.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with that name, anchor or id is there already, or what it refers to is not.
    #[error("the row contradicts one that is there: {0}")]
    Contradiction(#[source] sqlx::Error),
    /// The database can't be reached, or did not answer in time.
    #[error("the database does not answer: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The database refused a statement.
    #[error("the database refused a statement: {0}")]
    Refused(#[source] sqlx::Error),
    /// A row holds what this version can't read.
    #[error("column '{column}' holds what this version of ritorno can't read")]
    Unreadable {
        /// The column.
        column: &'static str,
    },
    /// Another agent took the sync lease under which this was to be written; nothing of it is kept.
    #[error("another agent has taken the sync lease")]
    Fenced,
    /// The node key does not open a wrapped value: it is another node's, or the value was altered.
    #[error("the node key does not open what the database holds: is it the key of this installation?")]
    NodeKey,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database)
                if database.is_unique_violation() || database.is_foreign_key_violation() =>
            {
                Self::Contradiction(error)
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            _ => Self::Refused(error),
        }
    }
}

/// Why the database can't be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is for neither of the databases.
    #[error("'{0}' is no database address: it begins with 'sqlite:' or 'postgres:'")]
    Scheme(String),
    /// The address has a mistake in it.
    #[error("the database address has a mistake: {0}")]
    Address(#[source] sqlx::Error),
    /// The SQLite file can't be made.
    #[error("the database file {path} can't be made: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database can't be reached.
    #[error("the database can't be opened: {0}")]
    Open(#[source] sqlx::Error),
    /// The tables can't be brought to this version.
    #[error("the database's tables can't be brought to this version: {0}")]
    Migration(#[source] sqlx::migrate::MigrateError),
}
