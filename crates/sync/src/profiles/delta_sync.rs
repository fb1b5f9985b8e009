//! Delta sync: the objects judged that changed since a sync judged them last.
//!
//! What is judged does not depend on anything else than the object, its twins and the rules. A change of the rules
//! makes it a full sync; a twin that goes marks the others as changed (see [`crate::staging`]).

use sqlx::Row as _;

use super::full_sync;
use crate::engine::Context;
use crate::error::SyncError;
use crate::flow::{Which, flow};
use crate::report::Profile;

pub(crate) async fn run(context: &mut Context<'_>) -> Result<(), SyncError> {
    let row = sqlx::query("SELECT synced_under FROM connector WHERE id = ?")
        .bind(context.connector_id)
        .fetch_one(&mut *context.engine.store.read().await?)
        .await?;
    let reason = match row.try_get::<Option<String>, _>("synced_under")? {
        None => "no full sync has gone through yet",
        Some(under) if under != context.connector.rules_fingerprint() => "the rules have changed",
        Some(_) => return flow(context, Which::Changed).await,
    };
    context.instead(Profile::FullSync, format!("in place of a delta sync: {reason}")).await?;
    full_sync::run(context).await
}
