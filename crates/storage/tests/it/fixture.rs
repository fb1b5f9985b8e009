//! A fresh database of either kind, and people to put into it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use ritorno_identity::administrator::{Administrator, Role, Scope};
use ritorno_identity::agent::Agent;
use ritorno_identity::agent_forests::ForestClaim;
use ritorno_identity::audit::Fact;
use ritorno_identity::flow::{Flow, FlowState, Person, Purpose, VALID};
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::ids::{AdministratorId, CorrelationId, FlowId};
use ritorno_identity::language::Language;
use ritorno_identity::licence::Grant;
use ritorno_identity::method::Method;
use ritorno_identity::password::PasswordHash;
use ritorno_identity::pepper::Pepper;
use ritorno_identity::realm::Realm;
use ritorno_identity::registration::{Registration, RegistrationState, SealedFor};
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::TokenDigest;
use ritorno_identity::user::{Mastered, OnPremises, Provisioned, User};
use ritorno_lab::{Lab, PostgreSql};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, Forest, SourceAnchor, SupportCode, TenantId, UserId};
use ritorno_protocol::key::{OpeningKey, PublicKey, SigningKey};
use ritorno_protocol::random::{Random, array};
use ritorno_protocol::signed::Signed;
use ritorno_storage::{AuditFilter, NodeKey, Store, StoreError};

/// The present moment of every test.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

/// Runs each test on both databases.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() -> anyhow::Result<()> {
                super::$test(&crate::fixture::Fixture::sqlite(concat!(module_path!(), "::", stringify!($test))).await?).await
            }
        )+}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() -> anyhow::Result<()> {
                super::$test(&crate::fixture::Fixture::postgres(concat!(module_path!(), "::", stringify!($test))).await?).await
            }
        )+}
    };
}
pub(crate) use on_both;

/// A fresh database with one tenant in it, removed when dropped.
pub(crate) struct Fixture {
    pub(crate) address: String,
    pub(crate) store: Store,
    pub(crate) tenant: Tenant,
    pub(crate) root: SigningKey,
    pub(crate) random: Numbers,
    pub(crate) pepper: Pepper,
    pub(crate) node_key: NodeKey,
    place: Place,
}

enum Place {
    Folder(PathBuf),
    Database { server: PostgreSql, name: String },
}

impl Fixture {
    pub(crate) async fn sqlite(test: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(unique(test));
        std::fs::create_dir_all(&folder)?;
        let address = format!("sqlite:{}", folder.join("ritorno.db").display());
        Self::with(address, Place::Folder(folder)).await
    }

    pub(crate) async fn postgres(test: &str) -> Result<Self> {
        let name = unique(test);
        let (server, address) = tokio::task::spawn_blocking({
            let name = name.clone();
            move || -> Result<_> {
                let server = Lab::open()?.postgresql();
                server.start().context("these tests need the lab's PostgreSQL")?;
                let address = server.fresh_database(&name)?;
                Ok((server, address))
            }
        })
        .await??;
        Self::with(address, Place::Database { server, name }).await
    }

    async fn with(address: String, place: Place) -> Result<Self> {
        let store = Store::connect(&address).await?;
        let random = Numbers::new();
        let root = SigningKey::generate(&random);
        let tenant = Tenant::new(TenantId::random(&random), "Contoso".into(), root.public(), NOW);
        store.tenants().insert(&tenant).await?;
        let (pepper, node_key) = (Pepper::new([1; 32]), NodeKey::new([2; 32]));
        Ok(Self { address, store, tenant, root, random, pepper, node_key, place })
    }

    /// Defines something in the database, in the words of each.
    pub(crate) async fn define(&self, sqlite: &'static str, postgres: &'static str) -> Result<()> {
        if self.address.starts_with("sqlite:") {
            let pool = sqlx::SqlitePool::connect(&self.address).await?;
            sqlx::raw_sql(sqlite).execute(&pool).await?;
            pool.close().await;
        } else {
            let pool = sqlx::PgPool::connect(&self.address).await?;
            sqlx::raw_sql(postgres).execute(&pool).await?;
            pool.close().await;
        }
        Ok(())
    }

