//! Passwords of people whose directory is the tenant itself, as hashes.

use ritorno_identity::flow::Step;
use ritorno_identity::help_desk::Case;
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::password::PasswordHash;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::flows::step;
use crate::help_desk::taken;
use crate::registrations::end_of;
use crate::row::Row;
use crate::value::values;
use crate::writer::Statement;

/// Somebody whose directory is the tenant itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudPerson {
    /// What they sign in as.
    pub user_principal_name: String,
    /// The name that others see.
    pub display_name: String,
    /// Since when they have their password; `None` for whoever has none yet.
    pub changed_at: Option<Timestamp>,
}

/// What is kept of somebody's password.
#[derive(Clone)]
pub struct Kept {
    /// Its hash.
    pub hash: PasswordHash,
    /// Since when they have it.
    pub changed_at: Timestamp,
    /// Whether an administrator gave it to them: it opens nothing but its change.
    pub must_change: bool,
}

/// Passwords of cloud-only people.
pub struct CloudPasswords<'a>(pub(crate) &'a Db);

impl CloudPasswords<'_> {
    /// The hash of a person, if they have a password here; one statement, found or not, somebody or nobody. What is left of a person
    /// who is another directory's is nobody's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
    ) -> Result<Option<PasswordHash>, StoreError> {
        Ok(self.kept(tenant, user).await?.map(|kept| kept.hash))
    }

    /// The same, with what else is kept of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept(&self, tenant: TenantId, user: Option<UserId>) -> Result<Option<Kept>, StoreError> {
        const SQL: &str = "select p.hash, p.changed_at, p.must_change from cloud_passwords p join users u on u.tenant = p.tenant and u.id = p.user_id \
             where p.tenant = $1 and p.user_id = $2 and u.source_anchor is null";
        let row = self.0.read_one(SQL, values![tenant, user]).await?;
        let read = |row: Row| {
            Ok(Kept {
                hash: PasswordHash::from_stored(row.text("hash")?),
                changed_at: row.moment("changed_at")?,
                must_change: row.switch("must_change")?,
            })
        };
        row.map(read).transpose()
    }

    /// Who they are, in the order of their names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn people(&self, tenant: TenantId) -> Result<Vec<CloudPerson>, StoreError> {
        const SQL: &str = "select u.user_principal_name, u.display_name, p.changed_at from users u \
             left join cloud_passwords p on p.tenant = u.tenant and p.user_id = u.id \
             where u.tenant = $1 and u.source_anchor is null order by u.principal_key";
        let rows = self.0.read(SQL, values![tenant]).await?;
        let person = |row: &Row| {
            Ok(CloudPerson {
                user_principal_name: row.text("user_principal_name")?,
                display_name: row.text("display_name")?,
                changed_at: row.moment_if_any("changed_at")?,
            })
        };
        rows.iter().map(person).collect()
    }

    /// How many people of a domain come from a directory, and have their password there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn from_directories(&self, tenant: TenantId, domain: &str) -> Result<i64, StoreError> {
        // A domain holds no sign that would mean something else to 'like'.
        const SQL: &str = "select count(*) as people from users where tenant = $1 and source_anchor is not null \
             and principal_key like $2";
        let row = self.0.read_one(SQL, values![tenant, format!("%@{}", domain.to_lowercase())]).await?;
        row.map_or(Ok(0), |row| row.int("people"))
    }

    /// Stores a new password together with the step of the flow that brings it, and ends whatever the former one proved: all of it or
    /// nothing. `from` is the hash that the current password was compared with, if one was. `false` if the flow is not where the step
    /// begins any more, another password came meanwhile, or the person is none of the tenant's own.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set(
        &self,
        user: UserId,
        from: Option<&PasswordHash>,
        to: &PasswordHash,
        Step { before, after }: &Step,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const CHANGE: &str = "update cloud_passwords set hash = $3, changed_at = $4, must_change = 0 where tenant = $1 and user_id = $2 \
             and hash = $5 and exists (select 1 from users u where u.tenant = $1 and u.id = $2 and u.source_anchor is null)";
        const RESET: &str = "insert into cloud_passwords (tenant, user_id, hash, changed_at) \
             select tenant, id, $3, cast($4 as bigint) from users where tenant = $1 and id = $2 and source_anchor is null \
             on conflict (tenant, user_id) do update set hash = excluded.hash, changed_at = excluded.changed_at, must_change = 0";
        let tenant = before.tenant;
        let stored = match from {
            Some(from) => (CHANGE, values![tenant, user, to.as_str(), now, from.as_str()]),
            None => (RESET, values![tenant, user, to.as_str(), now]),
        };
        let statements = vec![step(before, after), stored, end_of(tenant, user)];
        Ok(self.0.write_together(statements, 2).await?.is_none())
    }

    /// Stores a password that an administrator gives, which the person has to change, takes the case that it needs, and ends whatever
    /// the former one proved: all of it or nothing. `false` if the case is not that operator's, is not cleared, has served or is over,
    /// or the person is none of the tenant's own.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn give(
        &self,
        case: &Case,
        operator: AdministratorId,
        to: &PasswordHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const GIVE: &str = "insert into cloud_passwords (tenant, user_id, hash, changed_at, must_change) \
             select tenant, id, $3, cast($4 as bigint), 1 from users where tenant = $1 and id = $2 and source_anchor is null \
             on conflict (tenant, user_id) do update set hash = excluded.hash, changed_at = excluded.changed_at, must_change = 1";
        let stored = (GIVE, values![case.tenant, case.user, to.as_str(), now]);
        let statements = vec![taken(case, operator, now), stored, end_of(case.tenant, case.user)];
        Ok(self.0.write_together(statements, 2).await?.is_none())
    }
}

/// The statement that forgets the password of somebody who comes from a directory now, and has theirs there.
pub(crate) fn forgetting(tenant: TenantId, user: UserId) -> Statement {
    ("delete from cloud_passwords where tenant = $1 and user_id = $2", values![tenant, user])
}
