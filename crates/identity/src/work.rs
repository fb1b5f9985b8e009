//! Proof of work: what a browser computes before a costly step, where many tries were made for a name, from a network, or for the
//! whole tenant. It raises the cost, and stops nobody: whoever can't compute may wait instead.
//!
//! A challenge is a text that the server need not keep: it is bound by a keyed digest to the name that it was made for. It can be
//! answered once; that it was is what the server writes down.

use std::time::Duration;

use ritorno_protocol::bytes::{decode, encode};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::random::{Random, array};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::limit::{FREE_STARTS_FROM_NETWORK, FREE_STARTS_OF_NAME, FREE_STARTS_OF_TENANT};
use crate::pepper::Pepper;
use crate::subject::Subject;

/// Parts of one work, each solved by itself: the sum of several varies less than one of the same size, and shows how far it is.
pub const PIECES: usize = 8;
/// Zero bits of each piece at the first level: 4,096 digests on the average, which nobody feels.
const LEAST_BITS: u8 = 9;
/// Levels, each twice as much work as the one before. At the last one it is 65,536 digests on the average: some 4 s on a phone that
/// makes 16,000 a second, which is a slow one; a computer makes ten times as many.
pub const LEVELS: u8 = 5;
/// How long a browser without JavaScript waits instead, for each level: much longer than the work.
pub const WAIT: Duration = Duration::from_secs(30);
/// How long a challenge can be answered: time enough to wait, and to be called away.
pub const VALID: Duration = Duration::from_secs(10 * 60);

const NONCE_SIZE: usize = 16;
const DIGEST_SIZE: usize = 32;
const HEAD_SIZE: usize = NONCE_SIZE + 1 + 8 + 8;

/// How often a name was given lately, this time included: by itself, from this network, and any name in the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressure {
    /// This name, known or not.
    pub name: u32,
    /// Any name from this network.
    pub network: u32,
    /// Any name in the tenant.
    pub tenant: u32,
}

impl Pressure {
    /// How hard the work is that this asks for, from 1 to [`LEVELS`]; `None` if it asks for none. It is one level up whenever a
    /// count has doubled.
    pub fn level(&self) -> Option<u8> {
        let of = |count: u32, free: u32| {
            let over = count.saturating_sub(1) / free;
            u8::try_from(over.checked_ilog2().map_or(0, |log| log + 1)).unwrap_or(LEVELS)
        };
        let level = of(self.name, FREE_STARTS_OF_NAME)
            .max(of(self.network, FREE_STARTS_FROM_NETWORK))
            .max(of(self.tenant, FREE_STARTS_OF_TENANT));
        (level > 0).then_some(level.min(LEVELS))
    }
}

/// What a browser is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    nonce: [u8; NONCE_SIZE],
    /// Zero bits that each piece's digest begins with.
    pub bits: u8,
    /// From when on whoever waited may go on without the work.
    pub waited_at: Timestamp,
    /// When it can't be answered any more.
    pub expires_at: Timestamp,
}

/// A challenge that was answered, for the database: so that it is answered once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent(pub [u8; NONCE_SIZE]);

impl Challenge {
    /// A new challenge of that level.
    pub fn new(level: u8, now: Timestamp, random: &dyn Random) -> Self {
        let level = level.clamp(1, LEVELS);
        Self {
            nonce: array(random),
            bits: LEAST_BITS + level - 1,
            waited_at: now.plus(WAIT * u32::from(level)),
            expires_at: now.plus(VALID),
        }
    }

    /// Which level it is of.
    pub const fn level(&self) -> u8 {
        self.bits.saturating_sub(LEAST_BITS - 1)
    }

    /// The text for the page: `whose` name it is good for.
    pub fn seal(&self, pepper: &Pepper, tenant: TenantId, whose: &Subject) -> String {
        let head = self.head();
        encode(&[head.as_slice(), &digest(pepper, tenant, whose, &head)].concat())
    }

