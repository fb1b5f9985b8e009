//! The journal: what makes 'at most once' survive a crash. SQLite with `synchronous = FULL`, so that a record that was
//! written is on the disk.
//!
//! One task owns the database. It takes what has queued up, runs it as one transaction and answers all at once: sixteen
//! requests in flight cost about as many disk flushes as one.
//!
//! Each opening of the journal is a new epoch, and an order names the epoch that it is for. So a journal that was lost, or
//! put back from a backup or a snapshot, can't be asked for anything that it may have forgotten: an order from before is
//! for an epoch that is over. Entries of earlier epochs stay, to answer a repeated request and to settle what is unknown.

use std::path::Path;
use std::time::Duration;

use ritorno_protocol::authorisation::Initiator;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::{EpochId, RequestId};
use ritorno_protocol::outcome::Outcome;
use ritorno_protocol::random::Random;
use ritorno_protocol::settle::{Before, DatabaseId};
use ritorno_protocol::statement::{PasswordVersion, Says, Statement};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::directory::Target;

/// How long an acknowledged entry is kept. An authorisation lives a minute, so a repetition comes long before that.
pub const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);
/// Jobs that may wait for the disk.
const QUEUE: usize = 256;
/// How long an acknowledgement waits for something else to be written, so that it costs no flush of its own. One that a crash
/// loses is asked for again.
const LINGER: Duration = Duration::from_secs(1);

/// What the journal remembers of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Whose password.
    pub target: Target,
    /// What was asked.
    pub operation: Operation,
    /// Who asked.
    pub initiator: Initiator,
    /// Whether it was to be changed at the next sign-in.
    pub must_change: bool,
    /// When it was begun, by the agent's clock.
    pub begun_at: Timestamp,
    /// The password's version before.
    pub version_before: Option<PasswordVersion>,
    /// The database that version was read from, if the directory told.
    #[serde(default)]
    pub database: Option<DatabaseId>,
    /// Whether its outcome is unknown and may yet be proved.
    pub settling: bool,
    /// Whether the relay has committed the statement.
    pub acknowledged: bool,
    /// The latest statement about it. Signatures are deterministic, so it is signed again when it is sent again.
    pub statement: Statement,
}

impl Entry {
    /// Whether its outcome is unknown and may yet be proved.
    pub const fn is_unsettled(&self) -> bool {
        self.settling && matches!(self.statement.says, Says::Ended { outcome: Outcome::Unknown { .. } })
    }

    /// What it is settled by, if that was written down.
    pub fn before(&self) -> Option<Before> {
        let (version, database) = (self.version_before.clone()?, self.database.clone());
        Some(Before { version, database, begun_at: self.begun_at })
    }
}

/// The journal's database failed. Without it nothing is begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal can't be used: {0}")]
pub struct JournalError(pub String);

impl From<sqlx::Error> for JournalError {
    fn from(error: sqlx::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for JournalError {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("an entry can't be read: {error}"))
    }
}

enum Job {
    Find(RequestId),
    Write(Box<Entry>),
    Acknowledge(RequestId, u32, Timestamp),
    Unacknowledged,
    Open,
    Sequence(Option<u64>),
}

enum Reply {
    Entries(Vec<Entry>),
    Sequence(u64),
    Nothing,
}

type Waiting = (Job, oneshot::Sender<Result<Reply, JournalError>>);

/// The journal. Clones share it.
#[derive(Clone)]
pub struct Journal {
    epoch: EpochId,
    jobs: mpsc::Sender<Waiting>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Journal({})", self.epoch)
    }
}

