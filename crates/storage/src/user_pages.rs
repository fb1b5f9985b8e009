//! Pages of people, filtered as SCIM's clients do (RFC 7644 sections 3.4.2.2 and 3.4.2.4).

use ritorno_identity::name::SignInName;
use ritorno_identity::user::User;
use ritorno_protocol::ids::{Forest, SourceAnchor, TenantId};

use crate::error::StoreError;
use crate::users::{Users, select_users, user};
use crate::value::{Sql, values};

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
}

/// One page of people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPage {
    /// How many match in all; SCIM's `totalResults`.
    pub total: i64,
    /// Those of this page, always in the same order.
    pub users: Vec<User>,
}

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
        // One text for every filter: what is not asked for is null and lets all pass.
        const TOTAL: &str = "select count(*) as total from users where tenant = $1 \
             and ($2 is null or principal_key = $2) and ($3 is null or source_anchor = $3) \
             and ($4 is null or forest = $4)";
        const PAGE: &str = select_users!(
            "where tenant = $1 and ($2 is null or principal_key = $2) and ($3 is null or source_anchor = $3) \
             and ($4 is null or forest = $4) order by id limit $5 offset $6"
        );
        let (name, anchor, forest) = match filter {
            UserFilter::All => (None, None, None),
            UserFilter::UserName(name) => {
                (Some(SignInName::of_principal(name).as_str().to_owned()), None, None)
            }
            UserFilter::ExternalId(anchor) => (None, Some(anchor.0.clone()), None),
            UserFilter::Forest(forest) => (None, None, Some(forest.0.clone())),
        };
        let matching = values![tenant, name, anchor, forest];
        let total = match self.0.read_one(TOTAL, matching.clone()).await? {
            Some(row) => row.int("total")?,
            None => 0,
        };
        let mut page = matching;
        page.extend(values![count.max(0), start_index.max(1) - 1]);
        let users = self.0.read(PAGE, page).await?.iter().map(user).collect::<Result<_, _>>()?;
        Ok(UserPage { total, users })
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
