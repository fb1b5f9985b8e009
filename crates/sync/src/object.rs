//! Objects as the directory gives them and as they are staged.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::sid;

/// One object of a directory, as plain values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedObject {
    /// Distinguished name.
    pub dn: String,
    /// `objectGUID`, as the directory stores it: the identity through renames and moves.
    pub object_guid: [u8; 16],
    /// Values by attribute name; names are compared without case.
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
    /// Of a group, who is in it; `None` for a person.
    pub members: Option<Members>,
    /// Of a group's members, those who stand for a person of another connector: their `objectGUID`, and that person's SID as text.
    pub foreign: Vec<([u8; 16], String)>,
}

/// Who is in a group, by `objectGUID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// These, and nobody else.
    All(Vec<[u8; 16]>),
    /// Of the others nothing changed.
    Changed {
        /// Who came.
        added: Vec<[u8; 16]>,
        /// Who went.
        removed: Vec<[u8; 16]>,
    },
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person.
    Person,
    /// A group.
    Group,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Group => "group",
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        if name == "group" { Self::Group } else { Self::Person }
    }
}

/// One value: text where it is UTF-8, else base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Binary { base64: String },
}

/// The attributes of a staged object, by name in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Attributes(BTreeMap<String, Vec<Value>>);

impl Attributes {
    pub(crate) fn of(object: &ImportedObject) -> Self {
        let value = |bytes: &Vec<u8>| match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Binary { base64: STANDARD.encode(bytes) },
        };
        let staged = |values: &Vec<Vec<u8>>| values.iter().map(value).collect();
        Self(object.attributes.iter().map(|(name, v)| (name.to_ascii_lowercase(), staged(v))).collect())
    }

    /// The values of `name` (lower case) that are text and not empty, sorted: a directory gives them in any order.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        let mut texts: Vec<&str> = self
            .0
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|value| match value {
                Value::Text(text) if !text.trim().is_empty() => Some(text.as_str()),
                Value::Text(_) | Value::Binary { .. } => None,
            })
            .collect();
        texts.sort_unstable();
        texts
    }

    /// The text of `name`; the first in order where there are several.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).into_iter().next()
    }

    /// The first value of `name` as the directory's bytes.
    pub(crate) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        match self.0.get(name)?.first()? {
            Value::Text(text) => Some(text.clone().into_bytes()),
            Value::Binary { base64 } => STANDARD.decode(base64).ok(),
        }
    }
}

/// What else is kept of an object than before: with another number every object is staged anew, once.
const STAGED: [u8; 1] = [2];

/// What the connector space keeps of an object.
pub(crate) struct Staged {
    pub(crate) guid: String,
    pub(crate) dn: String,
    pub(crate) attributes: Attributes,
    pub(crate) json: String,
    pub(crate) hash: Vec<u8>,
    pub(crate) members: Option<Members>,
    pub(crate) foreign: Vec<([u8; 16], String)>,
}

impl Staged {
    /// The SID as text, of an object that has one.
    pub(crate) fn sid(&self) -> Option<String> {
        sid::text(&self.attributes.bytes("objectsid")?)
    }

    pub(crate) fn kind(&self) -> Kind {
        if self.members.is_some() { Kind::Group } else { Kind::Person }
    }

    /// Of a group, what `primaryGroupID` of its members names: `primaryGroupToken` (MS-ADA3), where it was read, else the last part of its
    /// SID (MS-DTYP 2.4.2.2).
    pub(crate) fn rid(&self) -> Option<i64> {
        if let Some(token) = self.members.as_ref().and_then(|_| self.attributes.text("primarygrouptoken")) {
            return token.parse().ok();
        }
        let sid = self.members.as_ref().and_then(|_| self.attributes.bytes("objectsid"))?;
        Some(i64::from(u32::from_le_bytes(sid.last_chunk().copied()?)))
    }

    pub(crate) fn of(object: ImportedObject) -> Self {
        let attributes = Attributes::of(&object);
        let json = serde_json::to_string(&attributes).expect("strings in maps always become JSON");
        let hash = Sha256::new()
            .chain_update(STAGED)
            .chain_update(&object.dn)
            .chain_update([0])
            .chain_update(&json)
            .finalize()
            .to_vec();
        // objectGUID is stored with its first three fields in little-endian order (MS-DTYP 2.3.4.2).
        let guid = uuid::Uuid::from_bytes_le(object.object_guid).to_string();
        let (members, foreign) = (object.members, object.foreign);
        Self { guid, dn: object.dn, attributes, json, hash, members, foreign }
    }
}

/// The name of what the object of this name is in: all after the first comma that is not escaped (RFC 4514).
pub(crate) fn parent(dn: &str) -> Option<&str> {
    let mut escaped = false;
    let at = dn.find(|c| {
        let is_end = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    })?;
    Some(&dn[at + 1..])
}

/// Whether the object of this name is `base` or below it. Names are compared as text, without regard to case.
pub(crate) fn is_within(dn: &str, base: &str) -> bool {
    let (dn, base) = (dn.to_lowercase(), base.to_lowercase());
    dn == base || dn.strip_suffix(&base).is_some_and(|rest| rest.ends_with(',') && !rest.ends_with("\\,"))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn staged_values_keep_their_bytes(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let attributes = BTreeMap::from([("objectSid".to_owned(), vec![value.clone()])]);
            let staged = Staged::of(ImportedObject { dn: "CN=a".into(), object_guid: [1; 16], attributes, members: None, foreign: Vec::new() });
            let read: Attributes = serde_json::from_str(&staged.json).unwrap();
            prop_assert_eq!(read.bytes("objectsid"), Some(value));
        }
    }

    #[test]
    fn the_parent_of_a_name() {
        assert_eq!(parent(r"CN=Rossi\, Anna,OU=People,DC=t"), Some("OU=People,DC=t"));
        assert_eq!(parent(r"CN=a\\,DC=t"), Some("DC=t"));
        assert_eq!(parent("DC=t"), None);
    }

    #[test]
    fn below_a_base_is_within_it() {
        assert!(
            is_within("CN=a,OU=Sales,DC=t", "ou=sales,dc=t") && is_within("OU=Sales,DC=t", "OU=Sales,DC=t")
        );
        assert!(!is_within("CN=a,OU=Presales,DC=t", "OU=Sales,DC=t"));
        assert!(!is_within(r"CN=a\,OU=Sales,DC=t", "OU=Sales,DC=t"));
    }

    #[test]
    fn a_rename_changes_the_hash() {
        let object = |dn: &str| ImportedObject {
            dn: dn.into(),
            object_guid: [1; 16],
            attributes: BTreeMap::new(),
            members: None,
            foreign: Vec::new(),
        };
        assert_ne!(Staged::of(object("CN=a")).hash, Staged::of(object("CN=b")).hash);
        assert_eq!(Staged::of(object("CN=a")).hash, Staged::of(object("CN=a")).hash);
    }
}
