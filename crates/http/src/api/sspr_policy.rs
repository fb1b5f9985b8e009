//! `/api/v1/sspr-policy`: who may reset, what they prove before it, and when they are asked to look through what they registered. What
//! groups have of their own is in `group_policies.rs`.

use axum::Json;
use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::method::Method;
use ritorno_identity::question::QuestionPolicy;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::GroupId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::etag::{IfMatch, Tagged, changed};
use super::input::{Body, not_found, unfit};
use crate::operations::sspr_policy::{self, Fault, Part, available};
use crate::problem::Problem;
use crate::state::AppState;

/// A way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GateMethod {
    /// A code by mail.
    Mail,
    /// A code by text message.
    Sms,
    /// A code of the authenticator app.
    App,
    /// A passkey.
    Passkey,
    /// A recovery code.
    RecoveryCode,
    /// Answers to security questions, at the second of two gates.
    Questions,
    /// A pass that the help desk made, at the first gate.
    TemporaryPass,
}

impl GateMethod {
    fn of(method: Method) -> Self {
        match method {
            Method::Mail => Self::Mail,
            Method::Sms => Self::Sms,
            Method::App => Self::App,
            Method::Passkey => Self::Passkey,
            Method::RecoveryCode => Self::RecoveryCode,
            Method::Questions => Self::Questions,
            Method::TemporaryPass => Self::TemporaryPass,
        }
    }

    fn method(self) -> Method {
        match self {
            Self::Mail => Method::Mail,
            Self::Sms => Method::Sms,
            Self::App => Method::App,
            Self::Passkey => Method::Passkey,
            Self::RecoveryCode => Method::RecoveryCode,
            Self::Questions => Method::Questions,
            Self::TemporaryPass => Method::TemporaryPass,
        }
    }
}

/// What people prove before a reset.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Gates {
    /// How many gates there are: 1 or 2.
    #[schema(minimum = 1, maximum = 2)]
    gates: u8,
    /// What opens them, what the pages begin with first.
    methods: Vec<GateMethod>,
    /// How many of them people are asked to register.
    to_register: u8,
    /// Whether no method opens both gates.
    must_differ: bool,
}

impl Gates {
    pub(super) fn of(policy: &GatePolicy) -> Self {
        Self {
            gates: policy.gates(),
            methods: policy.methods().iter().copied().map(GateMethod::of).collect(),
            to_register: policy.to_register(),
            must_differ: policy.must_differ(),
        }
    }

    /// The policy, if somebody could fulfil it here.
    pub(super) fn read(&self, state: &AppState) -> Result<GatePolicy, Fault> {
        let methods = self.methods.iter().map(|method| method.method()).collect();
        sspr_policy::gates(state, self.gates, methods, self.to_register, self.must_differ)
    }
}

/// Which security questions people answer.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Questions {
    /// How many they register.
    #[schema(minimum = 3, maximum = 5)]
    to_register: u8,
    /// How many of those they are asked.
    #[schema(minimum = 3, maximum = 5)]
    to_ask: u8,
    /// The tenant's own questions, beside the predefined ones.
    #[schema(max_items = 20)]
    own: Vec<String>,
}

/// A group. In an answer it has both; in a request the id counts, or the name where there is none.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupRef {
    /// Its id.
    #[schema(format = "uuid")]
    pub(super) id: Option<String>,
    /// What it is called: of a directory its name or `DOMAIN\account`, of the tenant's own `scim:NAME`. In an answer `null` if it is gone.
    #[schema(example = "board")]
    pub(super) name: Option<String>,
}

/// The policy of self-service, as it is for everybody.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SsprPolicy {
    /// The groups whose people may reset, also by way of other groups; `null` for everybody.
    #[schema(max_items = 20)]
    only_groups: Option<Vec<GroupRef>>,
    /// What people prove before a reset.
    proofs: Gates,
    /// Which security questions people answer.
    questions: Questions,
    /// After how many days people are asked to look through what they registered; 0 for never.
    #[schema(maximum = 730)]
    reconfirm_days: u16,
    /// How many days before a password expires its owner is told by mail; none for never.
    #[schema(max_items = 10)]
    expiry_mail_days: Vec<u16>,
}

impl SsprPolicy {
    async fn of(state: &AppState, tenant: &Tenant) -> Result<Self, Problem> {
        let mut groups = Vec::with_capacity(tenant.sspr_groups.len());
        for id in &tenant.sspr_groups {
            let found = state.store.groups().find(tenant.id, *id).await?;
            groups.push(GroupRef { id: Some(id.to_string()), name: found.map(|group| group.full_name()) });
        }
        Ok(Self {
            only_groups: (!groups.is_empty()).then_some(groups),
            proofs: Gates::of(&tenant.gate_policy),
            questions: Questions {
                to_register: tenant.questions.to_register(),
                to_ask: tenant.questions.to_ask(),
                own: tenant.questions.own().to_vec(),
            },
            reconfirm_days: tenant.reconfirm_after.days(),
            expiry_mail_days: tenant.expiry_days.clone(),
        })
    }

    /// The parts that are to be other than they are.
    async fn parts(&self, state: &AppState, tenant: &Tenant) -> Result<Vec<Part>, Problem> {
        let questions = &self.questions;
        let questions = QuestionPolicy::new(questions.to_register, questions.to_ask, &questions.own);
        let policy = self.proofs.read(state).map_err(|fault| refused("/proofs", fault))?;
        let gates = if policy == tenant.gate_policy {
            Part::Gates(policy)
        } else {
            let judged = sspr_policy::for_everybody(state, tenant, policy).await;
            judged.map_err(|fault| refused("/proofs", fault))?
        };
        let parts = [
            self.only(state, tenant).await?,
            gates,
            Part::Questions(questions.map_err(|fault| refused("/questions", fault.into()))?),
            Part::Reconfirm(
                sspr_policy::reconfirm(self.reconfirm_days)
                    .map_err(|fault| refused("/reconfirm_days", fault))?,
            ),
            sspr_policy::expiry_mails(state, &self.expiry_mail_days)
                .map_err(|fault| refused("/expiry_mail_days", fault))?,
        ];
        Ok(parts.into_iter().filter(|part| !part.is_of(tenant)).collect())
    }

