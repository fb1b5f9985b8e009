//! The policy of self-service: who may reset, what they prove before it, and when they are asked to look through what they registered.
//! What groups have of their own is in `sspr_groups.rs`.

use ritorno_identity::audit::Activity;
use ritorno_identity::expiry;
use ritorno_identity::gates::{GatePolicy, GroupFault, PolicyFault};
use ritorno_identity::method::Method;
use ritorno_identity::question::{QuestionFault, QuestionPolicy};
use ritorno_identity::sspr::{GROUPS_AT_MOST, ReconfirmAfter};
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::GroupId;
use ritorno_storage::{Holder, StoreError};

use crate::i18n::key;
use crate::licensing::{LicensingFault, Whom, holder};
use crate::operator::{Behind, Operator};
use crate::passkeys;
use crate::state::AppState;

/// What is wrong with a policy that was asked for. Its words are those of programs' operators; the console says [`Fault::told`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The gates are none.
    #[error(transparent)]
    Gates(#[from] PolicyFault),
    /// The method to begin with is not among those that are allowed.
    #[error("what the pages begin with has to be among the methods that are allowed")]
    First,
    /// A passkey belongs to a name.
    #[error("passkeys need a name in the public address, not one in numbers")]
    NoPasskeys,
    /// Text messages take a gateway.
    #[error("the server has no gateway for text messages")]
    NoSms,
    /// A group has gates that could not stand beside these.
    #[error("the group {0} has gates of its own that could not stand beside these: change that group first")]
    Groups(String),
    /// A group can't have these gates.
    #[error(transparent)]
    Group(GroupFault),
    /// Too many days.
    #[error("it is from 0 to {} days, 0 for never", ReconfirmAfter::MOST)]
    Days,
    /// No days for mails.
    #[error("{0}")]
    Expiry(String),
    /// Mails are asked for where none goes out.
    #[error("the server sends no mail")]
    NoMail,
    /// The questions can't be so.
    #[error(transparent)]
    Questions(#[from] QuestionFault),
    /// Too many groups.
    #[error("at most {GROUPS_AT_MOST} groups")]
    TooManyGroups,
    /// What was typed is no group's name, or that of several.
    #[error("{1}")]
    Named(String, LicensingFault),
    /// The database failed.
    #[error(transparent)]
    Behind(#[from] Behind),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Behind(error.into())
    }
}

impl Fault {
    /// The key of what the console says.
    ///
    /// # Errors
    /// What failed behind it.
    pub(crate) fn told(self) -> Result<&'static str, Behind> {
        Ok(match self {
            Self::Gates(PolicyFault::Gates) => key("policy-fault-gates"),
            Self::Gates(PolicyFault::Methods) => key("policy-fault-methods"),
            Self::Gates(PolicyFault::TooFewMethods) => key("policy-fault-too-few"),
            Self::Gates(PolicyFault::ToRegister) => key("policy-fault-to-register"),
            Self::Gates(PolicyFault::Questions) => key("policy-fault-questions"),
            Self::First => key("policy-fault-first"),
            Self::NoPasskeys => key("passkey-unavailable"),
            Self::NoSms => key("policy-no-sms"),
            Self::Groups(_) => key("policy-fault-groups"),
            Self::Group(GroupFault::FewerGates) => key("policy-fault-group-fewer"),
            Self::Group(GroupFault::NoWayIn) => key("policy-fault-group-no-way-in"),
            Self::Days => key("policy-days-wrong"),
            Self::Expiry(_) => key("policy-expiry-wrong"),
            Self::NoMail => key("policy-no-mail"),
            Self::Questions(QuestionFault::Numbers) => key("policy-questions-numbers"),
            Self::Questions(QuestionFault::Length) => key("policy-questions-length"),
            Self::Questions(QuestionFault::Twice) => key("policy-questions-twice"),
            Self::Questions(QuestionFault::TooMany) => key("policy-questions-too-many"),
            Self::TooManyGroups => key("policy-who-too-many"),
            Self::Named(_, fault) => fault.told().ok_or_else(|| Behind::of(fault))?,
            Self::Behind(behind) => return Err(behind),
        })
    }
}

/// A part of the policy, as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The groups whose people may reset, and how they were named; none for everybody.
    For(Vec<GroupId>, Vec<String>),
    /// What people prove.
    Gates(GatePolicy),
    /// Which security questions there are.
    Questions(QuestionPolicy),
    /// After how long they look through what they registered.
    Reconfirm(ReconfirmAfter),
    /// How many days before a password expires they are told.
    Expiry(Vec<u16>),
}

impl Part {
    /// Whether that is how it is.
    pub(crate) fn is_of(&self, tenant: &Tenant) -> bool {
        match self {
            Self::For(groups, _) => *groups == tenant.sspr_groups,
            Self::Gates(policy) => *policy == tenant.gate_policy,
            Self::Questions(questions) => *questions == tenant.questions,
            Self::Reconfirm(after) => *after == tenant.reconfirm_after,
            Self::Expiry(days) => *days == tenant.expiry_days,
        }
    }

    fn put_into(&self, tenant: &mut Tenant) {
        match self.clone() {
            Self::For(groups, _) => tenant.sspr_groups = groups,
            Self::Gates(policy) => tenant.gate_policy = policy,
            Self::Questions(questions) => tenant.questions = questions,
            Self::Reconfirm(after) => tenant.reconfirm_after = after,
            Self::Expiry(days) => tenant.expiry_days = days,
        }
    }

