//! Who was told that their password expires: for each person the last mail, so that each day's comes once, from one server.

use ritorno_identity::expiry::Due;
use ritorno_identity::mail::Mail;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};
use ritorno_protocol::random::Random;

use crate::db::Db;
use crate::error::StoreError;
use crate::mail_outbox::queueing;
use crate::node_key::NodeKey;
use crate::users::{select_users, user};
use crate::value::values;

/// Who was told that their password expires.
pub struct ExpiryNotices<'a>(pub(crate) &'a Db);

impl ExpiryNotices<'_> {
    /// Up to `count` enabled people behind `last` in the order of their ids whose password expires in that time, and who were not told so
    /// for that day or a nearer one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due(
        &self,
        tenant: TenantId,
        due: &Due,
        last: Option<UserId>,
        count: u32,
    ) -> Result<Vec<User>, StoreError> {
        const SQL: &str = select_users!(
            "where tenant = $1 and enabled = 1 and password_expires_at > $2 and password_expires_at <= $3 and id > $4 \
             and not exists (select 1 from expiry_notices n where n.tenant = users.tenant and n.user_id = users.id \
             and n.expires_at = users.password_expires_at and n.days <= $5) order by id limit $6"
        );
        let last = last.map(|id| id.to_string()).unwrap_or_default();
        let values = values![tenant, due.after, due.until, last, u32::from(due.days), count];
        self.0.read(SQL, values).await?.iter().map(user).collect()
    }

    /// Queues the mail of that day, unless one of that day or a nearer one was queued for a password that expires then. `false` if so: by
    /// another server, perhaps at this moment.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is queued and nothing is written down.
    pub async fn tell(
        &self,
        (user, expires): (UserId, Timestamp),
        days: u16,
        mail: &Mail,
        key: &NodeKey,
        random: &dyn Random,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "insert into expiry_notices (tenant, user_id, expires_at, days, told_at) \
             values ($1, $2, $3, $4, $5) on conflict (tenant, user_id) do update set expires_at = excluded.expires_at, \
             days = excluded.days, told_at = excluded.told_at \
             where expiry_notices.expires_at <> excluded.expires_at or expiry_notices.days > excluded.days";
        let told = values![mail.tenant, user, expires, u32::from(days), mail.created_at];
        let nothing = self.0.write_whole(vec![(SQL, told), queueing(mail, key, random)]).await?;
        Ok(nothing.is_none())
    }
}
