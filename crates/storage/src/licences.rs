//! Licences: what a tenant bought, and who got what.

use std::collections::BTreeSet;

use ritorno_identity::licence::{Grant, Sku};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{GroupId, TenantId, UserId};
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::{Value, json, values};

/// Licences of the tenants.
pub struct Licences<'a>(pub(crate) &'a Db);

/// A product that a tenant bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The product.
    pub sku: &'static Sku,
    /// For how many people.
    pub units: u32,
    /// How many people have it, each once: directly, or through a group.
    pub consumed: u32,
}

/// Who gets a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// One person.
    User(UserId),
    /// A group: all in it, directly or through other groups.
    Group(GroupId),
}

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The product.
    pub sku: &'static Sku,
    /// Who gets it.
    pub holder: Holder,
    /// Its service plans that are switched off for them.
    pub disabled_plans: BTreeSet<Uuid>,
    /// The country in which it is used.
    pub usage_location: String,
    /// When it was assigned.
    pub assigned_at: Timestamp,
}

impl Assignment {
    /// The names of the service plans that are switched off, with a blank between them.
    pub fn without(&self) -> String {
        let off = self.sku.plans.iter().filter(|plan| self.disabled_plans.contains(&plan.id));
        off.map(|plan| plan.name).collect::<Vec<_>>().join(" ")
    }
}

/// An assignment as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The assignment.
    pub assignment: Assignment,
    /// The person's or the group's name to show.
    pub name: String,
}

/// For how many people a product was bought.
const UNITS: &str = "select units from subscribed_skus where tenant = $1 and sku = $2";

/// What came of assigning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// It is assigned.
    Done,
    /// There are not so many units, and nothing was assigned.
    TooFew {
        /// How many there are.
        units: u32,
        /// How many it would take.
        needed: u32,
    },
    /// The tenant did not buy that product.
    NotSubscribed,
    /// There is no such person or group.
    NoHolder,
}

/// The people of a tenant (`$1`) who have what `$assignments` are about, as a list of ids. The groups are followed down.
macro_rules! people_with {
    ($assignments:literal) => {
        concat!(
            "with recursive inside (grp) as (select a.group_id from licence_assignments a where a.tenant = $1 \
             and a.group_id is not null and ",
            $assignments,
            " union select m.member_group from group_members m join inside on m.group_id = inside.grp \
             where m.tenant = $1 and m.member_group is not null) \
             select a.user_id as person from licence_assignments a where a.tenant = $1 and a.user_id is not null and ",
            $assignments,
            " union select m.user_id from group_members m join inside on m.group_id = inside.grp \
             where m.tenant = $1 and m.user_id is not null"
        )
    };
}

pub(crate) use people_with;

/// Hybrid people who may sign in and whose licences do not grant writeback.
macro_rules! without_writeback {
    ($what:literal, $rest:literal) => {
        concat!(
            "select ",
            $what,
            " from users left join (",
            people_with!("a.grants >= 2"),
            ") as licensed on licensed.person = users.id where users.tenant = $1 and users.enabled = 1 \
             and users.source_anchor is not null and licensed.person is null ",
            $rest
        )
    };
}

pub(crate) use without_writeback;

