//! Full sync: every staged object judged, whatever was judged of it before.

use crate::engine::Context;
use crate::error::SyncError;
use crate::flow::{Which, flow};

pub(crate) async fn run(context: &mut Context<'_>) -> Result<(), SyncError> {
    flow(context, Which::All).await?;
    judged_all(context).await
}

/// Every object has been judged by the rules as they are now: the next sync may be a delta.
pub(crate) async fn judged_all(context: &Context<'_>) -> Result<(), SyncError> {
    let mut transaction = context.engine.store.write().await?;
    sqlx::query("UPDATE connector SET synced_under = ? WHERE id = ?")
        .bind(context.connector.rules_fingerprint())
        .bind(context.connector_id)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}
