//! What happened around one person, latest first: audit facts and requests to the directory, each by an index of its own.

use ritorno_identity::audit::Fact;
use ritorno_identity::request::Request;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::audit::{Audit, fact};
use crate::error::StoreError;
use crate::requests::{Requests, request};
use crate::value::values;

/// Facts on the account, and those that the person did themselves. Either index gives the latest; who did something on their own account
/// is in both, and told of once.
const FACTS: &str = "select * from (select * from audit where tenant = $1 and target = $2 \
     and (at, sequence) < ($3, $4) order by at desc, sequence desc limit $5) as told \
     union select * from (select * from audit where tenant = $1 and actor_id = $2 \
     and (at, sequence) < ($3, $4) order by at desc, sequence desc limit $5) as done \
     order by at desc, sequence desc limit $5";
const REQUESTS: &str = "select * from requests where tenant = $1 and user_id = $2 \
     and (created_at, id) < ($3, $4) order by created_at desc, id desc limit $5";

impl Audit<'_> {
    /// Facts about a person before that moment, and of that moment those before that place; latest first, each with its place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn about(
        &self,
        tenant: TenantId,
        person: UserId,
        before: (Timestamp, i64),
        count: u32,
    ) -> Result<Vec<(i64, Fact)>, StoreError> {
        let rows = self.0.read(FACTS, values![tenant, person, before.0, before.1, count]).await?;
        rows.iter().map(|row| Ok((row.int("sequence")?, fact(row)?))).collect()
    }
}

impl Requests<'_> {
    /// Requests about a person before that moment, and of that moment those whose id is before that one; latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn about(
        &self,
        tenant: TenantId,
        person: UserId,
        before: (Timestamp, &str),
        count: u32,
    ) -> Result<Vec<Request>, StoreError> {
        let rows = self.0.read(REQUESTS, values![tenant, person, before.0, before.1, count]).await?;
        rows.iter().map(request).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn each_part_is_found_by_an_index_of_the_person() {
        let folder = std::env::temp_dir().join(format!("ritorno-timeline-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::connect(&format!("sqlite:{}", folder.join("plan.db").display())).await.unwrap();
        for (sql, indexes) in [
            (
                FACTS,
                ["audit_by_target (tenant=? AND target=? AND", "audit_by_actor (tenant=? AND actor_id=? AND"],
            ),
            (REQUESTS, ["requests_by_user (tenant=? AND user_id=? AND", "requests_by_user"]),
        ] {
            let explain: &str = format!("explain query plan {sql}").leak();
            let values = values!["t", "p", 0_i64, "1", 10_i64];
            let plan = store.db().read(explain, values).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
            for index in indexes {
                assert!(plan.iter().any(|step| step.contains(index)), "{index}: {plan:?}");
            }
            assert!(
                !plan.iter().any(|step| step.starts_with("SCAN audit") || step.starts_with("SCAN requests")),
                "{plan:?}"
            );
        }
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
