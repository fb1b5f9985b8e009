//! What was refused for good on its way out, for as long as somebody asks about it.

use std::time::Duration;

use ritorno_identity::ids::MailId;
use ritorno_identity::mail::Channel;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::value::{name_of, values};

/// How long a refusal is kept and counted.
pub const REFUSALS_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// What was refused for good.
pub struct MailRefusals<'a>(pub(crate) &'a Db);

/// What a channel's other side refused in the last [`REFUSALS_KEPT`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// How many.
    pub count: u64,
    /// When the last one was, and why.
    pub last: Option<(Timestamp, String)>,
}

impl MailRefusals<'_> {
    /// Keeps that a mail was refused; `words` hold no address and no code. Once for each mail, however often it is said.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep(
        &self,
        tenant: TenantId,
        id: MailId,
        channel: Channel,
        words: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into mail_refusals (tenant, id, channel, at, words) values ($1, $2, $3, $4, $5) \
             on conflict (tenant, id) do nothing";
        self.0.write(SQL, values![tenant, id, name_of(channel), now, words.to_owned()]).await.map(drop)
    }

    /// What was refused lately.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lately(
        &self,
        tenant: TenantId,
        channel: Channel,
        now: Timestamp,
    ) -> Result<Refused, StoreError> {
        const COUNT: &str =
            "select count(*) as refused from mail_refusals where tenant = $1 and channel = $2 and at > $3";
        const LAST: &str = "select at, words from mail_refusals where tenant = $1 and channel = $2 and at > $3 \
             order by at desc, id desc limit 1";
        let since = || values![tenant, name_of(channel), now.minus(REFUSALS_KEPT)];
        let count = self.0.read_one(COUNT, since()).await?.map_or(Ok(0), |row| row.int("refused"))?;
        let last = self.0.read_one(LAST, since()).await?;
        let last =
            last.map(|row| Ok::<_, StoreError>((row.moment("at")?, row.text("words")?))).transpose()?;
        Ok(Refused { count: u64::try_from(count).unwrap_or(0), last })
    }
}
