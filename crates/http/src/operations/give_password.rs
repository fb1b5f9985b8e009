//! An administrator gives a person a generated password, in the place of a temporary pass: it takes a case of the help desk that is cleared,
//! and the person has to change it. The browser makes it; for a person of a directory it comes here sealed for the agents, and for one of
//! the tenant's own, whose directory this server is, it is hashed here.

use ritorno_identity::audit::{Activity, Fact, Success};
use ritorno_identity::cloud_policy;
use ritorno_identity::help_desk::Case;
use ritorno_identity::name::SignInName;
use ritorno_identity::sspr::{self, Standing};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::envelope::{Envelope, Operation};
use ritorno_protocol::ids::{RequestId, SupportCode};
use ritorno_protocol::outcome::{Fault, Outcome, Settled, SsprCode};
use ritorno_protocol::policy::{EffectivePolicy, Rule};
use ritorno_protocol::query::Found;
use ritorno_protocol::secret::Password;
use ritorno_relay::dispatch_error::DispatchError;
use ritorno_relay::offer::Offer;
use ritorno_relay::submit::NewRequest;

use crate::measures;
use crate::operator::{Behind, Operator};
use crate::page::PageError;
use crate::portal::{forget_registrations, given, hashed, told_to_operators};
use crate::state::AppState;

/// What a password for somebody is made by.
pub(crate) struct Prepared {
    /// The policy that it has to keep.
    pub(crate) policy: EffectivePolicy,
    /// What it is sealed for; nothing for one of the tenant's own people.
    pub(crate) offer: Option<Offer>,
}

/// Why nobody can be given a password now; nothing was changed.
#[derive(Debug)]
pub(crate) enum NotPrepared {
    /// The person may not be given one.
    Coded(SsprCode),
    /// The directory has something against it.
    Fault(Fault),
    /// No agent could be asked.
    Dispatch(DispatchError),
}

/// What came of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// It works.
    Done {
        /// Whether the lockout is cleared too.
        unlocked: bool,
        /// Whether it has to be changed at the next sign-in: a directory may not have taken that.
        must_change: bool,
    },
    /// A rule refused it; the case holds for another one.
    Refused(Rule),
    /// It provably was not set; the case holds.
    Fault(Fault),
    /// It did not come to an agent; the case holds.
    NotSent(Refused),
    /// It can't be told. The case is used up.
    Unknown,
    /// The case is over, has served, or is another operator's.
    Closed,
}

/// Why a password came to no agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The person may not be given one any more.
    Coded(SsprCode),
    /// No agent took it.
    Unavailable,
    /// What arrived is not what was given out, or came too late.
    NotOurs,
}

/// The case of that id, if this operator may give the person a password by it.
///
/// # Errors
/// [`Behind`].
pub(crate) async fn case(
    state: &AppState,
    operator: &Operator,
    user: &User,
    case: &str,
) -> Result<Option<Case>, Behind> {
    let Ok(id) = case.parse() else { return Ok(None) };
    let now = state.clock.now();
    let found = state.store.help_desk().get(user.tenant, user.id, id, now).await?;
    let own = found.filter(|case| case.operator == operator.administrator.id && case.cleared && !case.passed);
    let Some(case) = own else { return Ok(None) };
    let name = SignInName::of_principal(&user.user_principal_name);
    let standing = state.store.users().standing(user.tenant, Some(user.id), &name, now).await?;
    Ok(suffices(&case, &operator.tenant, &standing).then_some(case))
}

/// Whether a case is enough for a password. A code that was read out proves as much as one gate: where two are asked for, a colleague has to
/// vouch for the caller, for unlike a pass a password leaves no gate.
pub(crate) fn suffices(case: &Case, tenant: &Tenant, standing: &Standing) -> bool {
    !case.by_code || standing.policy(tenant).gates() < 2
}

