//! One way through the reset pages, as a state machine of plain values.
//!
//! ```text
//! Started ─▶ CodeSent ─▶ GatePassed ─▶ Submitted ─▶ Finished
//!              ▲  │          ▲             │
//!              └──┘ resend,  └── retry ────┘  (the directory refused the password: choose another)
//!                   or another gate
//! ```
//!
//! What is kept in the tenant itself takes no request: from `GatePassed` it is `Kept`, at once.
//!
//! A stranger goes the same way as a person, up to a gate that they can't pass. Each step gives a new value; whoever stores
//! it does so only if the stored state is still the one that the step began with.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::{RequestId, SupportCode, TenantId, UserId};
use ritorno_protocol::outcome::{Outcome, SsprCode};
use serde::{Deserialize, Serialize};

use crate::gates::Gates;
use crate::ids::{CorrelationId, FlowId};
use crate::language::Language;
use crate::method::Method;
use crate::pepper::Pepper;
use crate::registration::Registration;
use crate::subject::Subject;
use crate::token::{Token, TokenDigest};

/// How long a flow lasts.
pub const VALID: Duration = Duration::from_secs(15 * 60);

/// How long the token before a gate is good for nothing but fetching the one behind it, at most: it ends at once when that one is shown.
pub const FORMER_HOLDS: Duration = Duration::from_secs(2 * 60);

/// For how long after a gate it fetches nothing yet: a browser that got the answer has shown the new one by then, so that whoever waits with a
/// copy of the former one is too late.
pub const FORMER_WAITS: Duration = Duration::from_secs(10);

/// One way through the pages, bound to one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Its id.
    pub id: FlowId,
    /// The tenant.
    pub tenant: TenantId,
    /// Digest of the token in the browser's cookie.
    pub browser: TokenDigest,
    /// The token before the last gate, until the one behind it was shown.
    pub former: Option<Former>,
    /// Whom the counters count for.
    pub subject: Subject,
    /// Who it is about. Withheld from the browser until a gate is passed.
    pub person: Person,
    /// The masked address that the pages show: the person's, or an invented one.
    pub masked_address: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether the person had passed a gate in this browser before ([`crate::known_browser`]), or knows their password.
    pub known_browser: bool,
    /// How far it is.
    pub state: FlowState,
    /// What opens its gates, and which are passed.
    pub gates: Gates,
    /// The reader's language.
    pub language: Language,
    /// What the person can give the help desk.
    pub support_code: SupportCode,
    /// Ties its audit facts together.
    pub correlation: CorrelationId,
    /// When it began.
    pub started_at: Timestamp,
    /// First moment at which it does not hold any more.
    pub expires_at: Timestamp,
}

/// A token that another one has replaced, whose answer may have been lost on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    /// Its digest.
    pub browser: TokenDigest,
    /// When it was replaced.
    pub replaced_at: Timestamp,
}

/// What a browser gets for the token before the flow's own.
#[derive(Debug)]
pub enum ForFormer {
    /// Nothing yet: the browser that got the answer may still be on its way.
    NotYet,
    /// The flow's own.
    Token(Token),
}

/// What a flow is for. Whoever passed the gates of a reset may do nothing else with it, and whoever proved a password may only
/// change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// A forgotten password: gates, then a new one.
    #[default]
    Reset,
    /// A known password: it was proved at the directory, and goes along with the new one.
    Change,
}

impl Purpose {
    /// What is asked of the directory.
    pub const fn operation(self) -> Operation {
        match self {
            Self::Reset => Operation::Reset,
            Self::Change => Operation::Change,
        }
    }
}

/// Who a flow is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// A person who may reset.
    Known(UserId),
    /// A person who may not; the pages go on as for a stranger.
    Withheld {
        /// The person.
        user: UserId,
        /// Why not: told by mail or at the help desk.
        code: SsprCode,
    },
    /// Nobody of the tenant.
    Stranger,
}