impl Journal {
    /// Opens the journal at `path`, made if it is not there, forgets what is old, and starts a new epoch.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn open(path: &Path, random: &dyn Random, now: Timestamp) -> Result<Self, JournalError> {
        let mut database = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-256")
            .disable_statement_logging()
            .connect()
            .await?;
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS entry (
                request TEXT PRIMARY KEY, open INTEGER NOT NULL, written_at INTEGER NOT NULL, body TEXT NOT NULL
             ) WITHOUT ROWID, STRICT",
        )
        .execute(&mut database)
        .await?;
        sqlx::query("CREATE INDEX IF NOT EXISTS open_entry ON entry (open) WHERE open = 1")
            .execute(&mut database)
            .await?;
        sqlx::query("CREATE TABLE IF NOT EXISTS seen (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT")
            .execute(&mut database)
            .await?;
        sqlx::query("DELETE FROM entry WHERE open = 0 AND written_at < ?")
            .bind(now.minus(KEEP).unix_ms())
            .execute(&mut database)
            .await?;
        let (jobs, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(work(database, waiting));
        Ok(Self { epoch: EpochId::random(random), jobs })
    }

    /// The epoch.
    pub const fn epoch(&self) -> EpochId {
        self.epoch
    }

    async fn run(&self, job: Job) -> Result<Reply, JournalError> {
        let gone = || JournalError("its task has ended".into());
        let (reply, replied) = oneshot::channel();
        self.jobs.send((job, reply)).await.map_err(|_| gone())?;
        replied.await.map_err(|_| gone())?
    }

    async fn entries(&self, job: Job) -> Result<Vec<Entry>, JournalError> {
        match self.run(job).await? {
            Reply::Entries(entries) => Ok(entries),
            Reply::Sequence(_) | Reply::Nothing => Ok(Vec::new()),
        }
    }

    /// The entry about `request`.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn find(&self, request: RequestId) -> Result<Option<Entry>, JournalError> {
        Ok(self.entries(Job::Find(request)).await?.pop())
    }

    /// Writes an entry over the former one about the same request. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn write(&self, entry: Entry) -> Result<(), JournalError> {
        self.run(Job::Write(Box::new(entry))).await.map(drop)
    }

    /// Notes that the relay has committed the statement about an attempt that was made at that moment. Nothing happens if a
    /// later one has taken its place. It is on the disk about a second later.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn acknowledge(
        &self,
        request: RequestId,
        attempt: u32,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        self.run(Job::Acknowledge(request, attempt, at)).await.map(drop)
    }

    /// Entries that the relay has not acknowledged: to be sent again.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn unacknowledged(&self) -> Result<Vec<Entry>, JournalError> {
        self.entries(Job::Unacknowledged).await
    }

    /// Entries that are begun without an end, or unknown and not settled.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn unfinished(&self) -> Result<Vec<Entry>, JournalError> {
        let mut entries = self.entries(Job::Open).await?;
        entries.retain(|entry| entry.is_unsettled() || matches!(entry.statement.says, Says::Started { .. }));
        Ok(entries)
    }

    /// The newest sequence of a signing key that was ever seen; 0 before the first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn seen_sequence(&self) -> Result<u64, JournalError> {
        match self.run(Job::Sequence(None)).await? {
            Reply::Sequence(seen) => Ok(seen),
            Reply::Entries(_) | Reply::Nothing => Ok(0),
        }
    }

    /// Remembers a signing key's sequence, if it is newer.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn see_sequence(&self, sequence: u64) -> Result<(), JournalError> {
        self.run(Job::Sequence(Some(sequence))).await.map(drop)
    }
}

