//! The tenant's keys: the root in its file, the signing keys in the database, both wrapped by the node's credential.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ritorno_identity::pepper::Pepper;
use ritorno_protocol::authorisation::MAXIMUM_SKEW;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, TenantId};
use ritorno_protocol::key::{PublicKey, SigningKey};
use ritorno_protocol::random::Random;
use ritorno_protocol::signed::Signed;
use ritorno_relay::keyring::{Keyring, KeyringError, TenantKeys};
use ritorno_storage::{NodeKey, Store};
use sha2::Sha256;
use zeroize::Zeroizing;

/// How long a signing key is valid: it is rolled after six months, and a server may be away for three more.
pub const SIGNING_VALID: Duration = Duration::from_secs(274 * 86_400);
/// How long an agent's identity key is valid; then the agent is enrolled again.
pub const IDENTITY_VALID: Duration = Duration::from_secs(5 * 365 * 86_400);
/// How long the keys are remembered before the database is asked again.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How long a new signing key waits until it signs, if there is another: by then every agent that is linked has its
/// certificate, from whichever process of this installation.
pub const SPREAD_WITHIN: Duration = Duration::from_secs(30);
/// Binds a wrapped root key to what it is.
const ROOT_PLACE: &str = "root-key";

/// Why a key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file can't be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The node key does not open the root key's file.
    #[error("{path} can't be opened with this node's key: is it the key of this installation?")]
    NodeKey {
        /// The file.
        path: PathBuf,
    },
    /// The file holds another root than the database names.
    #[error("{path} holds another tenant's root key")]
    AnotherRoot {
        /// The file.
        path: PathBuf,
    },
}

/// A tenant's keys.
pub struct Keys {
    pub(crate) tenant: TenantId,
    root: PublicKey,
    root_file: PathBuf,
    pub(crate) node_key: NodeKey,
    pub(crate) store: Store,
    remembered: Mutex<Option<(Timestamp, Arc<TenantKeys>)>>,
}

impl Keys {
    /// The keys of a tenant whose root is `root`, kept in `root_file`.
    pub fn new(
        tenant: TenantId,
        root: PublicKey,
        root_file: PathBuf,
        node_key: NodeKey,
        store: Store,
    ) -> Self {
        Self { tenant, root, root_file, node_key, store, remembered: Mutex::default() }
    }

    /// The root's public half.
    pub const fn root(&self) -> &PublicKey {
        &self.root
    }

    /// Where the last signed head of the audit chain is kept.
    pub fn audit_head_file(&self) -> PathBuf {
        self.root_file.with_file_name("audit.head")
    }

    /// Keeps the last signed head of the audit chain.
    ///
    /// # Errors
    /// [`KeysError::File`].
    pub(crate) fn keep_audit_head(&self, bytes: &[u8]) -> Result<(), KeysError> {
        let file = self.audit_head_file();
        let beside = file.with_extension("head.new");
        // What a stop in the middle has left.
        let _ = std::fs::remove_file(&beside);
        write_secret_file(&beside, bytes)?;
        std::fs::rename(&beside, &file).map_err(|source| KeysError::File { path: file, source })
    }

    /// Asks the database again at the next use.
    pub fn forget(&self) {
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Reads the root key. It is in memory only while something is certified.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn open_root(&self) -> Result<SigningKey, KeysError> {
        let path = || self.root_file.clone();
        let wrapped = tokio::fs::read(&self.root_file)
            .await
            .map_err(|source| KeysError::File { path: path(), source })?;
        let plain = self
            .node_key
            .unwrap(&root_place(self.tenant), &wrapped)
            .map_err(|_| KeysError::NodeKey { path: path() })?;
        let key = SigningKey::from_bytes(&plain).map_err(|_| KeysError::NodeKey { path: path() })?;
        if key.public() == self.root { Ok(key) } else { Err(KeysError::AnotherRoot { path: path() }) }
    }

    /// Certifies an agent's identity key. `sequence` grows with each key of that agent.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn certify_identity(
        &self,
        agent: AgentId,
        identity: &PublicKey,
        sequence: u64,
        now: Timestamp,
    ) -> Result<Signed<KeyCertificate>, KeysError> {
        let root = self.open_root().await?;
        let certificate = KeyCertificate {
            tenant: self.tenant,
            role: KeyRole::AgentIdentity { agent },
            key: identity.clone(),
            // An agent whose clock is late by what is allowed takes it nevertheless.
            not_before: now.minus(MAXIMUM_SKEW),
            not_after: now.plus(IDENTITY_VALID),
            sequence,
        };
        Ok(Signed::sign(&certificate, &root))
    }
}

