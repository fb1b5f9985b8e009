//! That nothing goes out at present, whoever it is for, for as long as it is so.

use std::time::Duration;

use ritorno_identity::mail::Channel;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::value::{name_of, values};

/// How often it is told, by all servers together.
pub const TOLD_EVERY: Duration = Duration::from_secs(60);

/// That nothing goes out at present.
pub struct MailClosed<'a>(pub(crate) &'a Db);

/// Since when nothing goes out by a channel, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Since when.
    pub since: Timestamp,
    /// When it was so last.
    pub at: Timestamp,
    /// What the other side said then.
    pub words: String,
}

impl MailClosed<'_> {
    /// Keeps that nothing goes out; `words` hold no address and no code. Whether it is to be told now: once in [`TOLD_EVERY`], however many
    /// servers find it, by one statement.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep(
        &self,
        tenant: TenantId,
        channel: Channel,
        words: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "insert into mail_closed (tenant, channel, since, at, words) values ($1, $2, $3, $3, $4) \
             on conflict (tenant, channel) do update set at = excluded.at, words = excluded.words \
             where mail_closed.at <= $5";
        let told_before = now.minus(TOLD_EVERY);
        let values = values![tenant, name_of(channel), now, words.to_owned(), told_before];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// Something went out: it is over. `false` if it was before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn over(&self, tenant: TenantId, channel: Channel) -> Result<bool, StoreError> {
        const SQL: &str = "delete from mail_closed where tenant = $1 and channel = $2";
        Ok(self.0.write(SQL, values![tenant, name_of(channel)]).await? == 1)
    }

    /// Whether nothing goes out at present, as far as is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn now(&self, tenant: TenantId, channel: Channel) -> Result<Option<Closed>, StoreError> {
        const SQL: &str = "select since, at, words from mail_closed where tenant = $1 and channel = $2";
        let row = self.0.read_one(SQL, values![tenant, name_of(channel)]).await?;
        row.map(|row| {
            let (since, at) = (row.moment("since")?, row.moment("at")?);
            Ok(Closed { since, at, words: row.text("words")? })
        })
        .transpose()
    }
}