/// Runs what has queued up as one transaction, again and again, until nobody can ask any more.
async fn work(mut database: SqliteConnection, mut waiting: mpsc::Receiver<Waiting>) {
    let mut lingering: Vec<Job> = Vec::new();
    // When the first of them has waited long enough.
    let mut due: Option<Instant> = None;
    loop {
        let next = match due {
            None => waiting.recv().await,
            // However many come, and whatever is asked meanwhile: none waits longer, and no more than the queue holds are kept.
            Some(at) if lingering.len() >= QUEUE || Instant::now() >= at => {
                // A lost acknowledgement is asked for again.
                drop(run_all(&mut database, &std::mem::take(&mut lingering)).await);
                due = None;
                continue;
            }
            Some(at) => match tokio::time::timeout_at(at, waiting.recv()).await {
                Ok(next) => next,
                Err(_) => continue,
            },
        };
        let Some(first) = next else { break };
        let mut batch = vec![first];
        while let Ok(next) = waiting.try_recv() {
            batch.push(next);
        }
        let (mut jobs, mut askers) = (Vec::new(), Vec::new());
        let mut before = 0;
        if batch.iter().all(|(job, _)| matches!(job, Job::Acknowledge(..) | Job::Find(_))) {
            for (job, asker) in batch {
                if matches!(job, Job::Find(_)) {
                    jobs.push(job);
                    askers.push(asker);
                } else {
                    lingering.push(job);
                    due.get_or_insert_with(|| Instant::now() + LINGER);
                    // Whoever asked may have gone; so below.
                    drop(asker.send(Ok(Reply::Nothing)));
                }
            }
        } else {
            jobs.append(&mut lingering);
            due = None;
            before = jobs.len();
            for (job, asker) in batch {
                jobs.push(job);
                askers.push(asker);
            }
        }
        match run_all(&mut database, &jobs).await {
            Ok(replies) => askers
                .into_iter()
                .zip(replies.into_iter().skip(before))
                .for_each(|(asker, reply)| drop(asker.send(Ok(reply)))),
            Err(error) => askers.into_iter().for_each(|asker| drop(asker.send(Err(error.clone())))),
        }
    }
    // The last handle is gone: nothing is lost if this fails.
    if !lingering.is_empty() {
        drop(run_all(&mut database, &lingering).await);
    }
    drop(database.close().await);
}

async fn run_all(database: &mut SqliteConnection, jobs: &[Job]) -> Result<Vec<Reply>, JournalError> {
    let mut transaction = database.begin().await?;
    let mut replies = Vec::with_capacity(jobs.len());
    for job in jobs {
        replies.push(run_one(&mut transaction, job).await?);
    }
    transaction.commit().await?;
    Ok(replies)
}

async fn run_one(database: &mut SqliteConnection, job: &Job) -> Result<Reply, JournalError> {
    Ok(match job {
        Job::Find(request) => Reply::Entries(find(database, *request).await?.into_iter().collect()),
        Job::Write(entry) => {
            put(database, entry).await?;
            Reply::Nothing
        }
        Job::Acknowledge(request, attempt, at) => {
            let entry = find(database, *request).await?;
            // 'Started' is never acknowledged; what is acknowledged must be the statement that is kept now.
            let meant = |entry: &Entry| entry.statement.attempt == *attempt && entry.statement.at == *at;
            if let Some(entry) = entry.filter(meant) {
                put(database, &Entry { acknowledged: true, ..entry }).await?;
            }
            Reply::Nothing
        }
        Job::Unacknowledged => {
            let mut entries = open(database).await?;
            entries.retain(|entry| !entry.acknowledged);
            Reply::Entries(entries)
        }
        Job::Open => Reply::Entries(open(database).await?),
        Job::Sequence(new) => {
            if let Some(new) = new {
                sqlx::query(
                    "INSERT INTO seen (name, value) VALUES ('signing_sequence', ?)
                     ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
                )
                .bind(i64::try_from(*new).unwrap_or(i64::MAX))
                .execute(&mut *database)
                .await?;
            }
            let row = sqlx::query("SELECT value FROM seen WHERE name = 'signing_sequence'")
                .fetch_optional(&mut *database)
                .await?;
            let value = row.map(|row| row.try_get::<i64, _>(0)).transpose()?.unwrap_or(0);
            Reply::Sequence(u64::try_from(value).unwrap_or(0))
        }
    })
}

async fn find(database: &mut SqliteConnection, request: RequestId) -> Result<Option<Entry>, JournalError> {
    let row = sqlx::query("SELECT body FROM entry WHERE request = ?")
        .bind(request.to_string())
        .fetch_optional(database)
        .await?;
    row.map(|row| Ok(serde_json::from_str(row.try_get(0)?)?)).transpose()
}