    /// Whose people may reset. A group that is named already stays, also if it is gone: so what was read can be sent back.
    async fn only(&self, state: &AppState, tenant: &Tenant) -> Result<Part, Problem> {
        let Some(wanted) = &self.only_groups else { return Ok(Part::For(Vec::new(), Vec::new())) };
        if wanted.is_empty() {
            let detail = "An empty list would be nobody. It is null for everybody; who turns self-service off turns the switch 'sspr'.";
            return Err(unfit("policy", "The policy can't be so", detail).about("/only_groups"));
        }
        let named = |group: &GroupRef| group.id.clone().or_else(|| group.name.clone()).unwrap_or_default();
        let ids: Option<Vec<GroupId>> = wanted.iter().map(|group| named(group).parse().ok()).collect();
        if ids.as_ref() == Some(&tenant.sspr_groups) {
            return Ok(Part::For(tenant.sspr_groups.clone(), Vec::new()));
        }
        let (mut groups, mut names) = (Vec::new(), Vec::new());
        if wanted.len() > ritorno_identity::sspr::GROUPS_AT_MOST {
            return Err(refused("/only_groups", Fault::TooManyGroups));
        }
        for (at, group) in wanted.iter().enumerate() {
            let name = named(group);
            let already = name.parse().ok().filter(|id| tenant.sspr_groups.contains(id));
            let id = match already {
                Some(id) => id,
                None => sspr_policy::group_named(state, tenant, &name)
                    .await
                    .map_err(|fault| refused(&format!("/only_groups/{at}"), fault))?,
            };
            if !groups.contains(&id) {
                groups.push(id);
                names.push(group.name.clone().unwrap_or(name));
            }
        }
        Ok(Part::For(groups, names))
    }
}

/// Why a policy is not taken, and which member of the body is at fault.
pub(super) fn refused(member: &str, fault: Fault) -> Problem {
    match fault {
        Fault::Behind(behind) => behind.into(),
        fault => unfit("policy", "The policy can't be so", format!("{fault}.")).about(member),
    }
}

/// The policy of self-service.
#[utoipa::path(
    get,
    path = "/api/v1/sspr-policy",
    tag = "sspr-policy",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "The policy.", body = SsprPolicy, headers(("ETag" = String, description = "For If-Match."))))
)]
pub(super) async fn get_policy(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Tagged<SsprPolicy>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    Ok(Tagged(SsprPolicy::of(&state, tenant).await?))
}

/// Sets the policy of self-service, all of it or nothing.
///
/// What does not change is not written down again. Whoever wants to change one part sends the rest as it was read, with `If-Match`.
#[utoipa::path(
    put,
    path = "/api/v1/sspr-policy",
    tag = "sspr-policy",
    security(("token" = ["tenant.write"])),
    params(("If-Match" = Option<String>, Header, description = "The policy as you saw it.")),
    request_body = SsprPolicy,
    responses(
        (status = 200, description = "The policy as it is now.", body = SsprPolicy, headers(("ETag" = String, description = "For If-Match."))),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`policy`: it can't be so. `member` says which part.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_policy(
    State(state): State<AppState>,
    caller: Caller,
    if_match: IfMatch,
    Body(wanted): Body<SsprPolicy>,
) -> Result<Tagged<SsprPolicy>, Problem> {
    let mut operator = caller.require(Action::ChangeTenant)?.clone();
    let tenant = loop {
        if_match.check(&SsprPolicy::of(&state, &operator.tenant).await?)?;
        let parts = wanted.parts(&state, &operator.tenant).await?;
        if let Some(tenant) = sspr_policy::set(&state, &operator, &parts).await? {
            break tenant;
        }
        if if_match.is_said() {
            return Err(changed());
        }
        // Somebody else was faster, whose change is in the audit too. Who said no condition comes next.
        operator.tenant = state.store.tenants().get(state.tenant).await?.ok_or_else(not_found)?;
    };
    Ok(Tagged(SsprPolicy::of(&state, &tenant).await?))
}

/// What is known of a method.
#[derive(Serialize, ToSchema)]
pub(super) struct MethodView {
    /// Which.
    name: GateMethod,
    /// Whether the server has what it takes.
    available: bool,
    /// What it lacks; absent if nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    lacks: Option<String>,
    /// Whether people register it themselves.
    registered: bool,
    /// Whether it can open the first gate.
    opens_first: bool,
    /// Whether whoever administers the tenant may prove with it: two of these that differ, whatever the policy says.
    for_administrators: bool,
}

/// Every method that a policy may name, and what it takes.
#[utoipa::path(
    get,
    path = "/api/v1/sspr-policy/methods",
    tag = "sspr-policy",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "Every method.", body = [MethodView]))
)]
pub(super) async fn list_methods(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Vec<MethodView>>, Problem> {
    caller.require(Action::ReadTenant)?;
    let view = |method: Method| {
        let lacks = available(&state, method).err().map(|fault| fault.to_string());
        MethodView {
            name: GateMethod::of(method),
            available: lacks.is_none(),
            lacks,
            registered: method.is_registered(),
            opens_first: method.opens_the_first_gate(),
            for_administrators: method.is_for_administrators(),
        }
    };
    Ok(Json(Method::ALL.into_iter().map(view).collect()))
}
