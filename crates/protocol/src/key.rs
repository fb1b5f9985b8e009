//! Signing keys (ECDSA P-256, FIPS 186-5) and sealing keys (HPKE's DHKEM over P-256, RFC 9180 section 4.1).
//! One curve, so that every browser's WebCrypto can check the whole chain.

use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable as _, Kem as _, Serializable as _};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::bytes::{decode, encode};
use crate::ids::KeyId;
use crate::random::{Random, Rng};

/// Why bytes are not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 key")]
pub struct NotAKey;

/// A public key on P-256, to verify signatures with or to seal for: 65 bytes, SEC 1 uncompressed, checked to be a point
/// of the curve.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey([u8; 65]);

impl PublicKey {
    /// Parses and checks the uncompressed SEC 1 form.
    ///
    /// # Errors
    /// [`NotAKey`] if the bytes are not a point of the curve in that form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAKey> {
        let sized: [u8; 65] = bytes.try_into().map_err(|_| NotAKey)?;
        p256::PublicKey::from_sec1_bytes(&sized).map_err(|_| NotAKey)?;
        Ok(Self(sized))
    }

    /// The uncompressed SEC 1 form.
    pub const fn as_bytes(&self) -> &[u8; 65] {
        &self.0
    }

    /// The key's name.
    pub fn id(&self) -> KeyId {
        KeyId(Sha256::digest(self.0).into())
    }

    /// Whether `signature` (64 bytes, r then s) over `message` is this key's.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = p256::ecdsa::VerifyingKey::from_sec1_bytes(&self.0) else { return false };
        let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else { return false };
        key.verify(message, &signature).is_ok()
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        decode(&text)
            .and_then(|bytes| Self::from_bytes(&bytes).ok())
            .ok_or_else(|| serde::de::Error::custom("not a P-256 key in uncompressed base64url form"))
    }
}

/// A private key that signs.
#[derive(Clone)]
pub struct SigningKey(p256::ecdsa::SigningKey);

impl SigningKey {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Self {
        use p256::elliptic_curve::Generate as _;
        Self(p256::ecdsa::SigningKey::generate_from_rng(&mut Rng(random)))
    }

    /// The key behind 32 secret bytes.
    ///
    /// # Errors
    /// [`NotAKey`] if they are not a scalar of the curve.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAKey> {
        p256::ecdsa::SigningKey::from_slice(bytes).map(Self).map_err(|_| NotAKey)
    }

    /// The 32 secret bytes, for a file of mode 0600.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_bytes().to_vec())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        let point = self.0.verifying_key().to_sec1_point(false);
        PublicKey(point.as_bytes().try_into().expect("an uncompressed P-256 point has 65 bytes"))
    }

    /// Signs `message`: 64 bytes, r then s, deterministic (RFC 6979).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: p256::ecdsa::Signature = self.0.sign(message);
        signature.to_bytes().to_vec()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

/// A private key that opens what was sealed for its public half.
#[derive(Clone)]
pub struct OpeningKey {
    private: <DhP256HkdfSha256 as hpke::Kem>::PrivateKey,
    public: PublicKey,
}

impl OpeningKey {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Self {
        let (private, _) = DhP256HkdfSha256::gen_keypair_with_rng(&mut Rng(random));
        Self::from_private(private)
    }

    /// The key behind 32 secret bytes.
    ///
    /// # Errors
    /// [`NotAKey`] if they are not a scalar of the curve.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAKey> {
        let private = <DhP256HkdfSha256 as hpke::Kem>::PrivateKey::from_bytes(bytes).map_err(|_| NotAKey)?;
        Ok(Self::from_private(private))
    }

    fn from_private(private: <DhP256HkdfSha256 as hpke::Kem>::PrivateKey) -> Self {
        let public = DhP256HkdfSha256::sk_to_pk(&private).to_bytes();
        Self {
            private,
            public: PublicKey(public.as_slice().try_into().expect("a P-256 public key has 65 bytes")),
        }
    }

    /// The 32 secret bytes, for a file of mode 0600.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.private.to_bytes().to_vec())
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) const fn hpke(&self) -> &<DhP256HkdfSha256 as hpke::Kem>::PrivateKey {
        &self.private
    }
}

impl std::fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpeningKey({})", self.public.id())
    }
}
