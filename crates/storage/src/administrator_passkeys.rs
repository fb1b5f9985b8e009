//! Passkeys of administrators, and the ceremonies in which they are made and used (W3C, Web Authentication Level 3). What is in a
//! credential and in a ceremony's state is for whoever verifies them: here both are text.

use ritorno_identity::ids::AdministratorId;
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::passkeys::PASSKEYS_AT_MOST;
use crate::row::Row;
use crate::value::values;

/// What an account has is changed one after another: two removals at once would leave none, each seeing the other's passkey.
pub(crate) const LOCK: &str = "update administrators set name = name where tenant = $1 and id = $2";

/// Passkeys of administrators.
pub struct AdministratorPasskeys<'a>(pub(crate) &'a Db);

/// One passkey as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdministratorPasskey {
    /// The credential's id, base64url; one account's alone in the tenant.
    pub id: String,
    /// Whose it is.
    pub administrator: AdministratorId,
    /// What its owner calls it.
    pub name: String,
    /// The credential, its public key and its counter.
    pub credential: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When it was used last; `None` if it never was.
    pub last_used_at: Option<Timestamp>,
}

/// What a ceremony is for. A browser has at most one of each at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    /// A passkey is made.
    Make,
    /// A passkey answers.
    Use,
}

impl Ceremony {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Make => "make",
            Self::Use => "use",
        }
    }
}

/// What has to hold for a passkey to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The account has no second factor yet: whoever has nothing but its password may set the first one up, and no other.
    Nothing,
    /// Whatever the account has.
    Others,
}

