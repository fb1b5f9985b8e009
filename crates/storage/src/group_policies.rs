//! Groups of the directories whose people have gates of their own ([`ritorno_identity::sspr::Standing::policy`]). What holds for one
//! person is read with what they have (`standing` in `users.rs`).

use ritorno_identity::gates::GatePolicy;
use ritorno_identity::sspr::ReconfirmAfter;
use ritorno_protocol::ids::{GroupId, TenantId};

use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::users::reconfirm_after;
use crate::value::{json, values};

/// Groups whose people have gates of their own.
pub struct GroupPolicies<'a>(pub(crate) &'a Db);

/// One group's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPolicy {
    /// The group.
    pub group: GroupId,
    /// What it is called; `None` if it is gone, and the policy nobody's.
    pub name: Option<String>,
    /// What its people pass, also by way of other groups.
    pub policy: GatePolicy,
    /// After how long its people are asked to look through what they registered; `None` where it says nothing of it, and the tenant's holds.
    pub reconfirm_after: Option<ReconfirmAfter>,
}

impl GroupPolicies<'_> {
    /// Gives a group a policy of its own, in the place of the one that it had.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set(
        &self,
        tenant: TenantId,
        group: GroupId,
        policy: &GatePolicy,
        reconfirm_after: Option<ReconfirmAfter>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into group_gate_policies \
             (tenant, group_id, policy, gates, to_register, must_differ, reconfirm_days) \
             values ($1, $2, $3, $4, $5, $6, $7) on conflict (tenant, group_id) do update set policy = excluded.policy, \
             gates = excluded.gates, to_register = excluded.to_register, must_differ = excluded.must_differ, \
             reconfirm_days = excluded.reconfirm_days";
        let (gates, to_register) = (u32::from(policy.gates()), u32::from(policy.to_register()));
        let must_differ = u32::from(policy.must_differ());
        let days = reconfirm_after.map(|after| i64::from(after.days()));
        let values = values![tenant, group, json(policy), gates, to_register, must_differ, days];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// Takes them away: what the tenant says holds for its people. `false` if it had none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, tenant: TenantId, group: GroupId) -> Result<bool, StoreError> {
        const SQL: &str = "delete from group_gate_policies where tenant = $1 and group_id = $2";
        Ok(self.0.write(SQL, values![tenant, group]).await? == 1)
    }

    /// Every one, by the name of its group.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<GroupPolicy>, StoreError> {
        const SQL: &str = "select p.group_id, p.policy, p.reconfirm_days, g.display_name from group_gate_policies p \
             left join directory_groups g on g.tenant = p.tenant and g.id = p.group_id \
             where p.tenant = $1 order by g.display_name, p.group_id";
        self.0.read(SQL, values![tenant]).await?.iter().map(group_policy).collect()
    }
}

fn group_policy(row: &Row) -> Result<GroupPolicy, StoreError> {
    Ok(GroupPolicy {
        group: row.parsed("group_id")?,
        name: row.text_if_any("display_name")?,
        policy: row.json("policy")?,
        reconfirm_after: reconfirm_after(row, "reconfirm_days")?,
    })
}
