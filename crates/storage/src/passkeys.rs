//! Passkeys of people, and the ceremonies in which they are made and used (W3C, Web Authentication Level 3). What is in a credential
//! and in a ceremony's state is for whoever verifies them: here both are text.

use ritorno_identity::ids::FlowId;
use ritorno_identity::method::Method;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::gate_tries::{GateTried, GateTry};
use crate::row::Row;
use crate::value::values;

/// Most passkeys of one person.
pub const PASSKEYS_AT_MOST: u32 = 10;

/// Passkeys of people.
pub struct Passkeys<'a>(pub(crate) &'a Db);

/// One passkey as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPasskey {
    /// The credential's id, base64url; one person's alone in the tenant.
    pub id: String,
    /// The credential, its public key and its counter.
    pub credential: String,
    /// When it was registered.
    pub registered_at: Timestamp,
}

impl Passkeys<'_> {
    /// Keeps the state of a ceremony that begins in a way through the pages, in the place of one that began there before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(
        &self,
        tenant: TenantId,
        way: FlowId,
        state: &str,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into passkey_ceremonies (tenant, way, state, expires_at) values ($1, $2, $3, $4) \
             on conflict (tenant, way) do update set state = excluded.state, expires_at = excluded.expires_at";
        self.0.write(SQL, values![tenant, way, state, until]).await.map(|_| ())
    }

    /// The state of the ceremony, once: whatever comes of it, it is used up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(
        &self,
        tenant: TenantId,
        way: FlowId,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        const SQL: &str = "delete from passkey_ceremonies where tenant = $1 and way = $2 \
             returning state, expires_at";
        let taken = self.0.write_returning(SQL, values![tenant, way]).await?;
        let Some(row) = taken.first() else { return Ok(None) };
        Ok(if row.moment("expires_at")? > now { Some(row.text("state")?) } else { None })
    }

    /// Stores a new passkey. `false` if the credential is anybody's already, or the person has [`PASSKEYS_AT_MOST`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert(
        &self,
        tenant: TenantId,
        user: UserId,
        passkey: &StoredPasskey,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "insert into passkeys (tenant, id, user_id, credential, registered_at) \
             select $1, $2, $3, $4, $5 where \
             (select count(*) from passkeys where tenant = $1 and user_id = $3) < $6 on conflict do nothing";
        let StoredPasskey { id, credential, registered_at } = passkey;
        let values =
            values![tenant, id.as_str(), user, credential.as_str(), *registered_at, PASSKEYS_AT_MOST];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// A person's passkeys, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, tenant: TenantId, user: UserId) -> Result<Vec<StoredPasskey>, StoreError> {
        const SQL: &str =
            "select * from passkeys where tenant = $1 and user_id = $2 order by registered_at, id";
        self.0.read(SQL, values![tenant, user]).await?.iter().map(passkey).collect()
    }

    /// Removes one of a person's passkeys. `false` if there was none of that id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, tenant: TenantId, user: UserId, id: &str) -> Result<bool, StoreError> {
        const SQL: &str = "delete from passkeys where tenant = $1 and user_id = $2 and id = $3";
        Ok(self.0.write(SQL, values![tenant, user, id]).await? == 1)
    }

    /// Removes all of a person's passkeys. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_all(&self, tenant: TenantId, user: UserId) -> Result<bool, StoreError> {
        const SQL: &str = "delete from passkeys where tenant = $1 and user_id = $2";
        Ok(self.0.write(SQL, values![tenant, user]).await? > 0)
    }

    /// Tries the passkey of that id at a gate: counted first, and the ceremony is used up by it. `verify` gets the ceremony's state
    /// and the credential, and gives the credential as it is afterwards if it was right.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempt(
        &self,
        attempt: &GateTry,
        way: FlowId,
        id: &str,
        now: Timestamp,
        verify: impl FnOnce(&str, &str) -> Option<String>,
    ) -> Result<GateTried, StoreError> {
        const READ: &str = "select * from passkeys where tenant = $1 and user_id = $2 and id = $3";
        const USE: &str = "update passkeys set credential = $4 where tenant = $1 and user_id = $2 and id = $3 \
             and credential = $5";
        if let Some(end) = attempt.count(self.0, Method::Passkey, now).await? {
            return Ok(end);
        }
        let (tenant, user) = (attempt.tenant, attempt.user);
        let state = self.take(tenant, way, now).await?;
        let found = self.0.read_one(READ, values![tenant, user, id]).await?;
        let (Some(state), Some(row)) = (state, found) else { return Ok(GateTried::Wrong) };
        let before = passkey(&row)?.credential;
        let Some(after) = verify(&state, &before) else { return Ok(GateTried::Wrong) };
        let used = values![tenant, user, id, after.as_str(), before.as_str()];
        if self.0.write(USE, used).await? == 1 {
            attempt.was_right(self.0, Method::Passkey).await
        } else {
            Ok(GateTried::Wrong)
        }
    }
}

fn passkey(row: &Row) -> Result<StoredPasskey, StoreError> {
    Ok(StoredPasskey {
        id: row.text("id")?,
        credential: row.text("credential")?,
        registered_at: row.moment("registered_at")?,
    })
}
