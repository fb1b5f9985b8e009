//! What only groups of the tenant's own have: a program keeps them, and sees of their people those alone whom it may provision
//! ([`UserFilter::CloudDomains`](crate::UserFilter)). Whoever is out of its reach, an administrator above all, stays in a group unseen.

use ritorno_identity::group::Group;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{GroupId, TenantId, UserId};

use crate::error::StoreError;
use crate::group_changes::GroupMembers;
use crate::groups::{Groups, counted, listed, select_groups};
use crate::user_pages::{folded, reached};
use crate::value::{Sql, about_list, json, values};
use crate::writer::Statement;

/// The anchor is hidden from the index that holds it, in which all of them stand together.
pub(crate) const ADD_OWN_PEOPLE: Sql = about_list!(
    "insert into group_members (tenant, group_id, member, user_id) select tenant, $2, id, id from users \
     where tenant = $1 and coalesce(source_anchor, '') = '' and id in ",
    "$3",
    " on conflict do nothing"
);
pub(crate) const ADD_OWN_GROUPS: Sql = about_list!(
    "insert into group_members (tenant, group_id, member, member_group) select tenant, $2, id, id \
     from directory_groups where tenant = $1 and own = 1 and id in ",
    "$3",
    " on conflict do nothing"
);

macro_rules! coming_people {
    ($domains:literal, $list:literal) => {
        concat!(
            "select users.id from users where users.tenant = $1 and coalesce(users.source_anchor, '') = '' and not exists \
             (select 1 from group_members m where m.tenant = users.tenant and m.group_id = $2 and m.member = users.id) \
             and users.id in ",
            $list,
            reached!($domains)
        )
    };
}

/// The people whom [`ADD_OWN_PEOPLE`] would make members, as far as a program reaches them.
const COMING_PEOPLE: Sql = Sql {
    sqlite: coming_people!("json_each($4) domain", "(select value from json_each($3))"),
    postgres: coming_people!(
        "jsonb_array_elements_text($4::text::jsonb) as domain (value)",
        "(select jsonb_array_elements_text($3::text::jsonb))"
    ),
};
/// The groups that [`ADD_OWN_GROUPS`] would make members.
const COMING_GROUPS: Sql = about_list!(
    "select g.id from directory_groups g where g.tenant = $1 and g.own = 1 and not exists \
     (select 1 from group_members m where m.tenant = g.tenant and m.group_id = $2 and m.member = g.id) and g.id in ",
    "$3",
    ""
);

macro_rules! seen {
    ($domains:literal, $and:literal) => {
        concat!(
            "select m.member, m.member_group from group_members m where m.tenant = $1 and m.group_id = $2 \
             and (m.user_id is null or exists (select 1 from users where users.tenant = $1 and users.id = m.user_id \
             and coalesce(users.source_anchor, '') = ''",
            reached!($domains),
            "))",
            $and,
            " order by m.member"
        )
    };
}

const SEEN: Sql = Sql {
    sqlite: seen!("json_each($3) domain", ""),
    postgres: seen!("jsonb_array_elements_text($3::text::jsonb) as domain (value)", ""),
};
const SEEN_AMONG: Sql = Sql {
    sqlite: seen!("json_each($3) domain", " and m.member in (select value from json_each($4))"),
    postgres: seen!(
        "jsonb_array_elements_text($3::text::jsonb) as domain (value)",
        " and m.member in (select jsonb_array_elements_text($4::text::jsonb))"
    ),
};

/// Which of these ids are groups of a directory.
const OF_DIRECTORIES: Sql = about_list!(
    "select id from directory_groups where tenant = $1 and own = 0 and id in ",
    "$2",
    " order by id"
);

