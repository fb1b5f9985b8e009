//! The first cycle of a connector: full import, full sync and export at once, since a person waits for it.
//!
//! While pages are still read, who is new in them is judged and sent. That weakens nothing of what an import, a sync and an export
//! promise one after the other:
//!
//! - *Nothing is removed before the import ended cleanly, and the guard counts before that.* What goes out early is only the creation of
//!   people and groups whom the tenant never had: no change, no removal, no member. It begins only where nothing of this connector waits
//!   to be removed, and nothing can come to wait: an object is let go of by the end of an import or by the first pass of a sync, and both
//!   come after the early part has ended. Everything else is the export as it always is, behind the guard.
//! - *Whoever contradicts somebody in the tenant is not touched.* Early, a conflict is only noted; the export looks at it again.
//! - *People of several forests are one.* With a second connector nothing goes early: which account counts is known when all are read.
//! - *Rules that ask who is in a group* are not asked before all groups are known: with such rules nothing goes early.
//! - *A crash costs a repetition.* Each of the three commits its pages as it does by itself. Whatever was judged early is judged again if
//!   the rules are other ones by then.

use sqlx::Row as _;
use tokio::sync::Notify;

use super::{export, full_import, full_sync};
use crate::connector::Connector;
use crate::engine::{Context, Engine};
use crate::error::SyncError;
use crate::flow::{Which, carry_new_on, flow};
use crate::guard;
use crate::source::ImportSource;
use crate::target::{ExportContext, Target};

/// Whether the connector's directory was never read to the end, and nothing else stands in the way.
pub(crate) async fn is_due(engine: &Engine, connector: &Connector) -> Result<bool, SyncError> {
    if !connector.rules.groups().is_empty() {
        return Ok(false);
    }
    let mut connection = engine.store.read().await?;
    let row = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM connector WHERE name <> ?1) AS others, \
         (SELECT id FROM connector WHERE name = ?1) AS id, \
         EXISTS (SELECT 1 FROM connector WHERE name = ?1 AND imported_scope IS NOT NULL) AS imported",
    )
    .bind(&connector.name)
    .fetch_one(&mut *connection)
    .await?;
    if row.try_get("others")? || row.try_get("imported")? {
        return Ok(false);
    }
    match row.try_get::<Option<i64>, _>("id")? {
        None => Ok(true),
        Some(id) => Ok(guard::pending(&mut connection, id).await?.list.is_empty()),
    }
}

/// What became of each of the three; none of one that could not begin.
pub(crate) async fn run(
    [import, sync, send]: [&mut Context<'_>; 3],
    source: &mut dyn ImportSource,
    target: &dyn Target,
    lease_epoch: u64,
) -> [Option<Result<(), SyncError>>; 3] {
    if let Err(error) = judge_anew(sync).await {
        return [None, Some(Err(error)), None];
    }
    let context = ExportContext { connector: send.connector.name.clone(), lease_epoch };
    let (staged, synced) = (Notify::new(), Notify::new());
    // Each ends when the one before it has ended and it has met nothing more.
    let (read, judged) = (Ended::default(), Ended::default());
    let importing = async {
        let result = full_import::run(import, source, Some(&staged)).await;
        read.set();
        staged.notify_one();
        result
    };
    let judging = async {
        let (mut after, mut result) = (0, Ok(()));
        loop {
            let last = read.is_set();
            if result.is_ok() {
                result = carry_new_on(sync, &mut after).await;
            }
            synced.notify_one();
            if last {
                judged.set();
                synced.notify_one();
                return result;
            }
            staged.notified().await;
        }
    };
    let sending = async {
        let mut after = 0;
        loop {
            let last = judged.is_set();
            // Whatever stops it stops the export below, too, which then says so.
            let result = export::send_new(send, target, &context, &mut after).await;
            if last || result.is_err() {
                return;
            }
            synced.notified().await;
        }
    };
    let (imported, early, ()) = tokio::join!(importing, judging, sending);
    if imported.is_err() {
        return [Some(imported), None, None];
    }
    let synced = match early {
        Ok(()) => finish(sync).await,
        Err(error) => Err(error),
    };
    if synced.is_err() {
        return [Some(imported), Some(synced), None];
    }
    let exported = export::run(send, target, lease_epoch).await;
    [Some(imported), Some(synced), Some(exported)]
}

/// What is true once and for all.
#[derive(Default)]
struct Ended(std::sync::atomic::AtomicBool);

impl Ended {
    fn set(&self) {
        self.0.store(true, std::sync::atomic::Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Acquire)
    }
}

/// What a cycle that was broken off has judged by other rules is judged anew.
async fn judge_anew(context: &Context<'_>) -> Result<(), SyncError> {
    let mut transaction = context.engine.store.write().await?;
    sqlx::query(
        "UPDATE cs_object SET changed = 1 WHERE connector_id = ?1 AND changed = 0 \
         AND (SELECT synced_under FROM connector WHERE id = ?1) IS NOT ?2",
    )
    .bind(context.connector_id)
    .bind(context.connector.rules_fingerprint())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// The rest of the full sync: whatever is left to be judged.
async fn finish(context: &mut Context<'_>) -> Result<(), SyncError> {
    flow(context, Which::Changed).await?;
    full_sync::judged_all(context).await
}
