//! Groups of the directories, and the tenant's own, and who is in them. What only the latter have is in `own_groups.rs`.

use ritorno_identity::group::{DirectoryGroup, Group, GroupOrigin, OWN_NAME, own_name};
use ritorno_protocol::ids::{AgentId, Forest, GroupId, SourceAnchor, TenantId};
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::{Sql, Value, about_list, json, values};

/// Groups, and who is in them.
pub struct Groups<'a>(pub(crate) &'a Db);

/// Which groups to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupFilter {
    /// Those of one forest.
    Forest(Forest),
    /// The tenant's own.
    Own,
}

/// One page of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPage {
    /// How many there are in all.
    pub total: i64,
    /// Those of this page, each with the number of its members.
    pub groups: Vec<(Group, u64)>,
}

/// The anchor is hidden from the index that holds it: by that one SQLite would look through all people for each request.
pub(crate) const ADD_PEOPLE: Sql = about_list!(
    "insert into group_members (tenant, group_id, member, user_id) select tenant, $2, id, id from users \
     where tenant = $1 and coalesce(source_anchor, '') <> '' and id in ",
    "$3",
    " on conflict do nothing"
);
/// A group of a directory has none of the tenant's own in it.
pub(crate) const ADD_GROUPS: Sql = about_list!(
    "insert into group_members (tenant, group_id, member, member_group) select tenant, $2, id, id \
     from directory_groups where tenant = $1 and own = 0 and id in ",
    "$3",
    " on conflict do nothing"
);
/// A group's row, and the same as the version after the one that is expected.
pub(crate) const INSERT: &str = "insert into directory_groups (tenant, id, display_name, source_anchor, forest, domain, \
     account_name, exported_by, updated_at, own, external_id, version, created_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
pub(crate) const UPDATE: &str = "update directory_groups set display_name = $3, source_anchor = $4, forest = $5, \
     domain = $6, account_name = $7, exported_by = $8, updated_at = $9, external_id = $11, \
     version = version + 1 where tenant = $1 and id = $2 and own = $10 and version = $12";
/// What is listed of a filter: how many, a page of them, and those after one. One index holds the tenant's own alone.
struct Listing {
    total: &'static str,
    page: &'static str,
    after: &'static str,
}

macro_rules! select_groups {
    ($rest:expr) => {
        concat!(
            "select g.*, (select count(*) from group_members m where m.tenant = g.tenant \
             and m.group_id = g.id) as members from directory_groups g where tenant = $1",
            $rest
        )
    };
}
pub(crate) use select_groups;

macro_rules! listing {
    ($condition:literal, $last:literal, $least:literal) => {
        Listing {
            total: concat!("select count(*) as total from directory_groups where tenant = $1", $condition),
            page: select_groups!(concat!($condition, " order by id limit ", $last, " offset ", $least)),
            after: select_groups!(concat!(" and id > ", $last, $condition, " order by id limit ", $least)),
        }
    };
}

const OF_FOREST: Listing = listing!(" and own = 0 and forest = $2", "$3", "$4");
const OWN: Listing = listing!(" and own = 1", "$2", "$3");

const MEMBERS: Sql = about_list!(
    "select member from group_members where tenant = $1 and group_id = $2 and member in ",
    "$3",
    " order by member"
);
pub(crate) const REMOVE: Sql =
    about_list!("delete from group_members where tenant = $1 and group_id = $2 and member in ", "$3", "");

