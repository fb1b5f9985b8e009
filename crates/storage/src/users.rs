//! The people of a tenant.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ritorno_identity::licence::Grant;
use ritorno_identity::name::SignInName;
use ritorno_identity::sspr::{ReconfirmAfter, Standing};
use ritorno_identity::user::{Mastered, OnPremises, Provisioned, User};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{Forest, SourceAnchor, TenantId, UserId};

use crate::cloud_passwords::forgetting;
use crate::db::Db;
use crate::error::StoreError;
use crate::own_groups::leaving_own;
use crate::registrations::end_of;
use crate::row::Row;
use crate::value::{AT_ONCE, Sql, Value, about_list, json, name_of, parts, row_statements, values};
use crate::writer::Statement;

/// The people of a tenant. Pages of them are in `user_pages.rs`.
pub struct Users<'a>(pub(crate) &'a Db);

/// The groups that a row of `users` is in, directly or through other groups.
macro_rules! groups_of_user {
    () => {
        "(with recursive inside (grp) as (select m.group_id from group_members m \
         where m.tenant = users.tenant and m.user_id = users.id \
         union select m.group_id from group_members m join inside on m.member_group = inside.grp \
         where m.tenant = users.tenant) select grp from inside)"
    };
}
pub(crate) use groups_of_user;

/// People as they are read: with what their licences grant, which is the most that was assigned to them or to a group that they are in,
/// directly or through other groups. Where nothing is assigned at all, nothing is looked for. And with whether they are among those who may
/// reset: everybody, unless the tenant names groups. Their ids are of one form and one length, so that one is in the list if its text is.
macro_rules! select_users {
    ($rest:expr) => {
        concat!(
            "select users.*, case when exists (select 1 from licence_assignments a where a.tenant = users.tenant) \
             then (select coalesce(max(grants), 0) from (select a.grants as grants from licence_assignments a \
             where a.tenant = users.tenant and a.user_id = users.id union all \
             select a.grants from ", $crate::users::groups_of_user!(), " as g join licence_assignments a \
             on a.tenant = users.tenant and a.group_id = g.grp) as theirs) else 0 end as granted, \
             cast(case when (select t.sspr_group from tenants t where t.id = users.tenant) is null then 1 \
             when exists (select 1 from ", $crate::users::groups_of_user!(), " as g join tenants t \
             on t.id = users.tenant and (t.sspr_group = g.grp or (t.sspr_groups like '[\"' || t.sspr_group || '\"%' \
             and t.sspr_groups like '%\"' || g.grp || '\"%'))) then 1 else 0 end as bigint) as selected from users ",
            $rest
        )
    };
}
pub(crate) use select_users;

/// Adds people; who contradicts a row is left out, and the others come.
static INSERT_MANY: LazyLock<[Sql<String>; AT_ONCE.len()]> = LazyLock::new(|| {
    let head = "insert into users (tenant, id, user_principal_name, principal_key, account_key, \
         display_name, mail, alternate_mail, language, enabled, source_anchor, object_guid, \
         object_sid, forest, domain, account_name, exported_by, updated_at, mobile, version, created_at, registered_mail, registered_mobile, \
         password_expires_at, external_id, given_name, family_name)";
    row_statements(head, 27, "on conflict do nothing returning id")
});

macro_rules! cloud_only_of_mail {
    ($index:literal) => {
        select_users!(concat!(
            "where tenant = $1 and id in (select u.id from users u ",
            $index,
            "where u.tenant = $1 and lower(u.mail) = lower($2) and u.source_anchor is null) order by id limit 2"
        ))
    };
}

/// The index is of those alone whom no directory has. SQLite would take the one of anchors, in which they all stand together.
pub(crate) const CLOUD_ONLY_OF_MAIL: Sql =
    Sql { sqlite: cloud_only_of_mail!("indexed by users_by_mail "), postgres: cloud_only_of_mail!("") };

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Updated {
    /// It is stored.
    Done {
        /// The person's new version.
        version: i64,
    },
    /// There is no such person, or somebody else changed them since the expected version.
    Conflict,
}

