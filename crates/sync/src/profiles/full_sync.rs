//! Full sync: every staged object judged, whatever was judged of it before.

use crate::engine::Context;
use crate::error::SyncError;
use crate::flow::{Which, flow};

pub(crate) async fn run(context: &mut Context<'_>) -> Result<(), SyncError> {
    flow(context, Which::All).await?;
    let mut transaction = context.engine.store.write().await?;
    sqlx::query("UPDATE connector SET synced_under = ? WHERE id = ?")
        .bind(context.connector.rules_fingerprint())
        .bind(context.connector_id)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}