/// How far a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowState {
    /// The name was given.
    Started,
    /// At a gate: a code was sent, or seems to have been, or is somewhere at hand.
    CodeSent,
    /// Every gate is passed.
    GatePassed,
    /// It ended: the new password is kept in the tenant itself.
    Kept,
    /// A sealed password is on its way.
    Submitted(RequestId),
    /// It ended.
    Finished(RequestId),
}

/// A step, to be stored if the flow is still where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The flow as it is.
    pub before: Flow,
    /// The flow as it is to be.
    pub after: Flow,
}

/// Why a step can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// The 15 minutes are over.
    #[error("the reset took longer than 15 minutes: it starts again")]
    Expired,
    /// It began in another browser.
    #[error("the reset was begun in another browser")]
    OtherBrowser,
    /// The step does not belong here.
    #[error("the reset is at another step")]
    WrongStep,
    /// This gate is not opened by that.
    #[error("another method opens this gate")]
    OtherMethod,
    /// There is no person who could pass a gate.
    #[error("nobody can pass a gate here")]
    NoPerson,
}

impl Flow {
    /// A change by whoever proved their password in `registration`, in the browser of `browser`; `None` if nobody did. It keeps
    /// the audit's thread.
    pub fn of_proof(
        registration: &Registration,
        id: FlowId,
        browser: TokenDigest,
        support_code: SupportCode,
        now: Timestamp,
    ) -> Option<Self> {
        let user = registration.user().filter(|_| registration.state.is_proven())?;
        Some(Self {
            id,
            tenant: registration.tenant,
            browser,
            former: None,
            subject: registration.subject,
            person: Person::Known(user),
            masked_address: String::new(),
            purpose: Purpose::Change,
            known_browser: true,
            state: FlowState::GatePassed,
            gates: Gates::none(),
            language: registration.language,
            support_code,
            correlation: registration.correlation,
            started_at: now,
            expires_at: now.plus(VALID),
        })
    }

    /// Whether this browser may go on now.
    ///
    /// # Errors
    /// [`FlowError::OtherBrowser`] or [`FlowError::Expired`].
    pub fn check(&self, browser: &TokenDigest, now: Timestamp) -> Result<(), FlowError> {
        if self.browser != *browser {
            return Err(FlowError::OtherBrowser);
        }
        if now >= self.expires_at { Err(FlowError::Expired) } else { Ok(()) }
    }

    /// The same flow behind the gates that it has passed, with another token, and that token. It follows from the one before and from the
    /// server's secret, so that a browser which lost the answer can be given it again, and nobody else can compute it.
    pub fn renewed(&self, pepper: &Pepper, shown: &Token, now: Timestamp) -> (Self, Token) {
        let token = self.token_after(pepper, shown);
        let former = Former { browser: self.browser, replaced_at: now };
        (Self { browser: token.digest(), former: Some(former), ..self.clone() }, token)
    }

    /// What a browser gets that shows the token before the flow's own, in time; `None` if it shows another one, or the time is over.
    pub fn for_former(&self, pepper: &Pepper, shown: &Token, now: Timestamp) -> Option<ForFormer> {
        let replaced_at = self.former.filter(|former| former.browser == shown.digest())?.replaced_at;
        if now >= replaced_at.plus(FORMER_HOLDS) {
            return None;
        }
        if now < replaced_at.plus(FORMER_WAITS) {
            return Some(ForFormer::NotYet);
        }
        let token = Some(self.token_after(pepper, shown)).filter(|token| token.digest() == self.browser);
        token.map(ForFormer::Token)
    }

    fn token_after(&self, pepper: &Pepper, shown: &Token) -> Token {
        let gates = self.gates.passed().len() as u64;
        shown.following(pepper, &[self.tenant.0.as_bytes(), self.id.0.as_bytes(), &gates.to_be_bytes()])
    }

    /// The person, if one may reset.
    pub const fn user(&self) -> Option<UserId> {
        match self.person {
            Person::Known(user) => Some(user),
            Person::Withheld { .. } | Person::Stranger => None,
        }
    }

