//! How an agent becomes one of a tenant's: a token carried by hand, keys made by the agent, certified by the root.

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};

use crate::bytes::{Bytes, decode, encode};
use crate::certificate::KeyCertificate;
use crate::clock::Timestamp;
use crate::ids::{AgentId, Forest, KeyId, TenantId};
use crate::key::PublicKey;
use crate::outcome::SsprCode;
use crate::signed::{Signable, Signed};

/// How long a token can be used, once.
pub const TOKEN_VALID: std::time::Duration = std::time::Duration::from_secs(15 * 60);
/// How long an access token of an agent lasts.
pub const ACCESS_VALID: std::time::Duration = std::time::Duration::from_secs(10 * 60);
const PREFIX: &str = "ritorno-enrol.";

/// What an administrator carries from the console to the agent. It pins the root, so that whoever can read the TLS
/// traffic of the enrolment still can't become the authority.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentToken {
    /// The server's address, such as `https://ritorno.example.org`.
    pub server: String,
    /// 32 random bytes, used once.
    pub secret: Bytes,
    /// SHA-256 of the root public key's uncompressed SEC 1 form.
    pub root: Bytes,
}

/// The text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an enrolment token: it starts with 'ritorno-enrol.' and is copied whole")]
pub struct NotAToken;

impl EnrolmentToken {
    /// A token for `root`.
    pub fn new(server: String, secret: [u8; 32], root: &PublicKey) -> Self {
        Self { server, secret: Bytes(secret.to_vec()), root: Bytes(root.id().0.to_vec()) }
    }

    /// The text to carry.
    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}", encode(&serde_json::to_vec(self).expect("a token always serialises")))
    }

    /// Reads the text.
    ///
    /// # Errors
    /// [`NotAToken`].
    pub fn from_text(text: &str) -> Result<Self, NotAToken> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(NotAToken)?;
        let token: Self =
            serde_json::from_slice(&decode(encoded).ok_or(NotAToken)?).map_err(|_| NotAToken)?;
        if token.secret.0.len() == 32 && token.root.0.len() == 32 { Ok(token) } else { Err(NotAToken) }
    }

    /// SHA-256 of the secret: what the server keeps.
    pub fn secret_digest(&self) -> [u8; 32] {
        Sha256::digest(&self.secret.0).into()
    }

    /// Whether `root` is the pinned one.
    pub fn pins(&self, root: &PublicKey) -> bool {
        self.root.0 == root.id().0
    }
}

impl std::fmt::Debug for EnrolmentToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EnrolmentToken({})", self.server)
    }
}

/// The agent's part, `POST /agent/v1/enrol`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentRequest {
    /// The token's secret.
    pub secret: Bytes,
    /// Signed by the new identity key, which proves possession of it.
    pub proof: Signed<EnrolmentProof>,
    /// The new identity key.
    pub identity: PublicKey,
}

/// What the agent says of itself while enrolling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentProof {
    /// SHA-256 of the secret, so that the proof is good for this enrolment only.
    pub secret_digest: Bytes,
    /// The agent's name, shown in the console: usually the host's.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// The forests that it serves.
    pub forests: Vec<Forest>,
}

impl Signable for EnrolmentProof {
    const PURPOSE: &'static str = "enrolment-proof";
}

/// The server's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentResponse {
    /// The tenant.
    pub tenant: TenantId,
    /// The agent's id from now on.
    pub agent: AgentId,
    /// The root public key; refused unless the token pins it.
    pub root: PublicKey,
    /// The identity key, certified by the root.
    pub identity: Signed<KeyCertificate>,
}

/// What proves possession of the new key, `POST /agent/v1/identity`: an enrolled agent rolls its identity key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityRoll {
    /// Signed by the new identity key.
    pub proof: Signed<IdentityProof>,
    /// Signed by the key in use: an access token that was read on the way makes nobody an agent.
    pub order: Signed<IdentityOrder>,
    /// The new identity key.
    pub identity: PublicKey,
}

/// What the key in use says of the one that is to follow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityOrder {
    /// The tenant.
    pub tenant: TenantId,
    /// The agent.
    pub agent: AgentId,
    /// The new identity key's name.
    pub next: KeyId,
}

impl Signable for IdentityOrder {
    const PURPOSE: &'static str = "identity-order";
}

/// The agent that holds the new key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityProof {
    /// The tenant.
    pub tenant: TenantId,
    /// The agent.
    pub agent: AgentId,
}

impl Signable for IdentityProof {
    const PURPOSE: &'static str = "identity-proof";
}

