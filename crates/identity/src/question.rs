//! Security questions: what a person answered once, and answers again at a gate. The weakest of the methods, since answers can be
//! found out; off until a tenant allows it, never for its administrators, and never the first gate: nobody sees what somebody
//! registered who has not proved anything yet.
//!
//! What is kept of an answer is a slow hash (Argon2id) of a keyed digest. Nobody reads it, and nobody but its owner sets it.

use ritorno_protocol::bytes::encode;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};
use ritorno_protocol::secret::Password;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::pepper::Pepper;

/// Fewest questions that are registered, and that are asked.
pub const LEAST: u8 = 3;
/// Most questions that are registered, and that are asked.
pub const MOST: u8 = 5;
/// Most questions of a tenant's own.
pub const OWN_AT_MOST: usize = 20;
/// Characters of a question of a tenant's own.
pub const QUESTION_CHARACTERS: std::ops::RangeInclusive<usize> = 3..=200;
/// Characters of an answer, as it is compared.
pub const ANSWER_CHARACTERS: std::ops::RangeInclusive<usize> = 3..=40;
/// Most bytes that are looked at of what was typed.
const MOST_BYTES: usize = 1_024;
const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// The questions that every tenant has, by their keys. What they say is in the message catalogues. None is taken away or given
/// another meaning: people have answered them.
pub const PREDEFINED: [&str; 20] = [
    "first-school",
    "first-teacher",
    "first-pet",
    "first-job",
    "first-boss",
    "first-concert",
    "first-flight",
    "first-car",
    "first-film",
    "first-own-money",
    "childhood-friend",
    "childhood-street",
    "childhood-book",
    "childhood-toy",
    "childhood-dream",
    "childhood-nickname",
    "grandmother-village",
    "parents-met",
    "favourite-teacher-subject",
    "lost-thing",
];

/// What stands before a question of a tenant's own where it is stored.
const OWN: &str = "own:";

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// One of [`PREDEFINED`].
    Predefined(&'static str),
    /// One of the tenant's own, as it is asked, in one language.
    Own(String),
}

impl Question {
    /// The question as it is stored, and as forms send it.
    pub fn to_text(&self) -> String {
        match self {
            Self::Predefined(key) => (*key).to_owned(),
            Self::Own(question) => format!("{OWN}{question}"),
        }
    }

    /// Reads it. `None` if it is none.
    pub fn from_text(text: &str) -> Option<Self> {
        match text.strip_prefix(OWN) {
            Some(question) => Some(Self::Own(question.to_owned())),
            None => PREDEFINED.into_iter().find(|key| *key == text).map(Self::Predefined),
        }
    }
}

/// How many questions people answer, and which a tenant has beside the predefined ones. It exists only if somebody can fulfil it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct QuestionPolicy {
    to_register: u8,
    to_ask: u8,
    own: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    to_register: u8,
    to_ask: u8,
    own: Vec<String>,
}

/// Why a policy is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionFault {
    /// A number that is not from [`LEAST`] to [`MOST`], or fewer registered than asked.
    #[error("people register {LEAST} to {MOST} questions, and are asked {LEAST} to {MOST} of them")]
    Numbers,
    /// A question that is too short or too long, or has line breaks in it.
    #[error("a question has 3 to 200 characters, on one line")]
    Length,
    /// A question that is there already.
    #[error("no question is there twice")]
    Twice,
    /// More than [`OWN_AT_MOST`].
    #[error("at most {OWN_AT_MOST} questions of your own")]
    TooMany,
}

impl QuestionPolicy {
    /// People register `to_register` questions and are asked `to_ask` of them; beside the predefined ones they may choose from `own`.
    ///
    /// # Errors
    /// [`QuestionFault`].
    pub fn new(to_register: u8, to_ask: u8, own: &[String]) -> Result<Self, QuestionFault> {
        let within = |number| (LEAST..=MOST).contains(&number);
        if !within(to_register) || !within(to_ask) || to_register < to_ask {
            return Err(QuestionFault::Numbers);
        }
        if own.len() > OWN_AT_MOST {
            return Err(QuestionFault::TooMany);
        }
        let own: Vec<String> = own.iter().map(|question| question.trim().to_owned()).collect();
        let one_line = |question: &String| !question.chars().any(char::is_control);
        if !own.iter().all(|one| QUESTION_CHARACTERS.contains(&one.chars().count()) && one_line(one)) {
            return Err(QuestionFault::Length);
        }
        let folded: Vec<String> = own.iter().map(|question| normalised(question)).collect();
        if folded.iter().enumerate().any(|(at, question)| folded[..at].contains(question)) {
            return Err(QuestionFault::Twice);
        }
        Ok(Self { to_register, to_ask, own })
    }