    /// A code was sent, for the first time or again.
    ///
    /// # Errors
    /// [`FlowError`], if it is too late or not the step for it.
    pub fn code_sent(&self, now: Timestamp) -> Result<Self, FlowError> {
        match self.state {
            FlowState::Started | FlowState::CodeSent => self.to(FlowState::CodeSent, now),
            _ => Err(FlowError::WrongStep),
        }
    }

    /// A gate was passed with `method`: the last one, or another follows.
    ///
    /// # Errors
    /// [`FlowError`], if it is too late, not the step for it, nobody's flow, or not a method that opens this gate.
    pub fn gate_passed(&self, method: Method, now: Timestamp) -> Result<Self, FlowError> {
        match (self.state, self.user()) {
            (FlowState::CodeSent, Some(_)) => {
                let gates = self.gates.with(method).ok_or(FlowError::OtherMethod)?;
                let state = if gates.are_open() { FlowState::GatePassed } else { FlowState::CodeSent };
                Ok(Self { gates, ..self.to(state, now)? })
            }
            (FlowState::CodeSent, None) => Err(FlowError::NoPerson),
            _ => Err(FlowError::WrongStep),
        }
    }

    /// A sealed password goes to the directory.
    ///
    /// # Errors
    /// [`FlowError`], if it is too late or not the step for it.
    pub fn submitted(&self, request: RequestId, now: Timestamp) -> Result<Self, FlowError> {
        match self.state {
            FlowState::GatePassed => self.to(FlowState::Submitted(request), now),
            _ => Err(FlowError::WrongStep),
        }
    }

    /// The new password is kept in the tenant itself.
    ///
    /// # Errors
    /// [`FlowError`], if it is too late or not the step for it.
    pub fn kept(&self, now: Timestamp) -> Result<Self, FlowError> {
        match self.state {
            FlowState::GatePassed => self.to(FlowState::Kept, now),
            _ => Err(FlowError::WrongStep),
        }
    }

    /// The request ended. What was provably not applied leaves the gate passed, so that the person can choose another
    /// password; everything else is the end. It is never too late for it.
    ///
    /// # Errors
    /// [`FlowError::WrongStep`], if this request is not on its way.
    pub fn ended(&self, request: RequestId, outcome: &Outcome) -> Result<Self, FlowError> {
        if self.state != FlowState::Submitted(request) {
            return Err(FlowError::WrongStep);
        }
        let state = match outcome {
            Outcome::Refused { .. } | Outcome::NotApplied { .. } => FlowState::GatePassed,
            Outcome::Done(_) | Outcome::Unknown { .. } => FlowState::Finished(request),
        };
        Ok(Self { state, ..self.clone() })
    }

    fn to(&self, state: FlowState, now: Timestamp) -> Result<Self, FlowError> {
        if now >= self.expires_at { Err(FlowError::Expired) } else { Ok(Self { state, ..self.clone() }) }
    }
}

