//! Who provisions: an agent, with its access token, or a program, with a token of the API that was made for it. An agent has hybrid people
//! and groups of its forests; a program has cloud-only people of the tenant's cloud domains, and nobody who is an administrator, and groups of
//! the tenant's own. Neither ever reaches the other's.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ritorno_identity::administrator::Action;
use ritorno_identity::agent::Agent;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::group::Group;
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::name::SignInName;
use ritorno_identity::provisioner::Provisioner;
use ritorno_identity::realm::Realm;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::{Mastered, User};
use ritorno_protocol::ids::UserId;
use ritorno_storage::{GroupFilter, UserFilter, fence};

use super::error::ScimError;
use super::leases;
use crate::agent_api::bearer::AgentBearer;
use crate::api::by_token::{ByToken, shown};
use crate::problem::Problem;
use crate::state::AppState;

/// Who provisions: an agent, not under an outdated lease, or a program.
#[derive(Clone, Debug)]
pub struct ScimClient(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Agent(Box<Agent>),
    Program(Box<ByToken>),
}

impl FromRequestParts<AppState> for ScimClient {
    type Rejection = ScimError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ScimError> {
        // An operation of a bulk request comes with the client whom that request was let in for, and is under its lease.
        if let Some(client) = parts.extensions.remove::<Self>() {
            return Ok(client);
        }
        let client = Self::let_in(parts, state).await?;
        if let Kind::Agent(agent) = &client.0 {
            leases::under(state, agent, &parts.headers).await?;
        }
        Ok(client)
    }
}

impl ScimClient {
    /// Who shows a token that holds, and may provision.
    pub(super) async fn let_in(parts: &mut Parts, state: &AppState) -> Result<Self, ScimError> {
        let Some(token) = shown(&parts.headers) else {
            let bearer = AgentBearer::from_request_parts(parts, state).await;
            let agent = bearer.map_err(|_: Problem| ScimError::Unauthenticated)?.0;
            return Ok(Self(Kind::Agent(Box::new(agent))));
        };
        let caller = ByToken::of(&token, parts, state).await?;
        caller.may(Action::ProvisionPeople)?;
        Ok(Self(Kind::Program(Box::new(caller))))
    }

    /// The agent, whose people and groups are tied to a directory; `None` if it is a program.
    pub(super) fn agent(&self) -> Option<&Agent> {
        match &self.0 {
            Kind::Agent(agent) => Some(agent),
            Kind::Program(_) => None,
        }
    }

    /// The tenant, as it was when a program asked; `None` for an agent.
    pub(super) fn program_in(&self) -> Option<&Tenant> {
        match &self.0 {
            Kind::Agent(_) => None,
            Kind::Program(caller) => Some(&caller.operator().tenant),
        }
    }

    /// By whom removals are counted and held.
    pub(super) fn provisioner(&self) -> Provisioner {
        match &self.0 {
            Kind::Agent(agent) => agent.id.into(),
            Kind::Program(caller) => caller.token().id.into(),
        }
    }

    /// Whose people it has: each filter names others.
    pub(super) fn people(&self) -> Vec<UserFilter> {
        match &self.0 {
            Kind::Agent(agent) => agent.forests.iter().cloned().map(UserFilter::Forest).collect(),
            Kind::Program(caller) => {
                vec![UserFilter::CloudDomains(caller.operator().tenant.cloud_domains.clone())]
            }
        }
    }

    /// Which groups it has: each filter names others.
    pub(super) fn groups(&self) -> Vec<GroupFilter> {
        match &self.0 {
            Kind::Agent(agent) => agent.forests.iter().cloned().map(GroupFilter::Forest).collect(),
            Kind::Program(_) => vec![GroupFilter::Own],
        }
    }

    /// Whether it may touch this group.
    ///
    /// # Errors
    /// [`ScimError::NotYours`], [`ScimError::DirectoryGroup`].
    pub(super) fn reaches_group(&self, group: &Group) -> Result<(), ScimError> {
        match (&self.0, group.directory()) {
            (Kind::Agent(agent), Some(of)) if agent.forests.contains(&of.forest) => Ok(()),
            (Kind::Agent(_), _) => Err(ScimError::NotYours),
            (Kind::Program(_), None) => Ok(()),
            (Kind::Program(_), Some(_)) => Err(ScimError::DirectoryGroup),
        }
    }

    /// Whether it may touch this person.
    ///
    /// # Errors
    /// [`ScimError::NotYours`], [`ScimError::NotOfTheTenant`], [`ScimError::AnAdministrator`], [`ScimError::Store`].
    pub(super) async fn reaches(&self, state: &AppState, user: &User) -> Result<(), ScimError> {
        let tenant = match &self.0 {
            Kind::Agent(agent) if agent.masters(user) => return Ok(()),
            Kind::Agent(_) => return Err(ScimError::NotYours),
            Kind::Program(caller) => &caller.operator().tenant,
        };
        let name = SignInName::of_principal(&user.user_principal_name);
        if user.mastered != Mastered::CloudOnly || Realm::of(tenant, &name) != Realm::Cloud {
            return Err(ScimError::NotOfTheTenant);
        }
        // By their link, or by their name.
        if state.store.administrators().has_account_of(state.tenant, user).await? {
            return Err(ScimError::AnAdministrator);
        }
        Ok(())
    }

    /// What it did to a person, or to a group, as a fact.
    pub(super) fn fact(
        &self,
        state: &AppState,
        activity: Activity,
        target: Option<UserId>,
        reason: String,
    ) -> Fact {
        let agent = match &self.0 {
            Kind::Agent(agent) => agent,
            Kind::Program(caller) => {
                return caller.operator().fact(state, activity, Success::Success, reason, target);
            }
        };
        Fact {
            id: FactId::random(&*state.random),
            tenant: state.tenant,
            at: state.clock.now(),
            activity,
            actor: Actor::Agent(agent.id),
            target,
            from: None,
            success: Success::Success,
            reason,
            support_code: None,
            correlation: CorrelationId::random(&*state.random),
            request: None,
        }
    }

    /// Writes down what it did, whoever has the lease by now.
    ///
    /// # Errors
    /// [`ScimError::Store`].
    pub(super) async fn audit(
        &self,
        state: &AppState,
        activity: Activity,
        target: Option<UserId>,
        reason: String,
    ) -> Result<(), ScimError> {
        let fact = self.fact(state, activity, target, reason);
        Ok(fence::unfenced(state.store.audit().append(&fact)).await?)
    }
}