    /// How many people register.
    pub const fn to_register(&self) -> u8 {
        self.to_register
    }

    /// How many of them are asked at a gate.
    pub const fn to_ask(&self) -> u8 {
        self.to_ask
    }

    /// The tenant's own questions.
    pub fn own(&self) -> &[String] {
        &self.own
    }

    /// Every question that somebody can register.
    pub fn offered(&self) -> Vec<Question> {
        let own = self.own.iter().cloned().map(Question::Own);
        PREDEFINED.into_iter().map(Question::Predefined).chain(own).collect()
    }

    /// Which of those that somebody registered are asked in a way through the pages that began at that moment, after so many tries in it:
    /// others after each, and the same in each way that begins on the same day (UTC), so that nobody begins anew until those are asked
    /// that they know.
    pub fn draw(
        &self,
        pepper: &Pepper,
        (tenant, user): (TenantId, UserId),
        began: Timestamp,
        tries: u32,
        mut registered: Vec<Question>,
    ) -> Vec<Question> {
        let day = began.unix_ms().div_euclid(DAY_MS).to_be_bytes();
        let tries = tries.to_be_bytes();
        let rank = |question: &Question| {
            let text = question.to_text();
            pepper
                .digest("questions", &[tenant.0.as_bytes(), user.0.as_bytes(), &day, &tries, text.as_bytes()])
        };
        registered.sort_by_cached_key(rank);
        registered.truncate(usize::from(self.to_ask));
        registered
    }
}

impl Default for QuestionPolicy {
    /// Five to register, three of which are asked.
    fn default() -> Self {
        Self { to_register: MOST, to_ask: LEAST, own: Vec::new() }
    }
}

/// For operators: the audit, the command line.
impl std::fmt::Display for QuestionPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to register, {} asked, {} of your own", self.to_register, self.to_ask, self.own.len())
    }
}

impl TryFrom<Raw> for QuestionPolicy {
    type Error = QuestionFault;

    fn try_from(raw: Raw) -> Result<Self, QuestionFault> {
        Self::new(raw.to_register, raw.to_ask, &raw.own)
    }
}

impl From<QuestionPolicy> for Raw {
    fn from(policy: QuestionPolicy) -> Self {
        let QuestionPolicy { to_register, to_ask, own } = policy;
        Self { to_register, to_ask, own }
    }
}