impl Users<'_> {
    /// Adds a person.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if the principal name, the anchor or the external id is taken; other [`StoreError`]s.
    pub async fn insert(&self, user: &User) -> Result<(), StoreError> {
        const SQL: &str = "insert into users (tenant, id, user_principal_name, principal_key, account_key, \
             display_name, mail, alternate_mail, language, enabled, source_anchor, object_guid, \
             object_sid, forest, domain, account_name, exported_by, updated_at, mobile, version, created_at, registered_mail, registered_mobile, password_expires_at, external_id, given_name, family_name) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)";
        self.0.write(SQL, all_columns(user)).await.map(|_| ())
    }

    /// Adds people, as many as one statement may add at a time. Those whose principal name, anchor or external id is taken are left
    /// out; who came, in any order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_many(&self, users: &[User]) -> Result<HashSet<UserId>, StoreError> {
        let mut came = HashSet::with_capacity(users.len());
        for (statement, users) in parts(users) {
            let values = users.iter().flat_map(all_columns).collect();
            let rows = self.0.write_returning(self.0.words(&INSERT_MANY[statement]), values).await?;
            for row in &rows {
                came.insert(row.parsed("id")?);
            }
        }
        Ok(came)
    }

    /// Stores a changed person as the version after `expected`, which must be the stored one. What the person registered
    /// stays, whatever `user` says: it is not the synchronisation's to change.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if the principal name, the anchor or the external id is taken; other [`StoreError`]s.
    pub async fn update(&self, user: &User, expected: i64) -> Result<Updated, StoreError> {
        let (sql, values) = updating(user, expected);
        Ok(if self.0.write(sql, values).await? == 1 {
            Updated::Done { version: expected + 1 }
        } else {
            Updated::Conflict
        })
    }

    /// Stores that somebody of the tenant's own comes from a directory now, as `joined` has it, if the version in the database is still
    /// `expected`: and with it, all or nothing, what follows. A password of the tenant's counts no more, nothing that it proved does, and they
    /// leave the groups of the tenant's own, which no program could take them out of any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn join(&self, joined: &User, expected: i64, at: Timestamp) -> Result<Updated, StoreError> {
        let (tenant, id) = (joined.tenant, joined.id);
        let [without, leave] = leaving_own(tenant, id, at);
        let statements =
            vec![updating(joined, expected), forgetting(tenant, id), without, leave, end_of(tenant, id)];
        Ok(match self.0.write_together(statements, 1).await? {
            None => Updated::Done { version: expected + 1 },
            Some(_) => Updated::Conflict,
        })
    }

    /// Cloud-only people of an address at work, compared without regard to case as far as the database folds it: at most two, since more
    /// than one is nobody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cloud_only_of_mail(&self, tenant: TenantId, mail: &str) -> Result<Vec<User>, StoreError> {
        self.0
            .read(self.0.words(&CLOUD_ONLY_OF_MAIL), values![tenant, mail])
            .await?
            .iter()
            .map(user)
            .collect()
    }

    /// Stores the address that a person registered, or none, if `former` is still the one that is stored: so that the notice
    /// of it goes to the right one. The person's version stays, since the synchronisation knows nothing of this address.
    /// `false` if another one is stored, or there is no such person.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_registered_mail(
        &self,
        tenant: TenantId,
        id: UserId,
        former: Option<&str>,
        mail: Option<&str>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update users set registered_mail = $4 \
             where tenant = $1 and id = $2 and coalesce(registered_mail, '') = $3";
        Ok(self.0.write(SQL, values![tenant, id, former.unwrap_or_default(), mail]).await? == 1)
    }

    /// The same for the number that codes by text message go to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_registered_mobile(
        &self,
        tenant: TenantId,
        id: UserId,
        former: Option<&str>,
        number: Option<&str>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update users set registered_mobile = $4 \
             where tenant = $1 and id = $2 and coalesce(registered_mobile, '') = $3";
        Ok(self.0.write(SQL, values![tenant, id, former.unwrap_or_default(), number]).await? == 1)
    }

    /// Removes a person who is in no group of a directory; for others there is [`Users::remove`]. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(&self, tenant: TenantId, id: UserId) -> Result<bool, StoreError> {
        const SQL: &str = "delete from users where tenant = $1 and id = $2";
        Ok(self.0.write(SQL, values![tenant, id]).await? == 1)
    }

    /// One person.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, tenant: TenantId, id: UserId) -> Result<Option<User>, StoreError> {
        const SQL: &str = select_users!("where tenant = $1 and id = $2");
        self.0.read_one(SQL, values![tenant, id]).await?.map(|row| user(&row)).transpose()
    }

    /// The person of a sign-in name, whichever of its two forms it has; one statement for both, found or not. A name of two
    /// people (two forests, each with a domain of the same NetBIOS name) is nobody's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_sign_in_name(
        &self,
        tenant: TenantId,
        name: &SignInName,
    ) -> Result<Option<User>, StoreError> {
        const SQL: &str =
            select_users!("where tenant = $1 and (principal_key = $2 or account_key = $2) limit 2");
        match self.0.read(SQL, values![tenant, name.as_str()]).await?.as_slice() {
            [row] => user(row).map(Some),
            _ => Ok(None),
        }
    }

    /// What people of these ids sign in as; who is not there is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn principal_names(
        &self,
        tenant: TenantId,
        ids: &[String],
    ) -> Result<HashMap<String, String>, StoreError> {
        const SQL: Sql =
            about_list!("select id, user_principal_name from users where tenant = $1 and id in ", "$2", "");
        let rows = self.0.read(self.0.words(&SQL), values![tenant, json(ids)]).await?;
        rows.iter().map(|row| Ok((row.text("id")?, row.text("user_principal_name")?))).collect()
    }

    /// The person of a directory object.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_anchor(
        &self,
        tenant: TenantId,
        anchor: &SourceAnchor,
    ) -> Result<Option<User>, StoreError> {
        const SQL: &str = select_users!("where tenant = $1 and source_anchor = $2");
        let row = self.0.read_one(SQL, values![tenant, anchor.0.as_str()]).await?;
        row.map(|row| user(&row)).transpose()
    }

    /// What somebody of that name has that opens gates, beside addresses; one statement, found or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn standing(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        name: &SignInName,
        now: Timestamp,
    ) -> Result<Standing, StoreError> {
        const SQL: &str = concat!(
            "select (select count(*) from authenticators where tenant = $1 and user_id = $2) as apps, \
             (select count(*) from passkeys where tenant = $1 and user_id = $2) as passkeys, \
             (select count(*) from recovery_codes where tenant = $1 and user_id = $2 and used_at is null) as codes, \
             (select count(*) from security_questions where tenant = $1 and user_id = $2) as questions, \
             (select count(*) from administrators where tenant = $1 and (name_key = $3 or user_id = $2)) as administrators, \
             (select count(*) from help_desk_cases where tenant = $1 and user_id = $2 and used_at is null \
             and pass_until > $4) as passes, \
             (select confirmed_at from users where tenant = $1 and id = $2) as confirmed_at, \
             (select p.policy from users join group_gate_policies p on p.tenant = users.tenant \
             where users.tenant = $1 and users.id = $2 and p.group_id in ",
            groups_of_user!(),
            " order by p.gates desc, p.must_differ desc, p.to_register desc, p.group_id limit 1) as group_policy, \
             (select p.reconfirm_days from users join group_gate_policies p on p.tenant = users.tenant \
             where users.tenant = $1 and users.id = $2 and p.reconfirm_days is not null and p.group_id in ",
            groups_of_user!(),
            // Never is the latest of all.
            " order by case when p.reconfirm_days = 0 then 1 else 0 end, p.reconfirm_days limit 1) as group_reconfirm"
        );
        let row = self.0.read_one(SQL, values![tenant, user, name.as_str(), now]).await?;
        let Some(row) = row else { return Ok(Standing::default()) };
        Ok(Standing {
            app: row.count("apps")? > 0,
            passkeys: row.count("passkeys")?,
            recovery_codes: row.count("codes")?,
            questions: row.count("questions")?,
            temporary_pass: row.count("passes")? > 0,
            administrator: row.count("administrators")? > 0,
            group_policy: row.json_if_any("group_policy")?,
            group_reconfirm: reconfirm_after(&row, "group_reconfirm")?,
            confirmed_at: row.moment_if_any("confirmed_at")?,
        })
    }

    /// Writes down that the person said that what they registered is right.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn confirm(&self, tenant: TenantId, id: UserId, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "update users set confirmed_at = $3 where tenant = $1 and id = $2";
        self.0.write(SQL, values![tenant, id, now]).await.map(|_| ())
    }
}