/// The rules that hold for this person, and whom the password is sealed for.
///
/// # Errors
/// [`Behind`], if the database fails.
pub(crate) async fn prepare(
    state: &AppState,
    operator: &Operator,
    user: &User,
) -> Result<Result<Prepared, NotPrepared>, Behind> {
    let tenant = &operator.tenant;
    if let Err(code) = sspr::may_be_given_a_password(tenant, user) {
        return Ok(Err(NotPrepared::Coded(code)));
    }
    if user.on_premises().is_none() {
        let policy = cloud_policy::policy(tenant, user);
        return Ok(Ok(Prepared { policy, offer: None }));
    }
    let mut policy = match state.relay.ask(user, tenant.forbid_names).await {
        Ok(Found::Person { disabled: true, .. }) => {
            return Ok(Err(NotPrepared::Fault(Fault::AccountDisabled)));
        }
        Ok(Found::Person { policy, .. }) => policy,
        Ok(Found::Nothing { fault, .. }) => return Ok(Err(NotPrepared::Fault(fault))),
        Ok(Found::Password { .. }) => return Ok(Err(NotPrepared::Fault(Fault::DirectoryUnavailable))),
        Err(DispatchError::Ledger(error)) => return Err(Behind::of(error)),
        Err(error) => return Ok(Err(NotPrepared::Dispatch(error))),
    };
    policy.tighten(tenant.forbid_names, &tenant.banned_words);
    let request = RequestId::random(&*state.random);
    match state.relay.offer(user, Operation::Reset, request).await {
        Ok(offer) => Ok(Ok(Prepared { policy, offer: Some(offer) })),
        Err(DispatchError::Ledger(error)) => Err(Behind::of(error)),
        Err(error) => Ok(Err(NotPrepared::Dispatch(error))),
    }
}

/// Whom a password is for, by which case, and under which support code.
#[derive(Clone)]
pub(crate) struct Giving {
    pub(crate) state: AppState,
    pub(crate) operator: Operator,
    pub(crate) user: User,
    pub(crate) case: Case,
    pub(crate) support_code: SupportCode,
}

impl Giving {
    /// Takes a sealed password to the person's directory, once. The case is taken before, and given back if nothing was set.
    ///
    /// # Errors
    /// [`Behind`], if the database fails before anything was sent.
    pub(crate) async fn carry(self, offer: Offer, envelope: Envelope) -> Result<Given, Behind> {
        if !offer.fits(&envelope) {
            return self.not_sent(&DispatchError::Envelope).await;
        }
        let tenant = &self.operator.tenant;
        // The page may have been open since before somebody switched it off.
        if let Err(code) = sspr::may_be_given_a_password(tenant, &self.user) {
            self.note(Success::Failure, code.as_str(), None).await?;
            return Ok(Given::NotSent(Refused::Coded(code)));
        }
        let (desk, id) = (self.state.store.help_desk(), self.operator.administrator.id);
        if !desk.take(&self.case, id, self.state.clock.now()).await? {
            return Ok(Given::Closed);
        }
        let request = offer.context.request;
        let new = NewRequest {
            user: self.user.clone(),
            offer,
            envelope,
            administrator: Some(id),
            support_code: self.support_code.clone(),
            must_change: true,
            forbid_names: tenant.forbid_names,
            banned_words: tenant.banned_words.clone(),
            known_browser: false,
            step: None,
        };
        let began = self.state.clock.now();
        let submitting = self.state.relay.submit(new).await;
        measures::writeback(Operation::Reset, submitting.as_ref(), self.state.clock.now().since(began));
        match submitting {
            Ok(settled) => Ok(self.settled(request, &settled).await),
            // Only the database failed: it may have been applied, and the row will tell.
            Err(DispatchError::Ledger(error)) => {
                tracing::error!(%error, %request, "the outcome of a request could not be read");
                Ok(Given::Unknown)
            }
            Err(error) => {
                desk.give_back(&self.case, id).await?;
                self.not_sent(&error).await
            }
        }
    }

