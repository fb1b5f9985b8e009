//! The frames of the link, both ways.

use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::ids::{Forest, RequestId};
use ritorno_protocol::link::{ForestHealth, Health, ToAgent, ToRelay};

use crate::seed::{self, Fixed, NOW};

/// What a relay, or whoever plays one, sends to an agent.
#[test]
fn frame_to_agent() {
    let frames = [
        ToAgent::Challenge { nonce: Bytes(vec![1; 32]), server_time: NOW },
        ToAgent::Welcome { signing_keys: vec![], recipients: vec![], time: seed::server_time() },
        ToAgent::Work { authorisation: seed::authorisation(), envelope: Box::new(seed::envelope()) },
        ToAgent::Acknowledged { request: RequestId::random(&Fixed(2)), attempt: 1, at: NOW },
        ToAgent::Restarting { after_ms: 1_000 },
    ];
    seed::run(frames.iter().map(|frame| serde_json::to_vec(frame).unwrap()).collect(), |bytes| {
        if let Ok(frame) = serde_json::from_slice::<ToAgent>(bytes) {
            let again: ToAgent = serde_json::from_slice(&serde_json::to_vec(&frame).unwrap()).unwrap();
            assert_eq!(again, frame);
        }
    });
}

/// What an agent, or whoever plays one, sends to the relay.
#[test]
fn frame_to_relay() {
    let forest = ForestHealth {
        forest: Forest("contoso.test".into()),
        pdc: Some("dc1.contoso.test".into()),
        reachable: false,
        detail: Some("connection refused".into()),
    };
    let frame = ToRelay::Health { health: Health { at: NOW, writeback_on: true, forests: vec![forest] } };
    seed::run(vec![serde_json::to_vec(&frame).unwrap()], |bytes| {
        if let Ok(frame) = serde_json::from_slice::<ToRelay>(bytes) {
            let again: ToRelay = serde_json::from_slice(&serde_json::to_vec(&frame).unwrap()).unwrap();
            assert_eq!(again, frame);
        }
    });
}
