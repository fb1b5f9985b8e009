//! What an agent reads: answers of the cloud side, or of whoever plays it, and what the running agent says over its socket.

use ritorno_protocol::certificate::check_agent_identity;
use ritorno_protocol::enrolment::{
    AccessToken, EnrolmentResponse, OnboardingCode, OnboardingState, PersonStanding, Standing,
};
use ritorno_protocol::problem::Problem;
use ritorno_protocol::status::Status;

use crate::seed::{LATEST, NOW, lasts, recorded, recorded_key};

/// What the token pins is believed, and only that.
#[test]
fn enrolment_response() {
    let root = recorded_key(LATEST, "root");
    let seeds: Vec<_> = recorded(LATEST, "enrolment-response").collect();
    let meant: EnrolmentResponse = serde_json::from_slice(&seeds[0]).unwrap();
    let (agent, certified) = check_agent_identity(&meant.identity, &root, meant.tenant, NOW).unwrap();
    fuzz!(seeds, |bytes| {
        let Some(read) = lasts::<EnrolmentResponse>(bytes) else { return };
        if let Ok((read, certificate)) = check_agent_identity(&read.identity, &root, read.tenant, NOW) {
            assert_eq!((read, &certificate), (agent, &certified));
        }
    });
}

/// Every other answer over HTTPS. None of them is signed: they come from the server that TLS proved.
#[test]
fn answer_over_https() {
    let kinds = ["access-token", "onboarding-code", "onboarding-state", "standing", "person-standing"];
    let mut seeds: Vec<_> = kinds.into_iter().flat_map(|kind| recorded(LATEST, kind)).collect();
    assert_eq!(seeds.len(), 7);
    seeds.push(
        br#"{"type":"urn:ritorno:problem:token-refused","title":"Refused","status":401,"detail":"Ask for another one."}"#
            .to_vec(),
    );
    fuzz!(seeds, |bytes| {
        lasts::<AccessToken>(bytes);
        lasts::<OnboardingCode>(bytes);
        lasts::<OnboardingState>(bytes);
        lasts::<Standing>(bytes);
        lasts::<PersonStanding>(bytes);
        if let Ok(problem) = serde_json::from_slice::<Problem>(bytes) {
            assert!(problem.title.len() + problem.detail.map_or(0, |detail| detail.len()) <= bytes.len());
        }
    });
}

/// The local socket's one answer.
#[test]
fn status() {
    let up = br#"{"version":"0.1.0","epoch":"5d5e5f60-6162-4364-a566-6768696a6b6c","link":{"up":true,"since":1800000000000,"reason":null,"round_trip_ms":20},"writeback_on":true,"forests":[{"forest":"contoso.test","pdc":"dc1.contoso.test","reachable":true,"detail":null,"answered_in_ms":3}]}"#;
    let down = br#"{"version":"0.1.0","epoch":"","link":{"up":false,"since":0,"reason":"starting"},"writeback_on":false,"forests":[]}"#;
    fuzz!(vec![up.to_vec(), down.to_vec()], |bytes| {
        lasts::<Status>(bytes);
    });
}