    /// What is written down of it.
    fn reason(&self) -> String {
        match self {
            Self::For(_, names) if names.is_empty() => "sspr for: everybody".to_owned(),
            Self::For(_, names) => format!("sspr for: {}", names.join(", ")),
            Self::Gates(policy) => format!("gates: {policy}"),
            Self::Questions(questions) => format!("security questions: {questions}"),
            Self::Reconfirm(after) => format!("confirmed again after {} days", after.days()),
            Self::Expiry(days) => format!("expiry mails: {days:?} days before"),
        }
    }
}

/// Sets parts of the policy, all of them or none. `None` if the policy was changed since the operator's tenant was read; else the tenant as
/// it is now.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn set(
    state: &AppState,
    operator: &Operator,
    parts: &[Part],
) -> Result<Option<Tenant>, StoreError> {
    let mut tenant = operator.tenant.clone();
    parts.iter().for_each(|part| part.put_into(&mut tenant));
    if !state.store.tenants().set_sspr_policy(&operator.tenant, &tenant).await? {
        return Ok(None);
    }
    for part in parts {
        operator.note(state, Activity::PolicyChanged, part.reason(), None).await?;
    }
    Ok(Some(tenant))
}

/// Sets one part, whatever the others are meanwhile.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn set_part(state: &AppState, operator: &Operator, part: Part) -> Result<(), StoreError> {
    let mut operator = operator.clone();
    while set(state, &operator, std::slice::from_ref(&part)).await?.is_none() {
        // Somebody else was faster, whose change is of another part, or in the audit too.
        match state.store.tenants().get(operator.tenant.id).await? {
            Some(tenant) => operator.tenant = tenant,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// What can open gates here, judged by what the server has.
///
/// # Errors
/// [`Fault`], if it takes something that the server does not have.
pub(crate) fn available(state: &AppState, method: Method) -> Result<(), Fault> {
    match method {
        Method::Passkey if passkeys::available(&state.settings.public_url).is_err() => Err(Fault::NoPasskeys),
        Method::Sms if !state.settings.sms => Err(Fault::NoSms),
        _ => Ok(()),
    }
}

/// Gates as they were asked for, whether everybody's or a group's.
///
/// # Errors
/// [`Fault`], if nobody could fulfil them here.
pub(crate) fn gates(
    state: &AppState,
    number: u8,
    methods: Vec<Method>,
    to_register: u8,
    must_differ: bool,
) -> Result<GatePolicy, Fault> {
    methods.iter().try_for_each(|method| available(state, *method))?;
    Ok(GatePolicy::new(number, methods, to_register, must_differ)?)
}

/// Everybody's gates, if those of each group stand beside them.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn for_everybody(
    state: &AppState,
    tenant: &Tenant,
    policy: GatePolicy,
) -> Result<Part, Fault> {
    for group in state.store.group_policies().list(tenant.id).await? {
        // The policy of a group that is gone is nobody's.
        let Some(name) = group.name else { continue };
        group.policy.stands_beside(&policy).map_err(|_| Fault::Groups(name))?;
    }
    Ok(Part::Gates(policy))
}

/// After how many days.
///
/// # Errors
/// [`Fault`], if there are too many.
pub(crate) fn reconfirm(days: u16) -> Result<ReconfirmAfter, Fault> {
    ReconfirmAfter::from_days(days).ok_or(Fault::Days)
}

/// On which days.
///
/// # Errors
/// [`Fault`], if they are none, or no mail goes out.
pub(crate) fn expiry_mails(state: &AppState, days: &[u16]) -> Result<Part, Fault> {
    let days = expiry::days(days).map_err(Fault::Expiry)?;
    if !days.is_empty() && !state.settings.mail {
        return Err(Fault::NoMail);
    }
    Ok(Part::Expiry(days))
}

/// The group of that name, or id.
///
/// # Errors
/// [`Fault`], if it is no group's, or that of several.
pub(crate) async fn group_named(state: &AppState, tenant: &Tenant, name: &str) -> Result<GroupId, Fault> {
    match holder(&state.store, tenant, Whom::Group(name)).await {
        Ok(Holder::Group(id)) => Ok(id),
        Ok(Holder::User(_)) => Err(Fault::Named(name.to_owned(), LicensingFault::NoGroup(name.to_owned()))),
        Err(LicensingFault::Store(error)) => Err(error.into()),
        Err(fault) => Err(Fault::Named(name.to_owned(), fault)),
    }
}

/// The people of these groups, or everybody without one.
///
/// # Errors
/// [`Fault`], if there are too many, or one is nobody's name.
pub(crate) async fn only_for(state: &AppState, tenant: &Tenant, names: &[&str]) -> Result<Part, Fault> {
    // Before any of them is looked for: a list may be as long as a form.
    if names.len() > GROUPS_AT_MOST {
        return Err(Fault::TooManyGroups);
    }
    let mut groups: Vec<GroupId> = Vec::with_capacity(names.len());
    for name in names {
        let id = group_named(state, tenant, name).await?;
        if !groups.contains(&id) {
            groups.push(id);
        }
    }
    Ok(Part::For(groups, names.iter().map(|name| (*name).to_owned()).collect()))
}
