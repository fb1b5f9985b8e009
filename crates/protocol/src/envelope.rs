//! The sealed envelope: a password that only the agents named in it can read.
//!
//! A fresh content key and nonce encrypt a plaintext of one fixed size (AES-256-GCM). The content key is wrapped for each
//! recipient with HPKE (RFC 9180, base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM). Additional data binds
//! everything that the envelope is about, for the content and for each wrap.

use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable as _, OpModeR, OpModeS, Serializable as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::VERSION;
use crate::bytes::{Bytes, Canonical};
use crate::clock::Timestamp;
use crate::ids::{KeyId, RequestId, SourceAnchor, TenantId};
use crate::key::{OpeningKey, PublicKey};
use crate::random::{Random, Rng, array};
use crate::secret::Password;

/// Most recipients of one envelope.
pub const MAXIMUM_RECIPIENTS: usize = 8;

/// Longest password that fits, in bytes of UTF-8: 256 UTF-16 units are at most 768 bytes.
pub const MAXIMUM_PASSWORD_BYTES: usize = 1_024;

/// Two slots (new, old), each a 16-bit length and its bytes.
const PLAINTEXT_SIZE: usize = 2 * SLOT_SIZE;
const SLOT_SIZE: usize = 2 + MAXIMUM_PASSWORD_BYTES;
const TAG_SIZE: usize = 16;

/// What is asked of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A new password; the old one is not known.
    Reset,
    /// A new password; the old one is in the envelope.
    Change,
    /// Clear the lockout; no password.
    Unlock,
    /// Is the typed password right?
    Verify,
}

impl Operation {
    const fn code(self) -> u8 {
        match self {
            Self::Reset => 1,
            Self::Change => 2,
            Self::Unlock => 3,
            Self::Verify => 4,
        }
    }
}

/// What an envelope is about; everything in it is bound by the encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The tenant.
    pub tenant: TenantId,
    /// What is asked.
    pub operation: Operation,
    /// Whose password.
    pub anchor: SourceAnchor,
    /// The request.
    pub request: RequestId,
    /// After this, no agent opens it.
    pub expires_at: Timestamp,
}

/// The content key, wrapped for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrap {
    /// The recipient's sealing key.
    pub key: KeyId,
    /// HPKE's encapsulated key.
    pub encapsulated: Bytes,
    /// The content key, encrypted.
    pub wrapped: Bytes,
}

/// A sealed envelope as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// What it is about.
    #[serde(flatten)]
    pub context: Context,
    /// One wrap for each recipient, in the order in which they are bound.
    pub recipients: Vec<Wrap>,
    /// AES-GCM nonce, 12 bytes.
    pub nonce: Bytes,
    /// The padded passwords, encrypted: the same length for every operation and every password.
    pub ciphertext: Bytes,
}

/// The passwords of an envelope.
#[derive(Clone, Debug, Default)]
pub struct Passwords {
    /// The new password (reset, change).
    pub new: Option<Password>,
    /// The old or typed password (change, verify).
    pub old: Option<Password>,
}

/// Why an envelope can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No recipient, or more than [`MAXIMUM_RECIPIENTS`], or one twice.
    #[error("an envelope has 1 to 8 recipients, each once")]
    Recipients,
    /// A password is longer than [`MAXIMUM_PASSWORD_BYTES`].
    #[error("the password is too long for an envelope")]
    TooLong,
    /// The encryption failed.
    #[error("sealing failed")]
    Encryption,
}

/// Why an envelope is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// None of the wraps is for this key.
    #[error("not sealed for this key")]
    NotARecipient,
    /// Its shape is wrong: number of recipients, one twice, sizes.
    #[error("malformed envelope")]
    Malformed,
    /// It was altered, or belongs to another context.
    #[error("the envelope does not open: altered, or for another purpose")]
    Altered,
}

impl Context {
    /// The bytes bound as additional data: version, tenant, operation, anchor, request, expiry, recipients in order.
    fn canonical(&self, recipients: &[KeyId]) -> Vec<u8> {
        let mut bytes = Canonical::default()
            .prefixed(VERSION.as_bytes())
            .fixed(self.tenant.0.as_bytes())
            .fixed(&[self.operation.code()])
            .prefixed(self.anchor.0.as_bytes())
            .fixed(self.request.0.as_bytes())
            .fixed(&self.expires_at.unix_ms().to_be_bytes())
            .fixed(&[u8::try_from(recipients.len()).unwrap_or(u8::MAX)]);
        for key in recipients {
            bytes = bytes.fixed(&key.0);
        }
        bytes.finish()
    }

