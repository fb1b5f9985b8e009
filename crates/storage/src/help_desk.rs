//! Cases of the help desk, and the temporary passes that come of them.

use ritorno_identity::help_desk::{Case, SpokenDigest, TRIES};
use ritorno_identity::ids::{AdministratorId, CaseId};
use ritorno_identity::limit::wrong_at_a_gate;
use ritorno_identity::method::Method;
use ritorno_identity::pepper::Pepper;
use ritorno_identity::subject::Subject;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::gate_tries::{GateTried, GateTry};
use crate::limits::Limits;
use crate::row::Row;
use crate::value::{Value, values};

/// Cases of the help desk.
pub struct HelpDesk<'a>(pub(crate) &'a Db);

impl HelpDesk<'_> {
    /// Opens a case; with the code's digest if one was sent, else a colleague has to approve.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(&self, case: &Case, code: Option<&SpokenDigest>) -> Result<(), StoreError> {
        const SQL: &str = "insert into help_desk_cases (tenant, id, user_id, operator, reason, code_digest, tries, \
             created_at, expires_at) values ($1, $2, $3, $4, $5, $6, 0, $7, $8)";
        let values = values![
            case.tenant,
            case.id,
            case.user,
            case.operator,
            case.reason.as_str(),
            code.map(|code| code.0.as_slice()),
            case.created_at,
            case.expires_at,
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// The latest case of a person that is open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_case(
        &self,
        tenant: TenantId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Option<Case>, StoreError> {
        const SQL: &str = "select * from help_desk_cases where tenant = $1 and user_id = $2 and expires_at > $3 \
             order by created_at desc, id limit 1";
        self.0.read_one(SQL, values![tenant, user, now]).await?.map(|row| case(&row)).transpose()
    }

    /// One case of a person, if it is open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(
        &self,
        tenant: TenantId,
        user: UserId,
        id: CaseId,
        now: Timestamp,
    ) -> Result<Option<Case>, StoreError> {
        const SQL: &str = "select * from help_desk_cases where tenant = $1 and user_id = $2 and id = $3 \
             and expires_at > $4";
        self.0.read_one(SQL, values![tenant, user, id, now]).await?.map(|row| case(&row)).transpose()
    }

    /// Tries a code that the caller read out to this operator; counted before it is compared. Whether it was right.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn try_code(
        &self,
        tenant: TenantId,
        id: CaseId,
        operator: AdministratorId,
        typed: &SpokenDigest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const COUNT: &str = "update help_desk_cases set tries = tries + 1 where tenant = $1 and id = $2 \
             and operator = $3 and cleared_at is null and code_digest is not null and tries < $4 and expires_at > $5";
        const CLEAR: &str = "update help_desk_cases set cleared_at = $4 where tenant = $1 and id = $2 \
             and code_digest = $3 and cleared_at is null";
        if self.0.write(COUNT, values![tenant, id, operator, TRIES, now]).await? != 1 {
            return Ok(false);
        }
        Ok(self.0.write(CLEAR, values![tenant, id, typed.0.as_slice(), now]).await? == 1)
    }

    /// Another operator than the one who asks approves. `false` if it is the same, or another account of the same person, or
    /// nothing waits for approval.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approve(
        &self,
        tenant: TenantId,
        id: CaseId,
        approver: AdministratorId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update help_desk_cases set cleared_at = $4, approved_by = $3 where tenant = $1 \
             and id = $2 and operator <> $3 and cleared_at is null and code_digest is null and expires_at > $4 \
             and not exists (select 1 from administrators a join administrators b on b.tenant = a.tenant \
             and b.user_id = a.user_id where a.tenant = $1 and a.id = help_desk_cases.operator and b.id = $3)";
        Ok(self.0.write(SQL, values![tenant, id, approver, now]).await? == 1)
    }

    /// Keeps the pass of a case that is cleared, made by the operator whose case it is. Once for each case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_pass(
        &self,
        case: &Case,
        operator: AdministratorId,
        pass: &SpokenDigest,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update help_desk_cases set pass_digest = $4, pass_until = $5 where tenant = $1 \
             and id = $2 and operator = $3 and cleared_at is not null and pass_digest is null and reset_at is null \
             and expires_at > $6";
        let values = values![case.tenant, case.id, operator, pass.0.as_slice(), until, now];
        Ok(self.0.write(SQL, values).await? == 1)
    }

    /// Takes a case that is cleared for a password that its operator gives in the place of a pass. Once for each case, unless it is
    /// [given back](Self::give_back).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(
        &self,
        case: &Case,
        operator: AdministratorId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (sql, values) = taken(case, operator, now);
        Ok(self.0.write(sql, values).await? == 1)
    }

    /// Gives a case back that was taken for a password which provably was not set.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn give_back(&self, case: &Case, operator: AdministratorId) -> Result<(), StoreError> {
        const SQL: &str =
            "update help_desk_cases set reset_at = null where tenant = $1 and id = $2 and operator = $3";
        self.0.write(SQL, values![case.tenant, case.id, operator]).await.map(|_| ())
    }

    /// The case of the latest pass that holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn live_pass(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        now: Timestamp,
    ) -> Result<Option<CaseId>, StoreError> {
        const SQL: &str = "select id from help_desk_cases where tenant = $1 and user_id = $2 \
             and pass_until > $3 and used_at is null order by pass_until desc, id limit 1";
        let row = self.0.read_one(SQL, values![tenant, user, now]).await?;
        row.map(|row| row.parsed("id")).transpose()
    }

    /// Tries a pass at a gate: counted first, and used up if it is right. Wrong ones count against the pass that there is, and
    /// so not before there is one; that they are used up must not show, and costs the same.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempt(
        &self,
        attempt: &GateTry,
        typed: &SpokenDigest,
        pepper: &Pepper,
        now: Timestamp,
    ) -> Result<GateTried, StoreError> {
        // The latest pass alone: it is the one that guesses are counted against.
        const USE: &str = "update help_desk_cases set used_at = $4 where tenant = $1 and user_id = $2 \
             and pass_digest = $3 and used_at is null and pass_until > $4 and id = $5";
        if let Some(end) = attempt.count_here(self.0, now).await? {
            return Ok(end);
        }
        let tenant = attempt.tenant;
        let live = self.live_pass(tenant, attempt.user, now).await?;
        let counted_for = live.map_or(attempt.flow, |case| Subject::of_case(pepper, tenant, case));
        let wrong = wrong_at_a_gate(Method::TemporaryPass, attempt.known_browser);
        let counted = Limits(self.0).count(tenant, wrong, &counted_for, now).await?;
        // Nobody's where it must not be compared: the statement is made all the same.
        let user = attempt.user.filter(|_| counted);
        let right = self.0.write(USE, values![tenant, user, typed.0.as_slice(), now, live]).await? == 1;
        Ok(match (right, counted) {
            (true, _) => GateTried::Right,
            (false, true) => GateTried::Wrong,
            (false, false) => GateTried::WornOut,
        })
    }
}

/// The statement that takes a case for a password: it changes one row, or none if the case is not that operator's, is not cleared, has
/// served or is over.
pub(crate) fn taken(case: &Case, operator: AdministratorId, now: Timestamp) -> (&'static str, Vec<Value>) {
    const SQL: &str = "update help_desk_cases set reset_at = $4 where tenant = $1 and id = $2 and operator = $3 \
         and cleared_at is not null and pass_digest is null and reset_at is null and expires_at > $4";
    (SQL, values![case.tenant, case.id, operator, now])
}

fn case(row: &Row) -> Result<Case, StoreError> {
    Ok(Case {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        user: row.parsed("user_id")?,
        operator: row.parsed("operator")?,
        reason: row.text("reason")?,
        by_code: row.bytes_if_any("code_digest")?.is_some(),
        cleared: row.moment_if_any("cleared_at")?.is_some(),
        passed: row.moment_if_any("pass_until")?.is_some() || row.moment_if_any("reset_at")?.is_some(),
        created_at: row.moment("created_at")?,
        expires_at: row.moment("expires_at")?,
    })
}
