//! What earlier versions sent, as they sent it, is understood; and what they are sent holds everything that they look for, and nothing that
//! they would have to know. A version that changes what travels keeps the record of the one before in `frames/`, and reads it here.

use std::collections::BTreeSet;

use ritorno_protocol::authorisation::Authorisation;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::enrolment::{
    AccessAssertion, AccessToken, EnrolmentRequest, EnrolmentResponse, EnrolmentToken, IdentityRoll,
    OnboardingCode, OnboardingState, PersonStanding, Standing,
};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::link::{ToAgent, ToRelay};
use ritorno_protocol::policy::Rule;
use ritorno_protocol::query::{Asks, Found};
use ritorno_protocol::release::Release;
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::Says;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The first version, which knew no go-ahead.
const FIRST: &str = include_str!("frames/0.1-first.txt");
/// The one after it, which knew no banned words and did not yet say how far agents are.
const GO_AHEAD: &str = include_str!("frames/0.1-go-ahead.txt");
/// The one after that, which kept to itself which database it wrote to, and told nobody a password's version.
const WORDS: &str = include_str!("frames/0.1-words-and-distances.txt");
/// The one after that, whose agents had no lists of breached passwords.
const SETTLING: &str = include_str!("frames/0.1-settling.txt");

fn lines<T: DeserializeOwned + Serialize>(kind: &str) -> Vec<T> {
    lines_of(FIRST, kind)
}

fn lines_of<T: DeserializeOwned + Serialize>(record: &str, kind: &str) -> Vec<T> {
    let texts = record.lines().filter_map(|line| line.split_once(' ').filter(|(found, _)| *found == kind));
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

/// Every key below a value with the kind of what stands there, and what tells frames of one kind apart. What was signed is looked into.
fn shape(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let at = format!("{at}.{name}");
                if let Some(signed) = field.as_str().filter(|_| name == "payload") {
                    let bytes = serde_json::from_value::<Bytes>(Value::String(signed.to_owned())).unwrap();
                    shape(&serde_json::from_slice(&bytes.0).unwrap(), &at, into);
                } else if let Some(word) = field.as_str().filter(|_| TELL_APART.contains(&name.as_str())) {
                    into.insert(format!("{at}={word}"));
                } else {
                    shape(field, &at, into);
                }
            }
        }
        // Of a list, what its entries have.
        Value::Array(entries) => entries.iter().for_each(|entry| shape(entry, &format!("{at}[]"), into)),
        Value::Null => {}
        Value::Bool(_) => drop(into.insert(format!("{at}: a truth value"))),
        Value::Number(_) => drop(into.insert(format!("{at}: a number"))),
        Value::String(_) => drop(into.insert(format!("{at}: a text"))),
    }
}

const TELL_APART: &[&str] = &[
    "frame",
    "says",
    "result",
    "fault",
    "rule",
    "found",
    "kind",
    "role",
    "operation",
    "initiator",
    "state",
    "vendor",
];

fn shapes(record: &str) -> Vec<(String, BTreeSet<String>)> {
    let shape_of = |line: &str| {
        let (kind, text) = line.split_once(' ').unwrap();
        let mut found = BTreeSet::new();
        shape(&serde_json::from_str(text).unwrap(), kind, &mut found);
        (line.to_owned(), found)
    };
    record.lines().map(shape_of).collect()
}

/// Earlier versions ignore what they do not know, and need what they do.
#[test]
fn what_is_sent_now_holds_everything_that_earlier_versions_look_for() {
    let now = shapes(crate::sent::RECORDED);
    for (line, wanted) in
        shapes(FIRST).into_iter().chain(shapes(GO_AHEAD)).chain(shapes(WORDS)).chain(shapes(SETTLING))
    {
        let found = now.iter().any(|(_, has)| wanted.is_subset(has));
        assert!(found, "nothing that is sent now holds all of {wanted:?}, as it was sent: {line}");
    }
}