/// How answers and questions are compared: compatibility forms composed (NFKC, Unicode Standard Annex 15), without case, and with one
/// space where there is any.
fn normalised(typed: &str) -> String {
    let composed: String = typed.nfkc().collect();
    let lower: String = composed.to_lowercase().nfkc().collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One answer in the clear: only on its way from the person.
#[derive(Clone)]
pub struct Answer(Zeroizing<String>);

impl Answer {
    /// Reads what was typed; `None` if it is too short or too long to be one.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > MOST_BYTES || typed.chars().any(char::is_control) {
            return None;
        }
        let answer = Zeroizing::new(normalised(typed));
        ANSWER_CHARACTERS.contains(&answer.chars().count()).then_some(Self(answer))
    }

    /// Whether both are the same.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// What is hashed of it ([`crate::password::PasswordHash`]): a keyed digest that is good for one person's one question.
    pub fn digest(&self, pepper: &Pepper, tenant: TenantId, user: UserId, question: &Question) -> Password {
        let text = question.to_text();
        let parts = [tenant.0.as_bytes(), user.0.as_bytes(), text.as_bytes(), self.0.as_bytes()];
        Password::new(encode(&pepper.digest("security-answer", &parts)))
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn policy(to_register: u8, to_ask: u8, own: &[&str]) -> Result<QuestionPolicy, QuestionFault> {
        let own: Vec<String> = own.iter().map(|one| (*one).to_owned()).collect();
        QuestionPolicy::new(to_register, to_ask, &own)
    }

    #[test]
    fn a_policy_that_nobody_could_fulfil_is_none() {
        for (to_register, to_ask) in [(2, 2), (3, 2), (6, 3), (6, 6), (3, 4), (0, 0)] {
            assert_eq!(policy(to_register, to_ask, &[]), Err(QuestionFault::Numbers));
        }
        for question in ["", " a ", "ab", "two\nlines", &"x".repeat(201)] {
            assert_eq!(policy(5, 3, &[question]), Err(QuestionFault::Length), "{question}");
        }
        assert_eq!(
            policy(5, 3, &["Which tree?", "Quale albero?", " which  TREE? "]),
            Err(QuestionFault::Twice)
        );
        let many: Vec<String> = (0..21).map(|number| format!("Question {number}?")).collect();
        assert_eq!(QuestionPolicy::new(5, 3, &many), Err(QuestionFault::TooMany));
        let most = QuestionPolicy::new(5, 5, &many[1..]).unwrap();
        assert_eq!(most.offered().len(), 40);
        let stored = serde_json::to_string(&most).unwrap();
        assert_eq!(serde_json::from_str::<QuestionPolicy>(&stored).unwrap(), most);
        let weak = "{\"to_register\":3,\"to_ask\":1,\"own\":[]}";
        assert!(serde_json::from_str::<QuestionPolicy>(weak).is_err(), "what is stored is judged too");
        assert_eq!(policy(5, 3, &[]), Ok(QuestionPolicy::default()));
        for question in most.offered() {
            assert_eq!(Question::from_text(&question.to_text()), Some(question));
        }
        assert_eq!(Question::from_text("no-such-key"), None);
    }

    #[test]
    fn predefined_questions_are_twenty_different_ones() {
        assert_eq!(PREDEFINED.into_iter().collect::<BTreeSet<_>>().len(), 20);
        assert!(PREDEFINED.iter().all(|key| !key.contains(':')));
    }

    #[test]
    fn others_are_drawn_after_a_try_and_on_another_day_and_never_by_beginning_anew() {
        let (pepper, id) = (Pepper::new([1; 32]), uuid::Uuid::from_u128);
        let questions = policy(5, 3, &["Which tree?"]).unwrap();
        let registered: Vec<Question> = questions.offered().into_iter().rev().take(5).collect();
        let began = |day: i64, hour: i64| Timestamp::from_unix_ms(day * DAY_MS + hour * 3_600_000);
        let draw = |user, began, tries| {
            questions.draw(&pepper, (TenantId(id(1)), UserId(id(user))), began, tries, registered.clone())
        };
        for hour in 0..24 {
            assert_eq!(draw(1, began(20_000, hour), 0), draw(1, began(20_000, 0), 0), "{hour}");
        }
        let days: BTreeSet<_> = (0..20).map(|day| draw(1, began(20_000 + day, 0), 0)).collect();
        let people: BTreeSet<_> = (0..20).map(|user| draw(user, began(20_000, 0), 0)).collect();
        let tries: BTreeSet<_> = (0..20).map(|tries| draw(1, began(20_000, 0), tries)).collect();
        let mut all = BTreeSet::new();
        for drawn in [days, people, tries] {
            assert!(drawn.len() > 10, "{drawn:?}");
            for one in drawn {
                assert_eq!(one.iter().collect::<BTreeSet<_>>().len(), 3);
                all.extend(one);
            }
        }
        assert_eq!(all, registered.iter().cloned().collect(), "each of them comes, and no other");
    }

    #[test]
    fn answers_are_compared_as_people_mean_them() {
        let answer = |typed| Answer::parse(typed).unwrap();
        for (one, other) in [
            ("Via Garibaldi", "  via   GARIBALDI "),
            ("Caffè Florian", "caffe\u{300} florian"),
            ("ﬁlm", "FILM"),
            ("Ｆｉｄｏ", "fido"),
            ("Straße", "STRAßE"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ] {
            assert!(answer(one).is_same_as(&answer(other)), "{one} and {other}");
        }
        assert!(!answer("caffè").is_same_as(&answer("caffe")));
        for none in ["", "ab", " a  ", &"x".repeat(41), "a\u{0}bc", "a\nbc", &" ".repeat(2_000)] {
            assert!(Answer::parse(none).is_none(), "{none:?}");
        }
        assert!(Answer::parse(&"è".repeat(40)).is_some());
        assert_eq!(format!("{:?}", answer("Via Garibaldi")), "Answer");
    }

    #[test]
    fn what_is_hashed_is_one_persons_for_one_question() {
        let (pepper, answer) = (Pepper::new([1; 32]), Answer::parse("Via Garibaldi").unwrap());
        let id = uuid::Uuid::from_u128;
        let digest = |pepper: &Pepper, user, question| {
            let digest = answer.digest(pepper, TenantId(id(1)), UserId(id(user)), question);
            digest.expose().to_owned()
        };
        let (pet, own) = (Question::Predefined("first-pet"), Question::Own("first-pet".into()));
        let all = [
            digest(&pepper, 1, &pet),
            digest(&pepper, 2, &pet),
            digest(&pepper, 1, &own),
            digest(&Pepper::new([2; 32]), 1, &pet),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4);
        assert_eq!(all[0], digest(&pepper, 1, &pet));
        assert!(!all[0].contains("garibaldi"));
    }
}
