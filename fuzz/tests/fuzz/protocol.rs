//! What travels outside the link: envelopes from a browser, tokens, enrolment, signed values.

use ritorno_protocol::authorisation::Authorisation;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::enrolment::{EnrolmentProof, EnrolmentRequest, EnrolmentToken};
use ritorno_protocol::envelope::Envelope;
use ritorno_protocol::ids::Forest;
use ritorno_protocol::key::{OpeningKey, SigningKey};
use ritorno_protocol::signed::Signed;

use crate::seed::{self, Fixed};

/// An envelope from a browser: decode, digest, open. Only the untouched one opens.
#[test]
fn envelope() {
    let key = OpeningKey::generate(&Fixed(3));
    let good = seed::envelope();
    seed::run(vec![serde_json::to_vec(&good).unwrap()], |bytes| {
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
    seed::run(vec![token.into_bytes()], |bytes| {
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
    seed::run(vec![serde_json::to_vec(&good).unwrap()], |bytes| {
        if let Ok(request) = serde_json::from_slice::<EnrolmentRequest>(bytes)
            && let Ok(read) = request.proof.verify(&request.identity)
        {
            assert_eq!(read, proof);
        }
    });
}

/// A signed authorisation: whatever is altered, it says what was signed or nothing.
#[test]
fn signed_authorisation() {
    let key = SigningKey::generate(&Fixed(7)).public();
    let good = seed::authorisation();
    let meant = good.verify(&key).unwrap();
    seed::run(vec![serde_json::to_vec(&good).unwrap()], |bytes| {
        if let Ok(signed) = serde_json::from_slice::<Signed<Authorisation>>(bytes)
            && let Ok(read) = signed.verify(&key)
        {
            assert_eq!(read, meant);
        }
    });
}
