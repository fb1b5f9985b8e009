//! Authenticator apps of administrators, one each: their second factor.

use ritorno_identity::authenticator::{AppCode, AppSecret, Step};
use ritorno_identity::ids::AdministratorId;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::random::Random;

use crate::administrator_passkeys::{Beside, LOCK};
use crate::db::Db;
use crate::error::StoreError;
use crate::node_key::NodeKey;
use crate::value::values;

/// Authenticator apps of administrators.
pub struct AdministratorApps<'a>(pub(crate) &'a Db);

impl AdministratorApps<'_> {
    /// The secret that is shown to an administrator who has no app yet, until a code confirms that their app has it: `fresh`, or
    /// one that was shown before, so that a page which is loaded again shows the same. `None` if they have an app.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn propose(
        &self,
        tenant: TenantId,
        id: AdministratorId,
        fresh: &AppSecret,
        key: &NodeKey,
        random: &dyn Random,
    ) -> Result<Option<AppSecret>, StoreError> {
        const PUT: &str = "update administrators set app_proposed = $3 \
             where tenant = $1 and id = $2 and app_secret is null and app_proposed is null";
        let wrapped = key.wrap(&place(tenant, id), fresh.expose(), random);
        self.0.write(PUT, values![tenant, id, wrapped]).await?;
        Ok(self.read(tenant, id, "app_proposed", key).await?.map(|(secret, _)| secret))
    }

    /// The shown secret becomes the administrator's: a code of `step` has confirmed this very one, and is used up by that. `false`
    /// if it is not the one that is shown any more, they have an app, or a passkey where they were to have [`Beside::Nothing`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn adopt(
        &self,
        tenant: TenantId,
        id: AdministratorId,
        (secret, step): (&AppSecret, Step),
        key: &NodeKey,
        beside: Beside,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update administrators set app_secret = app_proposed, app_proposed = null, app_step = $3 \
             where tenant = $1 and id = $2 and app_secret is null and app_proposed = $4 \
             and ($5 = 1 or not exists (select 1 from administrator_passkeys where tenant = $1 and administrator = $2))";
        let Some((shown, stored)) = self.read(tenant, id, "app_proposed", key).await? else {
            return Ok(false);
        };
        if shown.expose() != secret.expose() {
            return Ok(false);
        }
        let adopted = values![tenant, id, step.0, stored, beside == Beside::Others];
        let lacks = self.0.write_whole(vec![(LOCK, values![tenant, id]), (SQL, adopted)]).await?;
        Ok(lacks.is_none())
    }

    /// Whether a code is right. Its step is used up by that, with all before it. Whoever calls has counted the try.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempt(
        &self,
        tenant: TenantId,
        id: AdministratorId,
        typed: &AppCode,
        key: &NodeKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const USE: &str =
            "update administrators set app_step = $3 where tenant = $1 and id = $2 and app_step < $3";
        let Some((secret, _)) = self.read(tenant, id, "app_secret", key).await? else { return Ok(false) };
        let Some(step) = secret.step_of(typed, now) else { return Ok(false) };
        Ok(self.0.write(USE, values![tenant, id, step.0]).await? == 1)
    }

    /// Takes an administrator's app away, and one that is being set up. `false` if there is no such administrator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, tenant: TenantId, id: AdministratorId) -> Result<bool, StoreError> {
        const SQL: &str = "update administrators set app_secret = null, app_proposed = null, app_step = 0 \
             where tenant = $1 and id = $2";
        Ok(self.0.write(SQL, values![tenant, id]).await? == 1)
    }

    /// A secret of that column, and as it is stored.
    async fn read(
        &self,
        tenant: TenantId,
        id: AdministratorId,
        column: &'static str,
        key: &NodeKey,
    ) -> Result<Option<(AppSecret, Vec<u8>)>, StoreError> {
        const SQL: &str = "select app_secret, app_proposed from administrators where tenant = $1 and id = $2";
        let Some(row) = self.0.read_one(SQL, values![tenant, id]).await? else { return Ok(None) };
        let Some(stored) = row.bytes_if_any(column)? else { return Ok(None) };
        let bytes = key.unwrap(&place(tenant, id), &stored)?;
        let secret = AppSecret::from_bytes(&bytes).ok_or(StoreError::Unreadable { column })?;
        Ok(Some((secret, stored)))
    }
}

/// What a wrapped secret is bound to.
fn place(tenant: TenantId, id: AdministratorId) -> Vec<u8> {
    [b"administrator-app".as_slice(), tenant.0.as_bytes(), id.0.as_bytes()].concat()
}