    fn content_data(&self, recipients: &[KeyId]) -> Vec<u8> {
        Canonical(self.canonical(recipients)).fixed(b"content").finish()
    }

    fn wrap_data(&self, recipients: &[KeyId], recipient: KeyId) -> Vec<u8> {
        Canonical(self.canonical(recipients)).fixed(b"wrap").fixed(&recipient.0).finish()
    }

    fn info(&self, recipient: KeyId) -> Vec<u8> {
        Canonical::default()
            .fixed(VERSION.as_bytes())
            .fixed(self.tenant.0.as_bytes())
            .fixed(&recipient.0)
            .finish()
    }
}

fn distinct(keys: &[KeyId]) -> bool {
    keys.iter().enumerate().all(|(index, key)| !keys[..index].contains(key))
}

/// Seals `passwords` for `recipients`, in their order. The page's TypeScript does the same; this one serves the tests, the
/// benchmark and clients that are not browsers.
///
/// # Errors
/// [`SealError`], by what does not fit.
pub fn seal(
    context: &Context,
    passwords: &Passwords,
    recipients: &[PublicKey],
    random: &dyn Random,
) -> Result<Envelope, SealError> {
    let keys: Vec<KeyId> = recipients.iter().map(PublicKey::id).collect();
    if keys.is_empty() || keys.len() > MAXIMUM_RECIPIENTS || !distinct(&keys) {
        return Err(SealError::Recipients);
    }
    let mut buffer = Zeroizing::new(Vec::with_capacity(PLAINTEXT_SIZE + TAG_SIZE));
    for password in [&passwords.new, &passwords.old] {
        let bytes = password.as_ref().map_or("", Password::expose).as_bytes();
        if bytes.len() > MAXIMUM_PASSWORD_BYTES {
            return Err(SealError::TooLong);
        }
        let start = buffer.len();
        buffer.extend_from_slice(&u16::try_from(bytes.len()).map_err(|_| SealError::TooLong)?.to_be_bytes());
        buffer.extend_from_slice(bytes);
        buffer.resize(start + SLOT_SIZE, 0);
    }
    let content_key = Zeroizing::new(array::<32>(random));
    let nonce = array::<12>(random);
    Aes256Gcm::new(&(*content_key).into())
        .encrypt_in_place(&Nonce::from(nonce), &context.content_data(&keys), &mut *buffer)
        .map_err(|_| SealError::Encryption)?;

    let mut wraps = Vec::with_capacity(keys.len());
    for (recipient, key) in recipients.iter().zip(&keys) {
        let public = <DhP256HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(recipient.as_bytes())
            .map_err(|_| SealError::Encryption)?;
        let (encapsulated, wrapped) =
            hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
                &OpModeS::Base,
                &public,
                &context.info(*key),
                &*content_key,
                &context.wrap_data(&keys, *key),
                &mut Rng(random),
            )
            .map_err(|_| SealError::Encryption)?;
        wraps.push(Wrap {
            key: *key,
            encapsulated: Bytes(encapsulated.to_bytes().to_vec()),
            wrapped: Bytes(wrapped),
        });
    }
    Ok(Envelope {
        context: context.clone(),
        recipients: wraps,
        nonce: Bytes(nonce.to_vec()),
        ciphertext: Bytes(std::mem::take(&mut *buffer)),
    })
}

impl Envelope {
    /// The recipients' keys in order, after the shape was checked.
    ///
    /// # Errors
    /// [`OpenError::Malformed`].
    pub fn recipient_keys(&self) -> Result<Vec<KeyId>, OpenError> {
        let keys: Vec<KeyId> = self.recipients.iter().map(|wrap| wrap.key).collect();
        let sized =
            self.recipients.iter().all(|wrap| wrap.encapsulated.0.len() == 65 && wrap.wrapped.0.len() == 48)
                && self.nonce.0.len() == 12
                && self.ciphertext.0.len() == PLAINTEXT_SIZE + TAG_SIZE
                && self.context.anchor.0.len() <= 256;
        if !sized || keys.is_empty() || keys.len() > MAXIMUM_RECIPIENTS || !distinct(&keys) {
            return Err(OpenError::Malformed);
        }
        Ok(keys)
    }