    /// Reads what a page sent back. `None` if it was not made for this name, was altered, or is too old.
    pub fn open(
        pepper: &Pepper,
        tenant: TenantId,
        whose: &Subject,
        text: &str,
        now: Timestamp,
    ) -> Option<Self> {
        // What is longer is not even decoded.
        let short = text.len() <= (HEAD_SIZE + DIGEST_SIZE) * 4 / 3 + 1;
        let bytes = if short { decode(text)? } else { return None };
        let (head, shown) = bytes.split_first_chunk::<HEAD_SIZE>()?;
        let genuine: bool = digest(pepper, tenant, whose, head).as_slice().ct_eq(shown).into();
        let moment = |at: usize| {
            let bytes = head[at..at + 8].try_into().ok()?;
            Some(Timestamp::from_unix_ms(i64::from_be_bytes(bytes)))
        };
        let read = Self {
            nonce: head[..NONCE_SIZE].try_into().ok()?,
            bits: head[NONCE_SIZE],
            waited_at: moment(NONCE_SIZE + 1)?,
            expires_at: moment(NONCE_SIZE + 9)?,
        };
        (genuine && now < read.expires_at).then_some(read)
    }

    /// What the database keeps when it was answered.
    pub const fn spent(&self) -> Spent {
        Spent(self.nonce)
    }

    /// Whether this is the work that it asks for; `text` is what it was sealed as.
    pub fn is_answered_by(&self, text: &str, answer: &Answer) -> bool {
        (0..).zip(answer.0).all(|(piece, number)| zero_bits(text, piece, number) >= u32::from(self.bits))
    }

    fn head(&self) -> [u8; HEAD_SIZE] {
        let mut head = [0; HEAD_SIZE];
        head[..NONCE_SIZE].copy_from_slice(&self.nonce);
        head[NONCE_SIZE] = self.bits;
        head[NONCE_SIZE + 1..NONCE_SIZE + 9].copy_from_slice(&self.waited_at.unix_ms().to_be_bytes());
        head[NONCE_SIZE + 9..].copy_from_slice(&self.expires_at.unix_ms().to_be_bytes());
        head
    }
}

/// What a browser found: a number for each piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer([u32; PIECES]);

impl Answer {
    /// Reads [`PIECES`] numbers with dots in between, each written in one way only. `None` if it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = [0; PIECES];
        let mut parts = text.split('.');
        for number in &mut numbers {
            let part = parts.next()?;
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            *number = part.parse().ok().filter(|_| digits && (part.len() == 1 || !part.starts_with('0')))?;
        }
        parts.next().is_none().then_some(Self(numbers))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers = self.0.map(|number| number.to_string());
        f.write_str(&numbers.join("."))
    }
}

/// How many zero bits the digest of a number begins with, for one piece of a challenge's text: SHA-256 (FIPS 180-4) of
/// `text.piece.number`, numbers in decimal.
pub fn zero_bits(text: &str, piece: u32, number: u32) -> u32 {
    let digest = Sha256::digest(format!("{text}.{piece}.{number}"));
    let first = digest.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    first.leading_zeros()
}

