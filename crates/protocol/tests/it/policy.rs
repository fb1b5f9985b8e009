//! The page's evaluator and this one: the same first rule for every generated password, under policies of every kind.

use std::io::Write as _;
use std::process::{Command, Stdio};

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Rule, Vendor};
use serde_json::json;

/// How many passwords are compared.
const CASES: usize = 12_000;
const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

/// Characters of every kind that the classes tell apart, and parts of the names below.
const PIECES: [&str; 14] =
    ["a", "Z", "7", "!", " ", "\t", "\u{1}", "é", "É", "ǅ", "字", "🦀", "anna", "Rossi"];

/// Deterministic, so that a disagreement can be seen again: xorshift64.
struct Generator(u64);

impl Generator {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn password(&mut self) -> String {
        let length = if self.below(50) == 0 { 250 + self.below(12) } else { self.below(14) };
        (0..length)
            .map(|_| match self.below(4) {
                // Any character of the planes in use; what is no character is left out.
                0 => char::from_u32(u32::try_from(self.below(0x1_f000)).unwrap_or(0))
                    .map(String::from)
                    .unwrap_or_default(),
                _ => self.one(&PIECES).to_owned(),
            })
            .collect()
    }

    fn words(&mut self) -> Vec<String> {
        let words = self.one(&[&[][..], &[], &["ssw"], &["éva", "contoso"]]);
        words.iter().map(|word: &&str| (*word).to_owned()).collect()
    }

    fn policy(&mut self) -> EffectivePolicy {
        let name = || "Strict".to_owned();
        let source = self.one(&[
            PolicySource::Domain,
            PolicySource::Pso { name: name() },
            PolicySource::UnreadablePso { name: name() },
        ]);
        EffectivePolicy {
            source,
            vendor: self.one(&[Vendor::Windows, Vendor::Samba, Vendor::OpenLdap]),
            minimum_length: self.one(&[0, 1, 7, 8, 14]),
            complexity: self.one(&[true, true, false]),
            history: 24,
            hints: self.one(&[true, false]),
            not_before: self.one(&[None, None, Some(NOW), Some(Timestamp::from_unix_ms(NOW.unix_ms() + 1))]),
            forbid_names: self.one(&[true, false]),
            account_name: self.one(&["anna.rossi", "al", "ÉVA", ""]).to_owned(),
            display_name: self.one(&["Anna Rossi", "De-Luca, Éva #2", "X Y", ""]).to_owned(),
            banned_words: self.words(),
            breached: false,
        }
    }
}

#[test]
fn the_page_and_the_agent_judge_alike() {
    let mut generator = Generator(0x2545_F491_4F6C_DD1D);
    let cases: Vec<(EffectivePolicy, String)> =
        (0..CASES).map(|_| (generator.policy(), generator.password())).collect();
    let job: Vec<_> = cases
        .iter()
        .map(|(policy, password)| json!({ "policy": policy, "now": NOW, "password": password }))
        .collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/test/policy-job.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs Node.js: install it, then run `npm ci` in web/");
    let mut input = node.stdin.take().unwrap();
    input.write_all(serde_json::to_string(&job).unwrap().as_bytes()).unwrap();
    drop(input);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "node failed: has `npm ci` been run in web/?");
    let theirs: Vec<Option<Rule>> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(theirs.len(), CASES);
    let (mut refused, mut disagreements) = (0, Vec::new());
    for ((policy, password), theirs) in cases.iter().zip(theirs) {
        let ours = policy.first_broken(password, NOW);
        refused += usize::from(ours.is_some());
        if ours != theirs {
            disagreements.push((policy.vendor, password, ours, theirs));
        }
    }
    println!("{CASES} compared, {refused} of them refused, {} disagreements", disagreements.len());
    assert!(
        disagreements.is_empty(),
        "{}: {:?}",
        disagreements.len(),
        &disagreements[..disagreements.len().min(10)]
    );
    assert!(refused > CASES / 4 && refused < CASES * 3 / 4, "{refused} of {CASES}");
}
