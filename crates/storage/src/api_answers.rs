//! What requests with an idempotency key were answered, so that a program that lost an answer gets the same one again, and does the
//! same thing no second time.

use std::time::Duration;

use ritorno_identity::ids::ApiTokenId;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::value::values;

/// How long an answer is kept.
pub const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Answers under the keys of each token.
pub struct ApiAnswers<'a>(pub(crate) &'a Db);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: Option<String>,
    /// The body; `None` of an answer that is shown once only.
    pub body: Option<Vec<u8>>,
}

/// What a key was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing so far: this request is the one that is done.
    First,
    /// This very request, and it was answered.
    Answered(Answer),
    /// This very request, and it is not answered yet, or its server went down meanwhile.
    Unanswered,
    /// Another request.
    Another,
}

impl ApiAnswers<'_> {
    /// Takes a key for a request, which its digest tells from others: one statement, so that of two at once one is the first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(
        &self,
        tenant: TenantId,
        token: ApiTokenId,
        key: &str,
        request: &[u8; 32],
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        const BEGIN: &str = "insert into api_answers (tenant, token, idempotency_key, request_digest, expires_at) \
             values ($1, $2, $3, $4, $5) on conflict (tenant, token, idempotency_key) do update set \
             request_digest = excluded.request_digest, status = null, content_type = null, body = null, \
             expires_at = excluded.expires_at where api_answers.expires_at <= $6";
        const FIND: &str =
            "select * from api_answers where tenant = $1 and token = $2 and idempotency_key = $3";
        let begun = values![tenant, token, key, request.as_slice(), now.plus(ANSWERS_KEPT), now];
        if self.0.write(BEGIN, begun).await? == 1 {
            return Ok(Begun::First);
        }
        let Some(row) = self.0.read_one(FIND, values![tenant, token, key]).await? else {
            // It went between the two: whoever asks again is the first.
            return Ok(Begun::Unanswered);
        };
        if row.digest("request_digest")? != *request {
            return Ok(Begun::Another);
        }
        let Some(status) = row.int_if_any("status")? else { return Ok(Begun::Unanswered) };
        Ok(Begun::Answered(Answer {
            status: u16::try_from(status).map_err(|_| StoreError::Unreadable { column: "status" })?,
            content_type: row.text_if_any("content_type")?,
            body: row.bytes_if_any("body")?,
        }))
    }

    /// Keeps what the request under a key was answered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep(
        &self,
        tenant: TenantId,
        token: ApiTokenId,
        key: &str,
        answer: &Answer,
    ) -> Result<(), StoreError> {
        const SQL: &str = "update api_answers set status = $4, content_type = $5, body = $6 \
             where tenant = $1 and token = $2 and idempotency_key = $3";
        let status = u32::from(answer.status);
        let values =
            values![tenant, token, key, status, answer.content_type.as_deref(), answer.body.as_deref()];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// Gives a key back: the request under it did nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self, tenant: TenantId, token: ApiTokenId, key: &str) -> Result<(), StoreError> {
        const SQL: &str = "delete from api_answers where tenant = $1 and token = $2 and idempotency_key = $3 \
             and status is null";
        self.0.write(SQL, values![tenant, token, key]).await.map(|_| ())
    }
}
