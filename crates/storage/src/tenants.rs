//! The tenants.

use ritorno_identity::gates::GatePolicy;
use ritorno_identity::licence::Licensing;
use ritorno_identity::question::QuestionPolicy;
use ritorno_identity::removal_guard::RemovalGuard;
use ritorno_identity::sspr::ReconfirmAfter;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{GroupId, KeyId, TenantId};
use ritorno_protocol::key::PublicKey;

use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::users::reconfirm_after;
use crate::value::{json, name_of, values};

/// A switch of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantSwitch {
    /// [`Tenant::sspr_enabled`].
    Sspr,
    /// [`Tenant::writeback_enabled`].
    Writeback,
    /// [`Tenant::unlock_enabled`].
    Unlock,
    /// [`Tenant::forbid_names`].
    ForbidNames,
    /// [`Tenant::require_registration`].
    RequireRegistration,
    /// [`Tenant::notify_administrators`].
    NotifyAdministrators,
    /// [`Tenant::registration_mails`].
    RegistrationMails,
}

/// The tenants.
pub struct Tenants<'a>(pub(crate) &'a Db);

impl Tenants<'_> {
    /// Adds a tenant.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if its id, root key or address is there already; other [`StoreError`]s.
    pub async fn insert(&self, tenant: &Tenant) -> Result<(), StoreError> {
        const SQL: &str = "insert into tenants (id, name, root, root_id, languages, sspr_enabled, writeback_enabled, \
             forbid_names, helpdesk_url, decoy_domains, created_at, forbidden_mail_domains, unlock_enabled, \
             gate_policy, banned_words, licensing, usage_location, second_factor, \
             sspr_group, reconfirm_days, expiry_days, brand, cloud_domains, require_registration, questions, public_url, disabled_at, soft_match, notify_administrators, registration_mails, \
             guard_removals, guard_percent, guard_memberships, sspr_groups) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)";
        let values = values![
            tenant.id,
            tenant.name.as_str(),
            tenant.root.as_bytes().as_slice(),
            tenant.root.id(),
            json(&tenant.languages),
            tenant.sspr_enabled,
            tenant.writeback_enabled,
            tenant.forbid_names,
            tenant.helpdesk_url.clone(),
            json(&tenant.decoy_domains),
            tenant.created_at,
            json(&tenant.forbidden_mail_domains),
            tenant.unlock_enabled,
            json(&tenant.gate_policy),
            json(&tenant.banned_words),
            name_of(tenant.licensing),
            tenant.usage_location.as_deref(),
            tenant.second_factor,
            tenant.sspr_groups.first().copied(),
            u32::from(tenant.reconfirm_after.days()),
            json(&tenant.expiry_days),
            json(&tenant.brand),
            json(&tenant.cloud_domains),
            tenant.require_registration,
            json(&tenant.questions),
            tenant.public_url.as_deref(),
            tenant.disabled_at,
            name_of(tenant.soft_match),
            tenant.notify_administrators,
            tenant.registration_mails,
            tenant.removal_guard.removals,
            tenant.removal_guard.percent.map(i64::from),
            tenant.removal_guard.memberships,
            json(&tenant.sspr_groups),
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// Stores what can change of a tenant: everything but its id, its root key, its address, whether it is served, its
    /// deletion guard, which has a way of its own, and when it was made. `false` if there is no
    /// such tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn update(&self, tenant: &Tenant) -> Result<bool, StoreError> {
        const SQL: &str = "update tenants set name = $2, languages = $3, sspr_enabled = $4, writeback_enabled = $5, \
             forbid_names = $6, helpdesk_url = $7, decoy_domains = $8, forbidden_mail_domains = $9, unlock_enabled = $10, \
             gate_policy = $11, banned_words = $12, licensing = $13, usage_location = $14, \
             second_factor = $15, sspr_group = $16, reconfirm_days = $17, expiry_days = $18, brand = $19, \
             cloud_domains = $20, require_registration = $21, questions = $22, soft_match = $23, notify_administrators = $24, registration_mails = $25, \
             sspr_groups = $26 \
             where id = $1";
        let values = values![
            tenant.id,
            tenant.name.as_str(),
            json(&tenant.languages),
            tenant.sspr_enabled,
            tenant.writeback_enabled,
            tenant.forbid_names,
            tenant.helpdesk_url.clone(),
            json(&tenant.decoy_domains),
            json(&tenant.forbidden_mail_domains),
            tenant.unlock_enabled,
            json(&tenant.gate_policy),
            json(&tenant.banned_words),
            name_of(tenant.licensing),
            tenant.usage_location.as_deref(),
            tenant.second_factor,
            tenant.sspr_groups.first().copied(),
            u32::from(tenant.reconfirm_after.days()),
            json(&tenant.expiry_days),
            json(&tenant.brand),
            json(&tenant.cloud_domains),
            tenant.require_registration,
            json(&tenant.questions),
            name_of(tenant.soft_match),
            tenant.notify_administrators,
            tenant.registration_mails,
            json(&tenant.sspr_groups),
        ];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// Turns one switch, and leaves everything else as it is, whoever changes that meanwhile. `false` if there is no such tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn turn(&self, tenant: TenantId, switch: TenantSwitch, on: bool) -> Result<bool, StoreError> {
        let sql = match switch {
            TenantSwitch::Sspr => "update tenants set sspr_enabled = $2 where id = $1",
            TenantSwitch::Writeback => "update tenants set writeback_enabled = $2 where id = $1",
            TenantSwitch::Unlock => "update tenants set unlock_enabled = $2 where id = $1",
            TenantSwitch::ForbidNames => "update tenants set forbid_names = $2 where id = $1",
            TenantSwitch::RegistrationMails => "update tenants set registration_mails = $2 where id = $1",
            TenantSwitch::RequireRegistration => "update tenants set require_registration = $2 where id = $1",
            TenantSwitch::NotifyAdministrators => {
                "update tenants set notify_administrators = $2 where id = $1"
            }
        };
        Ok(self.0.write(sql, values![tenant, on]).await? == 1)
    }

    /// Says how many removals go through without an approval, and leaves everything else as it is, if that is what it was when `from` was
    /// read. `false` if it is not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_guard(&self, from: &Tenant, guard: RemovalGuard) -> Result<bool, StoreError> {
        const SQL: &str = "update tenants set guard_removals = $2, guard_percent = $3, guard_memberships = $4 \
             where id = $1 and guard_removals = $5 and coalesce(guard_percent, -1) = $6 and guard_memberships = $7";
        let was = from.removal_guard;
        let values = values![
            from.id,
            guard.removals,
            guard.percent.map(i64::from),
            guard.memberships,
            was.removals,
            was.percent.map_or(-1, i64::from),
            was.memberships,
        ];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// Sets who may reset, what they prove before it, which questions there are, when people are asked to look through what they
    /// registered and when they are told that a password expires, as `to` has it, if all of it is as `from` has it. `false` if it is not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_sspr_policy(&self, from: &Tenant, to: &Tenant) -> Result<bool, StoreError> {
        const READ: &str = "select * from tenants where id = $1";
        // What a version before wrote may be spelled otherwise and mean the same: what is compared is the text that was read.
        const SQL: &str = "update tenants set gate_policy = $2, questions = $3, reconfirm_days = $4, expiry_days = $5, \
             sspr_group = $6, sspr_groups = $7 where id = $1 and gate_policy = $8 and questions = $9 \
             and reconfirm_days = $10 and expiry_days = $11 and coalesce(sspr_group, '') = $12 \
             and coalesce(sspr_groups, '') = $13";
        let Some(row) = self.0.read_one(READ, values![from.id]).await? else { return Ok(false) };
        if sspr_policy(&tenant(&row)?) != sspr_policy(from) {
            return Ok(false);
        }
        let values = values![
            from.id,
            json(&to.gate_policy),
            json(&to.questions),
            u32::from(to.reconfirm_after.days()),
            json(&to.expiry_days),
            to.sspr_groups.first().copied(),
            json(&to.sspr_groups),
            row.text("gate_policy")?,
            row.text("questions")?,
            row.int("reconfirm_days")?,
            row.text("expiry_days")?,
            row.text_if_any("sspr_group")?.unwrap_or_default(),
            row.text_if_any("sspr_groups")?.unwrap_or_default(),
        ];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// Sets what the tenant is called, how its pages look and where help is, as `to` has it, if all of it is as `from` has it. `false` if it is
    /// not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_look(&self, from: &Tenant, to: &Tenant) -> Result<bool, StoreError> {
        const READ: &str = "select * from tenants where id = $1";
        const SQL: &str = "update tenants set name = $2, brand = $3, helpdesk_url = $4 where id = $1 and name = $5 \
             and coalesce(brand, '') = $6 and coalesce(helpdesk_url, '') = $7";
        let Some(row) = self.0.read_one(READ, values![from.id]).await? else { return Ok(false) };
        let now = tenant(&row)?;
        if (&now.name, &now.brand, &now.helpdesk_url) != (&from.name, &from.brand, &from.helpdesk_url) {
            return Ok(false);
        }
        let values = values![
            from.id,
            to.name.as_str(),
            json(&to.brand),
            to.helpdesk_url.as_deref(),
            row.text("name")?,
            row.text_if_any("brand")?.unwrap_or_default(),
            row.text_if_any("helpdesk_url")?.unwrap_or_default(),
        ];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// Says whether people need a licence and where products are used, if that is what it was when `from` was read. `false` if it is
    /// not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_licensing(
        &self,
        from: &Tenant,
        licensing: Licensing,
        usage_location: Option<&str>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update tenants set licensing = $4, usage_location = $5 where id = $1 and licensing = $2              and coalesce(usage_location, '') = $3";
        let values = values![
            from.id,
            name_of(from.licensing),
            from.usage_location.as_deref().unwrap_or_default(),
            name_of(licensing),
            usage_location,
        ];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// Says since when a tenant is not served; `None` if it is. `false` if that is so already, or there is no such tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disable(&self, tenant: TenantId, since: Option<Timestamp>) -> Result<bool, StoreError> {
        let (sql, values) = match since {
            Some(since) => {
                let sql = "update tenants set disabled_at = $2 where id = $1 and disabled_at is null";
                (sql, values![tenant, since])
            }
            None => {
                let sql = "update tenants set disabled_at = null where id = $1 and disabled_at is not null";
                (sql, values![tenant])
            }
        };
        Ok(self.0.write(sql, values).await? == 1)
    }

    /// One tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.0
            .read_one("select * from tenants where id = $1", values![id])
            .await?
            .map(|row| tenant(&row))
            .transpose()
    }

    /// The tenant of a root key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_root(&self, root: KeyId) -> Result<Option<Tenant>, StoreError> {
        let row = self.0.read_one("select * from tenants where root_id = $1", values![root]).await?;
        row.map(|row| tenant(&row)).transpose()
    }

    /// Every tenant, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self) -> Result<Vec<Tenant>, StoreError> {
        let rows = self.0.read("select * from tenants order by created_at, id", values![]).await?;
        rows.iter().map(tenant).collect()
    }
}

