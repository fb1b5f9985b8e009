//! One request against a real domain controller, from the signed order to the outcome. That nothing was written is proved
//! by the password's version, which counts every write.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ritorno_directory::{Identity, Person};
use ritorno_lab::{Forest as LabForest, ForestHandle, Lab};
use ritorno_protocol::authorisation::{Authorisation, Initiator};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole, RecipientChain};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::{Context, Envelope, Operation, Passwords, seal};
use ritorno_protocol::ids::{AgentId, EpochId, RequestId, TenantId};
use ritorno_protocol::key::{OpeningKey, PublicKey, SigningKey};
use ritorno_protocol::outcome::Outcome;
use ritorno_protocol::policy::Rule;
use ritorno_protocol::query::{Asks, Found, Query};
use ritorno_protocol::random::Random;
use ritorno_protocol::settle::{Before, Proof, prove};
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::{Says, Statement};
use ritorno_writeback::authorise::Trust;
use ritorno_writeback::event::Event;
use ritorno_writeback::handle::{Handled, Handler, Identity as AgentIdentity};
use ritorno_writeback::journal::Journal;
use ritorno_writeback::limits::{Limits, Switch};
use ritorno_writeback::report::{LinkDown, Reporter};

use super::*;
use crate::config::{Access, Attributes};
use crate::system;

