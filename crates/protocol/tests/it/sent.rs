//! What this version sends, byte for byte: every frame of the link, everything that agents and the cloud side say over HTTPS, and every
//! kind of outcome in them. Whoever changes what travels breaks this test, keeps the record (what is sent now becomes the version before, which
//! `before.rs` reads), and records anew.

use std::time::Duration;

use ritorno_protocol::authorisation::{Authorisation, Initiator};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole, RecipientChain};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::enrolment::{
    AccessAssertion, AccessToken, EnrolmentProof, EnrolmentRequest, EnrolmentResponse, EnrolmentToken,
    IdentityOrder, IdentityProof, IdentityRoll, OnboardingCode, OnboardingState, PersonStanding, Standing,
};
use ritorno_protocol::envelope::{Context, Operation, Passwords, seal};
use ritorno_protocol::ids::{AgentId, EpochId, Forest, RequestId, SourceAnchor, TenantId};
use ritorno_protocol::key::{OpeningKey, SigningKey};
use ritorno_protocol::link::{ForestHealth, GoAhead, Health, Hello, ServerTime, ToAgent, ToRelay};
use ritorno_protocol::outcome::{Done, Fault, Operator, Outcome, SsprCode};
use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Rule, Vendor};
use ritorno_protocol::query::{Answer, Asks, Found, Query};
use ritorno_protocol::random::Random;
use ritorno_protocol::release::{Release, Version};
use ritorno_protocol::secret::Password;
use ritorno_protocol::settle::{DatabaseId, SeenVersion};
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::{PasswordVersion, Says, Statement};
use serde::Serialize;
use uuid::Uuid;

/// What this version sends: as the one before, and whether an agent has lists of breached passwords, with the rule that refuses by them.
pub(crate) const RECORDED: &str = include_str!("frames/0.1-breached.txt");

const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

struct Seeded(u8);
impl Random for Seeded {
    fn fill(&self, out: &mut [u8]) {
        for (byte, index) in out.iter_mut().zip(0_u8..=255) {
            *byte = self.0.wrapping_mul(31).wrapping_add(index);
        }
    }
}

struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, kind: &str, value: &impl Serialize) {
        self.0.push(format!("{kind} {}", serde_json::to_string(value).unwrap()));
    }
}

fn faults() -> Vec<Fault> {
    use Fault as F;
    let all = vec![
        F::AccountDisabled,
        F::AccountLocked,
        F::AuthorisationRefused,
        F::Expired,
        F::DirectoryUnavailable,
        F::EnvelopeUnreadable,
        F::IdentityMismatch,
        F::LimitReached,
        F::MultipleMatches,
        F::NoPermission,
        F::NotFound,
        F::OutOfScope,
        F::PdcUnreachable { name: "dc1.contoso.test".into() },
        F::Protected,
        F::Replayed,
        F::ClockSkew,
        F::SwitchedOff,
        F::Unrecognised,
        F::WrongOldPassword,
    ];
    for fault in &all {
        // A new kind belongs above.
        match fault {
            F::AccountDisabled
            | F::AccountLocked
            | F::AuthorisationRefused
            | F::Expired
            | F::DirectoryUnavailable
            | F::EnvelopeUnreadable
            | F::IdentityMismatch
            | F::LimitReached
            | F::MultipleMatches
            | F::NoPermission
            | F::NotFound
            | F::OutOfScope
            | F::PdcUnreachable { .. }
            | F::Protected
            | F::Replayed
            | F::ClockSkew
            | F::SwitchedOff
            | F::Unrecognised
            | F::WrongOldPassword => {}
        }
    }
    all
}

fn rules() -> Vec<Rule> {
    let all = vec![
        Rule::BannedWord,
        Rule::BreachedPassword,
        Rule::Complexity,
        Rule::ContainsName,
        Rule::History { remembered: Some(24) },
        Rule::History { remembered: None },
        Rule::MaximumLength { maximum: 256 },
        Rule::MinimumAge { not_before: Some(NOW) },
        Rule::MinimumAge { not_before: None },
        Rule::MinimumLength { minimum: 8 },
        Rule::Unnamed,
    ];
    for rule in &all {
        // A new kind belongs above.
        match rule {
            Rule::BannedWord
            | Rule::BreachedPassword
            | Rule::Complexity
            | Rule::ContainsName
            | Rule::History { .. }
            | Rule::MaximumLength { .. }
            | Rule::MinimumAge { .. }
            | Rule::MinimumLength { .. }
            | Rule::Unnamed => {}
        }
    }
    all
}

fn operator() -> Operator {
    Operator {
        dc: Some("dc1.contoso.test".into()),
        ldap_code: Some(53),
        detail: "0000052D".into(),
        directory_ms: 12,
        agent_ms: 15,
    }
}