    /// A statement as something else than this version would send it, with one text.
    pub(crate) async fn statement(&self, sql: &'static str, text: Option<String>) -> Result<()> {
        if self.address.starts_with("sqlite:") {
            let pool = sqlx::SqlitePool::connect(&self.address).await?;
            sqlx::query(sql).bind(text).execute(&pool).await?;
            pool.close().await;
        } else {
            let pool = sqlx::PgPool::connect(&self.address).await?;
            sqlx::query(sql).bind(text).execute(&pool).await?;
            pool.close().await;
        }
        Ok(())
    }

    /// A second server on the same database.
    pub(crate) async fn second(&self) -> Result<Store> {
        Ok(Store::connect(&self.address).await?)
    }

    /// The address of an empty database of the same kind.
    pub(crate) fn empty(&self) -> Result<String> {
        match &self.place {
            Place::Folder(folder) => Ok(format!("sqlite:{}?mode=rwc", folder.join("empty.db").display())),
            Place::Database { server, name } => server.fresh_database(&format!("{name}_0")),
        }
    }

    /// Another tenant, which must see nothing of the first.
    pub(crate) async fn other_tenant(&self) -> Result<TenantId> {
        let root = SigningKey::generate(&self.random).public();
        let tenant = Tenant::new(TenantId::random(&self.random), "Fabrikam".into(), root, NOW);
        self.store.tenants().insert(&tenant).await?;
        Ok(tenant.id)
    }

