//! One-time codes, and the tries at them.

use ritorno_identity::code::{CodeDigest, Method, StoredCode, TRIES, Tried};
use ritorno_identity::ids::FlowId;
use ritorno_identity::limit::wrong_at_a_gate;
use ritorno_identity::subject::Subject;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::limits::Limits;
use crate::value::values;

/// One-time codes.
pub struct Codes<'a>(pub(crate) &'a Db);

/// One try at a code.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The tenant.
    pub tenant: TenantId,
    /// The flow that the code was sent for.
    pub flow: FlowId,
    /// How it was sent.
    pub method: Method,
    /// What was typed.
    pub typed: CodeDigest,
    /// Whom wrong codes count for.
    pub subject: Subject,
    /// Whether this browser succeeded before: the day's stop spares it.
    pub known_browser: bool,
}

impl Codes<'_> {
    /// Stores a code in the place of the one that was sent before, with all its tries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put(&self, code: &StoredCode) -> Result<(), StoreError> {
        const SQL: &str = "insert into codes (tenant, flow, method, digest, tries, sent_at, expires_at) \
             values ($1, $2, $3, $4, 0, $5, $6) on conflict (tenant, flow, method) do update set \
             digest = excluded.digest, tries = 0, sent_at = excluded.sent_at, expires_at = excluded.expires_at, \
             used_at = null";
        let values = values![
            code.tenant,
            code.flow,
            code.method.as_str(),
            code.digest.0.as_slice(),
            code.sent_at,
            code.expires_at
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// Tries a code. The try is counted first, by one conditional statement, and only a counted try is compared: however
    /// many come at once, at however many servers, [`TRIES`] are evaluated. The right code is used up by it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempt(&self, attempt: &Attempt, now: Timestamp) -> Result<Tried, StoreError> {
        const COUNT: &str = "update codes set tries = tries + 1 where tenant = $1 and flow = $2 and method = $3 \
             and used_at is null and tries < $4 and expires_at > $5 returning digest, tries";
        const USE: &str = "update codes set used_at = $4 where tenant = $1 and flow = $2 and method = $3 \
             and used_at is null and digest = $5";
        let Attempt { tenant, flow, method, typed, subject, known_browser } = attempt;
        let key = values![*tenant, *flow, method.as_str()];
        let mut count = key.clone();
        count.extend(values![TRIES, now]);
        let counted = self.0.write_returning(COUNT, count).await?;
        let Some(row) = counted.first() else { return self.why_not(attempt, now).await };
        let day = wrong_at_a_gate(*method, *known_browser);
        let limits = Limits(self.0);
        let day_counted = limits.count(*tenant, day, subject, now).await?;
        if !day_counted && !known_browser {
            return Ok(Tried::Stopped);
        }
        if !CodeDigest(row.digest("digest")?).matches(typed) {
            return Ok(Tried::Wrong { left: TRIES.saturating_sub(row.count("tries")?) });
        }
        if day_counted {
            limits.give_back(*tenant, day, subject).await?;
        }
        let mut used = key;
        used.extend(values![now, typed.0.as_slice()]);
        if self.0.write(USE, used).await? == 1 { Ok(Tried::Right) } else { Ok(Tried::Spent) }
    }

    /// Why a try was not counted.
    async fn why_not(&self, attempt: &Attempt, now: Timestamp) -> Result<Tried, StoreError> {
        const SQL: &str = "select tries, expires_at, used_at from codes \
             where tenant = $1 and flow = $2 and method = $3";
        let values = values![attempt.tenant, attempt.flow, attempt.method.as_str()];
        let Some(row) = self.0.read_one(SQL, values).await? else { return Ok(Tried::NoCode) };
        let spent = row.moment_if_any("used_at")?.is_some() || row.count("tries")? >= TRIES;
        if !spent && row.moment("expires_at")? <= now { Ok(Tried::Expired) } else { Ok(Tried::Spent) }
    }
}
