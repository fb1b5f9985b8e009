//! The administrators of a tenant.

use ritorno_identity::administrator::{Administrator, Role, Scope};
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::password::PasswordHash;
use ritorno_identity::user::User;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::values;

/// Administrators of the tenant `$1`, each with the number of their passkeys.
macro_rules! select_administrators {
    ($which:literal) => {
        concat!(
            "select *, (select count(*) from administrator_passkeys p where p.tenant = $1 \
             and p.administrator = administrators.id) as passkeys from administrators where tenant = $1 ",
            $which
        )
    };
}

/// The administrators of a tenant.
pub struct Administrators<'a>(pub(crate) &'a Db);

impl Administrators<'_> {
    /// Adds an administrator, without an app.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if the name is taken; other [`StoreError`]s.
    pub async fn insert(&self, administrator: &Administrator) -> Result<(), StoreError> {
        const SQL: &str = "insert into administrators (tenant, id, name, name_key, cloud_only, role, password, \
             created_at, user_id, break_glass, scope_domain, scope_group, mail) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
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
            administrator.break_glass,
            administrator.scope.domain.as_deref(),
            administrator.scope.group,
            administrator.mail.as_deref(),
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// The administrator of that name, compared without regard to case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_name(&self, tenant: TenantId, name: &str) -> Result<Option<Administrator>, StoreError> {
        const SQL: &str = select_administrators!("and name_key = $2");
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
        const SQL: &str = select_administrators!("and id = $2");
        self.0.read_one(SQL, values![tenant, id]).await?.map(|row| administrator(&row)).transpose()
    }

    /// Every administrator of the tenant, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<Administrator>, StoreError> {
        const SQL: &str = select_administrators!("order by name_key");
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

    /// Stores where mail to an administrator goes. `false` if there is no such administrator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_mail(
        &self,
        tenant: TenantId,
        id: AdministratorId,
        mail: Option<&str>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update administrators set mail = $3 where tenant = $1 and id = $2";
        Ok(self.0.write(SQL, values![tenant, id, mail]).await? == 1)
    }

    /// Stores whom an administrator is for. `false` if there is no such administrator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_scope(
        &self,
        tenant: TenantId,
        id: AdministratorId,
        scope: &Scope,
    ) -> Result<bool, StoreError> {
        const SQL: &str =
            "update administrators set scope_domain = $3, scope_group = $4 where tenant = $1 and id = $2";
        Ok(self.0.write(SQL, values![tenant, id, scope.domain.as_deref(), scope.group]).await? == 1)
    }

    /// Whether a person is one of those whom an administrator is for. A group that is gone has nobody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_in_scope(
        &self,
        tenant: TenantId,
        scope: &Scope,
        user: &User,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "with recursive above (grp) as (select group_id from group_members \
             where tenant = $1 and user_id = $2 \
             union select m.group_id from group_members m join above on m.member_group = above.grp where m.tenant = $1) \
             select 1 as found from above where grp = $3";
        if !scope.has_domain_of(&user.user_principal_name) {
            return Ok(false);
        }
        let Some(group) = scope.group else { return Ok(true) };
        Ok(self.0.read_one(SQL, values![tenant, user.id, group]).await?.is_some())
    }

    /// Whether an administrator's account is this person's, by its link or by its name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_account_of(&self, tenant: TenantId, person: &User) -> Result<bool, StoreError> {
        const SQL: &str =
            "select 1 as found from administrators where tenant = $1 and (user_id = $2 or name_key = $3)";
        let name = key(&person.user_principal_name);
        Ok(self.0.read_one(SQL, values![tenant, person.id, name]).await?.is_some())
    }

    /// Whether a person is renamed to what an administrator is called whose account is not linked to them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn takes_a_name(
        &self,
        tenant: TenantId,
        person: &User,
        renamed: &User,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "select 1 as found from administrators where tenant = $1 and name_key = $2 \
             and coalesce(user_id, '') <> $3";
        let name = key(&renamed.user_principal_name);
        if name == key(&person.user_principal_name) {
            return Ok(false);
        }
        Ok(self.0.read_one(SQL, values![tenant, name, person.id]).await?.is_some())
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
        mail: row.text_if_any("mail")?,
        cloud_only: row.switch("cloud_only")?,
        role: Role::from_name(&row.text("role")?).ok_or(StoreError::Unreadable { column: "role" })?,
        scope: Scope { domain: row.text_if_any("scope_domain")?, group: row.parsed_if_any("scope_group")? },
        break_glass: row.switch("break_glass")?,
        app: row.bytes_if_any("app_secret")?.is_some(),
        passkeys: row.count("passkeys")?,
        password: PasswordHash::from_stored(row.text("password")?),
        created_at: row.moment("created_at")?,
    })
}
