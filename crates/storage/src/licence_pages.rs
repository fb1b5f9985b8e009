//! Licences, a page after another: each begins after what the one before showed last, so that nothing is shown twice or passed over while rows come
//! and go.

use ritorno_identity::name::SignInName;
use ritorno_protocol::ids::TenantId;

use crate::error::StoreError;
use crate::licences::{Holder, Licences, Listed, listed, people_with, without_writeback};
use crate::value::values;

/// Where an assignment stands in the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentPlace {
    /// 0 of a group, 1 of a person.
    pub kind: u32,
    /// The name of whoever has it.
    pub name: String,
    /// The product's GUID.
    pub sku: String,
    /// The id of whoever has it.
    pub holder: String,
}

impl AssignmentPlace {
    /// Where that one stands.
    pub fn of(one: &Listed) -> Self {
        let (kind, holder) = match one.assignment.holder {
            Holder::Group(id) => (0, id.to_string()),
            Holder::User(id) => (1, id.to_string()),
        };
        Self { kind, name: one.name.clone(), sku: one.assignment.sku.id.to_string(), holder }
    }
}

impl Licences<'_> {
    /// Assignments, groups first: `count` of them after that place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn assignments_after(
        &self,
        tenant: TenantId,
        after: Option<&AssignmentPlace>,
        count: u32,
    ) -> Result<Vec<Listed>, StoreError> {
        const FIRST: &str = "select a.*, coalesce(g.display_name, u.user_principal_name) as name \
             from licence_assignments a \
             left join users u on u.tenant = a.tenant and u.id = a.user_id \
             left join directory_groups g on g.tenant = a.tenant and g.id = a.group_id \
             where a.tenant = $1 order by (a.group_id is null), name, a.sku, a.holder limit $2";
        const AFTER: &str = "select a.*, coalesce(g.display_name, u.user_principal_name) as name \
             from licence_assignments a \
             left join users u on u.tenant = a.tenant and u.id = a.user_id \
             left join directory_groups g on g.tenant = a.tenant and g.id = a.group_id \
             where a.tenant = $1 and (case when a.group_id is null then 1 else 0 end, \
             coalesce(g.display_name, u.user_principal_name), a.sku, a.holder) > ($3, $4, $5, $6) \
             order by (a.group_id is null), name, a.sku, a.holder limit $2";
        let rows = match after {
            None => self.0.read(FIRST, values![tenant, count]).await?,
            Some(AssignmentPlace { kind, name, sku, holder }) => {
                let after = values![tenant, count, *kind, name.as_str(), sku.as_str(), holder.as_str()];
                self.0.read(AFTER, after).await?
            }
        };
        rows.iter().map(listed).collect()
    }

    /// The sign-in names of hybrid people who would be refused where licences are asked for, in order: `count` of them after that one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn names_without_writeback_after(
        &self,
        tenant: TenantId,
        after: Option<&SignInName>,
        count: u32,
    ) -> Result<Vec<String>, StoreError> {
        const SQL: &str = without_writeback!(
            "user_principal_name",
            "and users.principal_key > $2 order by principal_key limit $3"
        );
        let after = after.map_or("", SignInName::as_str);
        let rows = self.0.read(SQL, values![tenant, after, count]).await?;
        rows.iter().map(|row| row.text("user_principal_name")).collect()
    }
}