    /// SHA-256 over all of it, in canonical bytes: what an authorisation names.
    ///
    /// # Errors
    /// [`OpenError::Malformed`].
    pub fn digest(&self) -> Result<[u8; 32], OpenError> {
        let mut bytes = Canonical(self.context.canonical(&self.recipient_keys()?));
        for wrap in &self.recipients {
            bytes = bytes.prefixed(&wrap.encapsulated.0).prefixed(&wrap.wrapped.0);
        }
        Ok(Sha256::digest(bytes.prefixed(&self.nonce.0).prefixed(&self.ciphertext.0).finish()).into())
    }

    /// Opens it with `key`. Expiry and everything else in the context is the caller's to check, before this.
    ///
    /// # Errors
    /// [`OpenError`], by what does not hold.
    pub fn open(&self, key: &OpeningKey) -> Result<Passwords, OpenError> {
        let keys = self.recipient_keys()?;
        let own = key.public().id();
        let wrap = self.recipients.iter().find(|wrap| wrap.key == own).ok_or(OpenError::NotARecipient)?;
        let encapsulated = <DhP256HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(&wrap.encapsulated.0)
            .map_err(|_| OpenError::Altered)?;
        let content_key = Zeroizing::new(
            hpke::single_shot_open::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
                &OpModeR::Base,
                key.hpke(),
                &encapsulated,
                &self.context.info(own),
                &wrap.wrapped.0,
                &self.context.wrap_data(&keys, own),
            )
            .map_err(|_| OpenError::Altered)?,
        );
        let cipher = Aes256Gcm::new_from_slice(&content_key).map_err(|_| OpenError::Altered)?;
        let nonce: [u8; 12] = self.nonce.0.as_slice().try_into().map_err(|_| OpenError::Malformed)?;
        let mut buffer = Zeroizing::new(self.ciphertext.0.clone());
        cipher
            .decrypt_in_place(&Nonce::from(nonce), &self.context.content_data(&keys), &mut *buffer)
            .map_err(|_| OpenError::Altered)?;
        let (new, old) = buffer.split_at(SLOT_SIZE);
        Ok(Passwords { new: slot(new)?, old: slot(old)? })
    }
}

