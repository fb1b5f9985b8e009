//! The frames of the link, both ways.

use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::ids::{Forest, RequestId};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::link::{ForestHealth, Health, Hello, ToAgent, ToRelay};

use crate::seed::{self, Fixed, NOW};

/// What a relay, or whoever plays one, sends to an agent.
#[test]
fn frame_to_agent() {
    let frames = [
        ToAgent::Challenge { nonce: Bytes(vec![1; 32]), server_time: NOW },
        ToAgent::Welcome { signing_keys: vec![], recipients: vec![], time: seed::server_time() },
        ToAgent::Work { authorisation: seed::authorisation(), envelope: Box::new(seed::envelope()) },
        ToAgent::Begin { go_ahead: seed::go_ahead() },
        ToAgent::Acknowledged { request: RequestId::random(&Fixed(2)), attempt: 1, at: NOW },
        ToAgent::Restarting { after_ms: 1_000 },
    ];
    let own = frames.iter().map(|frame| serde_json::to_vec(frame).unwrap());
    fuzz!(own.chain(recorded("to-agent")).collect(), |bytes| {
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
        answered_in_ms: Some(3),
    };
    let frame = ToRelay::Health {
        health: Health { at: NOW, writeback_on: true, forests: vec![forest], round_trip_ms: Some(20) },
    };
    let own = std::iter::once(serde_json::to_vec(&frame).unwrap());
    fuzz!(own.chain(recorded("to-relay")).collect(), |bytes| {
        if let Ok(frame) = serde_json::from_slice::<ToRelay>(bytes) {
            let again: ToRelay = serde_json::from_slice(&serde_json::to_vec(&frame).unwrap()).unwrap();
            assert_eq!(again, frame);
        }
    });
}

/// The handshake: whatever is altered in a hello, it says what was signed or nothing; and its chain holds or does not.
#[test]
fn hello() {
    let key = recorded_key("identity");
    let root = recorded_key("root");
    let good = recorded("to-relay").next().unwrap();
    let meant = match serde_json::from_slice(&good).unwrap() {
        ToRelay::Hello { hello } => hello.verify(&key).unwrap(),
        other => panic!("{other:?}"),
    };
    let tenant = meant.chain.identity.verify(&root).unwrap().tenant;
    let plain = serde_json::to_vec(&meant).unwrap();
    fuzz!(vec![good, plain], |bytes| {
        if let Ok(ToRelay::Hello { hello }) = serde_json::from_slice(bytes)
            && let Ok(read) = hello.verify(&key)
        {
            assert_eq!(read, meant);
        }
        // And what a holder of the key might sign.
        if let Ok(read) = serde_json::from_slice::<Hello>(bytes)
            && let Ok(recipient) = read.chain.check(&root, tenant, NOW)
        {
            assert_eq!(recipient.agent, meant.agent);
        }
    });
}

/// The frames that earlier versions sent.
fn recorded(kind: &'static str) -> impl Iterator<Item = Vec<u8>> {
    const FIRST: &str = include_str!("../../../crates/protocol/tests/it/frames/0.1-first.txt");
    let texts =
        FIRST.lines().filter_map(move |line| line.split_once(' ').filter(|(found, _)| *found == kind));
    texts.map(|(_, text)| text.as_bytes().to_vec())
}

fn recorded_key(name: &'static str) -> PublicKey {
    let text = recorded(name).next().expect("the key was recorded");
    serde_json::from_slice(&text).expect("a recorded key")
}