/// After how long people are asked to look through what they registered, if the column says so.
pub(crate) fn reconfirm_after(row: &Row, column: &'static str) -> Result<Option<ReconfirmAfter>, StoreError> {
    let after = |days: i64| {
        u16::try_from(days).ok().and_then(ReconfirmAfter::from_days).ok_or(StoreError::Unreadable { column })
    };
    row.int_if_any(column)?.map(after).transpose()
}

/// All that is stored of a person.
fn all_columns(user: &User) -> Vec<Value> {
    let mut values = columns(user);
    values.extend(values![
        user.version,
        user.created_at,
        user.registered_mail.as_deref(),
        user.registered_mobile.as_deref(),
        user.password_expires_at
    ]);
    values.extend(provisioned(user));
    values
}

/// The statement that stores a person, if the version in the database is still `expected`.
fn updating(user: &User, expected: i64) -> Statement {
    const SQL: &str = "update users set user_principal_name = $3, principal_key = $4, account_key = $5, \
         display_name = $6, mail = $7, alternate_mail = $8, language = $9, enabled = $10, \
         source_anchor = $11, object_guid = $12, object_sid = $13, forest = $14, domain = $15, \
         account_name = $16, exported_by = $17, updated_at = $18, mobile = $19, password_expires_at = $21, external_id = $22, \
         given_name = $23, family_name = $24, version = version + 1 \
         where tenant = $1 and id = $2 and version = $20";
    let mut values = columns(user);
    values.extend(values![expected, user.password_expires_at]);
    values.extend(provisioned(user));
    (SQL, values)
}