async fn open(database: &mut SqliteConnection) -> Result<Vec<Entry>, JournalError> {
    let rows =
        sqlx::query("SELECT body FROM entry WHERE open = 1 ORDER BY written_at").fetch_all(database).await?;
    rows.iter().map(|row| Ok(serde_json::from_str(row.try_get(0)?)?)).collect()
}

async fn put(database: &mut SqliteConnection, entry: &Entry) -> Result<(), JournalError> {
    let open = !entry.acknowledged || entry.settling;
    sqlx::query("INSERT OR REPLACE INTO entry (request, open, written_at, body) VALUES (?, ?, ?, ?)")
        .bind(entry.statement.request.to_string())
        .bind(i64::from(open))
        .bind(entry.statement.at.unix_ms())
        .bind(serde_json::to_string(entry)?)
        .execute(database)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fixed, Folder, NOW, Rig};

    fn entry(rig: &Rig, epoch: EpochId) -> Entry {
        let (order, _) = rig.order(|_| {});
        Entry {
            target: Target::from(&order),
            operation: order.operation,
            initiator: order.initiator,
            must_change: false,
            begun_at: NOW,
            version_before: Some(PasswordVersion::Replicated { version: 3 }),
            database: None,
            settling: false,
            acknowledged: false,
            statement: Statement {
                agent: order.agent,
                epoch,
                request: order.request,
                attempt: 1,
                at: NOW,
                says: Says::Started { version_before: None, database: None },
            },
        }
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart_and_the_epoch_is_new() {
        let (folder, rig) = (Folder::new("journal-restart"), Rig::new());
        let path = folder.path().join("journal.db");
        let first = Journal::open(&path, &Fixed(1), NOW).await.unwrap();
        let entry = entry(&rig, first.epoch());
        first.write(entry.clone()).await.unwrap();
        let again = Journal::open(&path, &Fixed(2), NOW).await.unwrap();
        assert_ne!(again.epoch(), first.epoch());
        assert_eq!(again.find(entry.statement.request).await.unwrap(), Some(entry.clone()));
        assert_eq!(again.unfinished().await.unwrap(), vec![entry]);
    }

    #[tokio::test]
    async fn what_is_not_acknowledged_is_kept_and_the_rest_forgotten_after_a_week() {
        let (folder, rig) = (Folder::new("journal-keep"), Rig::new());
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path, &Fixed(1), NOW).await.unwrap();
        let entry = entry(&rig, journal.epoch());
        let request = entry.statement.request;
        journal.write(entry.clone()).await.unwrap();
        let later = NOW.plus(KEEP + Duration::from_secs(1));
        let journal = Journal::open(&path, &Fixed(2), later).await.unwrap();
        assert_eq!(journal.unacknowledged().await.unwrap(), vec![entry]);
        journal.acknowledge(request, 2, NOW).await.unwrap();
        assert_eq!(journal.unacknowledged().await.unwrap().len(), 1, "another attempt was acknowledged");
        journal.acknowledge(request, 1, NOW.minus(Duration::from_millis(1))).await.unwrap();
        assert_eq!(journal.unacknowledged().await.unwrap().len(), 1, "an earlier statement was acknowledged");
        journal.acknowledge(request, 1, NOW).await.unwrap();
        assert_eq!(journal.unacknowledged().await.unwrap(), vec![]);
        let journal = Journal::open(&path, &Fixed(3), later).await.unwrap();
        assert_eq!(journal.find(request).await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_newest_sequence_stays() {
        let folder = Folder::new("journal-sequence");
        let journal = Journal::open(&folder.path().join("journal.db"), &Fixed(1), NOW).await.unwrap();
        assert_eq!(journal.seen_sequence().await.unwrap(), 0);
        journal.see_sequence(4).await.unwrap();
        journal.see_sequence(3).await.unwrap();
        assert_eq!(journal.seen_sequence().await.unwrap(), 4);
    }
}