/// The password in a slot; none if it is empty. What is behind it must be zero.
fn slot(bytes: &[u8]) -> Result<Option<Password>, OpenError> {
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(OpenError::Malformed)?;
    let (password, padding) =
        rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(OpenError::Malformed)?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err(OpenError::Malformed);
    }
    let text = std::str::from_utf8(password).map_err(|_| OpenError::Malformed)?;
    Ok((!text.is_empty()).then(|| Password::new(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::tests::Fixed;
    use proptest::prelude::*;

    fn context() -> Context {
        Context {
            tenant: TenantId::random(&Fixed(1)),
            operation: Operation::Reset,
            anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
            request: RequestId::random(&Fixed(2)),
            expires_at: Timestamp::from_unix_ms(1_800_000_000_000),
        }
    }

    fn reset(password: &str) -> Passwords {
        Passwords { new: Some(Password::new(password.into())), old: None }
    }

    fn keys() -> Vec<OpeningKey> {
        (10..13).map(|seed| OpeningKey::generate(&Fixed(seed))).collect()
    }

    fn sealed(password: &str) -> (Envelope, Vec<OpeningKey>) {
        let keys = keys();
        let public: Vec<PublicKey> = keys.iter().map(|key| key.public().clone()).collect();
        (seal(&context(), &reset(password), &public, &Fixed(3)).unwrap(), keys)
    }

    #[test]
    fn every_recipient_opens_and_nobody_else() {
        let (envelope, keys) = sealed("Nuova-Passw0rd");
        for key in &keys {
            assert_eq!(envelope.open(key).unwrap().new.unwrap().expose(), "Nuova-Passw0rd");
        }
        let stranger = OpeningKey::generate(&Fixed(99));
        assert_eq!(envelope.open(&stranger).unwrap_err(), OpenError::NotARecipient);
    }

    #[test]
    fn one_character_and_256_make_equal_lengths() {
        let length = |password: &str| serde_json::to_vec(&sealed(password).0).unwrap().len();
        assert_eq!(length("x"), length(&"漢".repeat(256)));
    }

    /// Every field, flipped: the digest differs, and the envelope does not open.
    #[test]
    fn each_field_is_bound() {
        let (good, keys) = sealed("Nuova-Passw0rd");
        let flip = |bytes: &Bytes| {
            let mut changed = bytes.clone();
            changed.0[0] ^= 1;
            changed
        };
        type Tamper = Box<dyn Fn(&mut Envelope)>;
        let tamperings: Vec<(&str, Tamper)> = vec![
            ("tenant", Box::new(|e| e.context.tenant = TenantId::random(&Fixed(50)))),
            ("operation", Box::new(|e| e.context.operation = Operation::Change)),
            ("anchor", Box::new(|e| e.context.anchor.0.push('x'))),
            ("request", Box::new(|e| e.context.request = RequestId::random(&Fixed(51)))),
            ("expiry", Box::new(|e| e.context.expires_at = Timestamp::from_unix_ms(1_800_000_000_001))),
            (
                "encapsulated",
                Box::new(move |e| e.recipients[0].encapsulated = flip(&e.recipients[0].encapsulated)),
            ),
            ("wrapped", Box::new(move |e| e.recipients[0].wrapped = flip(&e.recipients[0].wrapped))),
            ("nonce", Box::new(move |e| e.nonce = flip(&e.nonce))),
            ("ciphertext", Box::new(move |e| e.ciphertext = flip(&e.ciphertext))),
            ("wrap removed", Box::new(|e| drop(e.recipients.pop()))),
            ("wraps swapped", Box::new(|e| e.recipients.swap(0, 1))),
            ("wrap doubled", Box::new(|e| e.recipients.push(e.recipients[0].clone()))),
            (
                "wrap of another recipient",
                Box::new(|e| e.recipients[0].wrapped = e.recipients[1].wrapped.clone()),
            ),
        ];
        for (name, tamper) in tamperings {
            let mut bad = good.clone();
            tamper(&mut bad);
            assert!(bad.open(&keys[0]).is_err(), "{name} opened");
            assert_ne!(bad.digest(), good.digest(), "{name} is not in the digest");
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let public = keys()[0].public().clone();
        assert_eq!(seal(&context(), &reset("x"), &[], &Fixed(3)), Err(SealError::Recipients));
        let twice = [public.clone(), public.clone()];
        assert_eq!(seal(&context(), &reset("x"), &twice, &Fixed(3)), Err(SealError::Recipients));
        let long = reset(&"x".repeat(MAXIMUM_PASSWORD_BYTES + 1));
        assert_eq!(seal(&context(), &long, &[public], &Fixed(3)), Err(SealError::TooLong));
    }

    /// The known answer: the page's TypeScript makes and opens the same envelope from the same inputs.
    #[test]
    fn known_answer_holds() {
        let vector: serde_json::Value =
            serde_json::from_str(include_str!("../vectors/envelope.json")).unwrap();
        let envelope: Envelope = serde_json::from_value(vector["envelope"].clone()).unwrap();
        assert_eq!(
            Bytes(envelope.digest().unwrap().to_vec()),
            serde_json::from_value(vector["digest"].clone()).unwrap()
        );
        let keys: Vec<KeyId> = envelope.recipient_keys().unwrap();
        let canonical: Bytes = serde_json::from_value(vector["canonical"].clone()).unwrap();
        assert_eq!(envelope.context.canonical(&keys), canonical.0);
        for secret in vector["private_keys"].as_array().unwrap() {
            let secret: Bytes = serde_json::from_value(secret.clone()).unwrap();
            let opened = envelope.open(&OpeningKey::from_bytes(&secret.0).unwrap()).unwrap();
            assert_eq!(opened.new.unwrap().expose(), vector["new"].as_str().unwrap());
            assert_eq!(opened.old.unwrap().expose(), vector["old"].as_str().unwrap());
        }
    }

    proptest! {
        #[test]
        fn round_trip(new in "\\PC{0,256}", old in "\\PC{0,256}") {
            let key = OpeningKey::generate(&Fixed(10));
            let passwords = Passwords { new: Some(Password::new(new.clone())), old: Some(Password::new(old.clone())) };
            let envelope = seal(&context(), &passwords, &[key.public().clone()], &Fixed(3)).unwrap();
            let travelled: Envelope = serde_json::from_slice(&serde_json::to_vec(&envelope).unwrap()).unwrap();
            let opened = travelled.open(&key).unwrap();
            prop_assert_eq!(opened.new.as_ref().map_or("", Password::expose), &new);
            prop_assert_eq!(opened.old.as_ref().map_or("", Password::expose), &old);
        }

        #[test]
        fn any_bytes_are_refused_without_panic(text in "\\PC{0,400}") {
            let _ = serde_json::from_str::<Envelope>(&text);
        }
    }
}
