//! Valid messages, and what an input makes of them: random bytes alone seldom get past a JSON parser's first token.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_protocol::authorisation::{Authorisation, Initiator};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::{Context, Envelope, Operation, Passwords, seal};
use ritorno_protocol::ids::{AgentId, EpochId, Forest, RequestId, SourceAnchor, TenantId};
use ritorno_protocol::key::{OpeningKey, PublicKey, SigningKey};
use ritorno_protocol::link::{GoAhead, ServerTime};
use ritorno_protocol::random::Random;
use ritorno_protocol::secret::Password;
use ritorno_protocol::signed::Signed;
use ritorno_protocol::sync_report::{
    ConnectorCounts, ConnectorReport, HeldExport, HeldKind, HeldRemoval, RunReport, SyncMode, SyncReport,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The same bytes in every run.
pub(crate) struct Fixed(pub(crate) u8);

impl Random for Fixed {
    fn fill(&self, out: &mut [u8]) {
        for (index, byte) in out.iter_mut().enumerate() {
            *byte = self.0.wrapping_add(u8::try_from(index % 251).unwrap_or(0));
        }
    }
}

/// The moment at which the seeds were valid.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

/// An envelope for one agent.
pub(crate) fn envelope() -> Envelope {
    let context = Context {
        tenant: TenantId::random(&Fixed(1)),
        operation: Operation::Change,
        anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
        request: RequestId::random(&Fixed(2)),
        expires_at: NOW.plus(Duration::from_secs(600)),
    };
    let passwords = Passwords {
        new: Some(Password::new("Nuova-1".into())),
        old: Some(Password::new("Vecchia-1".into())),
    };
    let key = OpeningKey::generate(&Fixed(3)).public().clone();
    seal(&context, &passwords, &[key], &Fixed(4)).expect("one recipient and short passwords")
}

/// What an agent tells of its synchronisation.
pub(crate) fn sync_report() -> SyncReport {
    let run = RunReport {
        id: 7,
        profile: "export".into(),
        started: NOW,
        ended: Some(NOW),
        outcome: "failed".into(),
        adds: 1,
        updates: 2,
        deletes: 3,
        errors: 4,
        anchors: 5,
        anchors_refused: 6,
        server: None,
        note: Some("the deletion guard stopped the export".into()),
    };
    let removal = HeldRemoval { kind: HeldKind::Leave, name: "anna@contoso.test: Staff".into() };
    let held = HeldExport {
        digest: "0a".repeat(32),
        since: NOW,
        number: 1,
        because: "the threshold is 0".into(),
        removals: vec![removal],
    };
    let connector = ConnectorReport {
        cycled_at: Some(NOW),
        name: "contoso.test".into(),
        scope: vec!["OU=People,DC=contoso,DC=test".into()],
        groups: Vec::new(),
        counts: ConnectorCounts::default(),
        runs: vec![run],
        held: Some(held),
    };
    SyncReport {
        at: NOW,
        mode: SyncMode::Active,
        suspended: false,
        every_seconds: Some(30),
        reconcile_at: "02:30".into(),
        rules: None,
        connectors: vec![connector],
    }
}

/// A signed authorisation for it.
pub(crate) fn authorisation() -> Signed<Authorisation> {
    let envelope = envelope();
    let authorisation = Authorisation {
        tenant: envelope.context.tenant,
        request: envelope.context.request,
        attempt: 1,
        agent: AgentId::random(&Fixed(5)),
        epoch: EpochId::random(&Fixed(6)),
        operation: envelope.context.operation,
        initiator: Initiator::Person,
        anchor: envelope.context.anchor.clone(),
        forest: Forest("contoso.test".into()),
        object_guid: Bytes(vec![0; 16]),
        object_sid: Bytes(vec![1; 28]),
        envelope: Bytes(envelope.digest().expect("it was just sealed").to_vec()),
        must_change: false,
        forbid_names: false,
        banned_words: Vec::new(),
        known_browser: false,
        issued_at: NOW,
        start_by: NOW.plus(Duration::from_secs(5)),
        expires_at: NOW.plus(Duration::from_secs(60)),
        go_ahead: true,
        evidence: None,
    };
    Signed::sign(&authorisation, &SigningKey::generate(&Fixed(7)))
}

pub(crate) fn go_ahead() -> Signed<GoAhead> {
    let go_ahead = GoAhead {
        tenant: TenantId::random(&Fixed(1)),
        agent: AgentId::random(&Fixed(5)),
        epoch: EpochId::random(&Fixed(6)),
        request: RequestId::random(&Fixed(2)),
        attempt: 1,
    };
    Signed::sign(&go_ahead, &SigningKey::generate(&Fixed(7)))
}

pub(crate) fn server_time() -> Signed<ServerTime> {
    let time = ServerTime {
        tenant: TenantId::random(&Fixed(3)),
        agent: AgentId::random(&Fixed(5)),
        agent_nonce: Bytes(vec![2; 32]),
        now: NOW,
    };
    Signed::sign(&time, &SigningKey::generate(&Fixed(7)))
}

/// What the first version sent, a line each.
pub(crate) const FIRST: &str = include_str!("../../../crates/protocol/tests/it/frames/0.1-first.txt");
/// What this version sends.
pub(crate) const LATEST: &str = include_str!("../../../crates/protocol/tests/it/frames/0.1-breached.txt");

/// What was recorded of that kind.
pub(crate) fn recorded(record: &'static str, kind: &'static str) -> impl Iterator<Item = Vec<u8>> {
    let texts =
        record.lines().filter_map(move |line| line.split_once(' ').filter(|(found, _)| *found == kind));
    texts.map(|(_, text)| text.as_bytes().to_vec())
}

pub(crate) fn recorded_key(record: &'static str, name: &'static str) -> PublicKey {
    let text = recorded(record, name).next().expect("the key was recorded");
    serde_json::from_slice(&text).expect("a recorded key")
}

/// A value's JSON.
pub(crate) fn text(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("protocol types always serialise")
}

/// The value, if it can be read. What is read, written and read again is the same.
pub(crate) fn lasts<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(bytes).ok()?;
    let written = text(&read);
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(text(&again), written);
    Some(read)
}