impl FlowState {
    /// The state's name in the database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::CodeSent => "code-sent",
            Self::GatePassed => "gate-passed",
            Self::Kept => "kept",
            Self::Submitted(_) => "submitted",
            Self::Finished(_) => "finished",
        }
    }

    /// The request, once there is one.
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Submitted(request) | Self::Finished(request) => Some(*request),
            Self::Started | Self::CodeSent | Self::GatePassed | Self::Kept => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ritorno_protocol::bytes::{Bytes, encode};
    use ritorno_protocol::ids::{AgentId, Forest, SourceAnchor};
    use ritorno_protocol::key::SigningKey;
    use ritorno_protocol::outcome::{Done, Fault, Operator};
    use uuid::Uuid;

    use super::*;
    use crate::gates::GatePolicy;
    use crate::licence::Grant;
    use crate::tenant::Tenant;
    use crate::user::{Mastered, OnPremises, Provisioned, User};

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    pub(crate) fn tenant() -> Tenant {
        let root = SigningKey::from_bytes(&[7; 32]).unwrap().public();
        let tenant = Tenant::new(TenantId(Uuid::from_u128(1)), "Contoso".into(), root, NOW);
        Tenant { writeback_enabled: true, ..tenant }
    }

    pub(crate) fn person() -> User {
        User {
            id: UserId(Uuid::from_u128(2)),
            tenant: TenantId(Uuid::from_u128(1)),
            user_principal_name: "anna@contoso.test".into(),
            display_name: "Anna Rossi".into(),
            mail: Some("anna@contoso.test".into()),
            alternate_mail: Some("anna.rossi@mail.test".into()),
            registered_mail: None,
            mobile: None,
            registered_mobile: None,
            language: None,
            enabled: true,
            mastered: Mastered::Hybrid(OnPremises {
                source_anchor: SourceAnchor("AAAAAAAAAAAAAAAAAAAAAA==".into()),
                object_guid: Bytes(vec![0; 16]),
                object_sid: Bytes(vec![1; 28]),
                forest: Forest("contoso.test".into()),
                domain: "CONTOSO".into(),
                account_name: "anna".into(),
                exported_by: AgentId(Uuid::from_u128(3)),
            }),
            provisioned: Provisioned::default(),
            password_expires_at: None,
            licence: Grant::Free,
            selected: true,
            version: 1,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn flow(person: Person) -> Flow {
        Flow {
            id: FlowId(Uuid::from_u128(4)),
            tenant: TenantId(Uuid::from_u128(1)),
            browser: TokenDigest([5; 32]),
            former: None,
            subject: Subject([6; 32]),
            person,
            masked_address: "a•••••i@m•••.test".into(),
            purpose: Purpose::Reset,
            known_browser: true,
            state: FlowState::Started,
            gates: GatePolicy::by_mail().before(&[Method::Mail]).unwrap(),
            language: Language::Italian,
            support_code: SupportCode("00000-00000".into()),
            correlation: CorrelationId(Uuid::from_u128(7)),
            started_at: NOW,
            expires_at: NOW.plus(VALID),
        }
    }

    fn done() -> Outcome {
        let operator = Operator::default();
        Outcome::Done(Done { unlocked: true, must_change: false, history_enforced: true, operator })
    }

    #[test]
    fn whole_way() {
        let request = RequestId(Uuid::from_u128(8));
        let start = flow(Person::Known(UserId(Uuid::from_u128(2))));
        let sent = start.code_sent(NOW).unwrap().code_sent(NOW).unwrap();
        let submitted = sent.gate_passed(Method::Mail, NOW).unwrap().submitted(request, NOW).unwrap();
        let refused = Outcome::NotApplied { fault: Fault::Expired, operator: Operator::default() };
        let again = submitted.ended(request, &refused).unwrap();
        assert_eq!(again.state, FlowState::GatePassed);
        assert_eq!(submitted.ended(request, &done()).unwrap().state, FlowState::Finished(request));
        let other = RequestId(Uuid::from_u128(9));
        assert_eq!(submitted.ended(other, &done()), Err(FlowError::WrongStep));
    }

    #[test]
    fn no_step_is_skipped() {
        let start = flow(Person::Known(UserId(Uuid::from_u128(2))));
        assert_eq!(start.gate_passed(Method::Mail, NOW), Err(FlowError::WrongStep));
        assert_eq!(start.submitted(RequestId(Uuid::nil()), NOW), Err(FlowError::WrongStep));
        let passed = start.code_sent(NOW).unwrap().gate_passed(Method::Mail, NOW).unwrap();
        assert_eq!(passed.code_sent(NOW), Err(FlowError::WrongStep));
        assert_eq!(start.kept(NOW), Err(FlowError::WrongStep));
        let kept = passed.kept(NOW).unwrap();
        assert_eq!((kept.state, kept.state.request()), (FlowState::Kept, None));
        assert_eq!(kept.kept(NOW), Err(FlowError::WrongStep), "once");
        assert_eq!(kept.submitted(RequestId(Uuid::nil()), NOW), Err(FlowError::WrongStep));
        assert_eq!(passed.kept(NOW.plus(VALID)), Err(FlowError::Expired));
    }

    #[test]
    fn each_gate_is_passed_by_what_opens_it() {
        let two = GatePolicy::of_administrators().before(&[Method::Mail, Method::App]).unwrap();
        let flow = flow(Person::Known(UserId(Uuid::from_u128(2)))).code_sent(NOW).unwrap();
        let flow = Flow { gates: two, ..flow };
        assert_eq!(flow.gate_passed(Method::RecoveryCode, NOW), Err(FlowError::OtherMethod));
        let once = flow.gate_passed(Method::App, NOW).unwrap();
        assert_eq!((once.state, once.gates.passed()), (FlowState::CodeSent, &[Method::App][..]));
        assert_eq!(once.submitted(RequestId(Uuid::nil()), NOW), Err(FlowError::WrongStep));
        assert_eq!(once.gate_passed(Method::App, NOW), Err(FlowError::OtherMethod));
        assert_eq!(once.gate_passed(Method::Mail, NOW).unwrap().state, FlowState::GatePassed);
        assert_eq!(once.gate_passed(Method::Mail, NOW.plus(VALID)), Err(FlowError::Expired));
    }

    #[test]
    fn strangers_and_withheld_people_get_to_the_gate_and_no_further() {
        let withheld =
            Person::Withheld { user: UserId(Uuid::from_u128(2)), code: SsprCode::NotProperlyConfigured };
        for person in [Person::Stranger, withheld] {
            let sent = flow(person).code_sent(NOW).unwrap();
            assert_eq!(sent.gate_passed(Method::Mail, NOW), Err(FlowError::NoPerson));
        }
    }

    #[test]
    fn a_gate_gives_another_token_which_only_the_one_before_leads_to() {
        let (pepper, other) = (Pepper::new([7; 32]), Pepper::new([8; 32]));
        let shown = Token::from_text(&encode(&[3; 32])).unwrap();
        let flow = Flow { browser: shown.digest(), ..flow(Person::Known(UserId(Uuid::from_u128(2)))) };
        let sent = flow.code_sent(NOW).unwrap();
        let (behind, token) = sent.gate_passed(Method::Mail, NOW).unwrap().renewed(&pepper, &shown, NOW);
        assert_eq!(behind.check(&token.digest(), NOW), Ok(()));
        assert_eq!(behind.check(&shown.digest(), NOW), Err(FlowError::OtherBrowser));
        let again = |flow: &Flow, shown: &Token, now| flow.for_former(&pepper, shown, now);
        assert!(matches!(again(&behind, &shown, NOW), Some(ForFormer::NotYet)), "too early");
        let then = NOW.plus(FORMER_WAITS);
        let Some(ForFormer::Token(fetched)) = again(&behind, &shown, then) else {
            panic!("nothing is fetched")
        };
        assert_eq!(fetched.digest(), token.digest());
        assert!(again(&behind, &shown, NOW.plus(FORMER_HOLDS)).is_none(), "too late");
        assert!(again(&behind, &token, then).is_none(), "it leads nowhere itself");
        assert!(
            again(&Flow { former: None, ..behind.clone() }, &shown, then).is_none(),
            "the new one was shown"
        );
        assert!(behind.for_former(&other, &shown, then).is_none(), "another server's secret");
    }

    #[test]
    fn bound_to_browser_and_time() {
        let start = flow(Person::Stranger);
        let late = NOW.plus(VALID);
        assert_eq!(start.check(&TokenDigest([5; 32]), NOW), Ok(()));
        assert_eq!(start.check(&TokenDigest([9; 32]), NOW), Err(FlowError::OtherBrowser));
        assert_eq!(start.check(&TokenDigest([5; 32]), late), Err(FlowError::Expired));
        assert_eq!(start.code_sent(late), Err(FlowError::Expired));
    }
}