/// What is kept for a provisioner: of a person of a directory nothing.
fn provisioned(user: &User) -> Vec<Value> {
    let kept = (user.mastered == Mastered::CloudOnly).then_some(&user.provisioned);
    let text = |of: fn(&Provisioned) -> &Option<String>| kept.and_then(|kept| of(kept).as_deref());
    values![text(|kept| &kept.external_id), text(|kept| &kept.given_name), text(|kept| &kept.family_name)]
}

/// `$1` to `$19` of insert and update.
fn columns(user: &User) -> Vec<Value> {
    let object = user.on_premises();
    values![
        user.tenant,
        user.id,
        user.user_principal_name.as_str(),
        SignInName::of_principal(&user.user_principal_name).as_str(),
        object.map(|o| SignInName::of_account(&o.domain, &o.account_name).as_str().to_owned()),
        user.display_name.as_str(),
        user.mail.as_deref(),
        user.alternate_mail.as_deref(),
        user.language.map(name_of),
        user.enabled,
        object.map(|o| o.source_anchor.0.as_str()),
        object.map(|o| o.object_guid.0.as_slice()),
        object.map(|o| o.object_sid.0.as_slice()),
        object.map(|o| o.forest.0.as_str()),
        object.map(|o| o.domain.as_str()),
        object.map(|o| o.account_name.as_str()),
        object.map(|o| o.exported_by),
        user.updated_at,
        user.mobile.as_deref(),
    ]
}

pub(crate) fn user(row: &Row) -> Result<User, StoreError> {
    let mastered = match row.text_if_any("source_anchor")? {
        None => Mastered::CloudOnly,
        Some(anchor) => Mastered::Hybrid(OnPremises {
            source_anchor: SourceAnchor(anchor),
            object_guid: Bytes(row.bytes("object_guid")?),
            object_sid: Bytes(row.bytes("object_sid")?),
            forest: Forest(row.text("forest")?),
            domain: row.text("domain")?,
            account_name: row.text("account_name")?,
            exported_by: row.parsed("exported_by")?,
        }),
    };
    Ok(User {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        user_principal_name: row.text("user_principal_name")?,
        display_name: row.text("display_name")?,
        mail: row.text_if_any("mail")?,
        alternate_mail: row.text_if_any("alternate_mail")?,
        registered_mail: row.text_if_any("registered_mail")?,
        mobile: row.text_if_any("mobile")?,
        registered_mobile: row.text_if_any("registered_mobile")?,
        language: row.named_if_any("language")?,
        enabled: row.switch("enabled")?,
        // A version before this one leaves what it does not know with whoever became a hybrid person.
        provisioned: match mastered {
            Mastered::CloudOnly => Provisioned {
                external_id: row.text_if_any("external_id")?,
                given_name: row.text_if_any("given_name")?,
                family_name: row.text_if_any("family_name")?,
            },
            Mastered::Hybrid(_) => Provisioned::default(),
        },
        mastered,
        password_expires_at: row.moment_if_any("password_expires_at")?,
        licence: Grant::from_number(row.int("granted")?)
            .ok_or(StoreError::Unreadable { column: "granted" })?,
        selected: row.switch("selected")?,
        version: row.int("version")?,
        created_at: row.moment("created_at")?,
        updated_at: row.moment("updated_at")?,
    })
}
