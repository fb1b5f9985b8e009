//! The embedded store: one SQLite file, one writer, every commit durable.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Executor as _, SqlSafeStr as _, Sqlite, Transaction};

use crate::error::SyncError;

/// How long a statement waits for another program's writing.
const BUSY: Duration = Duration::from_secs(30);
/// Rows of an answer that may wait to be taken: as many as a page has, so that the thread that reads them need not stop in between.
const ROWS: usize = 1_024;
/// How often the run lock is tried, and the pause between two tries: one second in all.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The store. Clones share it.
pub(crate) struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    lock: PathBuf,
}

/// Held during a run. The system lets go of it when the program ends, however it ends.
pub(crate) struct RunLock {
    _file: File,
}

impl Store {
    pub(crate) async fn open(path: &Path) -> Result<Self, SyncError> {
        make_private(path)?;
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("temp_store", "memory")
            .pragma("wal_autocheckpoint", "4000")
            .row_buffer_size(ROWS)
            .disable_statement_logging();
        // The pages that a connection keeps, in KiB: an agent at rest is to hold little.
        let (for_writing, for_reading) = ("-1000", "-256");
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(BUSY);
        let writer = pool(1).connect_with(options.clone().pragma("cache_size", for_writing)).await?;
        migrator().run(&writer).await?;
        let readers = pool(2).connect_with(options.read_only(true).pragma("cache_size", for_reading)).await?;
        Ok(Self { writer, readers, lock: lock.into() })
    }

    /// Takes the run lock, across all programs that use this store. A program that only opens the store holds it for
    /// a moment, which is waited for.
    pub(crate) async fn lock(&self) -> Result<RunLock, SyncError> {
        for _ in 0..LOCK_TRIES {
            match self.try_lock() {
                Err(SyncError::RunInProgress) => tokio::time::sleep(LOCK_PAUSE).await,
                other => return other,
            }
        }
        self.try_lock()
    }

    /// Takes the run lock if nobody holds it.
    pub(crate) fn try_lock(&self) -> Result<RunLock, SyncError> {
        let failed = |source| SyncError::File { path: self.lock.clone(), source };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&self.lock)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(RunLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(SyncError::RunInProgress),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// A transaction that may write. It takes the write lock at once, so that it never fails half-way for another's
    /// sake.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>, SyncError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Keeps more pages from now on, for a run that goes through much of the store, or lets go of them.
    pub(crate) async fn make_room(&self, much: bool) -> Result<(), SyncError> {
        let (writing, reading) = if much {
            ("PRAGMA cache_size = -16000", "PRAGMA cache_size = -6000")
        } else {
            (
                "PRAGMA cache_size = -1000; PRAGMA shrink_memory",
                "PRAGMA cache_size = -256; PRAGMA shrink_memory",
            )
        };
        self.writer.acquire().await?.execute(writing).await?;
        // Both at once, so that none is told twice.
        let mut readers = [self.readers.acquire().await?, self.readers.acquire().await?];
        for reader in &mut readers {
            reader.execute(reading).await?;
        }
        Ok(())
    }

    /// A connection that only reads.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Sqlite>, SyncError> {
        Ok(self.readers.acquire().await?)
    }
}

/// Makes the file with mode 0600 if it is not there: it holds personal data.
fn make_private(path: &Path) -> Result<(), SyncError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map(|_| ())
        .map_err(|source| SyncError::File { path: path.to_owned(), source })
}

