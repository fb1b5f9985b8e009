//! Requests to the directories: committed before they are dispatched, each outcome committed once.

use ritorno_identity::audit::Fact;
use ritorno_identity::flow::Step;
use ritorno_identity::request::{Attempt, Request, RequestState};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::{AgentId, EpochId, RequestId, SourceAnchor, SupportCode, TenantId, UserId};
use ritorno_protocol::outcome::Outcome;
use ritorno_protocol::settle::Before;

use crate::audit::appended;
use crate::db::Db;
use crate::error::StoreError;
use crate::flows::step;
use crate::row::Row;
use crate::value::{json, name_of, values};

const UNKNOWN: &str = "unknown";

/// Requests to the directories.
pub struct Requests<'a>(pub(crate) &'a Db);

/// What came of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is the outcome, from now on.
    First,
    /// The very same was committed before: acknowledge it again.
    Same,
    /// Another outcome was committed before, and stands.
    Conflict,
    /// There is no such request, or another attempt of it or another agent is meant.
    NotThisAttempt,
}

impl Requests<'_> {
    /// Commits a request, and with it the step of the flow that makes it, so that neither is ever there without the other;
    /// dispatch it afterwards. Its state is `Dispatched`. `false` if the flow is not where the step begins any more: then
    /// nothing is kept.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if its id is there already: a replay; other [`StoreError`]s.
    pub async fn begin(&self, request: &Request, taken: Option<&Step>) -> Result<bool, StoreError> {
        const SQL: &str = "insert into requests (tenant, id, user_id, anchor, operation, envelope_digest, \
             support_code, attempt, agent, epoch, start_by, dead_after, go_ahead, state, created_at, updated_at, \
             follow_up, administrator) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
        let values = values![
            request.tenant,
            request.id,
            request.user,
            request.anchor.0.as_str(),
            name_of(request.operation),
            request.envelope_digest.as_slice(),
            request.support_code.0.as_str(),
            request.attempt.number,
            request.attempt.agent,
            request.attempt.epoch,
            request.attempt.start_by,
            request.attempt.dead_after,
            request.attempt.go_ahead,
            RequestState::Dispatched.as_str(),
            request.created_at,
            request.updated_at,
            // A verification changes nothing that anybody would have to hear of.
            i64::from(request.operation != Operation::Verify),
            request.administrator,
        ];
        let Some(Step { before, after }) = taken else {
            return self.0.write(SQL, values).await.map(|_| true);
        };
        let stopped = self.0.write_whole(vec![step(before, after), (SQL, values)]).await?;
        Ok(stopped.is_none())
    }

    /// One request.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, tenant: TenantId, id: RequestId) -> Result<Option<Request>, StoreError> {
        const SQL: &str = "select * from requests where tenant = $1 and id = $2";
        self.0.read_one(SQL, values![tenant, id]).await?.map(|row| request(&row)).transpose()
    }

    /// The latest request of a person that could write: while it is unknown, a new reset waits for it. A verification writes
    /// nothing, so that whoever tries passwords holds no reset up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest_of(&self, tenant: TenantId, user: UserId) -> Result<Option<Request>, StoreError> {
        const SQL: &str = "select * from requests where tenant = $1 and user_id = $2 and operation <> $3 \
             order by created_at desc, id desc limit 1";
        let values = values![tenant, user, name_of(Operation::Verify)];
        self.0.read_one(SQL, values).await?.map(|row| request(&row)).transpose()
    }

    /// What the help desk looks up, latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_support_code(
        &self,
        tenant: TenantId,
        code: &SupportCode,
    ) -> Result<Vec<Request>, StoreError> {
        const SQL: &str = "select * from requests where tenant = $1 and support_code = $2 order by created_at desc, id desc";
        self.0.read(SQL, values![tenant, code.0.as_str()]).await?.iter().map(request).collect()
    }

    /// The latest requests of the tenant, latest first; `most` of them at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recent(&self, tenant: TenantId, most: u32) -> Result<Vec<Request>, StoreError> {
        const SQL: &str =
            "select * from requests where tenant = $1 order by created_at desc, id desc limit $2";
        self.0.read(SQL, values![tenant, i64::from(most)]).await?.iter().map(request).collect()
    }

    /// Requests of the tenant whose outcome is proved and was committed before that moment, which nobody followed up, and which nobody
    /// took on himself since; earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn to_follow_up(
        &self,
        tenant: TenantId,
        before: Timestamp,
        most: u32,
    ) -> Result<Vec<Request>, StoreError> {
        const SQL: &str = "select * from requests where follow_up = 1 and tenant = $1 and updated_at <= $2 \
             and state = 'finished' and (result <> 'unknown' or settled is not null) \
             and (taken_at is null or taken_at <= $2) order by updated_at limit $3";
        self.0.read(SQL, values![tenant, before, i64::from(most)]).await?.iter().map(request).collect()
    }

    /// Takes the follow-up of a request on oneself. `false` if another server did, after that moment, or it is done.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_follow_up(
        &self,
        tenant: TenantId,
        id: RequestId,
        unless_after: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update requests set taken_at = $4 where tenant = $1 and id = $2 and follow_up = 1 \
             and (taken_at is null or taken_at <= $3)";
        Ok(self.0.write(SQL, values![tenant, id, unless_after, now]).await? == 1)
    }

    /// Requests of the tenant that an agent did not begin, before that moment, and that nobody has sent to another since; earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn left_unstarted(
        &self,
        tenant: TenantId,
        before: Timestamp,
        most: u32,
    ) -> Result<Vec<Request>, StoreError> {
        const SQL: &str = "select * from requests where tenant = $1 and state = 'not-started' and updated_at <= $2 \
             order by updated_at limit $3";
        self.0.read(SQL, values![tenant, before, i64::from(most)]).await?.iter().map(request).collect()
    }

    /// Requests that were handed to that agent's journal without the need of a go-ahead, can't be begun or end any more, and
    /// of which nothing was heard; earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unheard(
        &self,
        tenant: TenantId,
        agent: AgentId,
        epoch: EpochId,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<Request>, StoreError> {
        // Whoever is open is owed a follow-up: so the index of those finds it.
        const SQL: &str = "select * from requests where follow_up = 1 and tenant = $1 and state = 'dispatched' \
             and go_ahead = 0 and agent = $2 and epoch = $3 and dead_after <= $4 order by updated_at limit $5";
        let values = values![tenant, agent, epoch, now, i64::from(most)];
        self.0.read(SQL, values).await?.iter().map(request).collect()
    }

    /// Requests that were handed to an agent, got no go-ahead, and could not be begun any more at that moment; earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lapsed(
        &self,
        tenant: TenantId,
        before: Timestamp,
        most: u32,
    ) -> Result<Vec<Request>, StoreError> {
        const SQL: &str = "select * from requests where follow_up = 1 and tenant = $1 and state = 'dispatched' \
             and go_ahead = 1 and dead_after <= $2 order by updated_at limit $3";
        self.0.read(SQL, values![tenant, before, i64::from(most)]).await?.iter().map(request).collect()
    }

    /// Notes that everybody who has to know of a request's outcome has been told: the first one, or the `corrected` one. One that was
    /// corrected meanwhile is told once more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn followed_up(
        &self,
        tenant: TenantId,
        id: RequestId,
        corrected: bool,
    ) -> Result<(), StoreError> {
        const SQL: &str = "update requests set follow_up = 0 where tenant = $1 and id = $2 and corrected = $3 and state = 'finished'";
        self.0.write(SQL, values![tenant, id, corrected]).await.map(|_| ())
    }

    /// Commits that the agent has begun. `false` if this attempt is not the one under way, or not waiting to begin.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn started(
        &self,
        tenant: TenantId,
        id: RequestId,
        attempt: u32,
        agent: AgentId,
        before: Option<&Before>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update requests set state = 'started', before_write = $5, updated_at = $6 \
             where tenant = $1 and id = $2 and attempt = $3 and agent = $4 and state = 'dispatched'";
        let values = values![tenant, id, attempt, agent, before.map(json), now];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// Commits that the agent said that it did not begin. `false` if this attempt is not the one under way, or not waiting
    /// to begin.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn not_started(
        &self,
        tenant: TenantId,
        id: RequestId,
        attempt: u32,
        agent: AgentId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update requests set state = 'not-started', updated_at = $5 \
             where tenant = $1 and id = $2 and attempt = $3 and agent = $4 and state = 'dispatched'";
        Ok(self.0.write(SQL, values![tenant, id, attempt, agent, now]).await? == 1)
    }

    /// Commits the attempt after the one under way, whose agent must have said that it did not begin: sign it only if this gives `true`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_attempt(
        &self,
        tenant: TenantId,
        id: RequestId,
        next: &Attempt,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update requests set state = 'dispatched', attempt = $3, agent = $4, epoch = $5, \
             start_by = $6, dead_after = $7, go_ahead = $8, updated_at = $9 \
             where tenant = $1 and id = $2 and attempt = $3 - 1 and state = 'not-started'";
        let values = values![
            tenant,
            id,
            next.number,
            next.agent,
            next.epoch,
            next.start_by,
            next.dead_after,
            next.go_ahead,
            now
        ];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// Commits how an attempt ended. Wake whoever waits only after it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish(
        &self,
        tenant: TenantId,
        id: RequestId,
        attempt: u32,
        agent: AgentId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        const SQL: &str = "update requests set state = 'finished', result = $5, outcome = $6, updated_at = $7, \
             before_write = case when $5 = 'unknown' then before_write end \
             where tenant = $1 and id = $2 and attempt = $3 and agent = $4 and state <> 'finished'";
        const STANDING: &str = "select outcome from requests \
             where tenant = $1 and id = $2 and attempt = $3 and agent = $4";
        let key = values![tenant, id, attempt, agent];
        let mut values = key.clone();
        values.extend(values![result(outcome), json(outcome), now]);
        if self.0.write(SQL, values).await? == 1 {
            return Ok(Committed::First);
        }
        let Some(row) = self.0.read_one(STANDING, key).await? else { return Ok(Committed::NotThisAttempt) };
        let standing: Option<Outcome> = row.json_if_any("outcome")?;
        Ok(if standing.as_ref() == Some(outcome) { Committed::Same } else { Committed::Conflict })
    }

    /// Commits what was found out later about a request that began and has no outcome, or an unknown one. Any agent of the
    /// tenant may find it out; `by` is the one that did, where it is not the one that made the write. An unknown outcome settles
    /// nothing and is passed over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle(
        &self,
        tenant: TenantId,
        id: RequestId,
        attempt: u32,
        outcome: &Outcome,
        by: Option<AgentId>,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        const SQL: &str = "update requests set state = 'finished', settled = $4, updated_at = $5, settled_by = $6, \
             before_write = null \
             where tenant = $1 and id = $2 and attempt = $3 and settled is null \
             and (state = 'started' or (state = 'finished' and result = 'unknown'))";
        const STANDING: &str = "select coalesce(settled, outcome) as standing from requests \
             where tenant = $1 and id = $2 and attempt = $3";
        if result(outcome) == UNKNOWN {
            return Ok(Committed::Same);
        }
        let key = values![tenant, id, attempt];
        let mut values = key.clone();
        values.extend(values![json(outcome), now, by]);
        if self.0.write(SQL, values).await? == 1 {
            return Ok(Committed::First);
        }
        let Some(row) = self.0.read_one(STANDING, key).await? else { return Ok(Committed::NotThisAttempt) };
        let standing: Option<Outcome> = row.json_if_any("standing")?;
        Ok(if standing.as_ref() == Some(outcome) { Committed::Same } else { Committed::Conflict })
    }

    /// Requests that began after that moment, whose outcome is not proved, and of which is known what was before; earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unsettled(
        &self,
        tenant: TenantId,
        after: Timestamp,
        most: u32,
    ) -> Result<Vec<(Request, Before)>, StoreError> {
        const SQL: &str = "select * from requests where before_write is not null and tenant = $1 \
             and created_at > $2 and settled is null \
             and (state = 'started' or (state = 'finished' and result = 'unknown')) order by created_at limit $3";
        let rows = self.0.read(SQL, values![tenant, after, i64::from(most)]).await?;
        rows.iter().map(|row| Ok((request(row)?, row.json("before_write")?))).collect()
    }

    /// Notes that nothing will ever be proved by what was before: another write came between.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn never_settled(&self, tenant: TenantId, id: RequestId) -> Result<(), StoreError> {
        const SQL: &str = "update requests set before_write = null where tenant = $1 and id = $2";
        self.0.write(SQL, values![tenant, id]).await.map(|_| ())
    }

    /// Replaces what another agent's look at the directory proved by what the agent says that made the write, and adds the fact that
    /// it did; everybody is told again. `false` if the outcome was not settled by another agent, was corrected before, or this is not
    /// its attempt.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn correct(
        &self,
        tenant: TenantId,
        id: RequestId,
        attempt: &Attempt,
        outcome: &Outcome,
        fact: &Fact,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update requests set settled = $5, updated_at = $6, corrected = 1, follow_up = 1, \
             taken_at = null where tenant = $1 and id = $2 and attempt = $3 and agent = $4 and state = 'finished' \
             and settled_by is not null and corrected = 0";
        let values = values![tenant, id, attempt.number, attempt.agent, json(outcome), now];
        Ok(self.0.write_whole(vec![(SQL, values), appended(fact)]).await?.is_none())
    }
}

