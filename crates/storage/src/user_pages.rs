//! Pages of people, filtered as SCIM's clients do (RFC 7644 sections 3.4.2.2 and 3.4.2.4).

use ritorno_identity::name::SignInName;
use ritorno_identity::user::User;
use ritorno_protocol::ids::{Forest, SourceAnchor, TenantId, UserId};

use crate::error::StoreError;
use crate::users::{Users, select_users, user};
use crate::value::{Sql, Value, json, values};

/// Which people to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserFilter {
    /// Every one.
    All,
    /// `userName eq "…"`, compared without regard to case.
    UserName(String),
    /// `externalId eq "…"`: the source anchor, compared exactly.
    ExternalId(SourceAnchor),
    /// Hybrid people of one forest.
    Forest(Forest),
    /// Cloud-only people whose names are of these domains, but those whose an administrator's account is, by its link or its name.
    CloudDomains(Vec<String>),
}

/// One page of people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPage {
    /// How many match in all; SCIM's `totalResults`.
    pub total: i64,
    /// Those of this page, always in the same order.
    pub users: Vec<User>,
}

/// Whom a filter lists: how many, a page of them, and those after one. Each has statements of its own, for one that lets pass what is null
/// goes by no index.
struct Listing {
    total: Sql,
    page: Sql,
    after: Sql,
}

macro_rules! total {
    ($index:literal, $condition:expr) => {
        concat!("select count(*) as total from users ", $index, "where tenant = $1", $condition)
    };
}

macro_rules! page {
    ($index:literal, $condition:expr, $count:literal, $from:literal) => {
        select_users!(concat!(
            $index,
            "where tenant = $1",
            $condition,
            " order by id limit ",
            $count,
            " offset ",
            $from
        ))
    };
}

macro_rules! after {
    ($index:literal, $condition:expr, $after:literal, $count:literal) => {
        select_users!(concat!(
            $index,
            "where tenant = $1 and id > ",
            $after,
            $condition,
            " order by id limit ",
            $count
        ))
    };
}

/// The last two numbers are those of the values after the condition's.
macro_rules! listing {
    ($sqlite:expr, $postgres:expr, $index:literal, $last:literal, $least:literal) => {
        Listing {
            total: Sql { sqlite: total!($index, $sqlite), postgres: total!("", $postgres) },
            page: Sql {
                sqlite: page!($index, $sqlite, $last, $least),
                postgres: page!("", $postgres, $last, $least),
            },
            after: Sql {
                sqlite: after!($index, $sqlite, $last, $least),
                postgres: after!("", $postgres, $last, $least),
            },
        }
    };
    ($condition:literal, $last:literal, $least:literal) => {
        listing!($condition, $condition, "", $last, $least)
    };
}

/// Who of those whom no directory has is a program's to provision: the domains are one value.
macro_rules! reached {
    ($domains:literal) => {
        concat!(
            " and exists (select 1 from ",
            $domains,
            " where principal_key like '%@' || domain.value) and not exists (select 1 from administrators a \
             where a.tenant = users.tenant and (a.user_id = users.id or a.name_key = users.principal_key))"
        )
    };
}
pub(crate) use reached;

/// Whom a program may provision.
macro_rules! in_domains {
    ($domains:literal) => {
        concat!(" and source_anchor is null", reached!($domains))
    };
}

const ALL: Listing = listing!("", "$2", "$3");
const OF_NAME: Listing = listing!(" and principal_key = $2", "$3", "$4");
const OF_ANCHOR: Listing = listing!(" and source_anchor = $2", "$3", "$4");
const OF_FOREST: Listing = listing!(" and forest = $2", "$3", "$4");
/// The index is of those alone whom no directory has. SQLite would take the one of anchors, in which they all stand together.
const OF_DOMAINS: Listing = listing!(
    in_domains!("json_each($2) domain"),
    in_domains!("jsonb_array_elements_text($2::text::jsonb) as domain (value)"),
    "indexed by users_cloud_only ",
    "$3",
    "$4"
);
const OF_EXTERNAL_ID: &str =
    select_users!("where tenant = $1 and external_id = $2 and source_anchor is null");

macro_rules! search {
    ($index:literal) => {
        select_users!(concat!(
            "where tenant = $1 and principal_key in (select u.principal_key from users u ",
            $index,
            "where u.tenant = $1 and u.principal_key > coalesce($2, '') and (u.principal_key like $3 escape '!' \
             or coalesce(u.account_key, '') like $3 escape '!' or lower(u.display_name) like $3 escape '!') \
             order by u.principal_key limit $4) order by principal_key"
        ))
    };
}

/// The index holds all that is looked at: only of those who are found are the rows read.
const SEARCH: Sql = Sql { sqlite: search!("indexed by users_by_names "), postgres: search!("") };

