//! What people type at a gate: read whole or not at all, and written as it was read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_identity::authenticator::{AppCode, AppSecret};
use ritorno_identity::code::OneTimeCode;
use ritorno_identity::device_code::UserCode;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::logo::clean;
use ritorno_identity::pepper::Pepper;
use ritorno_identity::recovery_code::RecoveryCode;
use ritorno_identity::subject::Subject;
use ritorno_identity::work::{Answer, Challenge};
use ritorno_protocol::ids::TenantId;

use crate::seed::{Fixed, NOW};

#[test]
fn code_at_a_gate() {
    let seeds =
        ["12345678", "1234-5678", "287 082", "1A2B-3C4D-5E6F-7G8H", "oil0-0000-0000-0000", "BCDF-GHJK"];
    let secret = AppSecret::random(&Fixed(7));
    fuzz!(seeds.iter().map(|typed| typed.as_bytes().to_vec()).collect(), |bytes| {
        let Ok(typed) = std::str::from_utf8(bytes) else { return };
        if let Some(code) = OneTimeCode::parse(typed) {
            assert!(code.expose().len() == 8 && OneTimeCode::parse(code.expose()).is_some());
        }
        if let Some(code) = AppCode::parse(typed) {
            // Right or wrong, never a panic.
            let _ = secret.step_of(&code, NOW);
        }
        if let Some(code) = RecoveryCode::parse(typed) {
            let again = RecoveryCode::parse(&code.text()).unwrap();
            assert_eq!(again.text(), code.text());
        }
        if let Some(code) = UserCode::parse(typed) {
            assert_eq!(UserCode::parse(&code.to_string()), Some(code));
        }
    });
}

/// A policy as the database holds it: what is read can be fulfilled, and reads the same again.
#[test]
fn stored_gate_policy() {
    let stored = [GatePolicy::of_new_tenant(), GatePolicy::by_mail(), GatePolicy::of_administrators()];
    fuzz!(stored.iter().map(|policy| serde_json::to_vec(policy).unwrap()).collect(), |bytes| {
        if let Ok(policy) = serde_json::from_slice::<GatePolicy>(bytes) {
            assert!(policy.before(policy.methods()).is_some());
            let again: GatePolicy = serde_json::from_slice(&serde_json::to_vec(&policy).unwrap()).unwrap();
            assert_eq!(again, policy);
        }
    });
}

/// A picture that an administrator gives: what is kept of it is a picture, and nothing more goes.
#[test]
fn logo() {
    let pixel =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==";
    fuzz!(vec![STANDARD.decode(pixel).unwrap()], |bytes| {
        if let Ok((picture, logo)) = clean(bytes) {
            assert_eq!(clean(&picture), Ok((picture, logo)));
        }
    });
}

/// What a browser sends back of a proof of work, challenge and answer with a space in between: it is the one that was made, or none.
#[test]
fn proof_of_work() {
    let (pepper, tenant, whose) = (Pepper::new([1; 32]), TenantId::random(&Fixed(1)), Subject([2; 32]));
    let made = Challenge::new(1, NOW, &Fixed(3));
    let text = made.seal(&pepper, tenant, &whose);
    let seeds = [format!("{text} 0.1.22.333.4444.55555.666666.4294967295"), format!("{text} "), text.clone()];
    fuzz!(seeds.iter().map(|sent| sent.as_bytes().to_vec()).collect(), |bytes| {
        let Ok(sent) = std::str::from_utf8(bytes) else { return };
        let (challenge, answer) = sent.split_once(' ').unwrap_or((sent, ""));
        let opened = Challenge::open(&pepper, tenant, &whose, challenge, NOW);
        assert_eq!(opened.is_some(), challenge == text, "only what was made opens");
        assert!(opened.is_none_or(|opened| opened == made));
        if let Some(read) = Answer::parse(answer) {
            assert_eq!(read.to_string(), answer);
            let _ = made.is_answered_by(&text, &read);
        }
    });
}
