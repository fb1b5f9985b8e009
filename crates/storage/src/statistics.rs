//! How often what ended how, and how long it took, by a few statements of which each is an index's.

use ritorno_identity::audit::{Activity, Success};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::value::{Sql, values};

/// What is counted by the day.
const COUNTED: [Activity; 3] = [Activity::ResetPassword, Activity::ChangePassword, Activity::UnlockAccount];

/// By an index alone.
const BY_DAY: &str = "select activity, at / 86400000 as day, success, count(*) as number from audit \
     where tenant = $1 and activity in ($2, $3, $4) and at >= $5 and at < $6 group by activity, at / 86400000, success \
     order by day, activity, success";
/// A verification changes nothing, and what is done was refused by nothing. The outcome that stands is the one that was settled later.
const REASONS: Sql = Sql {
    sqlite: "select coalesce(settled, outcome) ->> '$.result' as ended, \
         coalesce(coalesce(settled, outcome) ->> '$.rule.rule', coalesce(settled, outcome) ->> '$.fault.fault', '') \
         as reason, count(*) as number from requests where tenant = $1 and created_at >= $2 and created_at < $3 \
         and state = 'finished' and operation <> 'verify' and coalesce(result, '') <> 'done' group by 1, 2 \
         order by number desc, reason",
    postgres: "select coalesce(settled, outcome)::jsonb ->> 'result' as ended, \
         coalesce(coalesce(settled, outcome)::jsonb #>> '{rule,rule}', coalesce(settled, outcome)::jsonb #>> '{fault,fault}', '') \
         as reason, count(*) as number from requests where tenant = $1 and created_at >= $2 and created_at < $3 \
         and state = 'finished' and operation <> 'verify' and coalesce(result, '') <> 'done' group by 1, 2 \
         order by number desc, reason",
};
/// The smallest number that so many of a hundred don't exceed, of what was done and known at once.
const TOOK: &str = "select count(*) as number, \
     max(case when place = (number * 50 + 99) / 100 then took end) as median, \
     max(case when place = (number * 95 + 99) / 100 then took end) as p95 \
     from (select updated_at - created_at as took, row_number() over (order by updated_at - created_at) as place, \
     count(*) over () as number from requests where tenant = $1 and created_at >= $2 and created_at < $3 \
     and state = 'finished' and result = 'done' and settled is null and operation <> 'verify') as done";

/// How often what ended how, and how long it took.
pub struct Statistics<'a>(pub(crate) &'a Db);

/// What was done on one day, with one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfDay {
    /// The day, in UTC: days since 1970-01-01.
    pub day: i64,
    /// What.
    pub activity: Activity,
    /// How it ended.
    pub success: Success,
    /// How often.
    pub number: u32,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `refused`, `not_applied` or `unknown`, as outcomes are serialised.
    pub ended: String,
    /// The rule or the fault, as those are serialised; empty of what is unknown.
    pub reason: String,
    /// How often.
    pub number: u32,
}

/// How long requests took from their commit to that of their outcome, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// How many were done.
    pub number: u32,
    /// Half of them took no longer; `None` if there were none.
    pub median: Option<i64>,
    /// Ninety-five of a hundred took no longer.
    pub p95: Option<i64>,
}

impl Statistics<'_> {
    /// Resets, changes and unlocks of a time, by the day and how they ended, as the audit has them. What never occurred is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_day(
        &self,
        tenant: TenantId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<OfDay>, StoreError> {
        let [reset, change, unlock] = COUNTED.map(Activity::name);
        let rows = self.0.read(BY_DAY, values![tenant, reset, change, unlock, since, until]).await?;
        rows.iter()
            .map(|row| {
                Ok(OfDay {
                    day: row.int("day")?,
                    activity: Activity::from_name(&row.text("activity")?)
                        .ok_or(StoreError::Unreadable { column: "activity" })?,
                    success: Success::from_name(&row.text("success")?)
                        .ok_or(StoreError::Unreadable { column: "success" })?,
                    number: row.count("number")?,
                })
            })
            .collect()
    }

    /// Why requests of a time were not done, the most frequent first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reasons(
        &self,
        tenant: TenantId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Reason>, StoreError> {
        let rows = self.0.read(self.0.words(&REASONS), values![tenant, since, until]).await?;
        let all: Result<Vec<Reason>, StoreError> = rows
            .iter()
            .map(|row| {
                let (ended, reason) = (row.text("ended")?, row.text("reason")?);
                Ok(Reason { ended, reason, number: row.count("number")? })
            })
            .collect();
        // What was settled as done was not refused.
        Ok(all?.into_iter().filter(|one| one.ended != "done").collect())
    }

    /// How long those took that were done.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn took(
        &self,
        tenant: TenantId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Took, StoreError> {
        let row = self.0.read_one(TOOK, values![tenant, since, until]).await?;
        row.map_or(Ok(Took::default()), |row| {
            let (median, p95) = (row.int_if_any("median")?, row.int_if_any("p95")?);
            Ok(Took { number: row.count("number")?, median, p95 })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn each_is_an_indexs_so_that_a_million_facts_cost_what_the_time_holds() {
        let folder = std::env::temp_dir().join(format!("ritorno-statistics-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::connect(&format!("sqlite:{}", folder.join("plan.db").display())).await.unwrap();
        let by_created =
            "requests USING INDEX requests_by_created (tenant=? AND created_at>? AND created_at<?)";
        for (sql, values, expected) in [
            (
                BY_DAY,
                values!["t", "a", "b", "c", 0_i64, 1_i64],
                "audit USING COVERING INDEX audit_by_activity (tenant=? AND activity=? AND at>? AND at<?)",
            ),
            (REASONS.sqlite, values!["t", 0_i64, 1_i64], by_created),
            (TOOK, values!["t", 0_i64, 1_i64], by_created),
        ] {
            let explain: &str = format!("explain query plan {sql}").leak();
            let plan = store.db().read(explain, values).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
            assert!(plan.iter().any(|step| step.ends_with(expected)), "{expected}: {plan:?}");
        }
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