const fn result(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Refused { .. } => "refused",
        Outcome::NotApplied { .. } => "not-applied",
        Outcome::Unknown { .. } => UNKNOWN,
    }
}

pub(crate) fn request(row: &Row) -> Result<Request, StoreError> {
    let state = match row.text("state")?.as_str() {
        "dispatched" => RequestState::Dispatched,
        "started" => RequestState::Started { before: row.json_if_any("before_write")? },
        "not-started" => RequestState::NotStarted,
        "finished" => match row.json_if_any("settled")? {
            Some(settled) => RequestState::Finished(settled),
            None => RequestState::Finished(row.json("outcome")?),
        },
        _ => return Err(StoreError::Unreadable { column: "state" }),
    };
    Ok(Request {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        user: row.parsed("user_id")?,
        anchor: SourceAnchor(row.text("anchor")?),
        operation: row.named("operation")?,
        administrator: row.parsed_if_any("administrator")?,
        envelope_digest: row.digest("envelope_digest")?,
        support_code: SupportCode(row.text("support_code")?),
        attempt: Attempt {
            number: row.count("attempt")?,
            agent: row.parsed("agent")?,
            epoch: row.parsed("epoch")?,
            start_by: row.moment("start_by")?,
            dead_after: row.moment("dead_after")?,
            go_ahead: row.switch("go_ahead")?,
        },
        state,
        settled_by: row.parsed_if_any("settled_by")?,
        corrected: row.switch("corrected")?,
        created_at: row.moment("created_at")?,
        updated_at: row.moment("updated_at")?,
    })
}
