//! What the unit tests share: keys that are the same in every run, a scratch folder, and a directory in memory that
//! records the order of the steps. What a real directory does is tested against a real one, in `ritorno-agent`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ritorno_protocol::authorisation::{Authorisation, Initiator};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole, RecipientChain};
use ritorno_protocol::clock::{ManualClock, Timestamp};
use ritorno_protocol::envelope::{Context, Envelope, Operation, Passwords, seal};
use ritorno_protocol::ids::{AgentId, EpochId, Forest, RequestId, SourceAnchor, TenantId};
use ritorno_protocol::key::{OpeningKey, PublicKey, SigningKey};
use ritorno_protocol::outcome::{Done, Operator};
use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Vendor};
use ritorno_protocol::random::Random;
use ritorno_protocol::secret::Password;
use ritorno_protocol::settle::{DatabaseId, SeenVersion};
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::{PasswordVersion, Says, Statement};

use crate::authorise::Trust;
use crate::directory::{AccountState, Directory, DirectoryError, Target};
use crate::event::Event;
use crate::handle::{Handler, Identity};
use crate::journal::Journal;
use crate::limits::{Limits, Switch};
use crate::report::{LinkDown, Reporter};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

/// Random bytes from a seed and a counter.
pub(crate) struct Fixed(pub(crate) u64);

impl Random for Fixed {
    fn fill(&self, out: &mut [u8]) {
        let mut state = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
        for byte in out {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 33) as u8;
        }
    }
}

/// A folder of its own, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let unique =
            format!("ritorno-{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A tenant with one agent.
pub(crate) struct Rig {
    pub(crate) tenant: TenantId,
    pub(crate) agent: AgentId,
    pub(crate) root: SigningKey,
    pub(crate) server: SigningKey,
    server_certificate: Signed<KeyCertificate>,
    pub(crate) identity: SigningKey,
    pub(crate) opening: OpeningKey,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let root = SigningKey::generate(&Fixed(1));
        let tenant = TenantId::random(&Fixed(2));
        let (server, server_certificate) = server_key(&root, tenant, 3, 1, NOW);
        Self {
            tenant,
            agent: AgentId::random(&Fixed(4)),
            root,
            server,
            server_certificate,
            identity: SigningKey::generate(&Fixed(5)),
            opening: OpeningKey::generate(&Fixed(6)),
        }
    }

    pub(crate) fn server_key(
        &self,
        seed: u64,
        sequence: u64,
        from: Timestamp,
    ) -> (SigningKey, Signed<KeyCertificate>) {
        server_key(&self.root, self.tenant, seed, sequence, from)
    }

    pub(crate) fn chain(&self) -> RecipientChain {
        let forests = vec![Forest("contoso.test".into())];
        RecipientChain {
            identity: certificate(
                self.tenant,
                KeyRole::AgentIdentity { agent: self.agent },
                self.identity.public(),
                1,
                NOW,
                &self.root,
            ),
            sealing: certificate(
                self.tenant,
                KeyRole::AgentSealing { agent: self.agent, forests },
                self.opening.public().clone(),
                1,
                NOW,
                &self.identity,
            ),
        }
    }

    pub(crate) fn trust(&self) -> Trust {
        let mut trust = Trust::new(self.tenant, self.root.public());
        trust.replace(std::slice::from_ref(&self.server_certificate), vec![self.chain()], 0, NOW).unwrap();
        trust
    }

    pub(crate) fn identity_key(&self) -> PublicKey {
        self.identity.public()
    }

    /// An order for a reset and its envelope; `alter` changes the order before it is used.
    pub(crate) fn order(&self, alter: impl FnOnce(&mut Authorisation)) -> (Authorisation, Envelope) {
        self.order_sealed(&[self.opening.public().clone()], "Nuova-Passw0rd", alter)
    }

    pub(crate) fn order_sealed(
        &self,
        recipients: &[PublicKey],
        password: &str,
        alter: impl FnOnce(&mut Authorisation),
    ) -> (Authorisation, Envelope) {
        let context = Context {
            tenant: self.tenant,
            operation: Operation::Reset,
            anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
            request: RequestId::random(&Fixed(7)),
            expires_at: NOW.plus(Duration::from_secs(600)),
        };
        let passwords = Passwords { new: Some(Password::new(password.into())), old: None };
        let envelope = seal(&context, &passwords, recipients, &Fixed(8)).unwrap();
        let mut order = Authorisation {
            tenant: self.tenant,
            request: context.request,
            attempt: 1,
            agent: self.agent,
            epoch: EpochId::random(&Fixed(9)),
            operation: Operation::Reset,
            initiator: Initiator::Person,
            anchor: context.anchor,
            forest: Forest("contoso.test".into()),
            object_guid: Bytes((0..16).collect()),
            object_sid: Bytes(vec![1, 5]),
            envelope: Bytes(envelope.digest().unwrap().to_vec()),
            must_change: false,
            forbid_names: false,
            banned_words: Vec::new(),
            known_browser: false,
            issued_at: NOW,
            start_by: NOW.plus(Duration::from_secs(5)),
            expires_at: NOW.plus(Duration::from_secs(60)),
            go_ahead: false,
            evidence: None,
        };
        alter(&mut order);
        (order, envelope)
    }

    /// A handler over a journal in `folder`, whose epoch is the one that [`Rig::order`] names.
    pub(crate) async fn handler(&self, folder: &Folder, steps: &Steps) -> Handler<FakeDirectory> {
        self.handler_in_epoch(folder, steps, 9).await
    }

    pub(crate) async fn handler_in_epoch(
        &self,
        folder: &Folder,
        steps: &Steps,
        epoch: u64,
    ) -> Handler<FakeDirectory> {
        let journal = Journal::open(&folder.path().join("journal.db"), &Fixed(epoch), NOW).await.unwrap();
        let identity = Identity {
            tenant: self.tenant,
            agent: self.agent,
            signing: self.identity.clone(),
            opening: vec![self.opening.clone()],
        };
        let directory = FakeDirectory(steps.clone());
        let switch = Arc::new(steps.clone());
        let clock = steps.0.clock.clone();
        Handler::new(directory, journal, identity, self.trust(), Limits::new(3), switch, clock)
    }
}

