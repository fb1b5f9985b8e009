//! Who was told that it is time to register what opens their gates, or to look through it: for each person the last mail, so that they don't
//! come too often, and from one server.

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

/// Who was told what is due.
pub struct RegistrationNotices<'a>(pub(crate) &'a Db);

impl RegistrationNotices<'_> {
    /// Up to `count` enabled people behind `last` in the order of their ids who were told nothing after `before`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn untold(
        &self,
        tenant: TenantId,
        before: Timestamp,
        last: Option<UserId>,
        count: u32,
    ) -> Result<Vec<User>, StoreError> {
        const SQL: &str = select_users!(
            "where tenant = $1 and enabled = 1 and id > $2 and not exists (select 1 from registration_notices n \
             where n.tenant = users.tenant and n.user_id = users.id and n.told_at > $3) order by id limit $4"
        );
        let last = last.map(|id| id.to_string()).unwrap_or_default();
        self.0.read(SQL, values![tenant, last, before, count]).await?.iter().map(user).collect()
    }

    /// Queues the mail, unless one was queued after `before`. `false` if so: by another server, perhaps at this moment.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is queued and nothing is written down.
    pub async fn tell(
        &self,
        user: UserId,
        before: Timestamp,
        mail: &Mail,
        key: &NodeKey,
        random: &dyn Random,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "insert into registration_notices (tenant, user_id, told_at) values ($1, $2, $3) \
             on conflict (tenant, user_id) do update set told_at = excluded.told_at \
             where registration_notices.told_at <= $4";
        let told = values![mail.tenant, user, mail.created_at, before];
        let nothing = self.0.write_whole(vec![(SQL, told), queueing(mail, key, random)]).await?;
        Ok(nothing.is_none())
    }
}