impl Groups<'_> {
    /// The group of the tenant's own that a program calls so, with the number of its members.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_external_id(
        &self,
        tenant: TenantId,
        external_id: &str,
    ) -> Result<Option<(Group, u64)>, StoreError> {
        const SQL: &str = select_groups!(" and own = 1 and external_id = $2");
        self.0.read_one(SQL, values![tenant, external_id]).await?.map(|row| counted(&row)).transpose()
    }

    /// Which of these people and groups would become members of a group of the tenant's own: whom a program reaches who has these
    /// domains, and groups of the tenant's own, as far as they are none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn coming_to_own(
        &self,
        tenant: TenantId,
        id: GroupId,
        people: &[String],
        groups: &[String],
        domains: &[String],
    ) -> Result<GroupMembers, StoreError> {
        let mut coming = GroupMembers::default();
        if !people.is_empty() {
            let mut values = listed(tenant, id, people);
            values.extend(values![folded(domains)]);
            let rows = self.0.read(self.0.words(&COMING_PEOPLE), values).await?;
            coming.people = rows.iter().map(|row| row.text("id")).collect::<Result<_, _>>()?;
        }
        if !groups.is_empty() {
            let rows = self.0.read(self.0.words(&COMING_GROUPS), listed(tenant, id, groups)).await?;
            coming.groups = rows.iter().map(|row| row.text("id")).collect::<Result<_, _>>()?;
        }
        Ok(coming)
    }

    /// Which of these ids are groups of a directory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of_directories_among(
        &self,
        tenant: TenantId,
        ids: &[String],
    ) -> Result<Vec<String>, StoreError> {
        let rows = self.0.read(self.0.words(&OF_DIRECTORIES), values![tenant, json(ids)]).await?;
        rows.iter().map(|row| row.text("id")).collect()
    }

    /// The members of a group of the tenant's own whom a program sees who has these domains: each id, and whether it is a group.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn members_seen(
        &self,
        tenant: TenantId,
        id: GroupId,
        domains: &[String],
    ) -> Result<Vec<(String, bool)>, StoreError> {
        let rows = self.0.read(self.0.words(&SEEN), values![tenant, id, folded(domains)]).await?;
        rows.iter().map(|row| Ok((row.text("member")?, row.text_if_any("member_group")?.is_some()))).collect()
    }

    /// Which of these are among [`Groups::members_seen`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn members_seen_among(
        &self,
        tenant: TenantId,
        id: GroupId,
        ids: &[String],
        domains: &[String],
    ) -> Result<Vec<String>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let values = values![tenant, id, folded(domains), json(ids)];
        let rows = self.0.read(self.0.words(&SEEN_AMONG), values).await?;
        rows.iter().map(|row| row.text("member")).collect()
    }
}

/// The statements that take somebody out of the groups of the tenant's own, each of which tells of it by a new version: they are a directory's
/// from now on.
pub(crate) fn leaving_own(tenant: TenantId, user: UserId, at: Timestamp) -> [Statement; 2] {
    const WITHOUT: &str = "update directory_groups set version = version + 1, updated_at = $3 where tenant = $1 \
         and own = 1 and id in (select group_id from group_members where tenant = $1 and user_id = $2)";
    const LEAVE: &str = "delete from group_members where tenant = $1 and user_id = $2 and group_id in \
         (select id from directory_groups where tenant = $1 and own = 1)";
    [(WITHOUT, values![tenant, user, at]), (LEAVE, values![tenant, user])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn members_are_looked_up_by_their_ids() {
        let folder = std::env::temp_dir().join(format!("ritorno-own-groups-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::connect(&format!("sqlite:{}", folder.join("plan.db").display())).await.unwrap();
        for sql in [&ADD_OWN_PEOPLE, &ADD_OWN_GROUPS, &COMING_PEOPLE, &COMING_GROUPS, &SEEN, &SEEN_AMONG] {
            let explain: &str = format!("explain query plan {}", sql.sqlite).leak();
            let mut values = values!["t", "g", "[]", "[]"];
            values.retain({
                let mut number = 0;
                move |_| {
                    number += 1;
                    sql.sqlite.contains(&format!("${number}"))
                }
            });
            let plan = store.db().read(explain, values).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
            for table in ["users", "g", "directory_groups"] {
                let looked =
                    |how: &str| plan.iter().find(|step| step.starts_with(&format!("{how} {table} ")));
                assert_eq!(looked("SCAN"), None, "{}: {plan:?}", sql.sqlite);
                let by_id = |step: &String| step.ends_with("(tenant=? AND id=?)");
                assert!(looked("SEARCH").is_none_or(by_id), "{}: {plan:?}", sql.sqlite);
            }
            assert!(plan.iter().any(|step| step.starts_with("SEARCH")), "{}: {plan:?}", sql.sqlite);
        }
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
