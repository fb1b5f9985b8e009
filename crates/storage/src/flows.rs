//! Ways through the reset pages.

use ritorno_identity::flow::{Flow, FlowState, Former, Person};
use ritorno_identity::ids::FlowId;
use ritorno_identity::subject::Subject;
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::ids::{SupportCode, TenantId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::{json, name_of, values};
use crate::writer::Statement;

const KNOWN: &str = "known";
const WITHHELD: &str = "withheld";
const STRANGER: &str = "stranger";

/// Ways through the reset pages.
pub struct Flows<'a>(pub(crate) &'a Db);

impl Flows<'_> {
    /// Adds a flow. A stranger's costs the same as a person's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert(&self, flow: &Flow) -> Result<(), StoreError> {
        const SQL: &str = "insert into flows (tenant, id, browser, subject, person, user_id, withheld_code, \
             masked_address, state, request, language, support_code, correlation, started_at, expires_at, gates, \
             purpose, known_browser) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
        let (person, user, code) = person_columns(flow.person);
        let values = values![
            flow.tenant,
            flow.id,
            flow.browser,
            flow.subject,
            person,
            user,
            code,
            flow.masked_address.as_str(),
            flow.state.as_str(),
            flow.state.request(),
            name_of(flow.language),
            flow.support_code.0.as_str(),
            flow.correlation,
            flow.started_at,
            flow.expires_at,
            json(&flow.gates),
            name_of(flow.purpose),
            flow.known_browser,
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// One flow. Whether this browser may see it is [`Flow::check`]'s to say.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, tenant: TenantId, id: FlowId) -> Result<Option<Flow>, StoreError> {
        const SQL: &str = "select * from flows where tenant = $1 and id = $2";
        self.0.read_one(SQL, values![tenant, id]).await?.map(|row| flow(&row)).transpose()
    }

    /// Stores a step, if the flow is still where it began. `false` if somebody else was faster.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn advance(&self, before: &Flow, after: &Flow) -> Result<bool, StoreError> {
        let (sql, values) = step(before, after);
        Ok(self.0.write(sql, values).await? == 1)
    }

    /// The token behind the last gate was shown: the one before it is nobody's any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_former(&self, flow: &Flow) -> Result<(), StoreError> {
        const SQL: &str = "update flows set former_browser = null, former_replaced_at = null \
             where tenant = $1 and id = $2 and browser = $3";
        self.0.write(SQL, values![flow.tenant, flow.id, flow.browser]).await.map(|_| ())
    }

    /// What the help desk looks up: the flow that gave a person this code.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_support_code(
        &self,
        tenant: TenantId,
        code: &SupportCode,
    ) -> Result<Option<Flow>, StoreError> {
        const SQL: &str =
            "select * from flows where tenant = $1 and support_code = $2 order by started_at desc limit 1";
        let row = self.0.read_one(SQL, values![tenant, code.0.as_str()]).await?;
        row.map(|row| flow(&row)).transpose()
    }
}

/// The statement that stores a step, if the flow is still where it began.
pub(crate) fn step(before: &Flow, after: &Flow) -> Statement {
    const SQL: &str = "update flows set state = $3, request = $4, gates = $7, browser = $9, former_browser = $10, former_replaced_at = $11 \
         where tenant = $1 and id = $2 and state = $5 and coalesce(request, '') = $6 and gates = $8";
    let values = values![
        before.tenant,
        before.id,
        after.state.as_str(),
        after.state.request(),
        before.state.as_str(),
        before.state.request().map(|request| request.to_string()).unwrap_or_default(),
        json(&after.gates),
        json(&before.gates),
        after.browser,
        after.former.as_ref().map(|former| former.browser.0.as_slice()),
        after.former.map(|former| former.replaced_at),
    ];
    (SQL, values)
}

/// The columns `person`, `user_id` and `withheld_code`.
pub(crate) const fn person_columns(person: Person) -> (&'static str, Option<UserId>, Option<&'static str>) {
    match person {
        Person::Known(user) => (KNOWN, Some(user), None),
        Person::Withheld { user, code } => (WITHHELD, Some(user), Some(code.as_str())),
        Person::Stranger => (STRANGER, None, None),
    }
}

/// The person in these columns.
pub(crate) fn person(row: &Row) -> Result<Person, StoreError> {
    Ok(match row.text("person")?.as_str() {
        KNOWN => Person::Known(row.parsed("user_id")?),
        WITHHELD => Person::Withheld { user: row.parsed("user_id")?, code: row.named("withheld_code")? },
        STRANGER => Person::Stranger,
        _ => return Err(StoreError::Unreadable { column: "person" }),
    })
}

fn former(row: &Row) -> Result<Option<Former>, StoreError> {
    let replaced_at = row.moment_if_any("former_replaced_at")?;
    replaced_at
        .map(|replaced_at| Ok(Former { browser: TokenDigest(row.digest("former_browser")?), replaced_at }))
        .transpose()
}

fn flow(row: &Row) -> Result<Flow, StoreError> {
    let state = match row.text("state")?.as_str() {
        "started" => FlowState::Started,
        "code-sent" => FlowState::CodeSent,
        "gate-passed" => FlowState::GatePassed,
        "kept" => FlowState::Kept,
        "submitted" => FlowState::Submitted(row.parsed("request")?),
        "finished" => FlowState::Finished(row.parsed("request")?),
        _ => return Err(StoreError::Unreadable { column: "state" }),
    };
    Ok(Flow {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        browser: TokenDigest(row.digest("browser")?),
        former: former(row)?,
        subject: Subject(row.digest("subject")?),
        person: person(row)?,
        masked_address: row.text("masked_address")?,
        state,
        purpose: row.named("purpose")?,
        known_browser: row.switch("known_browser")?,
        gates: row.json("gates")?,
        language: row.named("language")?,
        support_code: SupportCode(row.text("support_code")?),
        correlation: row.parsed("correlation")?,
        started_at: row.moment("started_at")?,
        expires_at: row.moment("expires_at")?,
    })
}