/// The policy of self-service.
fn sspr_policy(of: &Tenant) -> (&GatePolicy, &QuestionPolicy, ReconfirmAfter, &[u16], &[GroupId]) {
    (&of.gate_policy, &of.questions, of.reconfirm_after, &of.expiry_days, &of.sspr_groups)
}

/// The groups whose people may reset. Another first one than the only one of a version before was set by such a version, and holds alone.
fn sspr_groups(row: &Row) -> Result<Vec<GroupId>, StoreError> {
    let Some(only) = row.parsed_if_any("sspr_group")? else { return Ok(Vec::new()) };
    let all: Option<Vec<GroupId>> = row.json_if_any("sspr_groups")?;
    Ok(all.filter(|all| all.first() == Some(&only)).unwrap_or_else(|| vec![only]))
}

fn tenant(row: &Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.parsed("id")?,
        name: row.text("name")?,
        root: PublicKey::from_bytes(&row.bytes("root")?)
            .map_err(|_| StoreError::Unreadable { column: "root" })?,
        languages: row.json("languages")?,
        sspr_enabled: row.switch("sspr_enabled")?,
        sspr_groups: sspr_groups(row)?,
        writeback_enabled: row.switch("writeback_enabled")?,
        unlock_enabled: row.switch("unlock_enabled")?,
        gate_policy: row.json("gate_policy")?,
        questions: row.json("questions")?,
        reconfirm_after: reconfirm_after(row, "reconfirm_days")?
            .ok_or(StoreError::Unreadable { column: "reconfirm_days" })?,
        forbid_names: row.switch("forbid_names")?,
        banned_words: row.json("banned_words")?,
        expiry_days: row.json("expiry_days")?,
        brand: row.json("brand")?,
        helpdesk_url: row.text_if_any("helpdesk_url")?,
        decoy_domains: row.json("decoy_domains")?,
        forbidden_mail_domains: row.json("forbidden_mail_domains")?,
        cloud_domains: row.json("cloud_domains")?,
        require_registration: row.switch("require_registration")?,
        notify_administrators: row.switch("notify_administrators")?,
        registration_mails: row.switch("registration_mails")?,
        licensing: row.named("licensing")?,
        usage_location: row.text_if_any("usage_location")?,
        second_factor: row.switch("second_factor")?,
        soft_match: row.named("soft_match")?,
        removal_guard: RemovalGuard {
            removals: row.count("guard_removals")?,
            percent: row
                .int_if_any("guard_percent")?
                .map(u8::try_from)
                .transpose()
                .map_err(|_| StoreError::Unreadable { column: "guard_percent" })?,
            memberships: row.count("guard_memberships")?,
        },
        public_url: row.text_if_any("public_url")?,
        disabled_at: row.moment_if_any("disabled_at")?,
        created_at: row.moment("created_at")?,
    })
}
