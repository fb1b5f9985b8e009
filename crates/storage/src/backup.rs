//! A copy of the whole database, and what a restored one has to forget.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;

use crate::db::Pools;
use crate::error::StoreError;
use crate::store::Store;
use crate::value::values;

/// The file of a database with that address; `None` if it is none of SQLite's.
pub fn sqlite_file(address: &str) -> Option<PathBuf> {
    if !address.starts_with("sqlite:") {
        return None;
    }
    Some(SqliteConnectOptions::from_str(address).ok()?.get_filename().to_owned())
}

impl Store {
    /// Copies the database as it is at one moment into `file`, which has to be empty or not there; people go on meanwhile. `false`
    /// where the database is no file: PostgreSQL's own tools copy that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn copy_into(&self, file: &Path) -> Result<bool, StoreError> {
        match &self.db().pools {
            Pools::Sqlite { .. } => {
                let target = file.display().to_string();
                self.db().read("vacuum into $1", values![target]).await.map(|_| true)
            }
            Pools::Postgres(_) => Ok(false),
        }
    }

    /// Forgets what may be used once or for a short while: who had it when the copy was made has used it since, or has no
    /// business with it any more. Tokens of the API go too: one that was revoked since must not be back. Recovery codes stay, since people have nothing else in their hands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_what_is_short_lived(&self) -> Result<(), StoreError> {
        const FORGOTTEN: [&str; 14] = [
            "delete from links",
            "delete from sessions",
            "delete from agent_tokens",
            "delete from api_tokens",
            "delete from enrolment_tokens",
            "delete from device_codes",
            "delete from mail_outbox",
            "delete from help_desk_cases",
            "delete from registrations",
            "delete from export_approvals",
            "delete from passkey_ceremonies",
            "delete from administrator_ceremonies",
            "delete from codes",
            "update flows set expires_at = 0 where expires_at > 0",
        ];
        // All of it or nothing; none of them has to find anything.
        let statements = FORGOTTEN.map(|statement| (statement, Vec::new())).into();
        self.db().write_together(statements, 0).await.map(|_| ())
    }
}
