//! Ways through the pages on which people register an address.

use ritorno_identity::ids::FlowId;
use ritorno_identity::registration::{Registration, RegistrationState, SealedFor};
use ritorno_identity::subject::Subject;
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::ids::{Forest, SourceAnchor, SupportCode, TenantId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::flows::{person, person_columns};
use crate::row::Row;
use crate::value::{name_of, values};
use crate::writer::Statement;

/// Ways through the pages on which people register an address.
pub struct Registrations<'a>(pub(crate) &'a Db);

impl Registrations<'_> {
    /// Adds a registration. A stranger's costs the same as a person's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert(&self, registration: &Registration) -> Result<(), StoreError> {
        const SQL: &str = "insert into registrations (tenant, id, browser, subject, person, user_id, withheld_code, \
             anchor, forest, state, request, new_mail, change, language, support_code, correlation, started_at, \
             expires_at, realm) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
        let (person, user, code) = person_columns(registration.person);
        let state = &registration.state;
        let values = values![
            registration.tenant,
            registration.id,
            registration.browser,
            registration.subject,
            person,
            user,
            code,
            registration.sealed_for.anchor.0.as_str(),
            registration.sealed_for.forest.0.as_str(),
            state.as_str(),
            state.request(),
            state.address(),
            state.change().map(name_of),
            name_of(registration.language),
            registration.support_code.0.as_str(),
            registration.correlation,
            registration.started_at,
            registration.expires_at,
            name_of(registration.realm),
        ];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// Keeps a number that a code is to prove, in the place of one that was given before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn propose_mobile(
        &self,
        tenant: TenantId,
        registration: FlowId,
        number: &str,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into proposed_mobiles (tenant, registration, number) values ($1, $2, $3) \
             on conflict (tenant, registration) do update set number = excluded.number";
        self.0.write(SQL, values![tenant, registration, number]).await.map(|_| ())
    }

    /// The number that a code is to prove, if one was given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn proposed_mobile(
        &self,
        tenant: TenantId,
        registration: FlowId,
    ) -> Result<Option<String>, StoreError> {
        const SQL: &str = "select number from proposed_mobiles where tenant = $1 and registration = $2";
        let row = self.0.read_one(SQL, values![tenant, registration]).await?;
        row.map(|row| row.text("number")).transpose()
    }

    /// One registration. Whether this browser may see it is [`Registration::check`]'s to say.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, tenant: TenantId, id: FlowId) -> Result<Option<Registration>, StoreError> {
        const SQL: &str = "select * from registrations where tenant = $1 and id = $2";
        self.0.read_one(SQL, values![tenant, id]).await?.map(|row| registration(&row)).transpose()
    }

    /// Ends every way and session of a person: what was proved with a former password is worth nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_of(&self, tenant: TenantId, user: UserId) -> Result<u64, StoreError> {
        let (sql, values) = end_of(tenant, user);
        self.0.write(sql, values).await
    }

    /// Ends one: its person signed out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end(&self, tenant: TenantId, id: FlowId) -> Result<(), StoreError> {
        const SQL: &str = "delete from registrations where tenant = $1 and id = $2";
        self.0.write(SQL, values![tenant, id]).await.map(|_| ())
    }

    /// It is used: it holds until then. What has ended meanwhile stays so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn extend(&self, registration: &Registration) -> Result<(), StoreError> {
        const SQL: &str =
            "update registrations set expires_at = $3 where tenant = $1 and id = $2 and expires_at < $3";
        let values = values![registration.tenant, registration.id, registration.expires_at];
        self.0.write(SQL, values).await.map(|_| ())
    }

    /// Stores a step, if the registration is still where it began. `false` if somebody else was faster.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn advance(&self, before: &Registration, after: &Registration) -> Result<bool, StoreError> {
        const SQL: &str = "update registrations set state = $3, request = $4, new_mail = $5, change = $6, browser = $10, expires_at = $11 \
             where tenant = $1 and id = $2 and state = $7 and coalesce(request, '') = $8 \
             and coalesce(new_mail, '') = $9";
        let values = values![
            before.tenant,
            before.id,
            after.state.as_str(),
            after.state.request(),
            after.state.address(),
            after.state.change().map(name_of),
            before.state.as_str(),
            before.state.request().map(|request| request.to_string()).unwrap_or_default(),
            before.state.address().unwrap_or_default(),
            after.browser,
            after.expires_at,
        ];
        Ok(self.0.write(SQL, values).await? == 1)
    }
}

/// The statement that ends every way and session of a person.
pub(crate) fn end_of(tenant: TenantId, user: UserId) -> Statement {
    ("delete from registrations where tenant = $1 and user_id = $2", values![tenant, user])
}

fn registration(row: &Row) -> Result<Registration, StoreError> {
    let state = match row.text("state")?.as_str() {
        "named" => RegistrationState::Named,
        "checking" => RegistrationState::Checking(row.parsed("request")?),
        "proven" => RegistrationState::Proven,
        "code-sent" => RegistrationState::CodeSent(row.text("new_mail")?),
        "finished" => RegistrationState::Finished(row.named("change")?),
        _ => return Err(StoreError::Unreadable { column: "state" }),
    };
    Ok(Registration {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        browser: TokenDigest(row.digest("browser")?),
        subject: Subject(row.digest("subject")?),
        person: person(row)?,
        sealed_for: SealedFor {
            anchor: SourceAnchor(row.text("anchor")?),
            forest: Forest(row.text("forest")?),
        },
        realm: row.named("realm")?,
        state,
        language: row.named("language")?,
        support_code: SupportCode(row.text("support_code")?),
        correlation: row.parsed("correlation")?,
        started_at: row.moment("started_at")?,
        expires_at: row.moment("expires_at")?,
    })
}
