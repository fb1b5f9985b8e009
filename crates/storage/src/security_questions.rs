//! Security questions of people. What they answered is read for one thing: to be compared with what is typed at a gate.

use std::collections::HashMap;

use ritorno_identity::method::Method;
use ritorno_identity::password::PasswordHash;
use ritorno_identity::question::Question;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::gate_tries::{GateTried, GateTry};
use crate::value::values;

/// Security questions of people.
pub struct SecurityQuestions<'a>(pub(crate) &'a Db);

impl SecurityQuestions<'_> {
    /// Stores a person's questions and answers, in the place of those that they had: all or none, and one after the other where two are
    /// registered at once. `false` if there is no such person.
    ///
    /// # Errors
    /// [`StoreError`]: then the former ones hold still.
    pub async fn replace(
        &self,
        tenant: TenantId,
        user: UserId,
        answered: &[(Question, PasswordHash)],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Whoever else replaces them waits here: a row of PostgreSQL that was written is locked up to the commit.
        const WAIT: &str = "update users set version = version where tenant = $1 and id = $2";
        const FORGET: &str = "delete from security_questions where tenant = $1 and user_id = $2";
        const PUT: &str = "insert into security_questions (tenant, user_id, question, answer, made_at) \
             values ($1, $2, $3, $4, $5)";
        let whose = values![tenant, user];
        let mut statements = vec![(WAIT, whose.clone()), (FORGET, whose)];
        statements.extend(
            answered
                .iter()
                .map(|(question, hash)| (PUT, values![tenant, user, question.to_text(), hash.as_str(), now])),
        );
        Ok(self.0.write_together(statements, 1).await?.is_none())
    }

    /// Removes a person's questions. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, tenant: TenantId, user: UserId) -> Result<bool, StoreError> {
        const SQL: &str = "delete from security_questions where tenant = $1 and user_id = $2";
        Ok(self.0.write(SQL, values![tenant, user]).await? > 0)
    }

    /// Which questions somebody answered; none of nobody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, tenant: TenantId, user: Option<UserId>) -> Result<Vec<Question>, StoreError> {
        Ok(self.read(tenant, user).await?.into_keys().collect())
    }

    /// Tries answers at a gate: counted first. `verify` gets the hash of what was answered to each of the `asked` questions, in their
    /// order, and says whether all are right.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempt(
        &self,
        attempt: &GateTry,
        asked: &[Question],
        now: Timestamp,
        verify: impl AsyncFnOnce(Vec<Option<PasswordHash>>) -> bool,
    ) -> Result<GateTried, StoreError> {
        if let Some(end) = attempt.count(self.0, Method::Questions, now).await? {
            return Ok(end);
        }
        let mut answered = self.read(attempt.tenant, attempt.user).await?;
        let hashes = asked.iter().map(|question| answered.remove(question)).collect();
        if verify(hashes).await {
            attempt.was_right(self.0, Method::Questions).await
        } else {
            Ok(GateTried::Wrong)
        }
    }

    async fn read(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
    ) -> Result<HashMap<Question, PasswordHash>, StoreError> {
        const SQL: &str =
            "select question, answer from security_questions where tenant = $1 and user_id = $2";
        let mut read = HashMap::new();
        for row in self.0.read(SQL, values![tenant, user]).await? {
            // A question of a later version is passed over.
            if let Some(question) = Question::from_text(&row.text("question")?) {
                read.insert(question, PasswordHash::from_stored(row.text("answer")?));
            }
        }
        Ok(read)
    }
}