impl Users<'_> {
    /// One page. `start_index` counts from 1, as SCIM's `startIndex` does, and anything below counts as 1. A `count` of 0
    /// gives the total alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: &UserFilter,
        start_index: i64,
        count: i64,
    ) -> Result<UserPage, StoreError> {
        let (listing, matching) = listed(tenant, filter);
        let total = match self.0.read_one(self.0.words(&listing.total), matching.clone()).await? {
            Some(row) => row.int("total")?,
            None => 0,
        };
        let mut page = matching;
        page.extend(values![count.max(0), start_index.max(1) - 1]);
        let users = self
            .0
            .read(self.0.words(&listing.page), page)
            .await?
            .iter()
            .map(user)
            .collect::<Result<_, _>>()?;
        Ok(UserPage { total, users })
    }

    /// People of a filter by their ids, as many as `count` after the one of the id `after`: for whoever looks through all of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn after(
        &self,
        tenant: TenantId,
        filter: &UserFilter,
        after: Option<UserId>,
        count: u32,
    ) -> Result<Vec<User>, StoreError> {
        let (listing, matching) = listed(tenant, filter);
        let mut values = matching;
        values.extend(values![after.map(|id| id.to_string()).unwrap_or_default(), count]);
        self.0.read(self.0.words(&listing.after), values).await?.iter().map(user).collect()
    }

    /// The cloud-only person whom a provisioner calls so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_external_id(
        &self,
        tenant: TenantId,
        external_id: &str,
    ) -> Result<Option<User>, StoreError> {
        let row = self.0.read_one(OF_EXTERNAL_ID, values![tenant, external_id]).await?;
        row.map(|row| user(&row)).transpose()
    }

    /// People whose sign-in name, account name or display name contains what was typed, in the order of their sign-in names: as many
    /// as `count`, after the one of the sign-in name `after`. Compared without regard to case; of a display name, as far as the database
    /// folds it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn search(
        &self,
        tenant: TenantId,
        typed: &str,
        after: Option<&SignInName>,
        count: u32,
    ) -> Result<Vec<User>, StoreError> {
        let mut pattern = String::from("%");
        for letter in typed.trim().to_lowercase().chars() {
            if matches!(letter, '%' | '_' | '!') {
                pattern.push('!');
            }
            pattern.push(letter);
        }
        pattern.push('%');
        let values = values![tenant, after.map(SignInName::as_str), pattern, count];
        self.0.read(self.0.words(&SEARCH), values).await?.iter().map(user).collect()
    }
}

/// The statements of a filter, and their first values.
fn listed(tenant: TenantId, filter: &UserFilter) -> (&'static Listing, Vec<Value>) {
    match filter {
        UserFilter::All => (&ALL, values![tenant]),
        UserFilter::UserName(name) => (&OF_NAME, values![tenant, SignInName::of_principal(name).as_str()]),
        UserFilter::ExternalId(anchor) => (&OF_ANCHOR, values![tenant, anchor.0.as_str()]),
        UserFilter::Forest(forest) => (&OF_FOREST, values![tenant, forest.0.as_str()]),
        UserFilter::CloudDomains(domains) => (&OF_DOMAINS, values![tenant, folded(domains)]),
    }
}

/// Domains as names are stored.
pub(crate) fn folded(domains: &[String]) -> String {
    json(&domains.iter().map(|domain| domain.trim().to_lowercase()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::users::CLOUD_ONLY_OF_MAIL;

    #[tokio::test]
    async fn whoever_is_named_is_found_by_an_index() {
        let folder = std::env::temp_dir().join(format!("ritorno-user-pages-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::connect(&format!("sqlite:{}", folder.join("plan.db").display())).await.unwrap();
        let listed = values!["t", "a", 1_i64, 0_i64];
        let of_index = |step: &str| step.starts_with("SEARCH ") && step.contains(" USING INDEX ");
        for (sql, values, ends) in [
            (OF_NAME.page.sqlite, listed.clone(), "(tenant=? AND principal_key=?)"),
            (OF_ANCHOR.page.sqlite, listed.clone(), "(tenant=? AND source_anchor=?)"),
            (OF_FOREST.after.sqlite, values!["t", "f", "", 1_i64], "(tenant=? AND id>?)"),
            (OF_EXTERNAL_ID, values!["t", "x"], "users_by_external_id (tenant=? AND external_id=?)"),
            (OF_DOMAINS.page.sqlite, values!["t", "[]", 1_i64, 0_i64], "users_cloud_only (tenant=?)"),
            (OF_DOMAINS.after.sqlite, values!["t", "[]", "", 1_i64], "users_cloud_only (tenant=? AND id>?)"),
            (CLOUD_ONLY_OF_MAIL.sqlite, values!["t", "a"], "users_by_mail (tenant=? AND <expr>=?)"),
        ] {
            let explain: &str = format!("explain query plan {sql}").leak();
            let plan = store.db().read(explain, values).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
            let found = plan.iter().any(|step| of_index(step) && step.ends_with(ends));
            assert!(found, "{sql}: {plan:?}");
        }
        for (sql, values) in
            [(OF_NAME.total.sqlite, values!["t", "a"]), (OF_ANCHOR.total.sqlite, values!["t", "a"])]
        {
            let explain: &str = format!("explain query plan {sql}").leak();
            let plan = store.db().read(explain, values).await.unwrap();
            assert!(plan[0].text("detail").unwrap().starts_with("SEARCH"), "{sql}");
        }
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