/// Migrations only add, so that a version goes on with the store of the one after it when a package is rolled back: one that it does not
/// know stops nothing.
fn migrator() -> Migrator {
    let migration = |version, name: &'static str, text: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(vec![
        migration(1, "first", include_str!("../migrations/0001_first.sql")),
        migration(2, "delta", include_str!("../migrations/0002_delta.sql")),
        migration(3, "rules and joins", include_str!("../migrations/0003_rules_and_joins.sql")),
        migration(4, "groups", include_str!("../migrations/0004_groups.sql")),
        migration(5, "suspend", include_str!("../migrations/0005_suspend.sql")),
        migration(6, "members guarded", include_str!("../migrations/0006_members_guarded.sql")),
        migration(7, "foreign members", include_str!("../migrations/0007_foreign_members.sql")),
        migration(8, "approval ends", include_str!("../migrations/0008_approval_ends.sql")),
        migration(9, "approved each", include_str!("../migrations/0009_approved_each.sql")),
        migration(11, "fill anchors", include_str!("../migrations/0011_fill_anchors.sql")),
        migration(12, "anchors refused", include_str!("../migrations/0012_anchors_refused.sql")),
        migration(13, "members unsure", include_str!("../migrations/0013_members_unsure.sql")),
        migration(14, "listed", include_str!("../migrations/0014_listed.sql")),
        migration(15, "confirmed to", include_str!("../migrations/0015_confirmed_to.sql")),
    ]);
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Row as _};

    use super::*;

    /// A folder of its own for a test's store.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("ritorno-{test}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn store(&self) -> PathBuf {
            self.0.join("sync.db")
        }

        /// The store as a program has it that brings no migrations.
        async fn bare(&self) -> sqlx::SqliteConnection {
            let options = SqliteConnectOptions::new().filename(self.store()).create_if_missing(true);
            options.connect().await.unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // What is left in the system's folder for temporary files hurts nobody.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    const APPROVED: &str = "INSERT INTO connector (id, name, approved_until) VALUES (1, 'old', NULL), (2, 'new', 77); \
         INSERT INTO export_object (connector_id, anchor, confirmed, approved) \
         VALUES (1, 'a', '{}', 1), (2, 'b', '{}', 1), (2, 'c', '{}', 0); \
         INSERT INTO edge (connector_id, group_guid, member_guid, present, confirmed, dirty, approved) \
         VALUES (1, 'g', 'a', 0, 'ta', 1, 1), (2, 'g', 'b', 0, 'tb', 1, 1), (2, 'g', 'c', 0, 'tc', 1, 0)";

    /// What was approved before approvals ended by themselves is approved no more; what was approved since keeps its time.
    #[tokio::test]
    async fn approvals_come_through_an_upgrade_with_their_end_or_not_at_all() {
        let folder = Folder::new("approvals");
        let mut before = folder.bare().await;
        migrator().run_to(8, &mut before).await.unwrap();
        before.execute(AssertSqlSafe(APPROVED.to_owned())).await.unwrap();
        sqlx::Connection::close(before).await.unwrap();

        let store = Store::open(&folder.store()).await.unwrap();
        for sql in [
            "SELECT approved_until FROM export_object ORDER BY anchor",
            "SELECT approved_until FROM edge ORDER BY member_guid",
        ] {
            let rows = sqlx::query(sql).fetch_all(&mut *store.read().await.unwrap()).await.unwrap();
            let until: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
            assert_eq!(until, [0, 77, 0], "{sql}");
        }
    }

    /// The statements about approvals that the version before 0009 has: it sees what waits, approves it, and ends its approvals.
    #[tokio::test]
    async fn the_version_before_goes_on_with_this_ones_store() {
        let folder = Folder::new("rolled-back");
        let mut before = folder.bare().await;
        migrator().run_to(8, &mut before).await.unwrap();
        before.execute(AssertSqlSafe(APPROVED.to_owned())).await.unwrap();
        sqlx::Connection::close(before).await.unwrap();
        drop(Store::open(&folder.store()).await.unwrap());

        let mut rolled_back = folder.bare().await;
        let mut done = async |sql: &'static str| rolled_back.execute(sql).await.unwrap().rows_affected();
        // What was approved before the upgrade may have gone, and come back, under this version: it waits once more.
        assert_eq!(
            done("UPDATE export_object SET approved = 1 WHERE approved = 0 AND desired IS NOT confirmed")
                .await,
            3
        );
        assert_eq!(
            done("UPDATE edge SET approved = 1 WHERE dirty = 1 AND present = 0 AND approved = 0 AND confirmed IS NOT NULL").await,
            3
        );
        assert_eq!(done("UPDATE connector SET approved_until = 99 WHERE id = 2").await, 1);
        assert_eq!(
            done("UPDATE connector SET approved_until = NULL WHERE id = 2 AND approved_until <= 99").await,
            1
        );
        assert_eq!(
            done("UPDATE export_object SET approved = 0 WHERE connector_id = 2 AND approved = 1").await,
            2
        );
        assert_eq!(done("UPDATE edge SET approved = 0 WHERE connector_id = 2 AND approved = 1").await, 2);
        let coming = "INSERT INTO edge (connector_id, group_guid, member_guid, present, dirty) VALUES (2, 'g', 'b', 1, 1), \
             (2, 'g', 'd', 1, 1) ON CONFLICT (connector_id, group_guid, member_guid) DO UPDATE SET present = 1, dirty = 1, approved = 0";
        assert_eq!(done(coming).await, 2);
        assert_eq!(
            done("INSERT INTO export_object (connector_id, anchor, desired) VALUES (2, 'd', '{}')").await,
            1
        );
        assert_eq!(
            done("INSERT INTO connector (id, name, approved_until) VALUES (3, 'later', NULL)").await,
            1
        );
        sqlx::Connection::close(rolled_back).await.unwrap();

        Store::open(&folder.store()).await.unwrap();
    }

    #[tokio::test]
    async fn a_later_versions_migration_stops_nothing() {
        let folder = Folder::new("later");
        drop(Store::open(&folder.store()).await.unwrap());
        let table = "CREATE TABLE later (id INTEGER PRIMARY KEY)".into_sql_str();
        let later = Migration::new(9_999, "a later version's".into(), MigrationType::Simple, table, false);
        let mut later = Migrator::with_migrations(vec![later]);
        later.set_ignore_missing(true);
        let mut upgraded = folder.bare().await;
        later.run(&mut upgraded).await.unwrap();
        sqlx::Connection::close(upgraded).await.unwrap();

        let rolled_back = Store::open(&folder.store()).await.unwrap();
        let made = "INSERT INTO connector (id, name) VALUES (1, 'c')";
        let mut transaction = rolled_back.write().await.unwrap();
        transaction.execute(made).await.unwrap();
        transaction.commit().await.unwrap();
    }
}