/// The closure as a target: says what it takes.
pub(crate) fn target<F: Fn(&[u8])>(target: F) -> F {
    target
}

/// Each seed as it is, and what long runs have found to reach everything that they reached.
pub(crate) fn plant(seeds: &[Vec<u8>], target: &impl Fn(&[u8])) {
    for seed in seeds {
        target(seed);
    }
    let thread = std::thread::current();
    let name = thread.name().unwrap_or_default().replace("::", "-");
    let found = format!("{}/corpus/long/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    for line in std::fs::read_to_string(found).unwrap_or_default().lines() {
        target(&STANDARD.decode(line).expect("each line is in base64"));
    }
}

/// The input as it is, and what it makes of one of the seeds.
pub(crate) fn meet(seeds: &[Vec<u8>], target: &impl Fn(&[u8]), input: &[u8]) {
    target(input);
    let Some((first, changes)) = input.split_first() else { return };
    let mut bytes = seeds[usize::from(*first) % seeds.len()].clone();
    for change in changes.chunks_exact(4).take(8) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % bytes.len().max(1);
        match change[2] % 6 {
            0 if at < bytes.len() => bytes[at] = change[3],
            1 if at < bytes.len() => bytes[at] ^= 1 << (change[3] % 8),
            2 => bytes.insert(at.min(bytes.len()), change[3]),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            _ => {
                let piece: Vec<u8> = bytes.iter().skip(at).take(usize::from(change[3])).copied().collect();
                bytes.extend_from_slice(&piece);
            }
        }
    }
    target(&bytes);
}
