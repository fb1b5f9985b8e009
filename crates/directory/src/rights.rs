//! Whether a DACL gives somebody a right: the access check of MS-ADTS 5.1.3.3, done ahead.

use crate::descriptor::{aces, u16_at, u32_at};
use crate::identity::Sid;

/// `SE_DACL_PRESENT` and `SE_DACL_PROTECTED` (MS-DTYP 2.4.6).
const DACL_PRESENT: u16 = 0x4;
const DACL_PROTECTED: u16 = 0x1000;
/// ACE flags (MS-DTYP 2.4.4.1).
const INHERIT_ONLY: u8 = 0x08;
const INHERITED: u8 = 0x10;
/// Bits of an object ACE's flags (MS-DTYP 2.4.4.3).
const OBJECT_TYPE_PRESENT: u32 = 0x1;
const INHERITED_TYPE_PRESENT: u32 = 0x2;
/// Access mask bits (MS-ADTS 5.1.3.2).
const WRITE_PROPERTY: u32 = 0x20;
const CONTROL_ACCESS: u32 = 0x100;
const GENERIC_ALL: u32 = 0x1000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
/// Everyone, Authenticated Users (MS-DTYP 2.4.2.4): in every token.
const EVERYBODY: [&[u8]; 2] = [&[1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], &[1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0]];

/// What a DACL says to one right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed.
    Granted {
        /// To the account itself, or to a group of it.
        to: Sid,
    },
    /// Forbidden by an entry that comes before any that allows it.
    Denied {
        /// To the account itself, or to a group of it.
        to: Sid,
        /// Whether the entry was inherited: then it is to be removed further up.
        inherited: bool,
    },
    /// No entry says anything.
    Missing,
}

impl Verdict {
    /// Whether it is granted.
    pub const fn is_granted(&self) -> bool {
        matches!(self, Self::Granted { .. })
    }
}

/// A right that is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Right {
    /// A control access right, by its GUID as stored.
    Control([u8; 16]),
    /// Writing an attribute.
    Write {
        /// Its `schemaIDGUID`.
        attribute: [u8; 16],
        /// The property set that it is in (`attributeSecurityGUID`).
        set: Option<[u8; 16]>,
    },
}

impl Right {
    const fn bits(&self) -> u32 {
        match self {
            Self::Control(_) => CONTROL_ACCESS | GENERIC_ALL,
            Self::Write { .. } => WRITE_PROPERTY | GENERIC_ALL | GENERIC_WRITE,
        }
    }

    fn is_about(&self, object_type: &[u8]) -> bool {
        match self {
            Self::Control(right) => object_type == right,
            Self::Write { attribute, set } => {
                object_type == attribute || set.as_ref().is_some_and(|set| object_type == set)
            }
        }
    }
}

/// Whether whoever has `token` (the SIDs of an account and of all its groups) has `right` by this descriptor. `None` if it can't be read
/// as one. Conditional entries that allow are passed over, since their condition is not evaluated here; those that deny count.
pub(crate) fn check(descriptor: &[u8], token: &[Sid], right: &Right) -> Option<Verdict> {
    let control = u16_at(descriptor, 2).filter(|_| descriptor.first() == Some(&1))?;
    if control & DACL_PRESENT == 0 || u32_at(descriptor, 16)? == 0 {
        // No DACL at all: everybody may do everything (MS-DTYP 2.5.3.2).
        return Some(Verdict::Granted { to: Sid::new(EVERYBODY[0])? });
    }
    for ace in aces(descriptor)? {
        let Some(entry) = Entry::read(ace) else { continue };
        let applies =
            entry.mask & right.bits() != 0 && entry.object_type.is_none_or(|about| right.is_about(about));
        let ours = token.contains(&entry.trustee) || EVERYBODY.contains(&entry.trustee.as_bytes());
        if applies && ours {
            let to = entry.trustee;
            return Some(if entry.allows {
                Verdict::Granted { to }
            } else {
                Verdict::Denied { to, inherited: entry.inherited }
            });
        }
    }
    Some(Verdict::Missing)
}

/// Whether the descriptor takes nothing from the objects above.
pub(crate) fn is_inheritance_broken(descriptor: &[u8]) -> bool {
    u16_at(descriptor, 2).is_some_and(|control| control & DACL_PROTECTED != 0)
}

/// An entry that holds for the object itself.
struct Entry<'a> {
    allows: bool,
    inherited: bool,
    mask: u32,
    object_type: Option<&'a [u8]>,
    trustee: Sid,
}

