//! The one place through which every statement goes, and where it is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{PgPool, SqlitePool};

use crate::error::StoreError;
use crate::fence;
use crate::row::Row;
use crate::value::{Sql, Value};
use crate::writer::{Statement, Work, Writer, Wrote};

/// The pools, and the counter of this handle.
#[derive(Clone)]
pub(crate) struct Db {
    pub(crate) pools: Pools,
    statements: Arc<AtomicU64>,
}

/// SQLite takes one writer at a time: writers queue in [`Writer`], where waiting is fair and costs no polling of the file's
/// lock.
#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite { readers: SqlitePool, writer: Writer },
    Postgres(PgPool),
}

macro_rules! bind {
    ($query:expr, $values:ident) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Int(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}
pub(crate) use bind;

impl Db {
    pub(crate) fn new(pools: Pools) -> Self {
        Self { pools, statements: Arc::default() }
    }

    /// The same pools with a counter of its own.
    pub(crate) fn counted(&self) -> Self {
        Self::new(self.pools.clone())
    }

    pub(crate) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// The statement in the words of this database.
    pub(crate) fn words<'a, S: AsRef<str>>(&self, sql: &'a Sql<S>) -> &'a str {
        match self.pools {
            Pools::Sqlite { .. } => sql.sqlite.as_ref(),
            Pools::Postgres(_) => sql.postgres.as_ref(),
        }
    }

    /// Reads rows.
    pub(crate) async fn read(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.count();
        Ok(match &self.pools {
            Pools::Sqlite { readers, .. } => {
                sqlite_rows(bind!(sqlx::query(sql), values).fetch_all(readers).await?)
            }
            Pools::Postgres(pool) => postgres_rows(bind!(sqlx::query(sql), values).fetch_all(pool).await?),
        })
    }

    /// Reads the first row, if there is one.
    pub(crate) async fn read_one(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.read(sql, values).await?.into_iter().next())
    }

    /// Writes, and tells how many rows it touched. It is kept, or not, as a whole, and on the disk when this returns.
    pub(crate) async fn write(&self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        self.count();
        Ok(match &self.pools {
            Pools::Sqlite { writer, .. } => {
                match writer.run(Work::One { statement: (sql, values), returning: false }).await? {
                    Wrote::Touched(rows) => rows,
                    Wrote::Rows(rows) => rows.len() as u64,
                    Wrote::Nothing(_) => 0,
                }
            }
            Pools::Postgres(pool) => match under_fence(pool).await? {
                None => bind!(sqlx::query(sql), values).execute(pool).await?.rows_affected(),
                Some(mut transaction) => {
                    let done = bind!(sqlx::query(sql), values).execute(&mut *transaction).await?;
                    transaction.commit().await?;
                    done.rows_affected()
                }
            },
        })
    }

    /// Writes, and gives back the rows that it touched (`returning`).
    pub(crate) async fn write_returning(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.count();
        Ok(match &self.pools {
            Pools::Sqlite { writer, .. } => {
                match writer.run(Work::One { statement: (sql, values), returning: true }).await? {
                    Wrote::Rows(rows) => sqlite_rows(rows),
                    Wrote::Touched(_) | Wrote::Nothing(_) => Vec::new(),
                }
            }
            Pools::Postgres(pool) => match under_fence(pool).await? {
                None => postgres_rows(bind!(sqlx::query(sql), values).fetch_all(pool).await?),
                Some(mut transaction) => {
                    let rows = bind!(sqlx::query(sql), values).fetch_all(&mut *transaction).await?;
                    transaction.commit().await?;
                    postgres_rows(rows)
                }
            },
        })
    }

    /// Writes several things as one. Each has to touch a row: if one does not, nothing of any is kept, and its index is
    /// told.
    pub(crate) async fn write_whole(&self, statements: Vec<Statement>) -> Result<Option<usize>, StoreError> {
        let needed = statements.len();
        self.write_together(statements, needed).await
    }

    /// The same, where only the first `needed` have to touch a row.
    pub(crate) async fn write_together(
        &self,
        statements: Vec<Statement>,
        needed: usize,
    ) -> Result<Option<usize>, StoreError> {
        statements.iter().for_each(|_| self.count());
        match &self.pools {
            Pools::Sqlite { writer, .. } => match writer.run(Work::Whole { statements, needed }).await? {
                Wrote::Nothing(index) => Ok(Some(index)),
                Wrote::Touched(_) | Wrote::Rows(_) => Ok(None),
            },
            Pools::Postgres(pool) => {
                // Undone when it is dropped before the commit.
                let mut transaction = match under_fence(pool).await? {
                    None => pool.begin().await?,
                    Some(transaction) => transaction,
                };
                for (index, (sql, values)) in statements.into_iter().enumerate() {
                    let done = bind!(sqlx::query(sql), values).execute(&mut *transaction).await?;
                    if done.rows_affected() == 0 && index < needed {
                        return Ok(Some(index));
                    }
                }
                transaction.commit().await?;
                Ok(None)
            }
        }
    }

    fn count(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }
}

/// A transaction in which the fence found its row; `None` if this task writes under none.
async fn under_fence(
    pool: &PgPool,
) -> Result<Option<sqlx::Transaction<'static, sqlx::Postgres>>, StoreError> {
    let Some((sql, values)) = fence::current() else { return Ok(None) };
    let mut transaction = pool.begin().await?;
    match bind!(sqlx::query(sql.postgres), values).fetch_optional(&mut *transaction).await? {
        Some(_) => Ok(Some(transaction)),
        None => Err(StoreError::Fenced),
    }
}

fn sqlite_rows(rows: Vec<sqlx::sqlite::SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Sqlite).collect()
}

fn postgres_rows(rows: Vec<sqlx::postgres::PgRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Postgres).collect()
}
