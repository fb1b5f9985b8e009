//! Forgetting what has expired.

use std::time::Duration;

use ritorno_identity::removal::SHOWN_FOR;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::settle::SETTLE_FOR;

use crate::error::StoreError;
use crate::mail_refusals::REFUSALS_KEPT;
use crate::store::Store;
use crate::value::values;

/// How long the help desk can look up a flow by its support code.
const FLOWS_KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);

impl Store {
    /// Deletes expired rows of every tenant: flows after 30 days, codes when their flow is over, everything else
    /// that expires at once. Requests and audit
    /// facts stay. Gives the number of rows; call it every few minutes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        const EXPIRED: [&str; 16] = [
            "delete from links where lease_until <= $1",
            "delete from sessions where expires_at <= $1 and coalesce(half_until, 0) <= $1",
            "delete from agent_tokens where expires_at <= $1",
            "delete from agent_nonces where expires_at <= $1",
            "delete from enrolment_tokens where expires_at <= $1",
            "delete from device_codes where expires_at <= $1",
            "delete from mail_outbox where expires_at <= $1",
            "delete from help_desk_cases where expires_at <= $1 and coalesce(pass_until, 0) <= $1",
            "delete from registrations where expires_at <= $1",
            "delete from export_approvals where approved_until <= $1",
            "delete from passkey_ceremonies where expires_at <= $1",
            "delete from administrator_ceremonies where expires_at <= $1",
            "delete from api_answers where expires_at <= $1",
            "delete from session_answers where expires_at <= $1",
            "delete from spent_challenges where expires_at <= $1",
            "delete from limits where window_end <= $1",
        ];
        let mut deleted = 0;
        for statement in EXPIRED {
            deleted += self.db().write(statement, values![now]).await?;
        }
        // While its flow lasts, an expired code is still told from one that was never sent.
        let codes = values![now.minus(ritorno_identity::flow::VALID)];
        deleted += self.db().write("delete from codes where expires_at <= $1", codes).await?;
        let unsettled =
            "update requests set before_write = null where before_write is not null and created_at <= $1";
        self.db().write(unsettled, values![now.minus(SETTLE_FOR)]).await?;
        let held = values![now.minus(SHOWN_FOR)];
        deleted += self.db().write("delete from held_removals where held_at <= $1", held).await?;
        let refused = values![now.minus(REFUSALS_KEPT)];
        deleted += self.db().write("delete from mail_refusals where at <= $1", refused.clone()).await?;
        deleted += self.db().write("delete from mail_closed where at <= $1", refused).await?;
        let flows = values![now.minus(FLOWS_KEPT)];
        Ok(deleted + self.db().write("delete from flows where expires_at <= $1", flows).await?)
    }
}