    /// The folder of a SQLite database.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder),
            Place::Database { .. } => None,
        }
    }

    /// A hybrid person, not stored.
    pub(crate) fn person(&self, name: &str) -> User {
        User {
            id: UserId::random(&self.random),
            tenant: self.tenant.id,
            user_principal_name: format!("{name}@contoso.test"),
            display_name: format!("{name} of Contoso"),
            mail: Some(format!("{name}@contoso.test")),
            alternate_mail: Some(format!("{name}@mail.test")),
            registered_mail: None,
            mobile: None,
            registered_mobile: None,
            language: Some(Language::Italian),
            enabled: true,
            mastered: Mastered::Hybrid(OnPremises {
                source_anchor: SourceAnchor(format!("anchor of {name}")),
                object_guid: Bytes(array::<16>(&self.random).to_vec()),
                object_sid: Bytes(array::<28>(&self.random).to_vec()),
                forest: Forest("contoso.test".into()),
                domain: "CONTOSO".into(),
                account_name: name.to_owned(),
                exported_by: AgentId::random(&self.random),
            }),
            provisioned: Provisioned::default(),
            password_expires_at: None,
            licence: Grant::Free,
            selected: true,
            version: 1,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    /// An agent of the forest `contoso.test`, not stored, writeback on, with a whole chain of keys.
    pub(crate) fn agent(&self, name: &str) -> Agent {
        let id = AgentId::random(&self.random);
        let identity = SigningKey::generate(&self.random);
        let forests = vec![Forest("contoso.test".into())];
        let sealing = self.sealing(id, &identity, &forests);
        Agent {
            id,
            tenant: self.tenant.id,
            name: name.to_owned(),
            version: "0.1.0".into(),
            identity_key: identity.public(),
            identity: Signed::sign(
                &self.certificate(KeyRole::AgentIdentity { agent: id }, identity.public(), 1),
                &self.root,
            ),
            next_identity: None,
            former: Vec::new(),
            sealing: Some(sealing),
            forests: forests.clone(),
            claim: ForestClaim::enrolled(forests),
            writeback_on: true,
            epoch: None,
            enrolled_at: NOW,
            revoked_at: None,
            last_seen_at: None,
            health: None,
        }
    }

    /// A new sealing key's certificate.
    pub(crate) fn sealing(
        &self,
        agent: AgentId,
        identity: &SigningKey,
        forests: &[Forest],
    ) -> Signed<KeyCertificate> {
        let opening = OpeningKey::generate(&self.random);
        let role = KeyRole::AgentSealing { agent, forests: forests.to_vec() };
        Signed::sign(&self.certificate(role, opening.public().clone(), 1), identity)
    }

    pub(crate) fn certificate(&self, role: KeyRole, key: PublicKey, sequence: u64) -> KeyCertificate {
        let day = Duration::from_secs(24 * 3_600);
        KeyCertificate {
            tenant: self.tenant.id,
            role,
            key,
            not_before: NOW.minus(day),
            not_after: NOW.plus(day),
            sequence,
        }
    }

    /// What is in a tenant's audit, latest first.
    pub(crate) async fn facts(&self, tenant: TenantId) -> Result<Vec<Fact>, StoreError> {
        let found = self.store.audit().find(tenant, &AuditFilter::default(), None, 1_000).await?;
        Ok(found.into_iter().map(|(_, fact)| fact).collect())
    }

    /// An administrator, stored.
    pub(crate) async fn administrator(&self, name: &str) -> Result<Administrator> {
        let administrator = Administrator {
            id: AdministratorId::random(&self.random),
            tenant: self.tenant.id,
            name: name.to_owned(),
            person: None,
            mail: None,
            cloud_only: true,
            role: Role::Global,
            scope: Scope::default(),
            break_glass: false,
            app: false,
            passkeys: 0,
            password: PasswordHash::of_nobody(),
            created_at: NOW,
        };
        self.store.administrators().insert(&administrator).await?;
        Ok(administrator)
    }

    /// A registration that has just begun, not stored.
    pub(crate) fn registration(&self, person: Person) -> Registration {
        Registration {
            id: FlowId::random(&self.random),
            tenant: self.tenant.id,
            browser: TokenDigest(array(&self.random)),
            subject: Subject(array(&self.random)),
            person,
            sealed_for: SealedFor {
                anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
                forest: Forest("contoso.test".into()),
            },
            realm: Realm::Directory,
            state: RegistrationState::Named,
            language: Language::Italian,
            support_code: SupportCode::random(&self.random),
            correlation: CorrelationId::random(&self.random),
            started_at: NOW,
            expires_at: NOW.plus(VALID),
        }
    }

    /// A flow that has just begun, not stored.
    pub(crate) fn flow(&self, person: Person) -> Flow {
        Flow {
            id: FlowId::random(&self.random),
            tenant: self.tenant.id,
            browser: TokenDigest(array(&self.random)),
            former: None,
            subject: Subject(array(&self.random)),
            person,
            masked_address: "a•••••i@m•••.test".into(),
            purpose: Purpose::Reset,
            known_browser: false,
            state: FlowState::Started,
            gates: GatePolicy::by_mail().before(&[Method::Mail]).expect("mail opens a gate that mail opens"),
            language: Language::Italian,
            support_code: SupportCode::random(&self.random),
            correlation: CorrelationId::random(&self.random),
            started_at: NOW,
            expires_at: NOW.plus(VALID),
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // What can't be removed is left in the temporary folder or in the lab, where the next run does not mind it.
        match &self.place {
            Place::Folder(folder) => drop(std::fs::remove_dir_all(folder)),
            Place::Database { server, name } => {
                for name in [name, &format!("{name}_0")] {
                    drop(server.sql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
                }
            }
        }
    }
}

/// A name that is no other test's, and no other process's.
fn unique(test: &str) -> String {
    // Without the crate's name, and short enough for PostgreSQL's 63 bytes.
    let test = test.trim_start_matches("it::").replace("::", "_");
    let id = std::process::id();
    format!("s{id}_{}", &test[..test.len().min(48)])
}

/// Numbers that are never the same twice, and the same in every run.
pub(crate) struct Numbers(AtomicU64);

impl Numbers {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl Random for Numbers {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            // SplitMix64: spreads a counter over all bits.
            let mut z = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Runs `count` of them at the same time, on the threads of the test's run time; gives what each gave.
pub(crate) async fn parallel<T, F>(count: usize, mut make: impl FnMut(usize) -> F) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, ritorno_storage::StoreError>> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(make(number))).collect();
    let mut results = Vec::with_capacity(count);
    for task in tasks {
        results.push(task.await??);
    }
    Ok(results)
}