fn database() -> DatabaseId {
    DatabaseId(Bytes(vec![1; 16]))
}

fn says() -> Vec<Says> {
    let done = Done { unlocked: true, must_change: false, history_enforced: true, operator: operator() };
    let refused = |rule| Outcome::Refused { rule, operator: operator() };
    let mut all = vec![
        Says::Started {
            version_before: Some(PasswordVersion::Replicated { version: 7 }),
            database: Some(database()),
        },
        Says::Started {
            version_before: Some(PasswordVersion::LastSet { filetime: 133_000_000_000_000_000 }),
            database: None,
        },
        Says::Started { version_before: None, database: None },
        Says::Ended { outcome: Outcome::Done(done.clone()) },
        Says::Ended { outcome: Outcome::NotApplied { fault: Fault::Expired, operator: operator() } },
        Says::Ended { outcome: Outcome::Unknown { operator: operator() } },
        Says::Settled { outcome: Outcome::Done(done) },
    ];
    all.extend(rules().into_iter().map(|rule| Says::Ended { outcome: refused(rule) }));
    all.extend(faults().into_iter().map(|fault| Says::NotStarted { fault, operator: operator() }));
    for says in &all {
        // A new kind belongs above.
        match says {
            Says::Started { .. } | Says::NotStarted { .. } => {}
            Says::Ended { outcome } | Says::Settled { outcome } => match outcome {
                Outcome::Done(_)
                | Outcome::Refused { .. }
                | Outcome::NotApplied { .. }
                | Outcome::Unknown { .. } => {}
            },
        }
    }
    all
}

struct Scene {
    tenant: TenantId,
    agent: AgentId,
    epoch: EpochId,
    request: RequestId,
    root: SigningKey,
    server: SigningKey,
    identity: SigningKey,
    sealing: OpeningKey,
    forest: Forest,
    anchor: SourceAnchor,
}

impl Scene {
    fn new() -> Self {
        Self {
            tenant: TenantId::random(&Seeded(1)),
            agent: AgentId::random(&Seeded(2)),
            epoch: EpochId::random(&Seeded(3)),
            request: RequestId::random(&Seeded(4)),
            root: SigningKey::generate(&Seeded(5)),
            server: SigningKey::generate(&Seeded(6)),
            identity: SigningKey::generate(&Seeded(7)),
            sealing: OpeningKey::generate(&Seeded(8)),
            forest: Forest("contoso.test".into()),
            anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
        }
    }

    fn certificate(&self, role: KeyRole, key: ritorno_protocol::key::PublicKey) -> KeyCertificate {
        let not_after = NOW.plus(Duration::from_secs(90 * 86_400));
        KeyCertificate { tenant: self.tenant, role, key, not_before: NOW, not_after, sequence: 3 }
    }

    fn chain(&self) -> RecipientChain {
        let agent = self.agent;
        let identity = self.certificate(KeyRole::AgentIdentity { agent }, self.identity.public());
        let forests = vec![self.forest.clone()];
        let sealing =
            self.certificate(KeyRole::AgentSealing { agent, forests }, self.sealing.public().clone());
        RecipientChain {
            identity: Signed::sign(&identity, &self.root),
            sealing: Signed::sign(&sealing, &self.identity),
        }
    }

    fn work(&self, operation: Operation, go_ahead: bool) -> ToAgent {
        let context = Context {
            tenant: self.tenant,
            operation,
            anchor: self.anchor.clone(),
            request: self.request,
            expires_at: NOW.plus(Duration::from_secs(600)),
        };
        let password = |text: &str| Some(Password::new(text.into()));
        let passwords = match operation {
            Operation::Reset => Passwords { new: password("Nuova-Passw0rd"), old: None },
            Operation::Change => {
                Passwords { new: password("Nuova-Passw0rd"), old: password("Vecchia-Passw0rd") }
            }
            Operation::Unlock => Passwords::default(),
            Operation::Verify => Passwords { new: None, old: password("Vecchia-Passw0rd") },
        };
        let envelope =
            seal(&context, &passwords, std::slice::from_ref(self.sealing.public()), &Seeded(9)).unwrap();
        let initiator =
            if operation == Operation::Unlock { Initiator::Administrator } else { Initiator::Person };
        let order = Authorisation {
            tenant: self.tenant,
            request: self.request,
            attempt: 1,
            agent: self.agent,
            epoch: self.epoch,
            operation,
            initiator,
            anchor: context.anchor,
            forest: self.forest.clone(),
            object_guid: Bytes((0..16).collect()),
            object_sid: Bytes(vec![1, 5, 0, 0]),
            envelope: Bytes(envelope.digest().unwrap().to_vec()),
            must_change: initiator == Initiator::Administrator,
            forbid_names: true,
            banned_words: if go_ahead { vec!["contoso".into()] } else { Vec::new() },
            known_browser: false,
            issued_at: NOW,
            start_by: NOW.plus(Duration::from_secs(5)),
            expires_at: NOW.plus(Duration::from_secs(60)),
            go_ahead,
            evidence: None,
        };
        ToAgent::Work { authorisation: Signed::sign(&order, &self.server), envelope: Box::new(envelope) }
    }

