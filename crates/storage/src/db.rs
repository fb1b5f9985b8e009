//! The one place through which every statement goes, and where it is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{PgPool, SqlitePool};

use crate::error::StoreError;
use crate::row::Row;
use crate::value::Value;
use crate::writer::{Writer, Wrote};

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
            Pools::Sqlite { writer, .. } => match writer.run(sql, values, false).await? {
                Wrote::Touched(rows) => rows,
                Wrote::Rows(rows) => rows.len() as u64,
            },
            Pools::Postgres(pool) => bind!(sqlx::query(sql), values).execute(pool).await?.rows_affected(),
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
            Pools::Sqlite { writer, .. } => match writer.run(sql, values, true).await? {
                Wrote::Rows(rows) => sqlite_rows(rows),
                Wrote::Touched(_) => Vec::new(),
            },
            Pools::Postgres(pool) => postgres_rows(bind!(sqlx::query(sql), values).fetch_all(pool).await?),
        })
    }

    fn count(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }
}

fn sqlite_rows(rows: Vec<sqlx::sqlite::SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Sqlite).collect()
}

fn postgres_rows(rows: Vec<sqlx::postgres::PgRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Postgres).collect()
}
