//! The frames of the link, both ways.

use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::KeyCertificate;
use ritorno_protocol::ids::{Forest, RequestId};
use ritorno_protocol::link::{ForestHealth, GoAhead, Health, Hello, ServerTime, ToAgent, ToRelay};
use ritorno_protocol::query::{Answer, Query};
use ritorno_protocol::statement::Statement;

use crate::seed::{self, FIRST, Fixed, LATEST, NOW, recorded, recorded_key};

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
    fuzz!(own.chain(recorded(FIRST, "to-agent").chain(recorded(LATEST, "to-agent"))).collect(), |bytes| {
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
    fuzz!(own.chain(recorded(FIRST, "to-relay")).chain(recorded(LATEST, "to-relay")).collect(), |bytes| {
        if let Ok(frame) = serde_json::from_slice::<ToRelay>(bytes) {
            let again: ToRelay = serde_json::from_slice(&serde_json::to_vec(&frame).unwrap()).unwrap();
            assert_eq!(again, frame);
        }
    });
}

/// The handshake: whatever is altered in a hello, it says what was signed or nothing; and its chain holds or does not.
#[test]
fn hello() {
    let key = recorded_key(FIRST, "identity");
    let root = recorded_key(FIRST, "root");
    let good = recorded(FIRST, "to-relay").next().unwrap();
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

/// What stands inside a signature. Only a holder of the key gets it read, and may sign whatever they like.
#[test]
fn signed_by_an_agent() {
    let frames = recorded(LATEST, "to-relay").map(|frame| serde_json::from_slice(&frame).unwrap());
    let key = recorded_key(LATEST, "identity");
    let signed = frames.filter_map(|frame| match frame {
        ToRelay::Statement { statement } => Some(seed::text(&statement.verify(&key).unwrap())),
        ToRelay::Answer { answer } => Some(seed::text(&answer.verify(&key).unwrap())),
        _ => None,
    });
    fuzz!(signed.collect(), |bytes| {
        seed::lasts::<Statement>(bytes);
        seed::lasts::<Answer>(bytes);
    });
}

/// The same of what the server signs: questions, go-aheads, its time, certificates.
#[test]
fn signed_by_the_server() {
    let (server, root) = (recorded_key(LATEST, "server"), recorded_key(LATEST, "root"));
    let mut signed = Vec::new();
    for frame in recorded(LATEST, "to-agent") {
        match serde_json::from_slice(&frame).unwrap() {
            ToAgent::Ask { query } => signed.push(seed::text(&query.verify(&server).unwrap())),
            ToAgent::Begin { go_ahead } => signed.push(seed::text(&go_ahead.verify(&server).unwrap())),
            ToAgent::Welcome { signing_keys, time, .. } => {
                signed.push(seed::text(&time.verify(&server).unwrap()));
                signed.extend(signing_keys.iter().map(|key| seed::text(&key.verify(&root).unwrap())));
            }
            _ => {}
        }
    }
    fuzz!(signed, |bytes| {
        seed::lasts::<Query>(bytes);
        seed::lasts::<GoAhead>(bytes);
        seed::lasts::<ServerTime>(bytes);
        seed::lasts::<KeyCertificate>(bytes);
    });
}