#[test]
fn what_the_version_with_the_go_ahead_sent_is_understood() {
    let record = GO_AHEAD;
    let key = |name| lines_of::<PublicKey>(record, name).pop().unwrap();
    let (root, server, identity) = (key("root"), key("server"), key("identity"));
    let frames: Vec<ToAgent> = lines_of(record, "to-agent");
    let mut begun = 0;
    for frame in &frames {
        match frame {
            ToAgent::Work { authorisation, envelope } => {
                let order = authorisation.verify(&server).unwrap();
                order.check(envelope, order.tenant, order.agent, order.epoch, order.issued_at).unwrap();
                begun += u32::from(order.go_ahead);
            }
            ToAgent::Begin { go_ahead } => drop(go_ahead.verify(&server).unwrap()),
            ToAgent::Ask { query } => drop(query.verify(&server).unwrap()),
            ToAgent::Welcome { signing_keys, recipients, time } => {
                signing_keys[0].verify(&root).unwrap();
                recipients[0].identity.verify(&root).unwrap();
                recipients[0].sealing.verify(&identity).unwrap();
                time.verify(&server).unwrap();
            }
            ToAgent::Challenge { .. }
            | ToAgent::Keys { .. }
            | ToAgent::Acknowledged { .. }
            | ToAgent::Restarting { .. } => {}
        }
    }
    assert_eq!((frames.len(), begun), (12, 4));
    let frames: Vec<ToRelay> = lines_of(record, "to-relay");
    for frame in &frames {
        match frame {
            ToRelay::Hello { hello } => assert!(hello.verify(&identity).unwrap().go_ahead),
            ToRelay::Statement { statement } => drop(statement.verify(&identity).unwrap()),
            ToRelay::Answer { answer } => drop(answer.verify(&identity).unwrap()),
            ToRelay::Health { .. } | ToRelay::Chain { .. } => {}
        }
    }
    assert_eq!(frames.len(), 42);
    assert_eq!(lines_of::<EnrolmentRequest>(record, "enrolment-request").len(), 1);
    assert_eq!(lines_of::<EnrolmentResponse>(record, "enrolment-response").len(), 1);
    assert_eq!(lines_of::<IdentityRoll>(record, "identity-roll").len(), 1);
    assert_eq!(lines_of::<Signed<AccessAssertion>>(record, "access-assertion").len(), 1);
    assert_eq!(lines_of::<AccessToken>(record, "access-token").len(), 1);
    assert_eq!(lines_of::<OnboardingCode>(record, "onboarding-code").len(), 1);
    assert_eq!(lines_of::<OnboardingState>(record, "onboarding-state").len(), 3);
    assert_eq!(lines_of::<Standing>(record, "standing").len(), 1);
    assert_eq!(lines_of::<PersonStanding>(record, "person-standing").len(), 1);
    let release: Signed<Release> = lines_of(record, "release").pop().unwrap();
    release.verify(&root).unwrap();
    let token: String = lines_of(record, "token").pop().unwrap();
    assert!(EnrolmentToken::from_text(&token).unwrap().pins(&root));
}

/// Its agents do not say which database they write to, so that nobody else can settle; its servers ask for nothing but policies.
#[test]
fn what_the_version_before_settling_sent_is_understood() {
    let key = |name| lines_of::<PublicKey>(WORDS, name).pop().unwrap();
    let (server, identity) = (key("server"), key("identity"));
    let mut read = 0;
    for frame in lines_of::<ToAgent>(WORDS, "to-agent") {
        if let ToAgent::Ask { query } = frame {
            assert_eq!(query.verify(&server).unwrap().asks, Asks::Policy);
            read += 1;
        }
    }
    for frame in lines_of::<ToRelay>(WORDS, "to-relay") {
        if let ToRelay::Statement { statement } = frame
            && let Says::Started { database, .. } = statement.verify(&identity).unwrap().says
        {
            assert_eq!(database, None);
            read += 1;
        }
    }
    assert_eq!(read, 4);
}

/// Its agents look nothing up, and nobody is shown a rule that is not looked after.
#[test]
fn what_the_version_before_breached_passwords_sent_is_understood() {
    let identity = lines_of::<PublicKey>(SETTLING, "identity").pop().unwrap();
    let mut read = 0;
    for frame in lines_of::<ToRelay>(SETTLING, "to-relay") {
        if let ToRelay::Answer { answer } = frame
            && let Found::Person { policy, .. } = answer.verify(&identity).unwrap().found
        {
            assert!(!policy.breached);
            read += 1;
        }
    }
    assert!(read > 0);
    // Its servers take the new rule for one that has no name.
    #[derive(Deserialize, PartialEq, Eq, Debug)]
    #[serde(tag = "rule", rename_all = "snake_case")]
    enum Before {
        BannedWord,
        #[serde(other)]
        Unnamed,
    }
    let rule = serde_json::to_string(&Rule::BreachedPassword).unwrap();
    assert_eq!(serde_json::from_str::<Before>(&rule).unwrap(), Before::Unnamed);
    let rule = serde_json::to_string(&Rule::BannedWord).unwrap();
    assert_eq!(serde_json::from_str::<Before>(&rule).unwrap(), Before::BannedWord);
}
