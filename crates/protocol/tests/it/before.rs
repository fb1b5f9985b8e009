//! What earlier versions sent, as they sent it, is understood; and what they are sent holds nothing that they would have to know.
//! A version that changes what travels records the frames of the one before in `frames/`.

use ritorno_protocol::authorisation::Authorisation;
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::link::{ToAgent, ToRelay};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The first version, which knew no go-ahead.
const FIRST: &str = include_str!("frames/0.1-first.txt");

fn lines<T: DeserializeOwned + Serialize>(kind: &str) -> Vec<T> {
    let texts = FIRST.lines().filter_map(|line| line.split_once(' ').filter(|(found, _)| *found == kind));
    let read = |text: &str| {
        let value: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(serde_json::to_string(&value).unwrap(), text, "it is not sent on as it came");
        value
    };
    texts.map(|(_, text)| read(text)).collect()
}

fn key(name: &str) -> PublicKey {
    lines::<PublicKey>(name).pop().unwrap()
}

#[test]
fn frames_of_the_first_agents_are_understood() {
    let identity = key("identity");
    let frames: Vec<ToRelay> = lines("to-relay");
    assert_eq!(frames.len(), 11);
    let mut signed = 0;
    for frame in frames {
        match frame {
            ToRelay::Hello { hello } => {
                let hello = hello.verify(&identity).unwrap();
                assert!(!hello.go_ahead, "it does not wait for what it does not know");
                signed += 1;
            }
            ToRelay::Statement { statement } => {
                statement.verify(&identity).unwrap();
                signed += 1;
            }
            ToRelay::Answer { answer } => {
                answer.verify(&identity).unwrap();
                signed += 1;
            }
            ToRelay::Health { .. } | ToRelay::Chain { .. } => {}
        }
    }
    assert_eq!(signed, 9);
}

#[test]
fn frames_of_the_first_servers_are_understood() {
    let server = key("server");
    let frames: Vec<ToAgent> = lines("to-agent");
    assert_eq!(frames.len(), 7);
    let order = frames.iter().find_map(|frame| match frame {
        ToAgent::Work { authorisation, envelope } => Some((authorisation.verify(&server).unwrap(), envelope)),
        _ => None,
    });
    let (order, envelope) = order.unwrap();
    assert!(!order.go_ahead, "that server gives none");
    order.check(envelope, order.tenant, order.agent, order.epoch, order.issued_at).unwrap();
}

#[test]
fn an_order_for_a_first_agent_is_as_it_was() {
    let server = key("server");
    let recorded = lines::<ToAgent>("to-agent").into_iter().find_map(|frame| match frame {
        ToAgent::Work { authorisation, .. } => Some(authorisation.verify(&server).unwrap()),
        _ => None,
    });
    let text = serde_json::to_string(&recorded.unwrap()).unwrap();
    assert!(!text.contains("go_ahead"), "{text}");
    let read: Authorisation = serde_json::from_str(&text).unwrap();
    assert!(!read.go_ahead);
}
