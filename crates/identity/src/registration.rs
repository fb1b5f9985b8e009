//! One way through the pages on which a person registers an address for codes, as a state machine of plain values.
//!
//! ```text
//! Named ─▶ Checking ─▶ Proven ─▶ CodeSent ─▶ Finished
//!   ▲          │         │        ▲   │         ▲
//!   └──────────┘         │        └───┘ resend, or another address
//!   (not the password)   └──────────────────────┘ the registered address is removed
//! ```
//!
//! Where the tenant itself is the directory, a password is proven at once: there is no `Checking`. From `Proven` on it is the person's
//! session: the browser has a new token, and it lasts while it is used, for as long as [`SESSION`] at most.
//!
//! A stranger goes the same way as a person, up to a password that nobody can prove. It is no [`crate::flow::Flow`]: what is
//! proved here opens nothing there, and the other way round.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{Forest, RequestId, SourceAnchor, SupportCode, TenantId, UserId};
use serde::{Deserialize, Serialize};

use crate::address::NewAddress;
use crate::flow::{FlowError, Person, VALID};
use crate::ids::{CorrelationId, FlowId};
use crate::language::Language;
use crate::realm::Realm;
use crate::subject::Subject;
use crate::token::TokenDigest;

/// How long a session lasts, whatever is done in it. Unused it ends after [`crate::flow::VALID`].
pub const SESSION: Duration = Duration::from_secs(3_600);
/// How much later the end of a session has to be for its being used to be written down.
const WRITTEN_DOWN_AFTER: Duration = Duration::from_secs(30);

/// One way through the pages, bound to one browser. It lasts as long as a reset does ([`crate::flow::VALID`]), and from the proof of
/// the password on while it is used ([`SESSION`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: FlowId,
    /// The tenant.
    pub tenant: TenantId,
    /// Digest of the token in the browser's cookie.
    pub browser: TokenDigest,
    /// Whom the counters count for.
    pub subject: Subject,
    /// Who it is about. Withheld from the browser until the password is proven.
    pub person: Person,
    /// What the page seals for: the person's, or invented.
    pub sealed_for: SealedFor,
    /// Where the password is judged.
    pub realm: Realm,
    /// How far it is.
    pub state: RegistrationState,
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

/// The object that the typed password is sealed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFor {
    /// The source anchor.
    pub anchor: SourceAnchor,
    /// The forest, which decides who can open it.
    pub forest: Forest,
}

/// How far a registration is.
#[derive(Clone, PartialEq, Eq)]
pub enum RegistrationState {
    /// The name was given.
    Named,
    /// A sealed password is on its way to the directory.
    Checking(RequestId),
    /// The directory took the password.
    Proven,
    /// A code was sent to this new address.
    CodeSent(String),
    /// It ended with this change.
    Finished(AddressChange),
}

/// What was done to a person's registered address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressChange {
    /// There was none before.
    Registered,
    /// There was another one before.
    Replaced,
    /// There is none now.
    Removed,
}

impl AddressChange {
    /// What it is to go from one registered address to another.
    pub const fn from_to(former: Option<&str>, now: Option<&str>) -> Self {
        match (former, now) {
            (_, None) => Self::Removed,
            (None, Some(_)) => Self::Registered,
            (Some(_), Some(_)) => Self::Replaced,
        }
    }
}

impl Registration {
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

    /// The person, if one may register.
    pub const fn user(&self) -> Option<UserId> {
        match self.person {
            Person::Known(user) => Some(user),
            Person::Withheld { .. } | Person::Stranger => None,
        }
    }

    /// A sealed password goes to the directory, or seems to.
    ///
    /// # Errors
    /// [`FlowError`], if it is too late or not the step for it.
    pub fn checking(&self, request: RequestId, now: Timestamp) -> Result<Self, FlowError> {
        match self.state {
            RegistrationState::Named => self.to(RegistrationState::Checking(request), now),
            _ => Err(FlowError::WrongStep),
        }
    }

    /// The directory did not say that the password is right: another may be typed. It is never too late for it.
    ///
    /// # Errors
    /// [`FlowError::WrongStep`], if this request is not on its way.
    pub fn not_proven(&self, request: RequestId) -> Result<Self, FlowError> {
        match self.state {
            RegistrationState::Checking(checked) if checked == request => {
                Ok(Self { state: RegistrationState::Named, ..self.clone() })
            }
            _ => Err(FlowError::WrongStep),
        }
    }