fn server_key(
    root: &SigningKey,
    tenant: TenantId,
    seed: u64,
    sequence: u64,
    from: Timestamp,
) -> (SigningKey, Signed<KeyCertificate>) {
    let key = SigningKey::generate(&Fixed(seed));
    let signed = certificate(tenant, KeyRole::ServerSigning, key.public(), sequence, from, root);
    (key, signed)
}

fn certificate(
    tenant: TenantId,
    role: KeyRole,
    key: PublicKey,
    sequence: u64,
    not_before: Timestamp,
    issuer: &SigningKey,
) -> Signed<KeyCertificate> {
    let not_after = not_before.plus(Duration::from_secs(90 * 86_400));
    Signed::sign(&KeyCertificate { tenant, role, key, not_before, not_after, sequence }, issuer)
}

/// What a test sees and sets: the steps in their order, the clock, and what goes wrong.
#[derive(Clone)]
pub(crate) struct Steps(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) log: Mutex<Vec<String>>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) writes: AtomicU64,
    pub(crate) off: AtomicBool,
    pub(crate) link_down: AtomicBool,
    pub(crate) answer_lost: AtomicBool,
    pub(crate) disabled: AtomicBool,
    /// By how much the recent policy's minimum length is above the one that holds now.
    pub(crate) longer_before: AtomicU64,
    /// How long reading the version takes, in milliseconds of the manual clock.
    pub(crate) reading_ms: AtomicU64,
    pub(crate) said: Mutex<Vec<Signed<Statement>>>,
    pub(crate) events: Mutex<Vec<Event>>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            log: Mutex::default(),
            clock: Arc::new(ManualClock::new(NOW)),
            writes: AtomicU64::new(0),
            off: AtomicBool::new(false),
            link_down: AtomicBool::new(false),
            answer_lost: AtomicBool::new(false),
            disabled: AtomicBool::new(false),
            longer_before: AtomicU64::new(0),
            reading_ms: AtomicU64::new(0),
            said: Mutex::default(),
            events: Mutex::default(),
        }))
    }

    pub(crate) fn log(&self, step: impl Into<String>) {
        self.0.log.lock().unwrap().push(step.into());
    }

    pub(crate) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.log.lock().unwrap())
    }

    pub(crate) fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::SeqCst)
    }

    pub(crate) fn event_numbers(&self) -> Vec<u16> {
        self.0.events.lock().unwrap().iter().map(|event| event.id.number()).collect()
    }
}

