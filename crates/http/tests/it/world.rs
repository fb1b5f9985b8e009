//! One installation: a database with one tenant, its keys, its people, its administrators, and every route.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_http::AppState;
use ritorno_http::client::Proxies;
use ritorno_http::keys::{Keys, new_signing_key, wrap_root};
use ritorno_http::ledger::StoreLedger;
use ritorno_http::releases::Releases;
use ritorno_http::state::Settings;
use ritorno_identity::administrator::{Administrator, Role, Scope};
use ritorno_identity::agent::Agent;
use ritorno_identity::agent_forests::ForestClaim;
use ritorno_identity::audit::Fact;
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::licence::Grant;
use ritorno_identity::mail::{Channel, Letter, Template};
use ritorno_identity::password::PasswordHash;
use ritorno_identity::pepper::Pepper;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::{Mastered, OnPremises, Provisioned, User};
use ritorno_lab::PostgreSql;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole};
use ritorno_protocol::clock::{Clock, ManualClock, SystemClock, Timestamp};
use ritorno_protocol::ids::{AgentId, Forest, SourceAnchor, TenantId, UserId};
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::random::{Random, array};
use ritorno_protocol::secret::Password;
use ritorno_protocol::signed::Signed;
use ritorno_relay::relay::Relay;
use ritorno_relay::timer::SystemTimer;
use ritorno_storage::{AuditFilter, NodeKey, Store};

/// The administrators' password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Where the pages say they are.
pub(crate) const ORIGIN: &str = "https://reset.contoso.test";

/// A source of random bytes for tests: every number once.
pub(crate) struct Numbers(AtomicU64);