impl Groups<'_> {
    /// Adds a group, without members.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if the anchor, or the external id, is taken; other [`StoreError`]s.
    pub async fn insert(&self, group: &Group) -> Result<(), StoreError> {
        let mut values = columns(group);
        values.extend(values![group.version, group.created_at]);
        self.0.write(INSERT, values).await.map(|_| ())
    }

    /// One group. To count its members costs as much as there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(&self, tenant: TenantId, id: GroupId) -> Result<Option<Group>, StoreError> {
        const SQL: &str = "select * from directory_groups where tenant = $1 and id = $2";
        self.0.read_one(SQL, values![tenant, id]).await?.map(|row| group(&row)).transpose()
    }

    /// One group, with the number of its members.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, tenant: TenantId, id: GroupId) -> Result<Option<(Group, u64)>, StoreError> {
        const SQL: &str = select_groups!(" and id = $2");
        self.0.read_one(SQL, values![tenant, id]).await?.map(|row| counted(&row)).transpose()
    }

    /// The group of a directory object.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_anchor(
        &self,
        tenant: TenantId,
        anchor: &SourceAnchor,
    ) -> Result<Option<(Group, u64)>, StoreError> {
        const SQL: &str = select_groups!(" and own = 0 and source_anchor = $2");
        let row = self.0.read_one(SQL, values![tenant, anchor.0.as_str()]).await?;
        row.map(|row| counted(&row)).transpose()
    }

    /// The groups that are called so, compared without regard to case: those of the directories by the name to show, or by
    /// `DOMAIN\account`; the tenant's own by the name behind [`OWN_NAME`](ritorno_identity::group::OWN_NAME) alone, so that none is taken for
    /// one of a directory; any by its id. There may be more than one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn named(&self, tenant: TenantId, name: &str) -> Result<Vec<Group>, StoreError> {
        const OF_DIRECTORIES: &str = "select * from directory_groups where tenant = $1 and own = 0 \
             and (display_name = $2 or domain || '\\' || account_name = $2 or lower(display_name) = $3 or lower(domain || '\\' || account_name) = $3) \
             order by id limit 10";
        const OWN: &str = "select * from directory_groups where tenant = $1 and own = 1 \
             and (display_name = $2 or lower(display_name) = $3) order by id limit 10";
        if let Ok(id) = name.parse()
            && let Some(group) = self.find(tenant, id).await?
        {
            return Ok(vec![group]);
        }
        let (sql, name) = match own_name(name) {
            Some(name) => (OWN, format!("{OWN_NAME}{name}")),
            None => (OF_DIRECTORIES, name.to_owned()),
        };
        self.0
            .read(sql, values![tenant, name.as_str(), name.to_lowercase()])
            .await?
            .iter()
            .map(group)
            .collect()
    }

    /// One page. `start_index` counts from 1; a `count` of 0 gives the total alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: &GroupFilter,
        start_index: i64,
        count: i64,
    ) -> Result<GroupPage, StoreError> {
        let (listing, matching) = matching(tenant, filter);
        let total = match self.0.read_one(listing.total, matching.clone()).await? {
            Some(row) => row.int("total")?,
            None => 0,
        };
        let mut page = matching;
        page.extend(values![count.max(0), start_index.max(1) - 1]);
        let groups = self.0.read(listing.page, page).await?.iter().map(counted).collect::<Result<_, _>>()?;
        Ok(GroupPage { total, groups })
    }

    /// Groups by their ids, with how many members each has, as many as `count` after the one of the id `after`: for whoever
    /// looks through all of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn after(
        &self,
        tenant: TenantId,
        filter: &GroupFilter,
        after: Option<GroupId>,
        count: u32,
    ) -> Result<Vec<(Group, u64)>, StoreError> {
        let (listing, mut values) = matching(tenant, filter);
        values.extend(values![after.map(|id| id.to_string()).unwrap_or_default(), count]);
        self.0.read(listing.after, values).await?.iter().map(counted).collect()
    }

    /// Makes people of the directories, and groups, members; who is one already stays it. An id that nobody has is left out, for
    /// who was removed in this moment can be in no group. How many came.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if there is no such group; other [`StoreError`]s.
    pub async fn add_members(
        &self,
        tenant: TenantId,
        id: GroupId,
        people: &[String],
        groups: &[String],
    ) -> Result<u64, StoreError> {
        let mut added = 0;
        for (sql, ids) in [(&ADD_PEOPLE, people), (&ADD_GROUPS, groups)] {
            if !ids.is_empty() {
                added += self.0.write(self.0.words(sql), listed(tenant, id, ids)).await?;
            }
        }
        Ok(added)
    }

    /// Which of these are members.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn members_among(
        &self,
        tenant: TenantId,
        id: GroupId,
        ids: &[String],
    ) -> Result<Vec<String>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.0.read(self.0.words(&MEMBERS), listed(tenant, id, ids)).await?;
        rows.iter().map(|row| row.text("member")).collect()
    }

    /// Takes members out. How many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_members(
        &self,
        tenant: TenantId,
        id: GroupId,
        members: &[String],
    ) -> Result<u64, StoreError> {
        if members.is_empty() {
            return Ok(0);
        }
        self.0.write(self.0.words(&REMOVE), listed(tenant, id, members)).await
    }

    /// The groups that somebody is directly in, a person or a group, each with the number of its members.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of_member(&self, tenant: TenantId, member: &str) -> Result<Vec<(Group, u64)>, StoreError> {
        const SQL: &str = select_groups!(
            " and id in (select group_id from group_members where tenant = $1 and user_id = $2 \
             union select group_id from group_members where tenant = $1 and member_group = $2) order by id"
        );
        self.0.read(SQL, values![tenant, member]).await?.iter().map(counted).collect()
    }

    /// The members of a group: each id, and whether it is a group.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn members(&self, tenant: TenantId, id: GroupId) -> Result<Vec<(String, bool)>, StoreError> {
        const SQL: &str = "select member, member_group from group_members where tenant = $1 and group_id = $2 \
             order by member";
        let rows = self.0.read(SQL, values![tenant, id]).await?;
        rows.iter().map(|row| Ok((row.text("member")?, row.text_if_any("member_group")?.is_some()))).collect()
    }
}