    /// The directory said that the password is right. The session that begins so is of the browser that has this other token.
    ///
    /// # Errors
    /// [`FlowError`], if it is too late, this request is not on its way, or it is nobody's registration.
    pub fn proven(
        &self,
        request: RequestId,
        browser: TokenDigest,
        now: Timestamp,
    ) -> Result<Self, FlowError> {
        match (&self.state, self.user()) {
            (RegistrationState::Checking(checked), Some(_)) if *checked == request => {
                self.begins(browser, now)
            }
            (RegistrationState::Checking(_), None) => Err(FlowError::NoPerson),
            _ => Err(FlowError::WrongStep),
        }
    }

    /// The password is the one that the tenant itself has; the same for it.
    ///
    /// # Errors
    /// [`FlowError`], if it is too late, not the step for it, another directory's to say, or nobody's registration.
    pub fn proven_here(&self, browser: TokenDigest, now: Timestamp) -> Result<Self, FlowError> {
        match (&self.state, self.realm, self.user()) {
            (RegistrationState::Named, Realm::Cloud, Some(_)) => self.begins(browser, now),
            (RegistrationState::Named, Realm::Cloud, None) => Err(FlowError::NoPerson),
            _ => Err(FlowError::WrongStep),
        }
    }

    /// The session lasts longer since it is used; `None` if that changes nothing that would have to be stored.
    pub fn used(&self, now: Timestamp) -> Option<Self> {
        let expires_at = now.plus(VALID).min(self.started_at.plus(SESSION));
        let longer = expires_at > self.expires_at.plus(WRITTEN_DOWN_AFTER);
        (self.state.is_proven() && now < self.expires_at && longer)
            .then(|| Self { expires_at, ..self.clone() })
    }

    /// A code was sent to a new address, for the first time or again.
    ///
    /// # Errors
    /// [`FlowError`], if it is too late or not the step for it.
    pub fn code_sent(&self, address: &NewAddress, now: Timestamp) -> Result<Self, FlowError> {
        match self.state {
            RegistrationState::Proven | RegistrationState::CodeSent(_) => {
                self.to(RegistrationState::CodeSent(address.as_str().to_owned()), now)
            }
            _ => Err(FlowError::WrongStep),
        }
    }

    /// The registered address is another one now, or none.
    ///
    /// # Errors
    /// [`FlowError`], if it is too late or not the step for it.
    pub fn finished(&self, change: AddressChange, now: Timestamp) -> Result<Self, FlowError> {
        match (&self.state, change) {
            (RegistrationState::CodeSent(_), _) | (RegistrationState::Proven, AddressChange::Removed) => {
                self.to(RegistrationState::Finished(change), now)
            }
            _ => Err(FlowError::WrongStep),
        }
    }

    fn begins(&self, browser: TokenDigest, now: Timestamp) -> Result<Self, FlowError> {
        Ok(Self { browser, expires_at: now.plus(VALID), ..self.to(RegistrationState::Proven, now)? })
    }

    fn to(&self, state: RegistrationState, now: Timestamp) -> Result<Self, FlowError> {
        if now >= self.expires_at { Err(FlowError::Expired) } else { Ok(Self { state, ..self.clone() }) }
    }
}

impl RegistrationState {
    /// Whether the password is proven.
    pub const fn is_proven(&self) -> bool {
        match self {
            Self::Named | Self::Checking(_) => false,
            Self::Proven | Self::CodeSent(_) | Self::Finished(_) => true,
        }
    }

    /// The state's name in the database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Checking(_) => "checking",
            Self::Proven => "proven",
            Self::CodeSent(_) => "code-sent",
            Self::Finished(_) => "finished",
        }
    }

    /// The request, while one is on its way.
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Checking(request) => Some(*request),
            Self::Named | Self::Proven | Self::CodeSent(_) | Self::Finished(_) => None,
        }
    }

    /// The new address, while a code is to prove it.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::CodeSent(address) => Some(address),
            Self::Named | Self::Checking(_) | Self::Proven | Self::Finished(_) => None,
        }
    }

    /// The change, once there is one.
    pub const fn change(&self) -> Option<AddressChange> {
        match self {
            Self::Finished(change) => Some(*change),
            Self::Named | Self::Checking(_) | Self::Proven | Self::CodeSent(_) => None,
        }
    }
}

