//! Changes of groups that are kept as a whole: a group's row and its members, with a new version of the group for whatever changed of it, so
//! that who knows a version knows the members (RFC 7644 sections 3.5.2 and 3.14).

use ritorno_identity::group::{Group, GroupOrigin};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{GroupId, TenantId, UserId};

use crate::error::StoreError;
use crate::groups::{ADD_GROUPS, ADD_PEOPLE, Groups, INSERT, REMOVE, UPDATE, columns, listed};
use crate::own_groups::{ADD_OWN_GROUPS, ADD_OWN_PEOPLE};
use crate::users::{Updated, Users};
use crate::value::{Sql, about_list, values};
use crate::writer::Statement;

/// The people whom [`ADD_PEOPLE`] would make members.
const COMING_PEOPLE: Sql = about_list!(
    "select u.id from users u where u.tenant = $1 and coalesce(u.source_anchor, '') <> '' and not exists \
     (select 1 from group_members m where m.tenant = u.tenant and m.group_id = $2 and m.member = u.id) and u.id in ",
    "$3",
    ""
);
/// The groups that [`ADD_GROUPS`] would make members.
const COMING_GROUPS: Sql = about_list!(
    "select g.id from directory_groups g where g.tenant = $1 and g.own = 0 and not exists \
     (select 1 from group_members m where m.tenant = g.tenant and m.group_id = $2 and m.member = g.id) and g.id in ",
    "$3",
    ""
);

/// Who comes into a group and who leaves it, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMembers {
    /// People who are members afterwards.
    pub people: Vec<String>,
    /// Groups that are.
    pub groups: Vec<String>,
    /// Who is none afterwards.
    pub leaving: Vec<String>,
}

impl Groups<'_> {
    /// Which of these people and groups would become members of a directory's group: who is there, may be one and is none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn coming(
        &self,
        tenant: TenantId,
        id: GroupId,
        people: &[String],
        groups: &[String],
    ) -> Result<GroupMembers, StoreError> {
        let mut coming = GroupMembers::default();
        for (sql, ids, into) in
            [(&COMING_PEOPLE, people, &mut coming.people), (&COMING_GROUPS, groups, &mut coming.groups)]
        {
            if !ids.is_empty() {
                let rows = self.0.read(self.0.words(sql), listed(tenant, id, ids)).await?;
                *into = rows.iter().map(|row| row.text("id")).collect::<Result<_, _>>()?;
            }
        }
        Ok(coming)
    }

    /// Adds a group with its members.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if the anchor, or the external id, is taken; other [`StoreError`]s.
    pub async fn insert_with(&self, group: &Group, members: &GroupMembers) -> Result<(), StoreError> {
        let mut values = columns(group);
        values.extend(values![group.version, group.created_at]);
        let mut statements = vec![(INSERT, values)];
        statements.extend(self.moves(group, members));
        self.0.write_together(statements, 1).await.map(|_| ())
    }

    /// Stores a changed group as the version after `expected`, which must be the stored one, and who comes and leaves: all of it or nothing.
    /// However large the group is, it costs as much as is changed.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if the anchor, or the external id, is taken; other [`StoreError`]s.
    pub async fn change(
        &self,
        group: &Group,
        expected: i64,
        members: &GroupMembers,
    ) -> Result<Updated, StoreError> {
        let mut values = columns(group);
        values.extend(values![expected]);
        let mut statements = vec![(UPDATE, values)];
        statements.extend(self.moves(group, members));
        match self.0.write_together(statements, 1).await? {
            Some(_) => Ok(Updated::Conflict),
            None => Ok(Updated::Done { version: expected + 1 }),
        }
    }

    /// Removes a group and who is in it, of which each group that it was in tells by a new version. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(&self, tenant: TenantId, id: GroupId, at: Timestamp) -> Result<bool, StoreError> {
        const IS_THERE: &str =
            "update directory_groups set version = version + 1 where tenant = $1 and id = $2";
        const WITHOUT: &str = "update directory_groups set version = version + 1, updated_at = $3 where tenant = $1 \
             and id in (select group_id from group_members where tenant = $1 and member_group = $2)";
        const DELETE: &str = "delete from directory_groups where tenant = $1 and id = $2";
        let statements = vec![
            (IS_THERE, values![tenant, id]),
            (WITHOUT, values![tenant, id, at]),
            (DELETE, values![tenant, id]),
        ];
        Ok(self.0.write_together(statements, 1).await?.is_none())
    }

    fn moves(&self, group: &Group, members: &GroupMembers) -> Vec<Statement> {
        let (people, groups) = match group.origin {
            GroupOrigin::Directory(_) => (&ADD_PEOPLE, &ADD_GROUPS),
            GroupOrigin::Own { .. } => (&ADD_OWN_PEOPLE, &ADD_OWN_GROUPS),
        };
        [(&REMOVE, &members.leaving), (people, &members.people), (groups, &members.groups)]
            .into_iter()
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(sql, ids)| (self.0.words(sql), listed(group.tenant, group.id, ids)))
            .collect()
    }
}

impl Users<'_> {
    /// Removes a person who may be in groups, of which each tells by a new version. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, tenant: TenantId, id: UserId, at: Timestamp) -> Result<bool, StoreError> {
        const IS_THERE: &str = "update users set version = version + 1 where tenant = $1 and id = $2";
        const WITHOUT: &str = "update directory_groups set version = version + 1, updated_at = $3 where tenant = $1 \
             and id in (select group_id from group_members where tenant = $1 and user_id = $2)";
        const DELETE: &str = "delete from users where tenant = $1 and id = $2";
        let statements = vec![
            (IS_THERE, values![tenant, id]),
            (WITHOUT, values![tenant, id, at]),
            (DELETE, values![tenant, id]),
        ];
        Ok(self.0.write_together(statements, 1).await?.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn who_comes_is_looked_up_by_their_ids() {
        let folder = std::env::temp_dir().join(format!("ritorno-group-changes-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::connect(&format!("sqlite:{}", folder.join("plan.db").display())).await.unwrap();
        for sql in [&COMING_PEOPLE, &COMING_GROUPS] {
            let explain: &str = format!("explain query plan {}", sql.sqlite).leak();
            let plan = store.db().read(explain, values!["t", "g", "[]"]).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
            let looks = |end: &str| plan.iter().any(|step| step.starts_with("SEARCH") && step.ends_with(end));
            let (one, edge) = ("(tenant=? AND id=?)", "(tenant=? AND group_id=? AND member=?)");
            assert!(looks(one) && looks(edge), "{}: {plan:?}", sql.sqlite);
        }
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