/// `$1` to `$3` of a statement about some members.
pub(crate) fn listed(tenant: TenantId, id: GroupId, ids: &[String]) -> Vec<Value> {
    values![tenant, id, json(ids).as_str()]
}

/// The statements of a filter, and their first values.
fn matching(tenant: TenantId, filter: &GroupFilter) -> (&'static Listing, Vec<Value>) {
    match filter {
        GroupFilter::Forest(forest) => (&OF_FOREST, values![tenant, forest.0.as_str()]),
        GroupFilter::Own => (&OWN, values![tenant]),
    }
}

/// `$1` to `$11` of insert and update. What is of a directory says nothing with one of the tenant's own, whose full name is kept, and whose anchor no
/// directory's object has: so that a version which knows no such groups takes none for one of a directory either.
pub(crate) fn columns(group: &Group) -> Vec<Value> {
    let of = group.directory();
    let text = |part: fn(&DirectoryGroup) -> &str| of.map_or("", part);
    let external_id = match &group.origin {
        GroupOrigin::Directory(_) => None,
        GroupOrigin::Own { external_id } => external_id.as_deref(),
    };
    values![
        group.tenant,
        group.id,
        group.full_name(),
        of.map_or_else(|| format!("own:{}", group.id), |of| of.source_anchor.0.clone()),
        text(|of| &of.forest.0),
        text(|of| &of.domain),
        text(|of| &of.account_name),
        of.map_or(AgentId(Uuid::nil()), |of| of.exported_by),
        group.updated_at,
        of.is_none(),
        external_id,
    ]
}

pub(crate) fn counted(row: &Row) -> Result<(Group, u64), StoreError> {
    Ok((group(row)?, u64::try_from(row.int("members")?).unwrap_or(0)))
}

fn group(row: &Row) -> Result<Group, StoreError> {
    let origin = match row.switch("own")? {
        true => GroupOrigin::Own { external_id: row.text_if_any("external_id")? },
        false => GroupOrigin::Directory(DirectoryGroup {
            source_anchor: SourceAnchor(row.text("source_anchor")?),
            forest: Forest(row.text("forest")?),
            domain: row.text("domain")?,
            account_name: row.text("account_name")?,
            exported_by: row.parsed("exported_by")?,
        }),
    };
    let kept = row.text("display_name")?;
    let display_name = match origin {
        GroupOrigin::Directory(_) => kept,
        GroupOrigin::Own { .. } => kept.strip_prefix(OWN_NAME).unwrap_or(&kept).to_owned(),
    };
    Ok(Group {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        display_name,
        origin,
        version: row.int("version")?,
        created_at: row.moment("created_at")?,
        updated_at: row.moment("updated_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn members_are_looked_up_by_their_ids() {
        let folder = std::env::temp_dir().join(format!("ritorno-groups-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::connect(&format!("sqlite:{}", folder.join("plan.db").display())).await.unwrap();
        for sql in [&ADD_PEOPLE, &ADD_GROUPS, &MEMBERS, &REMOVE] {
            let explain: &str = format!("explain query plan {}", sql.sqlite).leak();
            let plan = store.db().read(explain, values!["t", "g", "[]"]).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
            let (tenant, id) = ("(tenant=? AND id=?)", "(tenant=? AND group_id=? AND member=?)");
            let found = plan
                .iter()
                .any(|step| step.starts_with("SEARCH") && (step.ends_with(tenant) || step.ends_with(id)));
            assert!(found, "{}: {plan:?}", sql.sqlite);
        }
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