impl<'a> Entry<'a> {
    fn read(ace: &'a [u8]) -> Option<Self> {
        let (kind, flags) = (*ace.first()?, *ace.get(1)?);
        // MS-DTYP 2.4.4.1: allowed and denied; the same for objects; conditional ones that deny.
        let (allows, for_objects) = match kind {
            0 => (true, false),
            1 | 10 => (false, false),
            5 => (true, true),
            6 | 12 => (false, true),
            _ => return None,
        };
        if flags & INHERIT_ONLY != 0 {
            return None;
        }
        let (mut object_type, mut at) = (None, 8);
        if for_objects {
            let present = u32_at(ace, 8)?;
            at = 12;
            if present & OBJECT_TYPE_PRESENT != 0 {
                object_type = Some(ace.get(at..at + 16)?);
                at += 16;
            }
            if present & INHERITED_TYPE_PRESENT != 0 {
                at += 16;
            }
        }
        // A conditional entry goes on after its SID.
        let length = 8 + 4 * usize::from(*ace.get(at + 1)?);
        let trustee = Sid::new(ace.get(at..at + length)?)?;
        Some(Self { allows, inherited: flags & INHERITED != 0, mask: u32_at(ace, 4)?, object_type, trustee })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RIGHT: [u8; 16] = [7; 16];
    const SET: [u8; 16] = [8; 16];

    fn sid(rid: u32) -> Sid {
        let mut bytes = vec![1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0];
        bytes.extend_from_slice(&rid.to_le_bytes());
        Sid::new(&bytes).unwrap()
    }

    fn ace(kind: u8, flags: u8, mask: u32, about: Option<[u8; 16]>, to: &Sid) -> Vec<u8> {
        let mut body = mask.to_le_bytes().to_vec();
        if matches!(kind, 5 | 6) {
            body.extend_from_slice(&u32::from(about.is_some()).to_le_bytes());
            body.extend(about.into_iter().flatten());
        }
        body.extend_from_slice(to.as_bytes());
        let mut ace = vec![kind, flags];
        ace.extend_from_slice(&(body.len() as u16 + 4).to_le_bytes());
        ace.extend(body);
        ace
    }

    fn descriptor(aces: &[Vec<u8>]) -> Vec<u8> {
        let body = aces.concat();
        let mut out = vec![1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0];
        out.extend_from_slice(&(body.len() as u16 + 8).to_le_bytes());
        out.extend_from_slice(&(aces.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend(body);
        out
    }

    #[test]
    fn the_first_entry_that_is_about_it_decides() {
        let (own, other) = (sid(1), sid(2));
        let reset = Right::Control(RIGHT);
        let write = Right::Write { attribute: RIGHT, set: Some(SET) };
        let token = [own.clone()];
        let say = |aces: &[Vec<u8>], right: &Right| check(&descriptor(aces), &token, right).unwrap();
        let granted = Verdict::Granted { to: own.clone() };
        assert_eq!(say(&[ace(5, 0, 0x100, Some(RIGHT), &own)], &reset), granted);
        assert_eq!(say(&[ace(5, 0, 0x100, None, &own)], &reset), granted, "all extended rights");
        assert_eq!(say(&[ace(0, 0, 0xf01ff, None, &own)], &reset), granted, "full control");
        assert_eq!(say(&[ace(0, 0, 0x1000_0000, None, &own)], &write), granted, "generic all");
        assert_eq!(say(&[ace(5, 0, 0x20, Some(SET), &own)], &write), granted, "its property set");
        assert_eq!(say(&[ace(5, 0, 0x20, Some(SET), &own)], &reset), Verdict::Missing, "another right");
        assert_eq!(say(&[ace(5, 0, 0x100, Some(SET), &own)], &reset), Verdict::Missing);
        assert_eq!(say(&[ace(5, 0, 0x100, Some(RIGHT), &other)], &reset), Verdict::Missing);
        assert_eq!(say(&[ace(5, 0x0a, 0x100, Some(RIGHT), &own)], &reset), Verdict::Missing, "for children");
        let deny = ace(6, 0x10, 0x100, Some(RIGHT), &own);
        let allow = ace(5, 0, 0x100, Some(RIGHT), &own);
        let denied = Verdict::Denied { to: own.clone(), inherited: true };
        assert_eq!(say(&[deny.clone(), allow.clone()], &reset), denied);
        assert_eq!(say(&[allow, deny], &reset), granted, "an own entry comes before an inherited denial");
        let everyone = Sid::new(EVERYBODY[0]).unwrap();
        let all = say(&[ace(0, 0, 0x20, None, &everyone)], &write);
        assert_eq!(all, Verdict::Granted { to: everyone });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..150)) {
            check(&bytes, &[sid(1)], &Right::Control(RIGHT));
        }

        #[test]
        fn no_damaged_descriptor_panics(at in 0usize..80, byte: u8, length in 0usize..90) {
            let entries = [ace(5, 0, 0x20, Some(SET), &sid(2)), ace(6, 0, 0x100, None, &sid(1))];
            let mut bytes = descriptor(&entries);
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(length);
            check(&bytes, &[sid(1)], &Right::Control(RIGHT));
        }
    }
}
