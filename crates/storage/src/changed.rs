//! Who and what changed since a moment: an index tells their ids, so that it costs as much as changed, however many there are.

use ritorno_identity::group::Group;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::error::StoreError;
use crate::groups::{GroupFilter, Groups, counted, select_groups};
use crate::row::Row;
use crate::user_pages::{UserFilter, folded, reached};
use crate::users::{Users, select_users, user};
use crate::value::{Sql, json, values};

/// The index is named, for without what is counted of it SQLite takes the one in which the ids stand in order, and looks through all of them.
const PEOPLE_CHANGED: Sql = Sql {
    sqlite: "select id from users indexed by users_changed where tenant = $1 and updated_at >= $2 order by id",
    postgres: "select id from users where tenant = $1 and updated_at >= $2 order by id",
};
const GROUPS_CHANGED: Sql = Sql {
    sqlite: "select id from directory_groups indexed by directory_groups_changed \
             where tenant = $1 and updated_at >= $2 order by id",
    postgres: "select id from directory_groups where tenant = $1 and updated_at >= $2 order by id",
};

macro_rules! people_among {
    ($list:literal, $condition:expr) => {
        select_users!(concat!("where tenant = $1 and id in ", $list, $condition, " order by id"))
    };
}

/// The forest, and the anchor below, are hidden from indexes in which many stand together.
const OF_FOREST: Sql = Sql {
    sqlite: people_among!("(select value from json_each($3))", " and coalesce(forest, '') = $2"),
    postgres: people_among!(
        "(select jsonb_array_elements_text($3::text::jsonb))",
        " and coalesce(forest, '') = $2"
    ),
};
const OF_DOMAINS: Sql = Sql {
    sqlite: people_among!(
        "(select value from json_each($3))",
        concat!(" and coalesce(source_anchor, '') = ''", reached!("json_each($2) domain"))
    ),
    postgres: people_among!(
        "(select jsonb_array_elements_text($3::text::jsonb))",
        concat!(
            " and coalesce(source_anchor, '') = ''",
            reached!("jsonb_array_elements_text($2::text::jsonb) as domain (value)")
        )
    ),
};

macro_rules! groups_among {
    ($list:literal) => {
        select_groups!(concat!(
            " and own = $2 and (own = 1 or forest = $3) and id in ",
            $list,
            " order by id"
        ))
    };
}

const GROUPS: Sql = Sql {
    sqlite: groups_among!("(select value from json_each($4))"),
    postgres: groups_among!("(select jsonb_array_elements_text($4::text::jsonb))"),
};

/// Ids of a column of the same name.
fn ids(rows: &[Row]) -> Result<Vec<String>, StoreError> {
    rows.iter().map(|row| row.text("id")).collect()
}

impl Users<'_> {
    /// The ids of everybody of the tenant who changed then or since, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn changed_since(&self, tenant: TenantId, since: Timestamp) -> Result<Vec<String>, StoreError> {
        ids(&self.0.read(self.0.words(&PEOPLE_CHANGED), values![tenant, since]).await?)
    }

    /// Those of these ids whom a filter has, in order. For filters of a whole kind of people: others find nobody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn among(
        &self,
        tenant: TenantId,
        filter: &UserFilter,
        ids: &[String],
    ) -> Result<Vec<User>, StoreError> {
        let (sql, of) = match filter {
            UserFilter::Forest(forest) => (&OF_FOREST, forest.0.clone()),
            UserFilter::CloudDomains(domains) => (&OF_DOMAINS, folded(domains)),
            UserFilter::All | UserFilter::UserName(_) | UserFilter::ExternalId(_) => return Ok(Vec::new()),
        };
        self.0.read(self.0.words(sql), values![tenant, of, json(ids)]).await?.iter().map(user).collect()
    }
}

impl Groups<'_> {
    /// The ids of all groups of the tenant that changed then or since, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn changed_since(&self, tenant: TenantId, since: Timestamp) -> Result<Vec<String>, StoreError> {
        ids(&self.0.read(self.0.words(&GROUPS_CHANGED), values![tenant, since]).await?)
    }

    /// Those of these ids that a filter has, in order, each with the number of its members.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn among(
        &self,
        tenant: TenantId,
        filter: &GroupFilter,
        ids: &[String],
    ) -> Result<Vec<(Group, u64)>, StoreError> {
        let (own, forest) = match filter {
            GroupFilter::Forest(forest) => (false, forest.0.as_str()),
            GroupFilter::Own => (true, ""),
        };
        let values = values![tenant, own, forest, json(ids)];
        self.0.read(self.0.words(&GROUPS), values).await?.iter().map(counted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn whoever_changed_is_found_by_an_index_and_read_by_the_id() {
        let folder = std::env::temp_dir().join(format!("ritorno-changed-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::connect(&format!("sqlite:{}", folder.join("plan.db").display())).await.unwrap();
        let id = "(tenant=? AND id=?)";
        for (sql, values, table, ends) in [
            (
                &PEOPLE_CHANGED,
                values!["t", 0_i64],
                "users",
                "COVERING INDEX users_changed (tenant=? AND updated_at>?)",
            ),
            (
                &GROUPS_CHANGED,
                values!["t", 0_i64],
                "directory_groups",
                "COVERING INDEX directory_groups_changed (tenant=? AND updated_at>?)",
            ),
            (&OF_FOREST, values!["t", "f", "[]"], "users", id),
            (&OF_DOMAINS, values!["t", "[]", "[]"], "users", id),
            (&GROUPS, values!["t", 1_i64, "", "[]"], "g", id),
        ] {
            let explain: &str = format!("explain query plan {}", sql.sqlite).leak();
            let plan = store.db().read(explain, values).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
            let first = plan.iter().find(|step| step.contains(&format!(" {table} ")));
            assert!(
                first.is_some_and(|step| step.starts_with("SEARCH") && step.ends_with(ends)),
                "{}: {plan:?}",
                sql.sqlite
            );
        }
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