impl Switch for Steps {
    fn writeback_on(&self) -> bool {
        !self.0.off.load(Ordering::SeqCst)
    }
}

impl Reporter for Steps {
    fn say(&self, statement: Signed<Statement>) -> Result<(), LinkDown> {
        if self.0.link_down.load(Ordering::SeqCst) {
            return Err(LinkDown);
        }
        let content = statement.verify(&Rig::new().identity_key()).unwrap();
        self.log(match content.says {
            Says::Started { .. } => "say started",
            Says::NotStarted { .. } => "say not started",
            Says::Ended { .. } => "say ended",
            Says::Settled { .. } => "say settled",
        });
        self.0.said.lock().unwrap().push(statement);
        Ok(())
    }

    fn event(&self, event: Event) {
        self.0.events.lock().unwrap().push(event);
    }
}

/// The one database that there is.
pub(crate) fn database() -> DatabaseId {
    DatabaseId(Bytes(vec![1; 16]))
}

/// A directory that always does as it is told, and counts.
pub(crate) struct FakeDirectory(pub(crate) Steps);

impl FakeDirectory {
    fn write(&self, step: &str) -> Result<Done, DirectoryError> {
        self.0.log(step);
        self.0.0.writes.fetch_add(1, Ordering::SeqCst);
        let operator = Operator { dc: Some("dc1.contoso.test".into()), ..Operator::default() };
        if self.0.0.answer_lost.load(Ordering::SeqCst) {
            return Err(DirectoryError::Unknown { operator });
        }
        Ok(Done { unlocked: true, must_change: false, history_enforced: true, operator })
    }
}

#[async_trait]
impl Directory for FakeDirectory {
    type Person = ();

    async fn locate(&self, _target: &Target) -> Result<(), DirectoryError> {
        self.0.log("locate");
        Ok(())
    }

    async fn judge(&self, (): &()) -> Result<(), DirectoryError> {
        self.0.log("judge");
        Ok(())
    }

    async fn policy(&self, (): &()) -> Result<EffectivePolicy, DirectoryError> {
        self.0.log("policy");
        Ok(EffectivePolicy {
            source: PolicySource::Domain,
            vendor: Vendor::Windows,
            minimum_length: 8,
            complexity: true,
            history: 24,
            hints: true,
            not_before: None,
            forbid_names: false,
            banned_words: Vec::new(),
            breached: false,
            account_name: "anna.rossi".into(),
            display_name: "Anna Rossi".into(),
        })
    }

    async fn recent_policy(&self, (): &()) -> Result<EffectivePolicy, DirectoryError> {
        let policy = self.policy(&()).await?;
        let longer = u16::try_from(self.0.0.longer_before.load(Ordering::SeqCst)).unwrap();
        Ok(EffectivePolicy { minimum_length: policy.minimum_length + longer, ..policy })
    }

    async fn password_version(&self, (): &()) -> Result<SeenVersion, DirectoryError> {
        self.0.log("version");
        let reading = Duration::from_millis(self.0.0.reading_ms.load(Ordering::SeqCst));
        self.0.0.clock.advance(reading);
        let version = u32::try_from(self.0.writes()).unwrap();
        Ok(SeenVersion {
            version: PasswordVersion::Replicated { version },
            written_at: Some(NOW),
            written_by: Some(database()),
            read_from: Some(database()),
        })
    }

    async fn state(&self, (): &()) -> Result<AccountState, DirectoryError> {
        Ok(AccountState { locked: false, disabled: self.0.0.disabled.load(Ordering::SeqCst) })
    }

    async fn reset(&self, (): &(), _new: &Password, _must_change: bool) -> Result<Done, DirectoryError> {
        self.write("reset")
    }

    async fn change(&self, (): &(), _old: &Password, _new: &Password) -> Result<Done, DirectoryError> {
        self.write("change")
    }

    async fn unlock(&self, (): &()) -> Result<Done, DirectoryError> {
        self.write("unlock")
    }

    async fn verify(&self, (): &(), _typed: &Password, _known: bool) -> Result<Done, DirectoryError> {
        self.write("verify")
    }
}
