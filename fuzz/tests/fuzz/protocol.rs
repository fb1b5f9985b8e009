//! What travels outside the link: envelopes from a browser, tokens, enrolment, signed values.

use ritorno_protocol::authorisation::Authorisation;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::enrolment::{
    AccessAssertion, EnrolmentProof, EnrolmentRequest, EnrolmentToken, IdentityOrder, IdentityProof,
    IdentityRoll,
};
use ritorno_protocol::envelope::Envelope;
use ritorno_protocol::ids::{AgentId, Forest, TenantId};
use ritorno_protocol::key::{OpeningKey, SigningKey};
use ritorno_protocol::release::Release;
use ritorno_protocol::signed::Signed;
use ritorno_protocol::sync_report::{MAXIMUM_BYTES, MAXIMUM_CONNECTORS, SyncReport, is_digest};

use crate::seed::{self, Fixed};

/// An envelope from a browser: decode, digest, open. Only the untouched one opens.
#[test]
fn envelope() {
    let key = OpeningKey::generate(&Fixed(3));
    let good = seed::envelope();
    fuzz!(vec![serde_json::to_vec(&good).unwrap()], |bytes| {
        if let Ok(envelope) = serde_json::from_slice::<Envelope>(bytes) {
            assert_eq!(envelope.recipient_keys().is_ok(), envelope.digest().is_ok());
            assert_eq!(envelope.open(&key).is_ok(), envelope == good);
        }
    });
}

/// The text that an administrator pastes.
#[test]
fn enrolment_token() {
    let root = SigningKey::generate(&Fixed(7)).public();
    let token = EnrolmentToken::new("https://ritorno.test".into(), [7; 32], &root).to_text();
    fuzz!(vec![token.into_bytes()], |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes)
            && let Ok(token) = EnrolmentToken::from_text(text)
        {
            assert_eq!(EnrolmentToken::from_text(&token.to_text()), Ok(token));
        }
    });
}

/// What an agent that nobody knows yet sends. Only the untouched proof holds.
#[test]
fn enrolment_request() {
    let identity = SigningKey::generate(&Fixed(8));
    let proof = EnrolmentProof {
        secret_digest: Bytes(vec![0; 32]),
        name: "agent-1".into(),
        version: "0.1.0".into(),
        forests: vec![Forest("contoso.test".into())],
    };
    let good = EnrolmentRequest {
        secret: Bytes(vec![7; 32]),
        proof: Signed::sign(&proof, &identity),
        identity: identity.public(),
    };
    fuzz!(vec![serde_json::to_vec(&good).unwrap()], |bytes| {
        if let Ok(request) = serde_json::from_slice::<EnrolmentRequest>(bytes)
            && let Ok(read) = request.proof.verify(&request.identity)
        {
            assert_eq!(read, proof);
        }
    });
}

/// What an agent signs to get an access token. Only the untouched one holds.
#[test]
fn access_assertion() {
    let key = SigningKey::generate(&Fixed(8));
    let meant = AccessAssertion {
        agent: AgentId::random(&Fixed(5)),
        audience: "https://ritorno.test".into(),
        nonce: Bytes(vec![1; 16]),
        issued_at: seed::NOW,
    };
    fuzz!(vec![serde_json::to_vec(&Signed::sign(&meant, &key)).unwrap()], |bytes| {
        if let Ok(signed) = serde_json::from_slice::<Signed<AccessAssertion>>(bytes)
            && let Ok(read) = signed.verify(&key.public())
        {
            assert_eq!(read, meant);
        }
    });
}

/// What an agent sends when it rolls its identity key: proof and order hold untouched, each by its own key.
#[test]
fn identity_roll() {
    let (in_use, next) = (SigningKey::generate(&Fixed(8)), SigningKey::generate(&Fixed(9)));
    let (tenant, agent) = (TenantId::random(&Fixed(1)), AgentId::random(&Fixed(5)));
    let proof = IdentityProof { tenant, agent };
    let order = IdentityOrder { tenant, agent, next: next.public().id() };
    let good = IdentityRoll {
        proof: Signed::sign(&proof, &next),
        order: Signed::sign(&order, &in_use),
        identity: next.public(),
    };
    fuzz!(vec![serde_json::to_vec(&good).unwrap()], |bytes| {
        let Ok(roll) = serde_json::from_slice::<IdentityRoll>(bytes) else { return };
        if let Ok(read) = roll.proof.verify(&roll.identity) {
            assert_eq!(read, proof);
        }
        if let Ok(read) = roll.order.verify(&in_use.public()) {
            assert_eq!(read, order);
        }
    });
}

/// What is offered as a release of the agent's package.
#[test]
fn release() {
    let key = SigningKey::generate(&Fixed(9));
    let meant = Release {
        package: "ritorno-agent".into(),
        version: "0.1.0".parse().unwrap(),
        architecture: "amd64".into(),
        size: 5_000_000,
        sha256: Bytes(vec![7; 32]),
    };
    let good = Signed::sign(&meant, &key);
    fuzz!(vec![serde_json::to_vec(&good).unwrap(), serde_json::to_vec(&meant).unwrap()], |bytes| {
        if let Ok(signed) = serde_json::from_slice::<Signed<Release>>(bytes)
            && let Ok(read) = signed.verify(&key.public())
        {
            assert_eq!(read, meant);
        }
        // And what a holder of the key might sign.
        if let Ok(read) = serde_json::from_slice::<Release>(bytes) {
            assert_eq!(read.version.to_string().parse(), Ok(read.version));
        }
    });
}

/// A signed authorisation: whatever is altered, it says what was signed or nothing.
#[test]
fn signed_authorisation() {
    let key = SigningKey::generate(&Fixed(7)).public();
    let good = seed::authorisation();
    let meant = good.verify(&key).unwrap();
    fuzz!(vec![serde_json::to_vec(&good).unwrap()], |bytes| {
        if let Ok(signed) = serde_json::from_slice::<Signed<Authorisation>>(bytes)
            && let Ok(read) = signed.verify(&key)
        {
            assert_eq!(read, meant);
        }
    });
}

/// Where an agent's synchronisation stands, as it tells: whatever it says, what is kept is bounded, and bounded once is bounded.
#[test]
fn sync_report() {
    let good = seed::sync_report();
    fuzz!(vec![serde_json::to_vec(&good).unwrap()], |bytes| {
        if let Ok(report) = serde_json::from_slice::<SyncReport>(bytes) {
            let kept = report.bounded();
            assert!(kept.connectors.len() <= MAXIMUM_CONNECTORS);
            for held in kept.connectors.iter().filter_map(|connector| connector.held.as_ref()) {
                assert!(is_digest(&held.digest) && kept.held(&held.digest).is_some());
            }
            assert_eq!(kept.clone().bounded(), kept);
            assert!(serde_json::to_vec(&kept.fitting()).unwrap().len() <= MAXIMUM_BYTES);
        }
    });
}