    fn to_agent(&self) -> Vec<ToAgent> {
        let (tenant, agent, epoch, request) = (self.tenant, self.agent, self.epoch, self.request);
        let signing = self.certificate(KeyRole::ServerSigning, self.server.public());
        let (signing_keys, recipients) = (vec![Signed::sign(&signing, &self.root)], vec![self.chain()]);
        let time = ServerTime { tenant, agent, agent_nonce: Bytes(vec![5; 32]), now: NOW };
        let query = |asks| Query {
            id: Uuid::from_u128(7),
            tenant,
            agent,
            anchor: self.anchor.clone(),
            forest: self.forest.clone(),
            object_guid: Bytes((0..16).collect()),
            object_sid: Bytes(vec![1, 5, 0, 0]),
            forbid_names: true,
            asks,
            expires_at: NOW,
        };
        let go_ahead = GoAhead { tenant, agent, epoch, request, attempt: 1 };
        let time = Signed::sign(&time, &self.server);
        let mut all = vec![
            ToAgent::Challenge { nonce: Bytes(vec![4; 32]), server_time: NOW },
            ToAgent::Welcome { signing_keys: signing_keys.clone(), recipients: recipients.clone(), time },
            ToAgent::Keys { signing_keys, recipients },
            ToAgent::Ask { query: Signed::sign(&query(Asks::Policy), &self.server) },
            ToAgent::Ask { query: Signed::sign(&query(Asks::PasswordVersion), &self.server) },
            ToAgent::Begin { go_ahead: Signed::sign(&go_ahead, &self.server) },
            ToAgent::Acknowledged { request, attempt: 1, at: NOW },
            ToAgent::Restarting { after_ms: 1_000 },
        ];
        for operation in [Operation::Reset, Operation::Change, Operation::Unlock, Operation::Verify] {
            all.push(self.work(operation, true));
        }
        all.push(self.work(Operation::Reset, false));
        for frame in &all {
            // A new kind belongs above.
            match frame {
                ToAgent::Challenge { .. }
                | ToAgent::Welcome { .. }
                | ToAgent::Keys { .. }
                | ToAgent::Work { .. }
                | ToAgent::Ask { .. }
                | ToAgent::Begin { .. }
                | ToAgent::Acknowledged { .. }
                | ToAgent::Restarting { .. } => {}
            }
        }
        all
    }

    fn to_relay(&self) -> Vec<ToRelay> {
        let (agent, epoch, request) = (self.agent, self.epoch, self.request);
        let hello = Hello {
            agent,
            nonce: Bytes(vec![4; 32]),
            agent_time: NOW,
            agent_nonce: Bytes(vec![5; 32]),
            version: "0.1.0".into(),
            epoch,
            chain: self.chain(),
            go_ahead: true,
        };
        let forest = |reachable| ForestHealth {
            forest: self.forest.clone(),
            pdc: Some("dc1.contoso.test".into()),
            reachable,
            detail: (!reachable).then(|| "no answer".into()),
            answered_in_ms: reachable.then_some(3),
        };
        let forests = vec![forest(true), forest(false)];
        let answer = |found| ToRelay::Answer {
            answer: Signed::sign(&Answer { id: Uuid::from_u128(7), agent, found }, &self.identity),
        };
        let policy = |source, vendor| EffectivePolicy {
            source,
            vendor,
            minimum_length: 8,
            complexity: true,
            history: 24,
            hints: true,
            not_before: Some(NOW),
            forbid_names: true,
            account_name: "anna.rossi".into(),
            display_name: "Anna Rossi".into(),
            banned_words: if vendor == Vendor::Samba { vec!["contoso".into()] } else { Vec::new() },
            breached: vendor == Vendor::Windows,
        };
        let person =
            |source, vendor| Found::Person { policy: policy(source, vendor), locked: true, disabled: false };
        let password = |version, from: Option<DatabaseId>| Found::Password {
            seen: SeenVersion {
                version,
                written_at: from.as_ref().map(|_| NOW),
                written_by: from.clone(),
                read_from: from,
            },
            locked: false,
        };
        let pso = || "Strict".to_owned();
        let mut all = vec![
            ToRelay::Hello { hello: Signed::sign(&hello, &self.identity) },
            ToRelay::Health {
                health: Health { at: NOW, writeback_on: true, forests, round_trip_ms: Some(20) },
            },
            ToRelay::Chain { chain: self.chain() },
            answer(person(PolicySource::Domain, Vendor::Windows)),
            answer(person(PolicySource::Pso { name: pso() }, Vendor::Samba)),
            answer(person(PolicySource::UnreadablePso { name: pso() }, Vendor::OpenLdap)),
            answer(password(PasswordVersion::Replicated { version: 8 }, Some(database()))),
            answer(password(PasswordVersion::LastSet { filetime: 0 }, None)),
            answer(Found::Nothing { fault: Fault::NotFound, operator: operator() }),
        ];
        all.extend(says().into_iter().map(|says| {
            let statement = Statement { agent, epoch, request, attempt: 1, at: NOW, says };
            ToRelay::Statement { statement: Signed::sign(&statement, &self.identity) }
        }));
        for frame in &all {
            // A new kind belongs above.
            match frame {
                ToRelay::Hello { .. }
                | ToRelay::Health { .. }
                | ToRelay::Chain { .. }
                | ToRelay::Statement { .. }
                | ToRelay::Answer { .. } => {}
            }
        }
        all
    }

