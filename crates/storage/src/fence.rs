//! Writes that hold only under a sync lease: each looks for the lease in its own transaction, so that nothing of an agent that lost it is
//! kept, however long it was on its way.
//!
//! The fence goes with the task and not through every signature: whatever a request writes is under its lease, also what is written by
//! somebody who knows nothing of leases.

use std::cell::RefCell;
use std::future::Future;

use ritorno_protocol::ids::TenantId;

use crate::value::{Sql, Value, values};
use crate::writer::Statement;

/// The lease under which something is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The tenant.
    pub tenant: TenantId,
    /// The connector.
    pub connector: String,
    /// The epoch that has to be the connector's newest.
    pub epoch: i64,
}

tokio::task_local! {
    static FENCE: RefCell<Option<Fence>>;
}

/// Does `work`, whose writes can be put under a lease by [`set`].
pub async fn fenced<F: Future>(work: F) -> F::Output {
    FENCE.scope(RefCell::new(None), work).await
}

/// From now on whatever this task writes is under that lease. Nothing is without [`fenced`] around it.
pub fn set(fence: Fence) {
    let _ = FENCE.try_with(|cell| cell.replace(Some(fence)));
}

/// Does `work` under no lease: what follows what is kept already, such as the fact of it, is written whoever has the lease by then.
pub async fn unfenced<F: Future>(work: F) -> F::Output {
    fenced(work).await
}

/// Finds the lease, and keeps others from taking it until the transaction ends. SQLite has one writer.
static HELD: Sql<&str> = Sql {
    sqlite: "select 1 from sync_leases where tenant = $1 and connector = $2 and epoch = $3",
    postgres: "select 1 from sync_leases where tenant = $1 and connector = $2 and epoch = $3 for share",
};

/// What has to find a row before this task writes, if it writes under a lease.
pub(crate) fn current() -> Option<(&'static Sql<&'static str>, Vec<Value>)> {
    let fence = FENCE.try_with(|cell| cell.borrow().clone()).ok().flatten()?;
    Some((&HELD, values![fence.tenant, fence.connector, fence.epoch]))
}

/// The same for SQLite's writer.
pub(crate) fn current_sqlite() -> Option<Statement> {
    current().map(|(sql, values)| (sql.sqlite, values))
}