impl AdministratorPasskeys<'_> {
    /// Keeps the state of a ceremony that begins in a browser, in the place of one of its kind that began there before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(
        &self,
        tenant: TenantId,
        (browser, kind): (TokenDigest, Ceremony),
        state: &str,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into administrator_ceremonies (tenant, browser, kind, state, expires_at) \
             values ($1, $2, $3, $4, $5) \
             on conflict (tenant, browser, kind) do update set state = excluded.state, expires_at = excluded.expires_at";
        self.0.write(SQL, values![tenant, browser, kind.as_str(), state, until]).await.map(|_| ())
    }

    /// The state of the ceremony, once: whatever comes of it, it is used up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(
        &self,
        tenant: TenantId,
        (browser, kind): (TokenDigest, Ceremony),
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        const SQL: &str = "delete from administrator_ceremonies where tenant = $1 and browser = $2 and kind = $3 \
             returning state, expires_at";
        let taken = self.0.write_returning(SQL, values![tenant, browser, kind.as_str()]).await?;
        let Some(row) = taken.first() else { return Ok(None) };
        Ok(if row.moment("expires_at")? > now { Some(row.text("state")?) } else { None })
    }

    /// Stores a new passkey. `false` if the credential is anybody's already, the account has [`PASSKEYS_AT_MOST`], or it has a second
    /// factor where there was to be none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert(
        &self,
        tenant: TenantId,
        passkey: &AdministratorPasskey,
        beside: Beside,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "insert into administrator_passkeys (tenant, id, administrator, name, credential, registered_at) \
             select $1, $2, $3, $4, $5, $6 where \
             (select count(*) from administrator_passkeys where tenant = $1 and administrator = $3) < $7 \
             and ($8 = 1 or not exists (select 1 from administrators where tenant = $1 and id = $3 and app_secret is not null)) \
             on conflict do nothing";
        // No more than none, where it is the first factor.
        let (fewer_than, others) = match beside {
            Beside::Nothing => (1, false),
            Beside::Others => (PASSKEYS_AT_MOST, true),
        };
        let AdministratorPasskey { id, administrator, name, credential, registered_at, .. } = passkey;
        let values = values![
            tenant,
            id.as_str(),
            *administrator,
            name.as_str(),
            credential.as_str(),
            *registered_at,
            fewer_than,
            others
        ];
        let of = values![tenant, *administrator];
        self.0.write_whole(vec![(LOCK, of), (SQL, values)]).await.map(|lacks| lacks.is_none())
    }

    /// An account's passkeys, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(
        &self,
        tenant: TenantId,
        administrator: AdministratorId,
    ) -> Result<Vec<AdministratorPasskey>, StoreError> {
        const SQL: &str = "select * from administrator_passkeys where tenant = $1 and administrator = $2 \
             order by registered_at, id";
        self.0.read(SQL, values![tenant, administrator]).await?.iter().map(passkey).collect()
    }

    /// Removes one of an account's passkeys, unless it is the last second factor that the account has; what was removed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(
        &self,
        tenant: TenantId,
        administrator: AdministratorId,
        id: &str,
    ) -> Result<Option<AdministratorPasskey>, StoreError> {
        const SQL: &str = "delete from administrator_passkeys where tenant = $1 and administrator = $2 and id = $3 \
             and (exists (select 1 from administrators where tenant = $1 and id = $2 and app_secret is not null) \
             or (select count(*) from administrator_passkeys where tenant = $1 and administrator = $2) > 1)";
        let theirs = self.list(tenant, administrator).await?;
        let Some(there) = theirs.into_iter().find(|one| one.id == id) else { return Ok(None) };
        let (of, which) = (values![tenant, administrator], values![tenant, administrator, id]);
        let lacks = self.0.write_whole(vec![(LOCK, of), (SQL, which)]).await?;
        Ok(lacks.is_none().then_some(there))
    }

    /// Takes one of an account's passkeys away, the last factor or not; what was taken. The next sign-in sets another factor up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_away(
        &self,
        tenant: TenantId,
        administrator: AdministratorId,
        id: &str,
    ) -> Result<Option<AdministratorPasskey>, StoreError> {
        const SQL: &str = "delete from administrator_passkeys where tenant = $1 and administrator = $2 and id = $3 \
             returning *";
        let taken = self.0.write_returning(SQL, values![tenant, administrator, id]).await?;
        taken.first().map(passkey).transpose()
    }

    /// Tries the passkey of that id, of any account or of `owner`'s alone; the ceremony is used up by it. `verify` gets the
    /// ceremony's state and the passkey, and gives the credential as it is afterwards if it was right. Whoever calls has counted the
    /// try. Whose it was, if it was right.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempt(
        &self,
        tenant: TenantId,
        browser: TokenDigest,
        (owner, id): (Option<AdministratorId>, &str),
        now: Timestamp,
        verify: impl FnOnce(&str, &AdministratorPasskey) -> Option<String>,
    ) -> Result<Option<AdministratorPasskey>, StoreError> {
        const READ: &str = "select * from administrator_passkeys where tenant = $1 and id = $2";
        const USE: &str = "update administrator_passkeys set credential = $4, last_used_at = $6 \
             where tenant = $1 and administrator = $2 and id = $3 and credential = $5";
        let state = self.take(tenant, (browser, Ceremony::Use), now).await?;
        let found = self.0.read_one(READ, values![tenant, id]).await?;
        let found = found.map(|row| passkey(&row)).transpose()?;
        let theirs = found.filter(|one| owner.is_none_or(|owner| one.administrator == owner));
        let (Some(state), Some(before)) = (state, theirs) else { return Ok(None) };
        let Some(after) = verify(&state, &before) else { return Ok(None) };
        let used = values![tenant, before.administrator, id, after.as_str(), before.credential.as_str(), now];
        // Two answers of one passkey at once, or a copy of it: one of them counts.
        Ok((self.0.write(USE, used).await? == 1).then_some(before))
    }
}

fn passkey(row: &Row) -> Result<AdministratorPasskey, StoreError> {
    Ok(AdministratorPasskey {
        id: row.text("id")?,
        administrator: row.parsed("administrator")?,
        name: row.text("name")?,
        credential: row.text("credential")?,
        registered_at: row.moment("registered_at")?,
        last_used_at: row.moment_if_any("last_used_at")?,
    })
}
