//! Names of things, each its own type.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bytes::{decode, encode};
use crate::random::{Random, array};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id from the random source (UUID version 4, RFC 9562).
            pub fn random(random: &dyn Random) -> Self {
                Self(uuid::Builder::from_random_bytes(array(random)).into_uuid())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// One organisation on the cloud side.
    TenantId
);
uuid_id!(
    /// One enrolled agent.
    AgentId
);
uuid_id!(
    /// One person's row in the tenant.
    UserId
);
uuid_id!(
    /// One group's row in the tenant.
    GroupId
);
uuid_id!(
    /// One reset, change, unlock or verify; what 'at most once' is counted by.
    RequestId
);
uuid_id!(
    /// One run of an agent's journal. A lost or rolled-back journal starts a new one.
    EpochId
);

/// The immutable value that ties a directory object to its cloud user: standard base64 of a 16-byte GUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceAnchor(pub String);

impl std::fmt::Display for SourceAnchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A forest, by the lower-case DNS name of its root domain, such as `contoso.test`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Forest(pub String);

impl std::fmt::Display for Forest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A public key's name: SHA-256 of its uncompressed SEC 1 form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 32]);

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

impl std::fmt::Debug for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        decode(&text)
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a key id is 32 bytes in unpadded base64url"))
    }
}

/// What a person reads out to the help desk: ten letters and digits in two groups, without the ones that look alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SupportCode(pub String);

impl SupportCode {
    /// A new code: 50 random bits in Crockford's base 32.
    pub fn random(random: &dyn Random) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut text = String::with_capacity(11);
        for (index, byte) in array::<10>(random).into_iter().enumerate() {
            if index == 5 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(byte % 32)]));
        }
        Self(text)
    }
}

impl std::fmt::Display for SupportCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