/// The two secrets that a node's credential stands for: what wraps secrets in the database, and what keys its digests. Each
/// is HMAC-SHA256 of its own label (RFC 5869 section 3.3: a uniform secret needs no extraction), so that neither tells the
/// other.
pub fn node_secrets(credential: &[u8; 32]) -> (NodeKey, Pepper) {
    let derive = |label: &str| -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(credential).expect("HMAC takes a key of any length");
        mac.update(label.as_bytes());
        mac.finalize().into_bytes().into()
    };
    (NodeKey::new(derive("ritorno/1 node-key")), Pepper::new(derive("ritorno/1 pepper")))
}

/// Wraps a root key for its file.
pub fn wrap_root(
    tenant: TenantId,
    root: &SigningKey,
    node_key: &NodeKey,
    random: &dyn Random,
) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(node_key.wrap(&root_place(tenant), &root.to_bytes(), random))
}

/// A signing key that is valid from now on, certified by the root.
pub fn new_signing_key(
    tenant: TenantId,
    root: &SigningKey,
    sequence: u64,
    now: Timestamp,
    random: &dyn Random,
) -> (SigningKey, KeyCertificate, Signed<KeyCertificate>) {
    let key = SigningKey::generate(random);
    let certificate = KeyCertificate {
        tenant,
        role: KeyRole::ServerSigning,
        key: key.public(),
        not_before: now.minus(MAXIMUM_SKEW),
        not_after: now.plus(SIGNING_VALID),
        sequence,
    };
    let signed = Signed::sign(&certificate, root);
    (key, certificate, signed)
}

fn root_place(tenant: TenantId) -> Vec<u8> {
    [ROOT_PLACE.as_bytes(), tenant.0.as_bytes()].concat()
}

#[async_trait]
impl Keyring for Keys {
    async fn keys(&self, tenant: TenantId, now: Timestamp) -> Result<Arc<TenantKeys>, KeyringError> {
        if tenant != self.tenant {
            return Err(KeyringError("this installation serves another tenant".into()));
        }
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, keys)) = remembered.filter(|(at, _)| *at <= now && now.since(*at) < REMEMBERED) {
            return Ok(keys);
        }
        let failed = |error: ritorno_storage::StoreError| KeyringError(error.to_string());
        let keys = self.store.signing_keys();
        let spread = now.minus(MAXIMUM_SKEW).minus(SPREAD_WITHIN);
        let mut current = keys.current(tenant, &self.node_key, spread, now).await.map_err(failed)?;
        if current.is_none() {
            current = keys.current(tenant, &self.node_key, now, now).await.map_err(failed)?;
        }
        let (signing, _) = current.ok_or_else(|| {
            KeyringError("every signing key has expired: `ritorno keys roll` makes a new one".into())
        })?;
        let certificates = keys.certificates(tenant, now).await.map_err(failed)?;
        let keys = Arc::new(TenantKeys { root: self.root.clone(), signing, certificates });
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, keys.clone()));
        Ok(keys)
    }
}

/// Writes a secret into a new file of mode 0600; an existing one is left alone and is an error.
///
/// # Errors
/// [`KeysError::File`].
pub fn write_secret_file(path: &Path, bytes: &[u8]) -> Result<(), KeysError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|source| KeysError::File { path: path.into(), source })
}