impl Random for Numbers {
    fn fill(&self, out: &mut [u8]) {
        use std::hash::{BuildHasher as _, RandomState};
        for chunk in out.chunks_mut(8) {
            let number = RandomState::new().hash_one(self.0.fetch_add(1, Ordering::SeqCst));
            chunk.copy_from_slice(&number.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// What a tenant is made in.
struct Made {
    store: Store,
    clock: Arc<ManualClock>,
    random: Arc<dyn Random>,
    folder: PathBuf,
    database: Option<(PostgreSql, String)>,
}

/// The installation. Its folder goes with it.
pub(crate) struct World {
    pub(crate) state: AppState,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) app: Router,
    pub(crate) root: SigningKey,
    pub(crate) tenant: Tenant,
    folder: PathBuf,
    database: Option<(PostgreSql, String)>,
}

impl Drop for World {
    fn drop(&mut self) {
        // What can't be removed is left in the temporary folder or in the lab, where the next run does not mind it.
        let _ = std::fs::remove_dir_all(&self.folder);
        if let Some((server, name)) = &self.database {
            drop(server.sql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        }
    }
}

impl World {
    /// SSPR and writeback on, Anna and others in it, no agent.
    pub(crate) async fn new() -> Self {
        Self::on(None).await
    }

    /// The same on the lab's PostgreSQL.
    pub(crate) async fn postgres() -> Self {
        let database = tokio::task::spawn_blocking(|| {
            let name =
                format!("h{}_{}", std::process::id(), u64::from_be_bytes(array(&Numbers(AtomicU64::new(7)))));
            let server = ritorno_lab::Lab::open().unwrap().postgresql();
            server.start().expect("these tests need the lab's PostgreSQL");
            let address = server.fresh_database(&name).unwrap();
            (server, name, address)
        });
        Self::on(Some(database.await.unwrap())).await
    }

    async fn on(database: Option<(PostgreSql, String, String)>) -> Self {
        let random: Arc<dyn Random> = Arc::new(Numbers(AtomicU64::new(0)));
        let name = format!("ritorno-http-{}-{}", std::process::id(), u64::from_be_bytes(array(&*random)));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let sqlite = || format!("sqlite:{}", folder.join("ritorno.db").display());
        let address = database.as_ref().map_or_else(sqlite, |(_, _, address)| address.clone());
        let database = database.map(|(server, name, _)| (server, name));
        let store = Store::connect(&address).await.unwrap();
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let made = Made { store, clock, random, folder, database };
        let world = Self::made(made, "Contoso", ORIGIN, None).await;
        world.person("anna.rossi", Some("anna.rossi@mail.test")).await;
        world.person("paolo.bianchi", Some("paolo@mail.test")).await;
        world.person("senza.posta", None).await;
        world
    }

    /// Another tenant on the same server and database, with a host and people of its own; Anna's namesake is among them.
    pub(crate) async fn beside(&self, name: &str, origin: &str) -> Self {
        let made = Made {
            store: self.state.store.clone(),
            clock: self.clock.clone(),
            random: self.state.random.clone(),
            folder: self.folder.join(name),
            database: None,
        };
        std::fs::create_dir_all(&made.folder).unwrap();
        let world = Self::made(made, name, origin, Some(origin.to_owned())).await;
        world.person("anna.rossi", Some("anna.rossi@mail.test")).await;
        world
    }

    /// A tenant without people.
    async fn made(made: Made, name: &str, origin: &str, public_url: Option<String>) -> Self {
        let Made { store, clock, random, folder, database } = made;
        let now = clock.now();
        let root = SigningKey::generate(&*random);
        let tenant = Tenant {
            writeback_enabled: true,
            second_factor: false,
            decoy_domains: vec!["mail.test".into()],
            public_url,
            ..Tenant::new(TenantId::random(&*random), name.into(), root.public(), now)
        };
        store.tenants().insert(&tenant).await.unwrap();
        let (node_key, pepper) = (NodeKey::new([3; 32]), Pepper::new([4; 32]));
        std::fs::write(folder.join("root.key"), wrap_root(tenant.id, &root, &node_key, &*random)).unwrap();
        let (signing, content, certificate) = new_signing_key(tenant.id, &root, 1, now, &*random);
        let keys = store.signing_keys();
        keys.insert(&certificate, &content, &signing, &node_key, &*random, None).await.unwrap();
        let keys = Arc::new(Keys::new(
            tenant.id,
            root.public(),
            folder.join("root.key"),
            node_key.clone(),
            store.clone(),
        ));
        let relay = Relay::new(
            Arc::new(StoreLedger(store.clone())),
            keys.clone(),
            Arc::new(SystemTimer),
            random.clone(),
        );
        let state = AppState {
            store,
            relay,
            keys,
            clock: clock.clone(),
            random,
            tenant: tenant.id,
            pepper,
            node_key,
            settings: Arc::new(Settings {
                public_url: origin.parse().unwrap(),
                proxies: Proxies::default(),
                releases: Releases { folder: folder.join("packages"), key: folder.join("release-key") },
                sms: true,
                mail: true,
            }),
            mail_wake: Arc::default(),
            mail_looked: Arc::default(),
            sms_wake: Arc::default(),
            held_told: Arc::default(),
            scans: Arc::default(),
            tails: Arc::default(),
        };
        Self { app: ritorno_http::router(state.clone()), state, clock, root, tenant, folder, database }
    }

    /// Where files of the test can be.
    pub(crate) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// The address of the database, which is a file.
    pub(crate) fn address(&self) -> String {
        format!("sqlite:{}", self.folder.join("ritorno.db").display())
    }

    /// Puts a hybrid person in.
    pub(crate) async fn person(&self, account: &str, alternate_mail: Option<&str>) -> User {
        let (random, now) = (&*self.state.random, self.clock.now());
        let user = User {
            id: UserId::random(random),
            tenant: self.tenant.id,
            user_principal_name: format!("{account}@contoso.test"),
            display_name: account.replace('.', " "),
            mail: Some(format!("{account}@contoso.test")),
            alternate_mail: alternate_mail.map(str::to_owned),
            registered_mail: None,
            mobile: None,
            registered_mobile: None,
            language: None,
            enabled: true,
            mastered: Mastered::Hybrid(OnPremises {
                source_anchor: SourceAnchor(STANDARD.encode(array::<16>(random))),
                object_guid: Bytes(array::<16>(random).to_vec()),
                object_sid: Bytes(array::<28>(random).to_vec()),
                forest: Forest("contoso.test".into()),
                domain: "CONTOSO".into(),
                account_name: account.to_owned(),
                exported_by: AgentId::random(random),
            }),
            provisioned: Provisioned::default(),
            password_expires_at: None,
            licence: Grant::Free,
            selected: true,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.state.store.users().insert(&user).await.unwrap();
        user
    }

    /// Puts an administrator in, whose password is [`PASSWORD`].
    pub(crate) async fn administrator(&self, name: &str, role: Role, cloud_only: bool) {
        let random = &*self.state.random;
        let administrator = Administrator {
            id: AdministratorId::random(random),
            tenant: self.tenant.id,
            name: name.to_owned(),
            person: None,
            mail: None,
            cloud_only,
            role,
            scope: Scope::default(),
            break_glass: false,
            app: false,
            passkeys: 0,
            password: PasswordHash::new(&Password::new(PASSWORD.into()), random).unwrap(),
            created_at: self.clock.now(),
        };
        self.state.store.administrators().insert(&administrator).await.unwrap();
    }

    /// An enrolled agent with its writeback on, and its identity key.
    pub(crate) async fn enrolled(&self, name: &str) -> (Agent, SigningKey) {
        let (random, now) = (&*self.state.random, self.clock.now());
        let id = AgentId::random(random);
        let identity = SigningKey::generate(random);
        let certificate = self.certificate(KeyRole::AgentIdentity { agent: id }, &identity, now);
        let agent = Agent {
            id,
            tenant: self.tenant.id,
            name: name.to_owned(),
            version: "0.1.0".into(),
            identity_key: identity.public(),
            identity: Signed::sign(&certificate, &self.root),
            next_identity: None,
            former: Vec::new(),
            sealing: None,
            forests: vec![Forest("contoso.test".into())],
            claim: ForestClaim::enrolled(vec![Forest("contoso.test".into())]),
            writeback_on: true,
            epoch: None,
            enrolled_at: now,
            revoked_at: None,
            last_seen_at: None,
            health: None,
        };
        self.state.store.agents().insert(&agent).await.unwrap();
        (agent, identity)
    }

    fn certificate(&self, role: KeyRole, key: &SigningKey, now: Timestamp) -> KeyCertificate {
        let day = Duration::from_secs(86_400);
        KeyCertificate {
            tenant: self.tenant.id,
            role,
            key: key.public(),
            not_before: now.minus(day),
            not_after: now.plus(day),
            sequence: 1,
        }
    }

    /// What is in the audit, latest first.
    pub(crate) async fn facts(&self) -> Vec<Fact> {
        let (audit, all) = (self.state.store.audit(), AuditFilter::default());
        let found = audit.find(self.tenant.id, &all, None, 1_000).await.unwrap();
        found.into_iter().map(|(_, fact)| fact).collect()
    }

    /// Every letter in the outbox that goes by mail, taken out of it.
    pub(crate) async fn letters(&self) -> Vec<Letter> {
        self.letters_by(Channel::Mail).await
    }

    /// Every letter in the outbox that goes out by this channel, taken out of it.
    pub(crate) async fn letters_by(&self, channel: Channel) -> Vec<Letter> {
        let outbox = self.state.store.mail_outbox();
        let lease = Duration::from_secs(3_600);
        let taken = outbox
            .take(self.tenant.id, &self.state.node_key, channel, 100, lease, self.clock.now())
            .await
            .unwrap();
        taken.into_iter().map(|mail| mail.letter).collect()
    }

    /// The code in the only letter to `address`.
    pub(crate) async fn code(&self, address: &str) -> String {
        let letters = self.letters().await;
        let [letter] = letters.as_slice() else { panic!("{} letters", letters.len()) };
        assert_eq!(letter.to.as_deref(), Some(address));
        match &letter.template {
            Template::Code { code, .. } => code.clone(),
            other => panic!("{other:?}"),
        }
    }
}