    /// What is said over HTTPS.
    fn said(&self, lines: &mut Lines) {
        let (tenant, agent) = (self.tenant, self.agent);
        let token = EnrolmentToken::new("https://ritorno.test".into(), [7; 32], &self.root.public());
        let proof = EnrolmentProof {
            secret_digest: Bytes(token.secret_digest().to_vec()),
            name: "host".into(),
            version: "0.1.0".into(),
            forests: vec![self.forest.clone()],
        };
        lines.add("token", &token.to_text());
        let (proof, identity) = (Signed::sign(&proof, &self.identity), self.identity.public());
        lines.add("enrolment-request", &EnrolmentRequest { secret: token.secret.clone(), proof, identity });
        let (root, identity) = (self.root.public(), self.chain().identity);
        lines.add("enrolment-response", &EnrolmentResponse { tenant, agent, root, identity });
        let next = SigningKey::generate(&Seeded(10));
        let order = IdentityOrder { tenant, agent, next: next.public().id() };
        let roll = IdentityRoll {
            proof: Signed::sign(&IdentityProof { tenant, agent }, &next),
            order: Signed::sign(&order, &self.identity),
            identity: next.public(),
        };
        lines.add("identity-roll", &roll);
        let assertion = AccessAssertion {
            agent,
            audience: "https://ritorno.test".into(),
            nonce: Bytes(vec![6; 16]),
            issued_at: NOW,
        };
        lines.add("access-assertion", &Signed::sign(&assertion, &self.identity));
        lines.add("access-token", &AccessToken { token: "token".into(), expires_at: NOW });
        let (code, confirm_at) = ("BCDF-GHJK".into(), "https://ritorno.test/console".into());
        lines.add("onboarding-code", &OnboardingCode { code, confirm_at, expires_at: NOW });
        let administrator = "admin".to_owned();
        for state in
            [OnboardingState::Pending, OnboardingState::Confirmed { administrator }, OnboardingState::Expired]
        {
            lines.add("onboarding-state", &state);
        }
        let standing = Standing {
            sspr: true,
            writeback: true,
            agent_writeback: false,
            linked: true,
            server_time: NOW,
            licences: None,
            tenant: None,
        };
        lines.add("standing", &standing);
        let sspr = Some(SsprCode::OnPremisesConnectivity);
        lines.add("person-standing", &PersonStanding { known: true, sspr, stopped_until: None });
        let release = Release {
            package: "ritorno-agent".into(),
            version: Version([0, 1, 0]),
            architecture: "amd64".into(),
            size: 5,
            sha256: Bytes(vec![8; 32]),
        };
        lines.add("release", &Signed::sign(&release, &self.root));
    }
}

#[test]
fn what_is_sent_is_what_was_recorded() {
    let scene = Scene::new();
    let mut lines = Lines(Vec::new());
    lines.add("root", &scene.root.public());
    lines.add("server", &scene.server.public());
    lines.add("identity", &scene.identity.public());
    for frame in scene.to_agent() {
        lines.add("to-agent", &frame);
    }
    for frame in scene.to_relay() {
        lines.add("to-relay", &frame);
    }
    scene.said(&mut lines);
    let now = lines.0.join("\n") + "\n";
    if now != RECORDED {
        let kept = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("frames.txt");
        std::fs::write(&kept, &now).unwrap();
        let changed = now.lines().zip(RECORDED.lines()).find(|(now, before)| now != before);
        panic!(
            "another thing is sent than was recorded; all of it is in {}. The first: {changed:?}",
            kept.display()
        );
    }
}
