//! Authenticator apps of people, one each.

use ritorno_identity::authenticator::{AppCode, AppSecret, Step};
use ritorno_identity::ids::FlowId;
use ritorno_identity::method::Method;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};
use ritorno_protocol::random::Random;

use crate::db::Db;
use crate::error::StoreError;
use crate::gate_tries::{GateTried, GateTry};
use crate::node_key::NodeKey;
use crate::row::Row;
use crate::value::values;

/// Authenticator apps of people.
pub struct Authenticators<'a>(pub(crate) &'a Db);

impl Authenticators<'_> {
    /// Keeps a secret that is shown to a person, until a code confirms that their app has it. One that was shown before in the
    /// same registration stays: a page that is loaded again shows the same.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn propose(
        &self,
        tenant: TenantId,
        registration: FlowId,
        secret: &AppSecret,
        key: &NodeKey,
        random: &dyn Random,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into proposed_authenticators (tenant, registration, secret) values ($1, $2, $3) \
             on conflict (tenant, registration) do nothing";
        let wrapped = key.wrap(&proposed_place(tenant, registration), secret.expose(), random);
        self.0.write(SQL, values![tenant, registration, wrapped]).await.map(|_| ())
    }

    /// The secret that was shown in this registration.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn proposed(
        &self,
        tenant: TenantId,
        registration: FlowId,
        key: &NodeKey,
    ) -> Result<Option<AppSecret>, StoreError> {
        const SQL: &str =
            "select secret from proposed_authenticators where tenant = $1 and registration = $2";
        let row = self.0.read_one(SQL, values![tenant, registration]).await?;
        row.map(|row| unwrapped(&row, &proposed_place(tenant, registration), key)).transpose()
    }

    /// The shown secret becomes the person's, in the place of one that they had: a code of `step` has confirmed this very one, which
    /// is used up by that. It is one change: a secret that was taken and not kept would be lost. `false` if it is not the one that
    /// is shown any more.
    ///
    /// # Errors
    /// [`StoreError`].
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another thing, and they are named where it is called"
    )]
    pub async fn adopt(
        &self,
        tenant: TenantId,
        registration: FlowId,
        user: UserId,
        (secret, step): (&AppSecret, Step),
        key: &NodeKey,
        random: &dyn Random,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const READ: &str =
            "select secret from proposed_authenticators where tenant = $1 and registration = $2";
        const TAKE: &str =
            "delete from proposed_authenticators where tenant = $1 and registration = $2 and secret = $3";
        const PUT: &str = "insert into authenticators (tenant, user_id, secret, last_step, registered_at) \
             values ($1, $2, $3, $4, $5) on conflict (tenant, user_id) do update set secret = excluded.secret, \
             last_step = excluded.last_step, registered_at = excluded.registered_at";
        let Some(row) = self.0.read_one(READ, values![tenant, registration]).await? else {
            return Ok(false);
        };
        let shown = unwrapped(&row, &proposed_place(tenant, registration), key)?;
        if shown.expose() != secret.expose() {
            return Ok(false);
        }
        let wrapped = key.wrap(&place(tenant, user), secret.expose(), random);
        let take = (TAKE, values![tenant, registration, row.bytes("secret")?]);
        let put = (PUT, values![tenant, user, wrapped, step.0, now]);
        Ok(self.0.write_whole(vec![take, put]).await?.is_none())
    }

    /// Removes a person's app. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, tenant: TenantId, user: UserId) -> Result<bool, StoreError> {
        const SQL: &str = "delete from authenticators where tenant = $1 and user_id = $2";
        Ok(self.0.write(SQL, values![tenant, user]).await? == 1)
    }

    /// Tries a code. The try is counted first, and only a counted one is compared: however many come at once, at however many
    /// servers. The step of a right one is used up by it, with all before it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempt(
        &self,
        attempt: &GateTry,
        typed: &AppCode,
        key: &NodeKey,
        random: &dyn Random,
        now: Timestamp,
    ) -> Result<GateTried, StoreError> {
        const READ: &str = "select secret from authenticators where tenant = $1 and user_id = $2";
        const USE: &str = "update authenticators set last_step = $3 \
             where tenant = $1 and user_id = $2 and last_step < $3";
        if let Some(end) = attempt.count(self.0, Method::App, now).await? {
            return Ok(end);
        }
        let (tenant, user) = (attempt.tenant, attempt.user);
        let row = self.0.read_one(READ, values![tenant, user]).await?;
        let own = row.zip(user).map(|(row, user)| unwrapped(&row, &place(tenant, user), key)).transpose()?;
        // Where there is no app, one is invented, so that the work is the same.
        let there = own.is_some();
        let secret = own.unwrap_or_else(|| AppSecret::random(random));
        let Some(step) = secret.step_of(typed, now).filter(|_| there) else {
            return Ok(GateTried::Wrong);
        };
        if self.0.write(USE, values![tenant, user, step.0]).await? == 1 {
            attempt.was_right(self.0, Method::App).await
        } else {
            Ok(GateTried::Wrong)
        }
    }
}

fn unwrapped(row: &Row, place: &[u8], key: &NodeKey) -> Result<AppSecret, StoreError> {
    let bytes = key.unwrap(place, &row.bytes("secret")?)?;
    AppSecret::from_bytes(&bytes).ok_or(StoreError::Unreadable { column: "secret" })
}

/// What a wrapped secret is bound to.
fn place(tenant: TenantId, user: UserId) -> Vec<u8> {
    [b"authenticator".as_slice(), tenant.0.as_bytes(), user.0.as_bytes()].concat()
}

fn proposed_place(tenant: TenantId, registration: FlowId) -> Vec<u8> {
    [b"proposed-authenticator".as_slice(), tenant.0.as_bytes(), registration.0.as_bytes()].concat()
}