struct On;
impl Switch for On {
    fn writeback_on(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct Heard {
    said: Mutex<Vec<Signed<Statement>>>,
    events: Mutex<Vec<Event>>,
}

impl Reporter for Heard {
    fn say(&self, statement: Signed<Statement>) -> Result<(), LinkDown> {
        self.said.lock().unwrap().push(statement);
        Ok(())
    }

    fn event(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }
}

/// A tenant, its agent, and the shared forest.
struct Scene {
    forest: ForestHandle,
    tenant: TenantId,
    agent: AgentId,
    server: SigningKey,
    identity: PublicKey,
    sealing: OpeningKey,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    handler: Handler<Forests>,
    heard: Heard,
    folder: std::path::PathBuf,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Scene {
    async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let forest = Lab::open().unwrap().forest(LabForest::Contoso).unwrap();
        forest.up().unwrap();
        let folder = std::env::temp_dir().join(format!(
            "ritorno-agent-tests-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&folder).unwrap();
        let password_file = folder.join("password");
        std::fs::write(&password_file, &forest.service_account.password).unwrap();
        let (random, clock) = (system::random(), system::clock());
        let settings = ForestSettings {
            name: Forest(forest.dns_domain.clone()),
            netbios_name: forest.netbios.clone(),
            hosts: vec![forest.dc_host.clone()],
            preferred: Vec::new(),
            only_preferred: false,
            write_elsewhere: false,
            show_at: Vec::new(),
            dns_servers: vec![(forest.dc_ip, 53).into()],
            account: forest.service_account.upn.clone(),
            access: Access::by_password(password_file, forest.ca_pem.clone()),
            scope: vec![forest.people_ou.clone()],
            groups: Vec::new(),
            fill_consistency_guid: false,
            attributes: Attributes::default(),
            openldap: None,
        };
        let forests = Forests::open(&[settings], &clock).unwrap();
        let journal = Journal::open(&folder.join("journal.db"), &*random, clock.now()).await.unwrap();
        let (tenant, agent) = (TenantId::random(&*random), AgentId::random(&*random));
        let [root, server, identity] = [(); 3].map(|()| SigningKey::generate(&*random));
        let sealing = OpeningKey::generate(&*random);
        let now = clock.now();
        let certificate = |role, key, issuer: &SigningKey| {
            let (not_before, not_after) =
                (now.minus(Duration::from_secs(60)), now.plus(Duration::from_secs(3600)));
            Signed::sign(&KeyCertificate { tenant, role, key, not_before, not_after, sequence: 1 }, issuer)
        };
        let chain = RecipientChain {
            identity: certificate(KeyRole::AgentIdentity { agent }, identity.public(), &root),
            sealing: certificate(
                KeyRole::AgentSealing { agent, forests: vec![Forest(forest.dns_domain.clone())] },
                sealing.public().clone(),
                &identity,
            ),
        };
        let public = identity.public();
        let handler = Handler::new(
            forests,
            journal,
            AgentIdentity { tenant, agent, signing: identity, opening: vec![sealing.clone()] },
            Trust::new(tenant, root.public()),
            Limits::new(100),
            Arc::new(On),
            clock.clone(),
        );
        let signing = certificate(KeyRole::ServerSigning, server.public(), &root);
        handler.trust_keys(&[signing], vec![chain]).await.unwrap().unwrap();
        let heard = Heard::default();
        Self {
            forest,
            tenant,
            agent,
            server,
            identity: public,
            sealing,
            random,
            clock,
            handler,
            heard,
            folder,
        }
    }

    fn directory(&self) -> &Directory {
        self.handler.directory().get(&Forest(self.forest.dns_domain.clone())).unwrap()
    }

    async fn person(&self, sam: &str) -> Person {
        self.directory().locate(&Identity::AccountName(sam.to_owned())).await.unwrap()
    }

    async fn version(&self, person: &Person) -> Option<u32> {
        self.directory().password_version(person).await.unwrap().version
    }

    fn order(&self, person: &Person, password: &str) -> (Authorisation, Envelope) {
        let now = self.clock.now();
        let context = Context {
            tenant: self.tenant,
            operation: Operation::Reset,
            anchor: person.anchor.clone(),
            request: RequestId::random(&*self.random),
            expires_at: now.plus(Duration::from_secs(600)),
        };
        let passwords = Passwords { new: Some(Password::new(password.to_owned())), old: None };
        let envelope = seal(&context, &passwords, &[self.sealing.public().clone()], &*self.random).unwrap();
        let order = Authorisation {
            tenant: self.tenant,
            request: context.request,
            attempt: 1,
            agent: self.agent,
            epoch: self.handler.journal().epoch(),
            operation: Operation::Reset,
            initiator: Initiator::Person,
            anchor: context.anchor,
            forest: Forest(self.forest.dns_domain.clone()),
            object_guid: Bytes(person.object_guid.to_vec()),
            object_sid: Bytes(person.object_sid.as_bytes().to_vec()),
            envelope: Bytes(envelope.digest().unwrap().to_vec()),
            must_change: false,
            forbid_names: false,
            banned_words: Vec::new(),
            known_browser: false,
            issued_at: now,
            start_by: now.plus(Duration::from_secs(5)),
            expires_at: now.plus(Duration::from_secs(60)),
            go_ahead: false,
            evidence: None,
        };
        (order, envelope)
    }

    async fn handle(&self, order: &Authorisation, envelope: &Envelope) -> Handled {
        let signed = Signed::sign(order, &self.server);
        self.handler.handle(&signed, envelope, &self.heard).await.unwrap()
    }

    /// The fault of an order that came to nothing, proved by the version.
    async fn fault(&self, person: &Person, order: &Authorisation, envelope: &Envelope) -> Fault {
        let before = self.version(person).await;
        assert!(before.is_some(), "without a version this test proves nothing");
        let handled = self.handle(order, envelope).await;
        assert_eq!(self.version(person).await, before);
        match handled {
            Handled::Answered(Statement { says: Says::NotStarted { fault, .. }, .. }) => fault,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_reset_is_in_the_directory_once_even_if_the_order_comes_twice() {
    let scene = Scene::new().await;
    let person = scene.person("stefano.moretti").await;
    let before = scene.version(&person).await.unwrap();
    let password = format!("Una-Volta-Sola-{}", scene.clock.now().unix_ms());
    let (order, envelope) = scene.order(&person, &password);

    let first = scene.handle(&order, &envelope).await;
    let Says::Ended { outcome: Outcome::Done(done) } = &first.statement().says else { panic!("{first:?}") };
    assert_eq!(done.operator.dc.as_deref(), Some(scene.forest.dc_host.as_str()));
    assert!(done.history_enforced);
    assert_eq!(scene.version(&person).await, Some(before + 1));
    assert!(scene.forest.kinit("stefano.moretti", &password).unwrap());

    let second = scene.handle(&order, &envelope).await;
    assert_eq!(second, Handled::Repeated(first.statement().clone()));
    assert_eq!(scene.version(&person).await, Some(before + 1), "the directory was written to twice");

    let events = scene.heard.events.lock().unwrap();
    let numbers: Vec<u16> = events.iter().map(|event| event.id.number()).collect();
    assert_eq!(numbers, [31001, 31002, 31001]);
    assert!(events.iter().all(|event| event.tracking_id == Some(order.request)));
    assert!(!serde_json::to_string(&*events).unwrap().contains(&password));
}

#[tokio::test]
async fn an_order_that_does_not_hold_changes_nothing() {
    let scene = Scene::new().await;
    let person = scene.person("davide.colombo").await;

    let (order, mut tampered) = scene.order(&person, "Mai-Scritta-1!");
    tampered.ciphertext.0[7] ^= 1;
    assert_eq!(scene.fault(&person, &order, &tampered).await, Fault::EnvelopeUnreadable);

    let (mut order, _) = scene.order(&person, "Mai-Scritta-2!");
    let other = OpeningKey::generate(&*scene.random).public().clone();
    let context = Context { request: order.request, ..scene.order(&person, "x").1.context };
    let passwords = Passwords { new: Some(Password::new("Mai-Scritta-2!".into())), old: None };
    let for_another = seal(&context, &passwords, &[other], &*scene.random).unwrap();
    order.envelope = Bytes(for_another.digest().unwrap().to_vec());
    assert_eq!(scene.fault(&person, &order, &for_another).await, Fault::EnvelopeUnreadable);

    let past = scene.clock.now().minus(Duration::from_secs(1));
    type Alter = fn(&mut Authorisation, Timestamp, &dyn Random);
    let cases: [(Alter, Fault); 4] = [
        (|order, past, _| order.expires_at = past, Fault::Expired),
        (|order, past, _| order.start_by = past, Fault::Expired),
        (|order, _, random| order.epoch = EpochId::random(random), Fault::AuthorisationRefused),
        (|order, _, random| order.agent = AgentId::random(random), Fault::AuthorisationRefused),
    ];
    for (alter, expected) in cases {
        let (mut order, envelope) = scene.order(&person, "Mai-Scritta-3!");
        alter(&mut order, past, &*scene.random);
        assert_eq!(scene.fault(&person, &order, &envelope).await, expected);
    }
}

#[tokio::test]
async fn whom_it_may_not_touch_it_does_not_touch() {
    let scene = Scene::new().await;
    for (sam, expected) in [("elena.greco", Fault::Protected), ("bruno.gallo", Fault::AccountDisabled)] {
        let person = scene.person(sam).await;
        let (order, envelope) = scene.order(&person, "Mai-Scritta-4!");
        assert_eq!(scene.fault(&person, &order, &envelope).await, expected, "{sam}");
    }
    // The anchor of one and the SID of another.
    let (person, other) = (scene.person("davide.colombo").await, scene.person("chiara.ricci").await);
    let (mut order, envelope) = scene.order(&person, "Mai-Scritta-5!");
    order.object_sid = Bytes(other.object_sid.as_bytes().to_vec());
    assert_eq!(scene.fault(&person, &order, &envelope).await, Fault::IdentityMismatch);
}

#[tokio::test]
async fn the_rule_is_named_and_nothing_changes() {
    let scene = Scene::new().await;
    let person = scene.person("chiara.ricci").await;
    let before = scene.version(&person).await;
    assert!(before.is_some());
    for (password, forbid_names, expected) in [
        ("Ab1!", false, Rule::MinimumLength { minimum: 8 }),
        ("tuttominuscole", false, Rule::Complexity),
        ("Chiara.Ricci-2027", true, Rule::ContainsName),
    ] {
        let (mut order, envelope) = scene.order(&person, password);
        order.forbid_names = forbid_names;
        let handled = scene.handle(&order, &envelope).await;
        let Says::Ended { outcome: Outcome::Refused { rule, .. } } = &handled.statement().says else {
            panic!("{handled:?}");
        };
        assert_eq!(*rule, expected);
    }
    assert_eq!(scene.version(&person).await, before);
}

impl Scene {
    async fn ask(&self, person: &Person, asks: Asks) -> Found {
        let query = Query {
            id: RequestId::random(&*self.random).0,
            tenant: self.tenant,
            agent: self.agent,
            anchor: person.anchor.clone(),
            forest: Forest(self.forest.dns_domain.clone()),
            object_guid: Bytes(person.object_guid.to_vec()),
            object_sid: Bytes(person.object_sid.as_bytes().to_vec()),
            forbid_names: true,
            asks,
            expires_at: self.clock.now().plus(Duration::from_secs(10)),
        };
        let answer = self.handler.answer(&Signed::sign(&query, &self.server)).await.unwrap();
        let content = answer.verify(&self.identity).unwrap();
        assert_eq!(content.id, query.id);
        content.found
    }
}

#[tokio::test]
async fn a_question_is_answered_with_the_policy_that_holds() {
    let scene = Scene::new().await;
    let person = scene.person("paolo.bianchi").await;
    let found = scene.ask(&person, Asks::Policy).await;
    let Found::Person { policy, disabled: false, .. } = found else { panic!("{found:?}") };
    assert_eq!((policy.minimum_length, policy.forbid_names), (14, true));
}

/// What an agent that stays away said when it began, and what another one sees at the same controller, prove that it wrote.
#[tokio::test]
async fn a_write_is_proved_by_what_another_agent_sees() {
    let scene = Scene::new().await;
    let person = scene.person("sofia.romano").await;
    let before = scene.version(&person).await.unwrap();
    let (order, envelope) = scene.order(&person, &format!("Dopo-La-Pioggia-{before}"));
    let handled = scene.handle(&order, &envelope).await;
    let Says::Ended { outcome: Outcome::Done(_) } = &handled.statement().says else { panic!("{handled:?}") };
    let first = scene.heard.said.lock().unwrap()[0].verify(&scene.identity).unwrap();
    let Says::Started { version_before: Some(version), database } = first.says else { panic!("{first:?}") };
    assert_eq!(version, PasswordVersion::Replicated { version: before });
    let known = Before { version, database, begun_at: first.at };

    let found = scene.ask(&person, Asks::PasswordVersion).await;
    let Found::Password { seen, locked: false } = found else { panic!("{found:?}") };
    assert_eq!(seen.version, PasswordVersion::Replicated { version: before + 1 });
    assert_eq!(prove(&known, &seen, false), Proof::Applied);
    let unwritten = Before { version: seen.version.clone(), ..known.clone() };
    assert_eq!(prove(&unwritten, &seen, false), Proof::NotYet);
    assert_eq!(prove(&unwritten, &seen, true), Proof::NotApplied);
    // An hour later somebody else's write would look like this.
    let later = Before { begun_at: known.begun_at.minus(Duration::from_secs(3_600)), ..known };
    assert_eq!(prove(&later, &seen, true), Proof::Never);
    assert_eq!(scene.version(&person).await, Some(before + 1), "asking writes nothing");
}

#[tokio::test]
async fn nobody_is_told_the_version_of_a_protected_persons_password() {
    let scene = Scene::new().await;
    let person = scene.person("Administrator").await;
    let found = scene.ask(&person, Asks::PasswordVersion).await;
    let Found::Nothing { fault, .. } = &found else { panic!("{found:?}") };
    assert!(matches!(fault, Fault::OutOfScope | Fault::Protected), "{fault:?}");
}

#[test]
fn an_expired_password_that_is_right_is_right() {
    assert!(judge_sign_in(SignIn::PasswordExpired).is_ok_and(|done| done.must_change));
    let fault = |answer| match judge_sign_in(answer) {
        Err(DirectoryError::NotApplied { fault, .. }) => Some(fault),
        _ => None,
    };
    assert_eq!(fault(SignIn::WrongPassword), Some(Fault::WrongOldPassword));
    assert_eq!(fault(SignIn::ReplacedLately), Some(Fault::WrongOldPassword));
    assert_eq!(fault(SignIn::TooCloseToLockout), Some(Fault::AccountLocked));
    assert_eq!(fault(SignIn::Disabled), Some(Fault::AccountDisabled));
}
