//! Audit facts: added, never changed.

use std::sync::{LazyLock, Mutex, PoisonError};

use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{SupportCode, TenantId};

use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::{AT_ONCE, Sql, Value, parts, row_statements, values};
use crate::writer::Statement;

static APPEND: LazyLock<[Sql<String>; AT_ONCE.len()]> = LazyLock::new(|| {
    let head = "insert into audit (tenant, id, at, activity, actor, actor_id, target, from_address, success, \
         reason, support_code, correlation, request)";
    row_statements(head, 13, "")
});

/// Names of activities that this version does not know, each kept once for as long as the program runs.
static OTHERS: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
/// How many those may be: versions have a few each.
const OTHERS_AT_MOST: usize = 256;

/// Which facts are looked for; what is not said lets all through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// What was done.
    pub activity: Option<Activity>,
    /// How it ended.
    pub success: Option<Success>,
    /// The id of who did it, a person, an administrator or an agent, or of the person whose account it was about.
    pub who: Option<String>,
    /// The first moment.
    pub since: Option<Timestamp>,
    /// The first moment after them.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether a fact is one of those: what [`Audit::find`] looks for, of a fact that is at hand.
    pub fn lets_through(&self, fact: &Fact) -> bool {
        let who = self.who.as_deref().filter(|who| !who.is_empty());
        self.activity.is_none_or(|activity| activity.name() == fact.activity.name())
            && self.success.is_none_or(|success| success == fact.success)
            && self.since.is_none_or(|since| fact.at >= since)
            && self.until.is_none_or(|until| fact.at < until)
            && who.is_none_or(|who| {
                fact.target.is_some_and(|target| target.to_string() == who)
                    || fact.actor.parts().1.as_deref() == Some(who)
            })
    }
}

/// Audit facts.
pub struct Audit<'a>(pub(crate) &'a Db);

impl Audit<'_> {
    /// Adds a fact.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn append(&self, fact: &Fact) -> Result<(), StoreError> {
        self.append_many(std::slice::from_ref(fact)).await
    }

    /// Adds facts in this order, as many as one statement may add at a time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn append_many(&self, facts: &[Fact]) -> Result<(), StoreError> {
        for (statement, facts) in parts(facts) {
            let values = facts.iter().flat_map(columns).collect();
            self.0.write(self.0.words(&APPEND[statement]), values).await?;
        }
        Ok(())
    }

    /// Facts of a tenant that a filter lets through, latest first, each with its place, which is where the next page goes on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        before: Option<i64>,
        count: u32,
    ) -> Result<Vec<(i64, Fact)>, StoreError> {
        const SQL: &str = "select * from audit where tenant = $1 and sequence < $2 \
             and activity = coalesce($3, activity) and success = coalesce($4, success) and at >= $5 and at < $6 \
             and (coalesce($7, '') = '' or target = $7 or actor_id = $7) order by sequence desc limit $8";
        let values = values![
            tenant,
            before.unwrap_or(i64::MAX),
            filter.activity.map(Activity::name),
            filter.success.map(Success::as_str),
            filter.since.map_or(i64::MIN, Timestamp::unix_ms),
            filter.until.map_or(i64::MAX, Timestamp::unix_ms),
            filter.who.as_deref(),
            count
        ];
        let rows = self.0.read(SQL, values).await?;
        rows.iter().map(|row| Ok((row.int("sequence")?, fact(row)?))).collect()
    }

    /// The facts under a support code, in the order in which they happened.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_support_code(
        &self,
        tenant: TenantId,
        code: &SupportCode,
    ) -> Result<Vec<Fact>, StoreError> {
        const SQL: &str = "select * from audit where tenant = $1 and support_code = $2 order by sequence";
        self.0.read(SQL, values![tenant, code.0.as_str()]).await?.iter().map(fact).collect()
    }
}

/// The statement that adds a fact.
pub(crate) fn appended(fact: &Fact) -> Statement {
    // The last of the statements adds one row, in words that both databases know.
    (APPEND[AT_ONCE.len() - 1].postgres.as_str(), columns(fact))
}

/// The values of a fact's row.
fn columns(fact: &Fact) -> Vec<Value> {
    let (actor, actor_id) = fact.actor.parts();
    values![
        fact.tenant,
        fact.id,
        fact.at,
        fact.activity.name(),
        actor,
        actor_id,
        fact.target,
        fact.from.as_deref(),
        fact.success.as_str(),
        fact.reason.as_str(),
        fact.support_code.as_ref().map(|code| code.0.as_str()),
        fact.correlation,
        fact.request,
    ]
}

pub(crate) fn fact(row: &Row) -> Result<Fact, StoreError> {
    let actor = match row.text("actor")?.as_str() {
        "user" => Actor::User(row.parsed("actor_id")?),
        "administrator" => Actor::Administrator(row.parsed("actor_id")?),
        "agent" => Actor::Agent(row.parsed("actor_id")?),
        "anonymous" => Actor::Anonymous,
        "system" => Actor::System,
        _ => return Err(StoreError::Unreadable { column: "actor" }),
    };
    Ok(Fact {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        at: row.moment("at")?,
        activity: activity(&row.text("activity")?)?,
        actor,
        target: row.parsed_if_any("target")?,
        from: row.text_if_any("from_address")?,
        success: Success::from_name(&row.text("success")?)
            .ok_or(StoreError::Unreadable { column: "success" })?,
        reason: row.text("reason")?,
        support_code: row.text_if_any("support_code")?.map(SupportCode),
        correlation: row.parsed("correlation")?,
        request: row.parsed_if_any("request")?,
    })
}

/// The activity of that name. A later version may have written others, which are kept as they are, so that a version that was rolled
/// back to still shows the audit and goes on with its chain.
fn activity(name: &str) -> Result<Activity, StoreError> {
    if let Some(known) = Activity::from_name(name) {
        return Ok(known);
    }
    // Nothing is done under the lock that could leave the list half changed.
    let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(other) = others.iter().find(|other| **other == name) {
        return Ok(Activity::Other(other));
    }
    if others.len() >= OTHERS_AT_MOST {
        return Err(StoreError::Unreadable { column: "activity" });
    }
    let other: &'static str = Box::leak(name.to_owned().into_boxed_str());
    others.push(other);
    Ok(Activity::Other(other))
}