fn digest(pepper: &Pepper, tenant: TenantId, whose: &Subject, head: &[u8; HEAD_SIZE]) -> [u8; DIGEST_SIZE] {
    pepper.digest("work", &[tenant.0.as_bytes(), &whose.0, head])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    struct Sevens;
    impl Random for Sevens {
        fn fill(&self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    fn level(name: u32, network: u32, tenant: u32) -> Option<u8> {
        Pressure { name, network, tenant }.level()
    }

    #[test]
    fn pressure_asks_for_more_as_it_grows_and_never_for_more_than_the_most() {
        assert_eq!(level(1, 1, 1), None);
        let (name, network, tenant) = (FREE_STARTS_OF_NAME, FREE_STARTS_FROM_NETWORK, FREE_STARTS_OF_TENANT);
        assert_eq!(level(name, network, tenant), None);
        assert_eq!(level(name + 1, network, tenant), Some(1));
        assert_eq!(level(1, network + 1, tenant), Some(1));
        assert_eq!(level(1, 1, tenant + 1), Some(1));
        assert_eq!(level(2 * name, 1, 1), Some(1));
        assert_eq!(level(2 * name + 1, network + 1, 1), Some(2));
        assert_eq!(level(4 * name + 1, 1, 1), Some(3));
        assert_eq!(level(u32::MAX, u32::MAX, u32::MAX), Some(LEVELS));
        let mut before = 0;
        for count in 1..10_000 {
            let now = level(count, count, count).unwrap_or(0);
            assert!(now >= before && now <= before + 1 && now <= LEVELS, "{count}");
            before = now;
        }
    }

    #[test]
    fn the_most_is_what_a_slow_phone_computes_in_five_seconds() {
        let most = Challenge::new(u8::MAX, NOW, &Sevens);
        assert_eq!(most, Challenge::new(LEVELS, NOW, &Sevens));
        assert!((1..=LEVELS).all(|level| Challenge::new(level, NOW, &Sevens).level() == level));
        let digests = (PIECES as u64) << most.bits;
        assert!(digests <= 16_000 * 5, "{digests} digests, and a slow phone makes 16,000 a second");
        assert!(most.waited_at < most.expires_at, "whoever waits has time to go on");
    }

    #[test]
    fn holds_for_one_name_in_one_tenant_for_its_time() {
        let pepper = Pepper::new([1; 32]);
        let tenant = |number| TenantId(uuid::Uuid::from_u128(number));
        let (anna, bruno) = (Subject([1; 32]), Subject([2; 32]));
        let challenge = Challenge::new(2, NOW, &Sevens);
        let text = challenge.seal(&pepper, tenant(1), &anna);
        let open = |whose, text: &str, now| Challenge::open(&pepper, tenant(1), whose, text, now);
        assert_eq!(open(&anna, &text, NOW), Some(challenge.clone()));
        let last = NOW.plus(VALID).minus(Duration::from_millis(1));
        assert_eq!(open(&anna, &text, last), Some(challenge));
        assert_eq!(open(&anna, &text, NOW.plus(VALID)), None);
        assert_eq!(open(&bruno, &text, NOW), None);
        assert_eq!(Challenge::open(&pepper, tenant(2), &anna, &text, NOW), None);
        assert_eq!(Challenge::open(&Pepper::new([2; 32]), tenant(1), &anna, &text, NOW), None);
        let bytes = decode(&text).unwrap();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert_eq!(open(&anna, &encode(&altered), NOW), None, "byte {at}");
        }
        for other in ["", "AAAA", &text[..text.len() - 4], &format!("{text}AAAA"), &"A".repeat(9_999)] {
            assert_eq!(open(&anna, other, NOW), None, "{other}");
        }
    }

    #[test]
    fn only_work_answers_it() {
        let (pepper, tenant, anna) =
            (Pepper::new([1; 32]), TenantId(uuid::Uuid::from_u128(1)), Subject([1; 32]));
        let challenge = Challenge::new(1, NOW, &Sevens);
        let text = challenge.seal(&pepper, tenant, &anna);
        let found =
            |piece| (0..).find(|number| zero_bits(&text, piece, *number) >= u32::from(challenge.bits));
        let numbers: [u32; PIECES] =
            std::array::from_fn(|piece| found(u32::try_from(piece).unwrap()).unwrap());
        let answer = Answer(numbers);
        assert!(challenge.is_answered_by(&text, &answer));
        assert_eq!(Answer::parse(&answer.to_string()), Some(answer));
        for piece in 0..PIECES {
            let mut wrong = numbers;
            wrong[piece] = (0..).find(|number| zero_bits(&text, piece as u32, *number) < 9).unwrap();
            assert!(!challenge.is_answered_by(&text, &Answer(wrong)), "piece {piece}");
        }
        let mut turned = numbers;
        turned.rotate_left(1);
        assert!(!challenge.is_answered_by(&text, &Answer(turned)), "each piece has its own number");
        assert!(!challenge.is_answered_by("another text", &answer));
    }

    #[test]
    fn an_answer_is_read_whole_and_in_one_spelling() {
        assert_eq!(Answer::parse("0.1.2.3.4.5.6.4294967295").unwrap().0, [0, 1, 2, 3, 4, 5, 6, u32::MAX]);
        for text in [
            "",
            "0.1.2.3.4.5.6",
            "0.1.2.3.4.5.6.7.8",
            "0.1.2.3.4.5.6.4294967296",
            "0.1.2.3.4.5.6.07",
            "0.1.2.3.4.5.6.+7",
            "0.1.2.3.4.5.6.-7",
            "0.1.2.3.4.5.6. 7",
            "0.1.2.3.4.5.6.",
            ".1.2.3.4.5.6.7",
            "0,1,2,3,4,5,6,7",
            "0.1.2.3.4.5.6.٧",
        ] {
            assert_eq!(Answer::parse(text), None, "{text}");
        }
    }

    #[test]
    fn zero_bits_are_those_that_the_browser_counts() {
        // The same values are in web/test/work.test.ts.
        assert_eq!([zero_bits("abc", 0, 0), zero_bits("abc", 3, 408)], [0, 13]);
    }
}