    /// It ended, one way or another. What can't be written down now is owed by the request's row, and done later.
    async fn settled(&self, request: RequestId, settled: &Settled) -> Given {
        let outcome = &settled.outcome;
        let given = match outcome {
            Outcome::Done(done) => Given::Done { unlocked: done.unlocked, must_change: done.must_change },
            Outcome::Refused { rule, .. } => Given::Refused(rule.clone()),
            Outcome::NotApplied { fault, .. } => Given::Fault(fault.clone()),
            Outcome::Unknown { .. } => Given::Unknown,
        };
        if !settled.recorded {
            // What follows comes when the agent says it again, and its row has it.
            tracing::error!(%request, "what the agent did is told and can't be written down yet");
            return given;
        }
        let written = async {
            if matches!(given, Given::Refused(_) | Given::Fault(_)) {
                self.state.store.help_desk().give_back(&self.case, self.operator.administrator.id).await?;
            }
            let (success, reason) = told_to_operators(outcome);
            self.note(success, &reason, Some(request)).await?;
            if matches!(given, Given::Done { .. }) {
                self.tell().await?;
            }
            // What is unknown is followed up once it is settled.
            if !matches!(given, Given::Unknown) {
                self.state.store.requests().followed_up(self.user.tenant, request, false).await?;
            }
            Ok::<_, Behind>(())
        };
        if let Err(error) = written.await {
            tracing::error!(%error, %request, "what follows an outcome is done later");
        }
        given
    }

    /// Keeps the password of one of the tenant's own people, who has to change it.
    ///
    /// # Errors
    /// [`PageError`], if the database or the hashing fails: nothing was kept.
    pub(crate) async fn keep(self, new: Password) -> Result<Given, PageError> {
        let (tenant, now) = (&self.operator.tenant, self.state.clock.now());
        if let Err(code) = sspr::may_be_given_a_password(tenant, &self.user) {
            self.note(Success::Failure, code.as_str(), None).await?;
            return Ok(Given::NotSent(Refused::Coded(code)));
        }
        let policy = cloud_policy::policy(tenant, &self.user);
        if let Some(rule) = cloud_policy::first_broken(&policy, &new, now) {
            self.note(Success::Failure, &format!("refused by {rule:?}"), None).await?;
            return Ok(Given::Refused(rule));
        }
        let hash = hashed(&self.state, new).await?;
        let (passwords, id) = (self.state.store.cloud_passwords(), self.operator.administrator.id);
        if !passwords.give(&self.case, id, &hash, now).await.map_err(PageError::behind)? {
            return Ok(Given::Closed);
        }
        // It is stored: the person hears of it whether or not it can be written down.
        if let Err(error) = self.tell().await {
            tracing::error!(%error, "a notice of a given password could not be queued");
        }
        self.note(Success::Success, "kept in the tenant", None).await?;
        Ok(Given::Done { unlocked: true, must_change: true })
    }

    /// Tells the person at every address on file, and ends what the former password proved.
    async fn tell(&self) -> Result<(), Behind> {
        forget_registrations(&self.state, &self.user).await;
        let (operator, language) = (&self.operator, self.operator.tenant.language_of(&self.user));
        given(&self.state, &self.user, language, &operator.administrator.name, &self.support_code).await?;
        Ok(())
    }

    /// Nothing was written, and no agent was asked.
    async fn not_sent(&self, error: &DispatchError) -> Result<Given, Behind> {
        self.note(Success::Failure, &error.to_string(), None).await?;
        Ok(Given::NotSent(match error {
            DispatchError::Envelope | DispatchError::AnotherRequest | DispatchError::Expired => {
                Refused::NotOurs
            }
            _ => Refused::Unavailable,
        }))
    }

    async fn note(&self, success: Success, reason: &str, request: Option<RequestId>) -> Result<(), Behind> {
        let activity = Activity::ResetByAdministrator;
        let reason = format!("{reason}; {}", self.case.reason);
        let fact = self.operator.fact(&self.state, activity, success, reason, Some(self.user.id));
        let fact = Fact { support_code: Some(self.support_code.clone()), request, ..fact };
        self.state.store.audit().append(&fact).await?;
        Ok(())
    }
}
