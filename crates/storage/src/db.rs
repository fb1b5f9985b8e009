//! The one place through which every statement goes, and where it is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{PgPool, SqlitePool};

use crate::error::StoreError;
use crate::row::Row;
use crate::value::Value;

/// The pools, and the counter of this handle.
#[derive(Clone)]
pub(crate) struct Db {
    pub(crate) pools: Pools,
    statements: Arc<AtomicU64>,
}

/// SQLite takes one writer at a time: a pool of one connection queues the writers here, where waiting is fair and costs no
/// polling of the file's lock.
#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite { readers: SqlitePool, writer: SqlitePool },
    Postgres(PgPool),
}

/// Binds the values and runs the statement on one of the pools.
macro_rules! run {
    ($self:ident, $sql:ident, $values:ident, $sqlite:ident, $method:ident) => {{
        $self.statements.fetch_add(1, Ordering::Relaxed);
        match &$self.pools {
            Pools::Sqlite { $sqlite: pool, .. } => {
                bind!(sqlx::query($sql), $values).$method(pool).await.map(Ran::Sqlite)
            }
            Pools::Postgres(pool) => bind!(sqlx::query($sql), $values).$method(pool).await.map(Ran::Postgres),
        }?
    }};
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

/// What came back, by database.
enum Ran<S, P> {
    Sqlite(S),
    Postgres(P),
}

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
        Ok(rows(run!(self, sql, values, readers, fetch_all)))
    }

    /// Reads the first row, if there is one.
    pub(crate) async fn read_one(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.read(sql, values).await?.into_iter().next())
    }

    /// Writes, and tells how many rows it touched. A statement is its own transaction: SQLite takes the write lock when it
    /// begins, as `begin immediate` does.
    pub(crate) async fn write(&self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        Ok(match run!(self, sql, values, writer, execute) {
            Ran::Sqlite(result) => result.rows_affected(),
            Ran::Postgres(result) => result.rows_affected(),
        })
    }

    /// Writes, and gives back the rows that it touched (`returning`).
    pub(crate) async fn write_returning(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        Ok(rows(run!(self, sql, values, writer, fetch_all)))
    }
}

fn rows(ran: Ran<Vec<sqlx::sqlite::SqliteRow>, Vec<sqlx::postgres::PgRow>>) -> Vec<Row> {
    match ran {
        Ran::Sqlite(rows) => rows.into_iter().map(Row::Sqlite).collect(),
        Ran::Postgres(rows) => rows.into_iter().map(Row::Postgres).collect(),
    }
}