/// What an agent signs to get a short-lived access token for SCIM and onboarding, `POST /agent/v1/token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessAssertion {
    /// The agent.
    pub agent: AgentId,
    /// The server's address as configured at the agent, so that an assertion made for one server is none for another.
    pub audience: String,
    /// 16 random bytes; an assertion is used once.
    pub nonce: Bytes,
    /// The server's time when it was made, as far as the agent knows it.
    pub issued_at: Timestamp,
}

impl Signable for AccessAssertion {
    const PURPOSE: &'static str = "access-assertion";
}

/// The answer to an assertion.
#[derive(Clone, Serialize, Deserialize)]
pub struct AccessToken {
    /// To be sent as `Authorization: Bearer`.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// `POST /agent/v1/onboarding`: the answer to an agent that wants its writeback switched on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnboardingCode {
    /// What a cloud-only administrator confirms in the console.
    pub code: String,
    /// Where.
    pub confirm_at: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// `GET /agent/v1/onboarding/{code}`: how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum OnboardingState {
    /// Nobody confirmed yet.
    Pending,
    /// A cloud-only administrator confirmed.
    Confirmed {
        /// Who.
        administrator: String,
    },
    /// It ended without.
    Expired,
}

/// `GET /agent/v1/standing`: what the cloud side knows of the agent and its tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether people of the tenant may reset their password by themselves.
    pub sspr: bool,
    /// Whether the tenant's passwords are written back.
    pub writeback: bool,
    /// Whether a cloud-only administrator switched this agent's writeback on.
    pub agent_writeback: bool,
    /// Whether the agent's link is up.
    pub linked: bool,
    /// The server's time when it answered.
    pub server_time: Timestamp,
    /// What licences come to. A server of the version before says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licences: Option<LicenceStanding>,
    /// What else the agent's doctor looks at. A server of the version before says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantStanding>,
}

/// What a tenant holds back, lets lapse or has twice, as far as one of its agents may know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantStanding {
    /// Removals of this agent that the tenant's deletion guard holds.
    pub held_removals: u32,
    /// Forests that this agent says it serves, and may not.
    pub waiting_forests: Vec<Forest>,
    /// How long the server's newest signing key holds; none if there is none that does.
    pub signing_key: Option<Validity>,
    /// Other agents that are up and export a forest of this one, by name.
    pub also_exporting: Vec<String>,
}

/// From when to when a key is certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// First moment of validity.
    pub not_before: Timestamp,
    /// First moment after validity.
    pub not_after: Timestamp,
}

/// What licences come to in a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceStanding {
    /// Whether the tenant's people need one. If not, nothing is counted.
    pub needed: bool,
    /// Whether at least one that grants writeback is assigned.
    pub any_writeback: bool,
    /// How many people of the directories are refused for want of one.
    pub refused: u32,
    /// How many people have more of a product than was bought.
    pub over: u32,
    /// How many administrators whose account of the directories is known have none that grants writeback.
    pub administrators_without: u32,
}

/// `GET /agent/v1/person?anchor=…`: what the cloud side would say to a person of the agent's forests who wants to reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonStanding {
    /// Whether the tenant has them.
    pub known: bool,
    /// What they would be refused for; none if nothing.
    pub sspr: Option<SsprCode>,
    /// When the last of the limits is over that stop them now, such as too many wrong codes: `Some(None)` if none does, `None` if the
    /// server is of a version that does not say.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    pub stopped_until: Option<Option<Timestamp>>,
}

/// Tells a value that is there, though it may be `null`, from one that is absent.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Timestamp>>, D::Error> {
    Option::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;
    use crate::random::tests::Fixed;

    #[test]
    fn a_stop_that_is_not_told_is_not_none() {
        let read = |text: &str| serde_json::from_str::<PersonStanding>(text).unwrap().stopped_until;
        assert_eq!(read(r#"{"known":true,"sspr":null}"#), None);
        assert_eq!(read(r#"{"known":true,"sspr":null,"stopped_until":null}"#), Some(None));
        for stopped_until in [None, Some(None), Some(Some(Timestamp::from_unix_ms(5)))] {
            let standing = PersonStanding { known: true, sspr: None, stopped_until };
            assert_eq!(read(&serde_json::to_string(&standing).unwrap()), stopped_until);
        }
    }

    #[test]
    fn token_survives_the_way_and_pins_one_root() {
        let root = SigningKey::generate(&Fixed(1)).public();
        let token = EnrolmentToken::new("https://ritorno.test:8443".into(), [7; 32], &root);
        let read = EnrolmentToken::from_text(&format!("  {}\n", token.to_text())).unwrap();
        assert_eq!(read, token);
        assert!(read.pins(&root));
        assert!(!read.pins(&SigningKey::generate(&Fixed(2)).public()));
        assert_eq!(EnrolmentToken::from_text("ritorno-enrol.e30"), Err(NotAToken));
    }
}