/// Without the address.
impl std::fmt::Debug for RegistrationState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ritorno_protocol::envelope::Operation;
    use ritorno_protocol::outcome::SsprCode;
    use uuid::Uuid;

    use super::*;
    use crate::flow::tests::{person, tenant};
    use crate::flow::{Flow, FlowState, Purpose, VALID};

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    /// The token that a session begins with.
    const SESSIONS: TokenDigest = TokenDigest([8; 32]);

    fn registration(person: Person) -> Registration {
        Registration {
            id: FlowId(Uuid::from_u128(4)),
            tenant: TenantId(Uuid::from_u128(1)),
            browser: TokenDigest([5; 32]),
            subject: Subject([6; 32]),
            person,
            sealed_for: SealedFor {
                anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
                forest: Forest("contoso.test".into()),
            },
            realm: Realm::Directory,
            state: RegistrationState::Named,
            language: Language::Italian,
            support_code: SupportCode("00000-00000".into()),
            correlation: CorrelationId(Uuid::from_u128(7)),
            started_at: NOW,
            expires_at: NOW.plus(VALID),
        }
    }

    fn anna() -> Registration {
        registration(Person::Known(UserId(Uuid::from_u128(2))))
    }

    fn request(number: u128) -> RequestId {
        RequestId(Uuid::from_u128(number))
    }

    fn address(local: &str) -> NewAddress {
        NewAddress::judge(&tenant(), &person(), local, "posta.test").unwrap()
    }

    #[test]
    fn whole_way_with_a_wrong_password_and_a_second_address() {
        let checking = anna().checking(request(8), NOW).unwrap();
        let again = checking.not_proven(request(8)).unwrap();
        assert_eq!(again, anna());
        let proven = again.checking(request(9), NOW).unwrap().proven(request(9), SESSIONS, NOW).unwrap();
        let sent = proven.code_sent(&address("anna"), NOW).unwrap();
        let other = sent.code_sent(&address("anna.privata"), NOW).unwrap();
        assert_eq!(other.state.address(), Some("anna.privata@posta.test"));
        let finished = other.finished(AddressChange::Registered, NOW).unwrap();
        assert_eq!(finished.state.change(), Some(AddressChange::Registered));
        assert_eq!(finished.code_sent(&address("anna"), NOW), Err(FlowError::WrongStep));
        assert!(!format!("{other:?}").contains("posta"), "an address got into a debug text");
    }

    #[test]
    fn nothing_is_registered_without_a_code_and_nothing_without_the_password() {
        let checking = anna().checking(request(8), NOW).unwrap();
        for early in [anna(), checking.clone()] {
            assert_eq!(early.code_sent(&address("anna"), NOW), Err(FlowError::WrongStep));
            assert_eq!(early.finished(AddressChange::Removed, NOW), Err(FlowError::WrongStep));
        }
        assert_eq!(anna().proven(request(8), SESSIONS, NOW), Err(FlowError::WrongStep));
        assert_eq!(checking.proven(request(9), SESSIONS, NOW), Err(FlowError::WrongStep));
        assert_eq!(checking.not_proven(request(9)), Err(FlowError::WrongStep));
        assert_eq!(checking.checking(request(9), NOW), Err(FlowError::WrongStep));
        let proven = checking.proven(request(8), SESSIONS, NOW).unwrap();
        for change in [AddressChange::Registered, AddressChange::Replaced] {
            assert_eq!(proven.finished(change, NOW), Err(FlowError::WrongStep));
        }
        assert!(proven.finished(AddressChange::Removed, NOW).is_ok());
    }

    #[test]
    fn a_proof_leads_to_a_change_and_to_nothing_else() {
        let start = registration(Person::Known(UserId(Uuid::from_u128(2))));
        let change = |registration: &Registration| {
            let (id, code) = (FlowId(Uuid::from_u128(9)), SupportCode("11111-11111".into()));
            Flow::of_proof(registration, id, TokenDigest([9; 32]), code, NOW)
        };
        let checking = start.checking(request(8), NOW).unwrap();
        assert_eq!((change(&start), change(&checking)), (None, None));
        let proven = checking.proven(request(8), SESSIONS, NOW).unwrap();
        let flow = change(&proven).unwrap();
        assert_eq!((flow.purpose, flow.state), (Purpose::Change, FlowState::GatePassed));
        assert_eq!(flow.purpose.operation(), Operation::Change);
        assert_eq!((flow.correlation, flow.support_code.0.as_str()), (proven.correlation, "11111-11111"));
        assert_eq!(flow.check(&TokenDigest([5; 32]), NOW), Err(FlowError::OtherBrowser));
    }

    #[test]
    fn a_session_has_a_token_of_its_own_and_lasts_while_it_is_used() {
        let minute = Duration::from_secs(60);
        let named = anna();
        let checking = named.checking(request(8), NOW).unwrap();
        assert_eq!((named.used(NOW.plus(minute)), checking.used(NOW.plus(minute))), (None, None));
        let proven = checking.proven(request(8), SESSIONS, NOW.plus(minute)).unwrap();
        assert_eq!(proven.check(&named.browser, NOW), Err(FlowError::OtherBrowser), "who had it before");
        assert_eq!(proven.expires_at, NOW.plus(minute).plus(VALID));
        assert_eq!(
            proven.used(NOW.plus(minute + Duration::from_secs(30))),
            None,
            "not each click is written down"
        );
        let used = proven.used(NOW.plus(minute * 15)).unwrap();
        assert_eq!(used.expires_at, NOW.plus(minute * 15).plus(VALID));
        assert_eq!(used.used(used.expires_at), None, "what is over stays so");
        let later = Registration { expires_at: NOW.plus(minute * 59), ..used };
        assert_eq!(later.used(NOW.plus(minute * 55)).unwrap().expires_at, NOW.plus(SESSION));
        let last = Registration { expires_at: NOW.plus(SESSION), ..later };
        assert_eq!(last.used(NOW.plus(minute * 58)), None, "an hour, whatever is done in it");
    }

    #[test]
    fn what_the_tenant_itself_has_is_proven_at_once() {
        let here = Registration { realm: Realm::Cloud, ..anna() };
        let proven = here.proven_here(SESSIONS, NOW).unwrap();
        assert_eq!((proven.state.is_proven(), proven.browser), (true, SESSIONS));
        assert_eq!(proven.proven_here(SESSIONS, NOW), Err(FlowError::WrongStep), "once");
        assert_eq!(anna().proven_here(SESSIONS, NOW), Err(FlowError::WrongStep), "a directory's to say");
        assert_eq!(here.proven_here(SESSIONS, NOW.plus(VALID)), Err(FlowError::Expired));
        let stranger = Registration { realm: Realm::Cloud, ..registration(Person::Stranger) };
        assert_eq!(stranger.proven_here(SESSIONS, NOW), Err(FlowError::NoPerson));
    }

    #[test]
    fn strangers_and_withheld_people_prove_nothing() {
        let withheld =
            Person::Withheld { user: UserId(Uuid::from_u128(2)), code: SsprCode::NotEnabledInPolicy };
        for person in [Person::Stranger, withheld] {
            let checking = registration(person).checking(request(8), NOW).unwrap();
            assert_eq!(checking.proven(request(8), SESSIONS, NOW), Err(FlowError::NoPerson));
            assert!(checking.not_proven(request(8)).is_ok());
        }
    }

    #[test]
    fn bound_to_browser_and_time() {
        let late = NOW.plus(VALID);
        assert_eq!(anna().check(&TokenDigest([5; 32]), late.minus(Duration::from_millis(1))), Ok(()));
        assert_eq!(anna().check(&TokenDigest([9; 32]), NOW), Err(FlowError::OtherBrowser));
        assert_eq!(anna().check(&TokenDigest([5; 32]), late), Err(FlowError::Expired));
        assert_eq!(anna().checking(request(8), late), Err(FlowError::Expired));
        let checking = anna().checking(request(8), NOW).unwrap();
        assert_eq!(checking.proven(request(8), SESSIONS, late), Err(FlowError::Expired));
    }

    #[test]
    fn change_is_told_by_what_was_and_what_is() {
        let (one, other) = (Some("anna@posta.test"), Some("anna@mail.test"));
        assert_eq!(AddressChange::from_to(None, one), AddressChange::Registered);
        assert_eq!(AddressChange::from_to(one, other), AddressChange::Replaced);
        assert_eq!(AddressChange::from_to(one, None), AddressChange::Removed);
    }
}
