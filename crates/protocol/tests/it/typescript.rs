//! An envelope that the page's TypeScript sealed opens here, with the digest that an authorisation would name.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole, RecipientChain};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::{Context, Envelope, Operation};
use ritorno_protocol::ids::{AgentId, Forest, RequestId, SourceAnchor, TenantId};
use ritorno_protocol::key::{OpeningKey, PublicKey, SigningKey};
use ritorno_protocol::random::Random;
use ritorno_protocol::signed::Signed;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

/// Every run makes the same keys from the same seed.
struct Seed(u8);

impl Random for Seed {
    fn fill(&self, out: &mut [u8]) {
        for (index, byte) in (1u8..).zip(out) {
            *byte = self.0.wrapping_mul(31).wrapping_add(index);
        }
    }
}

fn certificate(tenant: TenantId, role: KeyRole, key: PublicKey) -> KeyCertificate {
    let day = Duration::from_secs(86_400);
    KeyCertificate { tenant, role, key, not_before: NOW.minus(day), not_after: NOW.plus(day), sequence: 1 }
}

fn chain(tenant: TenantId, root: &SigningKey, seed: u8) -> (RecipientChain, OpeningKey) {
    let agent = AgentId::random(&Seed(seed));
    let identity = SigningKey::generate(&Seed(seed + 1));
    let sealing = OpeningKey::generate(&Seed(seed + 2));
    let forests = vec![Forest("contoso.test".into())];
    let chain = RecipientChain {
        identity: Signed::sign(
            &certificate(tenant, KeyRole::AgentIdentity { agent }, identity.public()),
            root,
        ),
        sealing: Signed::sign(
            &certificate(tenant, KeyRole::AgentSealing { agent, forests }, sealing.public().clone()),
            &identity,
        ),
    };
    (chain, sealing)
}

/// Hands `job` to the page's code; its answer, or what it complained about.
fn seal_in_typescript(job: &Value) -> Result<Value, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/test/seal-job.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs Node.js: install it, then run `npm ci` in web/");
    let mut input = node.stdin.take().expect("it was asked for");
    input.write_all(job.to_string().as_bytes()).expect("node reads its job");
    drop(input);
    let output = node.wait_with_output().expect("node ends");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!complaint.contains("Cannot find package"), "run `npm ci` in web/ first: {complaint}");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("the script prints JSON"))
    } else {
        Err(complaint)
    }
}

#[test]
fn what_the_page_seals_opens_here() {
    let tenant = TenantId::random(&Seed(1));
    let root = SigningKey::generate(&Seed(2));
    let agents = [chain(tenant, &root, 10), chain(tenant, &root, 20)];
    let context = Context {
        tenant,
        operation: Operation::Change,
        anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
        request: RequestId::random(&Seed(3)),
        expires_at: NOW.plus(Duration::from_secs(60)),
    };
    let recipients: Vec<&RecipientChain> = agents.iter().map(|(chain, _)| chain).collect();
    let job = json!({
        "root": root.public(),
        "server_time": NOW,
        "context": context,
        "recipients": recipients,
        "passwords": { "new": "Nuovà-Passw0rd €😀", "old": "Vecchia-Passw0rd" },
    });
    let answer = seal_in_typescript(&job).unwrap();
    let envelope: Envelope = serde_json::from_value(answer["envelope"].clone()).unwrap();
    assert_eq!(envelope.context, context);
    let digest: Bytes = serde_json::from_value(answer["digest"].clone()).unwrap();
    assert_eq!(envelope.digest().unwrap().to_vec(), digest.0);
    for (_, key) in &agents {
        let opened = envelope.open(key).unwrap();
        assert_eq!(opened.new.unwrap().expose(), "Nuovà-Passw0rd €😀");
        assert_eq!(opened.old.unwrap().expose(), "Vecchia-Passw0rd");
    }
}

#[test]
fn the_page_does_not_seal_for_an_agent_of_another_root() {
    let tenant = TenantId::random(&Seed(1));
    let root = SigningKey::generate(&Seed(2));
    let (stranger, _) = chain(tenant, &SigningKey::generate(&Seed(4)), 10);
    let job = json!({
        "root": root.public(),
        "server_time": NOW,
        "context": Context {
            tenant,
            operation: Operation::Reset,
            anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
            request: RequestId::random(&Seed(3)),
            expires_at: NOW,
        },
        "recipients": [stranger],
        "passwords": { "new": "Nuova-Passw0rd" },
    });
    let complaint = seal_in_typescript(&job).unwrap_err();
    assert!(complaint.contains("ChainError"), "{complaint}");
}
