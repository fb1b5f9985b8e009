//! The administrators of a tenant.

use ritorno_identity::administrator::{Administrator, Role};
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::password::PasswordHash;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::values;

/// The administrators of a tenant.
pub struct Administrators<'a>(pub(crate) &'a Db);

impl Administrators<'_> {
    /// Adds an administrator.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if the name is taken; other [`StoreError`]s.
    pub async fn insert(&self, administrator: &Administrator) -> Result<(), StoreError> {
        const SQL: &str = "insert into administrators (tenant, id, name, name_key, cloud_only, role, password, \
             created_at, user_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let values = values![
            administrator.tenant,
            administrator.id,
            administrator.name.as_str(),
            key(&administrator.name),
            administrator.cloud_only,
            administrator.role.as_str(),
            administrator.password.as_str(),
            administrator.created_at,
            administrator.person,
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// The administrator of that name, compared without regard to case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_name(&self, tenant: TenantId, name: &str) -> Result<Option<Administrator>, StoreError> {
        const SQL: &str = "select * from administrators where tenant = $1 and name_key = $2";
        let row = self.0.read_one(SQL, values![tenant, key(name)]).await?;
        row.map(|row| administrator(&row)).transpose()
    }

    /// One administrator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(
        &self,
        tenant: TenantId,
        id: AdministratorId,
    ) -> Result<Option<Administrator>, StoreError> {
        const SQL: &str = "select * from administrators where tenant = $1 and id = $2";
        self.0.read_one(SQL, values![tenant, id]).await?.map(|row| administrator(&row)).transpose()
    }

    /// Every administrator of the tenant, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<Administrator>, StoreError> {
        const SQL: &str = "select * from administrators where tenant = $1 order by name_key";
        self.0.read(SQL, values![tenant]).await?.iter().map(administrator).collect()
    }

    /// Removes an administrator, whose sessions must be gone ([`crate::Sessions::delete_of`]). `false` if there is none of that
    /// id, or nobody else could run the tenant any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, tenant: TenantId, id: AdministratorId) -> Result<bool, StoreError> {
        const SQL: &str = "delete from administrators where tenant = $1 and id = $2 and (role <> 'global' \
             or exists (select 1 from administrators where tenant = $1 and id <> $2 and role = 'global'))";
        Ok(self.0.write(SQL, values![tenant, id]).await? == 1)
    }

    /// Stores a new password. `false` if there is no such administrator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_password(
        &self,
        tenant: TenantId,
        id: AdministratorId,
        password: &PasswordHash,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update administrators set password = $3 where tenant = $1 and id = $2";
        Ok(self.0.write(SQL, values![tenant, id, password.as_str()]).await? == 1)
    }

    /// Stores whose account it is. `false` if there is no such administrator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_person(
        &self,
        tenant: TenantId,
        id: AdministratorId,
        person: Option<UserId>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update administrators set user_id = $3 where tenant = $1 and id = $2";
        Ok(self.0.write(SQL, values![tenant, id, person]).await? == 1)
    }
}

fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

fn administrator(row: &Row) -> Result<Administrator, StoreError> {
    Ok(Administrator {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        name: row.text("name")?,
        person: row.parsed_if_any("user_id")?,
        cloud_only: row.switch("cloud_only")?,
        role: Role::from_name(&row.text("role")?).ok_or(StoreError::Unreadable { column: "role" })?,
        password: PasswordHash::from_stored(row.text("password")?),
        created_at: row.moment("created_at")?,
    })
}
