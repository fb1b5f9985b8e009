//! Who does something in a tenant, in the console or by a token of theirs, and what comes of it in the audit. Each operation that both
//! have is in `operations`, once, and takes one of these; whether they may is asked before, of the table in
//! `identity::administrator`.

use std::sync::Arc;

use ritorno_identity::administrator::{Action, Administrator};
use ritorno_identity::api_token::ApiToken;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::UserId;
use ritorno_storage::StoreError;
use tracing::Instrument as _;

use crate::state::AppState;

/// Who does something.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    /// The administrator.
    pub(crate) administrator: Administrator,
    /// The tenant, as it was when they asked.
    pub(crate) tenant: Tenant,
    /// The network that they ask from.
    pub(crate) network: String,
    /// The token by which they do it, if it is not themselves in the console.
    pub(crate) token: Option<ApiToken>,
}

/// Something behind an operation failed: the database, the relay. Nobody who asks learns more than that.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Behind(pub(crate) Arc<dyn std::error::Error + Send + Sync>);

impl Behind {
    /// That failed.
    pub(crate) fn of(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

impl From<StoreError> for Behind {
    fn from(error: StoreError) -> Self {
        Self::of(error)
    }
}

impl Operator {
    /// Whether they may do that.
    pub(crate) fn may(&self, action: Action) -> bool {
        match &self.token {
            None => self.administrator.may(action).is_ok(),
            Some(token) => token.may(&self.administrator, action).is_ok(),
        }
    }

    /// What they did or tried, for whoever keeps it together with what it did. The actor is the administrator whose rights it took; a
    /// token is named with what was done, since versions before know no such actor.
    pub(crate) fn fact(
        &self,
        state: &AppState,
        activity: Activity,
        success: Success,
        reason: String,
        target: Option<UserId>,
    ) -> Fact {
        let reason = match &self.token {
            None => reason,
            Some(token) if reason.is_empty() => format!("by the token '{}' {}", token.name, token.id),
            Some(token) => format!("{reason}; by the token '{}' {}", token.name, token.id),
        };
        Fact {
            id: FactId::random(&*state.random),
            tenant: self.tenant.id,
            at: state.clock.now(),
            activity,
            actor: Actor::Administrator(self.administrator.id),
            target,
            from: Some(self.network.clone()),
            success,
            reason,
            support_code: None,
            correlation: CorrelationId::random(&*state.random),
            request: None,
        }
    }

    /// Writes down what they did.
    pub(crate) async fn note(
        &self,
        state: &AppState,
        activity: Activity,
        reason: String,
        target: Option<UserId>,
    ) -> Result<(), StoreError> {
        state.store.audit().append(&self.fact(state, activity, Success::Success, reason, target)).await
    }
}

/// Goes on with a change to its end even if whoever asked goes away: who cuts the connection must not keep the notices from being sent.
pub(crate) async fn to_the_end<T: Send + 'static, E: From<Behind> + Send + 'static>(
    change: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E> {
    match tokio::spawn(change.in_current_span()).await {
        Ok(done) => done,
        Err(lost) => Err(Behind::of(lost).into()),
    }
}
