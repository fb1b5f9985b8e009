//! Making an enrolment token, for the console and the command line.

use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::enrolment::EnrolmentRecord;
use ritorno_identity::ids::{AdministratorId, CorrelationId, FactId};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::enrolment::EnrolmentToken;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::random::{Random, array};
use ritorno_storage::{Store, StoreError};

/// Makes a token that enrols one agent within 15 minutes, keeps its digest, and writes the audit fact. `made_by` is `None`
/// on the server's command line.
///
/// # Errors
/// [`StoreError`].
pub async fn make(
    store: &Store,
    tenant: TenantId,
    root: &PublicKey,
    public_address: &str,
    made_by: Option<AdministratorId>,
    now: Timestamp,
    random: &dyn Random,
) -> Result<EnrolmentToken, StoreError> {
    let token = EnrolmentToken::new(public_address.to_owned(), array(random), root);
    let record = EnrolmentRecord::new(token.secret_digest(), tenant, made_by, now);
    store.enrolment_tokens().insert(&record).await?;
    let fact = Fact {
        id: FactId::random(random),
        tenant,
        at: now,
        activity: Activity::EnrolmentTokenMade,
        actor: made_by.map_or(Actor::System, Actor::Administrator),
        target: None,
        from: None,
        success: Success::Success,
        reason: String::new(),
        support_code: None,
        correlation: CorrelationId::random(random),
        request: None,
    };
    store.audit().append(&fact).await?;
    Ok(token)
}
