//! What requests with an idempotency key were answered, so that a program that lost an answer gets the same one again, and does the
//! same thing no second time.

use std::time::Duration;

use ritorno_identity::ids::ApiTokenId;
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::value::{Value, values};

/// How long an answer is kept.
pub const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Whose keys they are: each has keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A program, by its token.
    Token(ApiTokenId),
    /// An administrator in person, by the digest of the session's token. The answers go with the session.
    Session(TokenDigest),
}

impl From<ApiTokenId> for Asker {
    fn from(token: ApiTokenId) -> Self {
        Self::Token(token)
    }
}

impl From<TokenDigest> for Asker {
    fn from(session: TokenDigest) -> Self {
        Self::Session(session)
    }
}

impl From<Asker> for Value {
    fn from(asker: Asker) -> Self {
        match asker {
            Asker::Token(token) => token.into(),
            Asker::Session(session) => session.into(),
        }
    }
}

impl Asker {
    /// Of two statements, the one about the table where this one's answers are.
    const fn of<'s>(&self, tokens: &'s str, sessions: &'s str) -> &'s str {
        match self {
            Self::Token(_) => tokens,
            Self::Session(_) => sessions,
        }
    }
}

/// Answers under the keys of each token and each session.
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
        asker: impl Into<Asker>,
        key: &str,
        request: &[u8; 32],
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        const BEGIN: &str = "insert into api_answers (tenant, token, idempotency_key, request_digest, expires_at) \
             values ($1, $2, $3, $4, $5) on conflict (tenant, token, idempotency_key) do update set \
             request_digest = excluded.request_digest, status = null, content_type = null, body = null, \
             expires_at = excluded.expires_at where api_answers.expires_at <= $6";
        const BEGIN_SESSIONS: &str = "insert into session_answers (tenant, session, idempotency_key, request_digest, expires_at) \
             values ($1, $2, $3, $4, $5) on conflict (tenant, session, idempotency_key) do update set \
             request_digest = excluded.request_digest, status = null, content_type = null, body = null, \
             expires_at = excluded.expires_at where session_answers.expires_at <= $6";
        const FIND: &str =
            "select * from api_answers where tenant = $1 and token = $2 and idempotency_key = $3";
        const FIND_SESSIONS: &str =
            "select * from session_answers where tenant = $1 and session = $2 and idempotency_key = $3";
        let asker = asker.into();
        let (begin, find) = (asker.of(BEGIN, BEGIN_SESSIONS), asker.of(FIND, FIND_SESSIONS));
        let begun = values![tenant, asker, key, request.as_slice(), now.plus(ANSWERS_KEPT), now];
        if self.0.write(begin, begun).await? == 1 {
            return Ok(Begun::First);
        }
        let Some(row) = self.0.read_one(find, values![tenant, asker, key]).await? else {
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
        asker: impl Into<Asker>,
        key: &str,
        answer: &Answer,
    ) -> Result<(), StoreError> {
        const SQL: &str = "update api_answers set status = $4, content_type = $5, body = $6 \
             where tenant = $1 and token = $2 and idempotency_key = $3";
        const SESSIONS: &str = "update session_answers set status = $4, content_type = $5, body = $6 \
             where tenant = $1 and session = $2 and idempotency_key = $3";
        let asker = asker.into();
        let status = u32::from(answer.status);
        let values =
            values![tenant, asker, key, status, answer.content_type.as_deref(), answer.body.as_deref()];
        self.0.write(asker.of(SQL, SESSIONS), values).await.map(|_| ())
    }

    /// Gives a key back: the request under it did nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(
        &self,
        tenant: TenantId,
        asker: impl Into<Asker>,
        key: &str,
    ) -> Result<(), StoreError> {
        const SQL: &str = "delete from api_answers where tenant = $1 and token = $2 and idempotency_key = $3 \
             and status is null";
        const SESSIONS: &str = "delete from session_answers where tenant = $1 and session = $2 and idempotency_key = $3 \
             and status is null";
        let asker = asker.into();
        self.0.write(asker.of(SQL, SESSIONS), values![tenant, asker, key]).await.map(|_| ())
    }
}
