//! The one writer of SQLite: what has queued up while a commit was on its way to the disk is committed together next. Under
//! load the disk is flushed once for many statements; alone, a statement waits for nobody.

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqlitePool, SqliteRow};
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::db::bind;
use crate::error::StoreError;
use crate::fence;
use crate::value::Value;

/// Statements that may wait.
const QUEUE: usize = 1_024;
/// Most statements of one transaction.
const TOGETHER: usize = 64;

/// What is to be written.
pub(crate) enum Work {
    /// One statement; its rows are wanted if it is `returning`.
    One { statement: Statement, returning: bool },
    /// Statements that are kept together or not at all; each of the first `needed` has to touch a row.
    Whole { statements: Vec<Statement>, needed: usize },
}

/// A statement and what is bound into it.
pub(crate) type Statement = (&'static str, Vec<Value>);

/// What came of it.
pub(crate) enum Wrote {
    /// How many rows it touched.
    Touched(u64),
    /// The rows that it gave back.
    Rows(Vec<SqliteRow>),
    /// The statement of this index touched no row, so that nothing of the whole was kept.
    Nothing(usize),
}

struct Job {
    work: Work,
    /// What has to find a row first, or nothing is done.
    fence: Option<Statement>,
    reply: oneshot::Sender<Result<Wrote, StoreError>>,
}

/// Queues statements to the writer. Clones share it; it ends with the last one.
#[derive(Clone)]
pub(crate) struct Writer {
    pool: SqlitePool,
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Over a pool of one connection.
    pub(crate) fn new(pool: SqlitePool) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(work(pool.clone(), waiting));
        Self { pool, jobs }
    }

    /// Does it; it is on the disk when this returns, whether or not the caller waited.
    pub(crate) async fn run(&self, work: Work) -> Result<Wrote, StoreError> {
        let gone = || StoreError::Unavailable(sqlx::Error::PoolClosed);
        let (reply, replied) = oneshot::channel();
        let fence = fence::current_sqlite();
        self.jobs.send(Job { work, fence, reply }).await.map_err(|_| gone())?;
        replied.await.map_err(|_| gone())?
    }

    /// Closes the connection, after the transaction under way.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

async fn work(pool: SqlitePool, mut waiting: mpsc::Receiver<Job>) {
    let mut batch = Vec::with_capacity(TOGETHER);
    while waiting.recv_many(&mut batch, TOGETHER).await > 0 {
        let jobs = std::mem::take(&mut batch);
        match pool.acquire().await {
            Ok(connection) => together(connection, jobs).await,
            Err(error) => fail(jobs.into_iter().map(|job| job.reply), error),
        }
    }
}

/// One transaction. A statement that contradicts a row fails alone, or with the whole that it belongs to: the others are kept.
/// Anything else that goes wrong fails them all, and nothing of them is kept.
async fn together(mut connection: PoolConnection<Sqlite>, jobs: Vec<Job>) {
    let mut transaction = match connection.begin_with("begin immediate").await {
        Ok(transaction) => transaction,
        Err(error) => return fail(jobs.into_iter().map(|job| job.reply), error),
    };
    let mut done = Vec::with_capacity(jobs.len());
    let mut jobs = jobs.into_iter();
    let mut broken = None;
    for job in jobs.by_ref() {
        match under(&mut transaction, job.fence, job.work).await {
            Ok(wrote) => done.push((job.reply, Ok(wrote))),
            Err(error @ (StoreError::Contradiction(_) | StoreError::Fenced)) => {
                done.push((job.reply, Err(error)));
            }
            Err(error) => {
                broken = Some((job.reply, error));
                break;
            }
        }
    }
    if let Some((reply, error)) = broken {
        let text = error.to_string();
        // Whoever asked may have gone; so for every reply below.
        let _ = reply.send(Err(error));
        drop(transaction);
        let others = done.into_iter().map(|(reply, _)| reply).chain(jobs.map(|job| job.reply));
        return fail(others, sqlx::Error::Io(std::io::Error::other(text)));
    }
    match transaction.commit().await {
        Ok(()) => done.into_iter().for_each(|(reply, result)| drop(reply.send(result))),
        Err(error) => fail(done.into_iter().map(|(reply, _)| reply), error),
    }
}

/// Within the transaction, if the fence lets it through.
async fn under(
    connection: &mut SqliteConnection,
    fence: Option<Statement>,
    work: Work,
) -> Result<Wrote, StoreError> {
    if let Some((sql, values)) = fence
        && bind!(sqlx::query(sql), values).fetch_optional(&mut *connection).await?.is_none()
    {
        return Err(StoreError::Fenced);
    }
    Ok(match work {
        Work::One { statement, returning } => one(connection, statement, returning).await?,
        Work::Whole { statements, needed } => whole(connection, statements, needed).await?,
    })
}

/// Within the transaction: all of it or nothing.
async fn whole(
    connection: &mut SqliteConnection,
    statements: Vec<Statement>,
    needed: usize,
) -> Result<Wrote, sqlx::Error> {
    sqlx::query("savepoint whole").execute(&mut *connection).await?;
    let mut result = Ok(Wrote::Touched(0));
    for (index, statement) in statements.into_iter().enumerate() {
        match one(connection, statement, false).await {
            Ok(Wrote::Touched(0)) if index < needed => result = Ok(Wrote::Nothing(index)),
            Ok(_) => continue,
            Err(error) => result = Err(error),
        }
        sqlx::query("rollback to whole").execute(&mut *connection).await?;
        break;
    }
    sqlx::query("release whole").execute(&mut *connection).await?;
    result
}

async fn one(
    connection: &mut SqliteConnection,
    (sql, values): Statement,
    returning: bool,
) -> Result<Wrote, sqlx::Error> {
    let query = bind!(sqlx::query(sql), values);
    Ok(if returning {
        Wrote::Rows(query.fetch_all(connection).await?)
    } else {
        Wrote::Touched(query.execute(connection).await?.rows_affected())
    })
}

/// Tells all of them that nothing was kept.
fn fail(replies: impl Iterator<Item = oneshot::Sender<Result<Wrote, StoreError>>>, error: sqlx::Error) {
    let text = error.to_string();
    let mut first = Some(error);
    for reply in replies {
        let error = first.take().unwrap_or_else(|| sqlx::Error::Io(std::io::Error::other(text.clone())));
        let _ = reply.send(Err(StoreError::from(error)));
    }
}