impl Licences<'_> {
    /// Writes down for how many people a product was bought. Fewer than have it may be bought: nobody loses it by that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn subscribe(&self, tenant: TenantId, sku: &Sku, units: u32) -> Result<(), StoreError> {
        const SQL: &str = "insert into subscribed_skus (tenant, sku, units) values ($1, $2, $3) \
             on conflict (tenant, sku) do update set units = excluded.units";
        self.0.write(SQL, values![tenant, sku.id.to_string(), units]).await.map(|_| ())
    }

    /// Does the same if it was bought for `from` people until now; `None` if not at all. `false`, and nothing is changed, if it was not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn subscribe_from(
        &self,
        tenant: TenantId,
        sku: &Sku,
        from: Option<u32>,
        units: u32,
    ) -> Result<bool, StoreError> {
        const FIRST: &str = "insert into subscribed_skus (tenant, sku, units) values ($1, $2, $3) \
             on conflict (tenant, sku) do nothing";
        const NEXT: &str =
            "update subscribed_skus set units = $3 where tenant = $1 and sku = $2 and units = $4";
        let mut values = values![tenant, sku.id.to_string(), units];
        let sql = match from {
            None => FIRST,
            Some(from) => {
                values.push(Value::from(from));
                NEXT
            }
        };
        Ok(self.0.write(sql, values).await? == 1)
    }

    /// Takes a product from the tenant, and from everybody who has it. `false` if it was not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unsubscribe(&self, tenant: TenantId, sku: &Sku) -> Result<bool, StoreError> {
        const ASSIGNMENTS: &str = "delete from licence_assignments where tenant = $1 and sku = $2";
        const SUBSCRIBED: &str = "delete from subscribed_skus where tenant = $1 and sku = $2";
        if self.0.read_one(UNITS, values![tenant, sku.id.to_string()]).await?.is_none() {
            return Ok(false);
        }
        let statements = [ASSIGNMENTS, SUBSCRIBED].map(|sql| (sql, values![tenant, sku.id.to_string()]));
        self.0.write_together(statements.into(), 0).await?;
        Ok(true)
    }

    /// What the tenant bought, and how many people have it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn subscribed(&self, tenant: TenantId) -> Result<Vec<Subscribed>, StoreError> {
        const SQL: &str = "select sku, units from subscribed_skus where tenant = $1 order by sku";
        let mut all = Vec::new();
        for row in self.0.read(SQL, values![tenant]).await? {
            let sku = sku(&row)?;
            let consumed = self.consumed(tenant, sku).await?;
            all.push(Subscribed { sku, units: row.count("units")?, consumed });
        }
        Ok(all)
    }

    async fn consumed(&self, tenant: TenantId, sku: &Sku) -> Result<u32, StoreError> {
        const SQL: &str =
            concat!("select count(*) as people from (", people_with!("a.sku = $2"), ") as having_it");
        let row = self.0.read_one(SQL, values![tenant, sku.id.to_string()]).await?;
        row.map_or(Ok(0), |row| row.count("people"))
    }

    /// Assigns a product, or changes how it was assigned. Whether there are units enough is seen after it was assigned, and what is
    /// too much is taken back: so two who assign the last unit at once both may get none, and never both get it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn assign(&self, tenant: TenantId, assignment: &Assignment) -> Result<Assigned, StoreError> {
        const THERE: &str =
            "select 1 as one from licence_assignments where tenant = $1 and sku = $2 and holder = $3";
        const SQL: &str = "insert into licence_assignments (tenant, sku, holder, user_id, group_id, disabled_plans, \
             grants, usage_location, assigned_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             on conflict (tenant, sku, holder) do update set disabled_plans = excluded.disabled_plans, \
             grants = excluded.grants, usage_location = excluded.usage_location, assigned_at = excluded.assigned_at";
        let sku = assignment.sku;
        let Some(row) = self.0.read_one(UNITS, values![tenant, sku.id.to_string()]).await? else {
            return Ok(Assigned::NotSubscribed);
        };
        let (units, before) = (row.count("units")?, self.consumed(tenant, sku).await?);
        let (holder, user, group) = columns(assignment.holder);
        let there =
            self.0.read_one(THERE, values![tenant, sku.id.to_string(), holder.clone()]).await?.is_some();
        let values = values![
            tenant,
            sku.id.to_string(),
            holder,
            user,
            group,
            json(&assignment.disabled_plans),
            sku.grants(&assignment.disabled_plans).as_number(),
            assignment.usage_location.as_str(),
            assignment.assigned_at,
        ];
        match self.0.write(SQL, values).await {
            Ok(_) => {}
            Err(StoreError::Contradiction(_)) => {
                let bought = self.0.read_one(UNITS, values![tenant, sku.id.to_string()]).await?.is_some();
                return Ok(if bought { Assigned::NoHolder } else { Assigned::NotSubscribed });
            }
            Err(error) => return Err(error),
        }
        let needed = self.consumed(tenant, sku).await?;
        // Whoever had it keeps it, also where fewer were bought since, or a group has grown meanwhile.
        if needed > units && needed > before && !there {
            self.revoke(tenant, sku, assignment.holder).await?;
            return Ok(Assigned::TooFew { units, needed });
        }
        Ok(Assigned::Done)
    }

    /// Takes an assignment back. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke(&self, tenant: TenantId, sku: &Sku, holder: Holder) -> Result<bool, StoreError> {
        const SQL: &str = "delete from licence_assignments where tenant = $1 and sku = $2 and holder = $3";
        let (holder, _, _) = columns(holder);
        Ok(self.0.write(SQL, values![tenant, sku.id.to_string(), holder]).await? == 1)
    }

    /// Assignments, groups first: `count` of them after the first `skip`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn assignments(
        &self,
        tenant: TenantId,
        skip: u32,
        count: u32,
    ) -> Result<Vec<Listed>, StoreError> {
        const SQL: &str = "select a.*, coalesce(g.display_name, u.user_principal_name) as name \
             from licence_assignments a \
             left join users u on u.tenant = a.tenant and u.id = a.user_id \
             left join directory_groups g on g.tenant = a.tenant and g.id = a.group_id \
             where a.tenant = $1 order by (a.group_id is null), name, a.sku limit $2 offset $3";
        self.0.read(SQL, values![tenant, count, skip]).await?.iter().map(listed).collect()
    }

    /// How many hybrid people would be refused where licences are asked for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_without_writeback(&self, tenant: TenantId) -> Result<u32, StoreError> {
        const SQL: &str = without_writeback!("count(*) as people", "");
        let row = self.0.read_one(SQL, values![tenant]).await?;
        row.map_or(Ok(0), |row| row.count("people"))
    }

    /// The sign-in names of those, in order: `count` of them after the first `skip`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn names_without_writeback(
        &self,
        tenant: TenantId,
        skip: u32,
        count: u32,
    ) -> Result<Vec<String>, StoreError> {
        const SQL: &str =
            without_writeback!("user_principal_name", "order by principal_key limit $2 offset $3");
        let rows = self.0.read(SQL, values![tenant, count, skip]).await?;
        rows.iter().map(|row| row.text("user_principal_name")).collect()
    }

    /// Whether at least one assignment in the tenant grants writeback to somebody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn any_writeback(&self, tenant: TenantId) -> Result<bool, StoreError> {
        const SQL: &str =
            "select count(*) as assigned from licence_assignments where tenant = $1 and grants >= $2";
        let row = self.0.read_one(SQL, values![tenant, Grant::Writeback.as_number()]).await?;
        row.map_or(Ok(false), |row| Ok(row.count("assigned")? > 0))
    }
}

/// `holder`, `user_id` and `group_id`.
fn columns(holder: Holder) -> (Value, Value, Value) {
    let (user, group) = match holder {
        Holder::User(id) => (Some(id), None),
        Holder::Group(id) => (None, Some(id)),
    };
    let holder = user.map_or_else(|| Value::from(group), |id| Value::from(Some(id)));
    (holder, Value::from(user), Value::from(group))
}

fn sku(row: &Row) -> Result<&'static Sku, StoreError> {
    Sku::find(&row.text("sku")?).ok_or(StoreError::Unreadable { column: "sku" })
}

/// An assignment as it is read.
pub(crate) fn listed(row: &Row) -> Result<Listed, StoreError> {
    let holder = match row.parsed_if_any("user_id")? {
        Some(user) => Holder::User(user),
        None => Holder::Group(row.parsed("group_id")?),
    };
    Ok(Listed {
        assignment: Assignment {
            sku: sku(row)?,
            holder,
            disabled_plans: row.json("disabled_plans")?,
            usage_location: row.text("usage_location")?,
            assigned_at: row.moment("assigned_at")?,
        },
        name: row.text("name")?,
    })
}
