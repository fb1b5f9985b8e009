//! The evaluator against the real DCs: the same verdict, by the same rule, on every generated password.

use ritorno_directory::DirectoryError;
use ritorno_lab::Forest;
use ritorno_protocol::clock::{Clock as _, SystemClock};
use ritorno_protocol::policy::{PolicySource, Rule, Vendor, classes};

use crate::playground::{INITIAL, Playground, reset};

/// Characters of every kind that the classes tell apart: ASCII, separators, letters with and without case, title case, letters whose
/// other case is two characters or none, numerals and symbols in circles, signs, emoji.
const ALPHABETS: [&str; 12] = [
    "abcxyz",
    "ABCXYZ",
    "0189",
    "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/",
    " \t\n\u{1}\u{7f}",
    "éèçñäžжωßªº",
    "ÉÈÇÑÄŽЖΩ",
    "字漢かकאع",
    "ǅǈßŉΐıİſ",
    "ⅷⅧⓐⒶ①²",
    "€£©¿\u{a0}\u{301}—",
    "🦀🙂𐐀𐐨",
];

/// Deterministic, so that a disagreement can be seen again: xorshift64.
struct Generator(u64);

impl Generator {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn password(&mut self) -> String {
        let kinds: Vec<&str> =
            (0..1 + self.below(4)).map(|_| ALPHABETS[self.below(ALPHABETS.len())]).collect();
        let length = self.below(16);
        (0..length)
            .map(|_| {
                let alphabet: Vec<char> = kinds[self.below(kinds.len())].chars().collect();
                alphabet[self.below(alphabet.len())]
            })
            .collect()
    }
}

/// How many passwords to compare at each DC; `RITORNO_POLICY_CASES` asks for more.
fn cases() -> usize {
    std::env::var("RITORNO_POLICY_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(400)
}

#[tokio::test]
async fn evaluator_and_dc_agree_on_every_generated_password() {
    agree(Forest::Contoso, 0x2545_F491_4F6C_DD1D).await;
}

#[tokio::test]
async fn evaluator_and_the_older_dc_agree_on_every_generated_password() {
    agree(Forest::Fabrikam, 0x9E37_79B9_7F4A_7C15).await;
}

async fn agree(forest: Forest, seed: u64) {
    let play = Playground::new(forest, "evaluator");
    play.add("ada", &[]);
    let directory = play.directory();
    let person = play.locate(&directory, "ada").await;
    let policy = directory.effective_policy(&person).await.unwrap();
    assert_eq!((&policy.source, policy.vendor), (&PolicySource::Domain, Vendor::Samba));
    assert!(policy.complexity && policy.minimum_length > 0 && policy.history == 24);
    let mut generator = Generator(seed);
    let (mut taken, mut disagreements) = (0, Vec::new());
    for _ in 0..cases() {
        let password = generator.password();
        let ours = policy.first_broken(&password, SystemClock.now());
        let theirs = match reset(&directory, &person, &password).await {
            Ok(_) => {
                taken += 1;
                None
            }
            Err(DirectoryError::Refused { rule: Rule::History { .. }, .. }) => None,
            Err(DirectoryError::Refused { rule, .. }) => Some(rule),
            Err(error) => panic!("{password:?}: {error}"),
        };
        if ours != theirs {
            disagreements.push((password, ours, theirs));
        }
    }
    println!(
        "{}: {} compared, {taken} taken, {} disagreements",
        forest.dns_domain(),
        cases(),
        disagreements.len()
    );
    assert_eq!(disagreements, [], "{} of {}", disagreements.len(), cases());
    assert!(taken > cases() / 10, "hardly any was taken, so little was compared: {taken}");
}

/// Each character of interest alone: with two classes beside it, a DC takes the password only if the character is of a third.
#[tokio::test]
async fn evaluator_and_dc_agree_on_the_class_of_each_character() {
    let play = Playground::new(Forest::Contoso, "classes");
    play.add("ada", &[]);
    let directory = play.directory();
    let person = play.locate(&directory, "ada").await;
    let mut disagreements = Vec::new();
    for character in ALPHABETS[4..].concat().chars() {
        // With a small letter and a digit a capital, a symbol or another letter is the third class; with a capital and a digit a small
        // letter is.
        for rest in ["abcdefg1234", "ABCDEFG1234"] {
            let password = format!("{rest}{character}");
            let ours = classes(&password, Vendor::Samba) >= 3;
            let theirs = match reset(&directory, &person, &password).await {
                Ok(_) => true,
                Err(DirectoryError::Refused { rule: Rule::Complexity, .. }) => false,
                Err(error) => panic!("{password:?}: {error}"),
            };
            if ours != theirs {
                disagreements.push((password, ours, theirs));
            }
        }
    }
    assert_eq!(disagreements, []);
}

#[tokio::test]
async fn a_pso_holds_in_place_of_the_domain_and_one_that_cannot_be_read_refuses_nothing() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "pso");
        let directory = play.directory();
        let strict = play
            .forest
            .people
            .iter()
            .find(|person| person.traits.contains(&ritorno_lab::Trait::StrictPolicy));
        let strict = ritorno_directory::Identity::AccountName(strict.unwrap().sam.clone());
        let person = directory.locate(&strict).await.unwrap();
        let policy = directory.effective_policy(&person).await.unwrap();
        assert_eq!(policy.source, PolicySource::Pso { name: "Strict".into() });
        assert_eq!((policy.minimum_length, policy.complexity, policy.history), (14, true, 24));
        assert!(policy.not_before.is_some());

        // One that the service account may not read: its own DACL lets nobody in but the system and the administrators.
        play.add("ada", &[]);
        let ada = play.locate(&directory, "ada").await;
        let pso = format!(
            "CN=Hidden {0},CN=Password Settings Container,CN=System,{1}",
            forest.dns_domain(),
            play.forest.base_dn
        );
        play.pso(&pso, &ada.dn);
        let ada = play.locate(&directory, "ada").await;
        let policy = directory.effective_policy(&ada).await.unwrap();
        let name = format!("Hidden {}", forest.dns_domain());
        assert_eq!(policy.source, PolicySource::UnreadablePso { name });
        assert_eq!(policy.first_broken("x", SystemClock.now()), None);
        assert_eq!(
            directory.verify(&ada, &crate::playground::password(INITIAL)).await,
            Ok(ritorno_directory::SignIn::Accepted)
        );
    }
}
