//! What the rules say of a directory, told once more in the simplest way.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_sync::ImportedObject;

use crate::world::{guid, object};

/// One object in the directory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Its account name's number; objects are renamed by changing it.
    pub(crate) name: u16,
    pub(crate) display: String,
    pub(crate) enabled: bool,
    /// Whether the rules leave it out.
    pub(crate) critical: bool,
    /// Number of the object whose GUID it has as mS-DS-ConsistencyGuid.
    pub(crate) consistency: Option<u16>,
}

/// The directory, by object number.
pub(crate) type Directory = BTreeMap<u16, Entry>;

pub(crate) fn anchor_of_guid(guid: [u8; 16]) -> String {
    STANDARD.encode(guid)
}

pub(crate) fn anchor_of(number: u16, entry: &Entry) -> String {
    STANDARD.encode(guid(entry.consistency.unwrap_or(number)))
}

/// The directory as an import gives it.
pub(crate) fn objects(directory: &Directory) -> Vec<ImportedObject> {
    directory.iter().map(|(number, entry)| imported(*number, entry)).collect()
}

/// One object as an import gives it.
pub(crate) fn imported(number: u16, entry: &Entry) -> ImportedObject {
    let control = if entry.enabled { "512" } else { "514" };
    let critical = if entry.critical { "TRUE" } else { "FALSE" };
    let more = [
        ("displayName", entry.display.as_str()),
        ("userAccountControl", control),
        ("isCriticalSystemObject", critical),
    ];
    let mut object = object(entry.name, &more);
    object.object_guid = guid(number);
    if let Some(other) = entry.consistency {
        object.attributes.insert("mS-DS-ConsistencyGuid".into(), vec![guid(other).to_vec()]);
    }
    object
}

/// What the connector space, and who the tenant, should hold.
#[derive(Default)]
pub(crate) struct Model {
    staged: Directory,
    /// Anchor by object number.
    joined: BTreeMap<u16, String>,
}

impl Model {
    /// A clean import.
    pub(crate) fn import(&mut self, directory: &Directory) {
        self.staged.retain(|number, _| directory.contains_key(number));
        self.stage(directory.iter());
    }

    /// What an import has seen. An object that is joined keeps what was staged when its anchor is another one now.
    pub(crate) fn stage<'a>(&mut self, seen: impl Iterator<Item = (&'a u16, &'a Entry)>) {
        for (number, entry) in seen {
            let changed = self.joined.get(number).is_some_and(|anchor| *anchor != anchor_of(*number, entry));
            if !changed {
                self.staged.insert(*number, entry.clone());
            }
        }
    }

    /// What a delta import was told is gone.
    pub(crate) fn gone(&mut self, number: u16) {
        self.staged.remove(&number);
    }

    /// A full sync: whoever is gone or out of scope goes; whoever has an anchor to themselves comes.
    pub(crate) fn sync(&mut self) {
        let staged = &self.staged;
        self.joined.retain(|number, _| staged.get(number).is_some_and(|entry| !entry.critical));
        let mut holders: BTreeMap<String, usize> = BTreeMap::new();
        for (number, entry) in staged {
            *holders.entry(anchor_of(*number, entry)).or_default() += 1;
        }
        for (number, entry) in staged {
            let anchor = anchor_of(*number, entry);
            if !entry.critical && !self.joined.contains_key(number) && holders[&anchor] == 1 {
                self.joined.insert(*number, anchor);
            }
        }
    }

    /// People in the tenant by anchor: account name, display name, enabled.
    pub(crate) fn tenant(&self) -> BTreeMap<String, (String, String, bool)> {
        let person = |(number, anchor): (&u16, &String)| {
            let entry = &self.staged[number];
            (anchor.clone(), (format!("user{}", entry.name), entry.display.clone(), entry.enabled))
        };
        self.joined.iter().map(person).collect()
    }
}
