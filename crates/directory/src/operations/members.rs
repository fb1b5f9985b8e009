//! Who is in a group, by `objectGUID`: a name would change with the member.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::NO_SUCH_OBJECT;
use crate::forest::Directory;
use crate::identity::{guid_dn, is_within};
use crate::ldap::{Connection, Control, Entry, Filter, LdapError, Scope, Search};

/// Values of `member` that are asked for at once of one group. A domain controller of Windows gives 1,500 and says so (MaxValRange, MS-ADTS
/// 3.1.1.3.4.6); Samba goes through all of a group's members for each part.
const RANGE: usize = 50_000;
/// What a page of groups is asked for of each, so that most groups need no request of their own.
pub(super) const WITH_PAGE: &str = "member;range=0-1499";

/// All members of a group, and those of them that stand for people of another forest.
pub(super) type AllMembers = (Vec<[u8; 16]>, Vec<([u8; 16], String)>);

/// What is known of a group's members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// These, and nobody else.
    All(Vec<[u8; 16]>),
    /// Of the others nothing changed.
    Changed {
        /// Who came.
        added: Vec<[u8; 16]>,
        /// Who went. They need not have been known.
        removed: Vec<[u8; 16]>,
    },
}

/// Attributes of a group, in lower case.
pub(super) const ATTRIBUTES: [&str; 6] =
    ["cn", "displayname", "iscriticalsystemobject", "ms-ds-consistencyguid", "objectsid", "samaccountname"];

/// Groups, and nothing else.
pub(super) fn groups() -> Filter {
    Filter::text("objectClass", "group")
}

impl Directory {
    /// Whether groups are imported.
    pub(super) fn imports_groups(&self) -> bool {
        !self.inner.config.groups.is_empty()
    }

    /// Whether a group of this name is below one of `bases`.
    pub(super) fn is_group_within(dn: &str, bases: &[String]) -> bool {
        bases.iter().any(|base| is_within(dn, base))
    }

    /// All members of a group, read in ranges (MS-ADTS 3.1.1.3.1.3.3), however many there are. `None` if it is not there any more.
    pub(super) async fn all_members(
        &self,
        connection: &mut Connection,
        group: &[u8; 16],
    ) -> Result<Option<AllMembers>, LdapError> {
        self.more_members(connection, group, AllMembers::default(), 0).await
    }

    /// The same, where those before number `from` are known.
    pub(super) async fn more_members(
        &self,
        connection: &mut Connection,
        group: &[u8; 16],
        (mut members, mut foreign): AllMembers,
        mut from: usize,
    ) -> Result<Option<AllMembers>, LdapError> {
        let limit = self.inner.config.timeout * 6;
        loop {
            let search = Search {
                base: guid_dn(group),
                scope: Scope::Base,
                filter: groups(),
                attributes: vec![format!("member;range={from}-{}", from + RANGE - 1)],
            };
            let page = match connection.search(&search, &[Control::extended_dn()], limit).await {
                Err(error) if error.answer().is_some_and(|answer| answer.code == NO_SUCH_OBJECT) => {
                    return Ok(None);
                }
                page => page?,
            };
            // One that is answered for by nothing may not be seen any more, and is not without members by that.
            let Some(entry) = page.entries.first() else { return Ok(None) };
            let Some((name, values)) = ranged(entry) else { return Ok(Some((members, foreign))) };
            members.extend(values.iter().filter_map(|value| guid_of(value)));
            foreign.extend(values.iter().filter_map(|value| foreign_of(value)));
            match rest(name) {
                Some(rest) if rest > from => from = rest,
                _ => return Ok(Some((members, foreign))),
            }
        }
    }
}

/// The values of `member`, with the name that the directory gave them.
fn ranged(entry: &Entry) -> Option<(&str, &[Vec<u8>])> {
    let mut found = entry.attributes.iter().filter(|(name, values)| is_member(name) && !values.is_empty());
    found.next().map(|(name, values)| (name.as_str(), values.as_slice()))
}

/// Where the values after those of this name begin. The last range ends with an asterisk; so does a directory that knows no ranges, by leaving
/// them out.
fn rest(name: &str) -> Option<usize> {
    name.rsplit_once('-')?.1.parse::<usize>().ok()?.checked_add(1)
}

/// Takes out of a group's entry what it tells of members: those, and where the others begin if they are not all. Under the extended-DN
/// control the entry's own name comes with GUID and SID before it, which are taken out, too.
pub(super) fn taken(entry: &mut Entry) -> (AllMembers, Option<usize>) {
    while entry.dn.starts_with('<')
        && let Some((_, name)) = entry.dn.split_once(">;")
    {
        entry.dn = name.to_owned();
    }
    let Some((name, values)) = ranged(entry) else {
        entry.attributes.retain(|name, _| !is_member(name));
        return (AllMembers::default(), None);
    };
    let members = values.iter().filter_map(|value| guid_of(value)).collect();
    let foreign = values.iter().filter_map(|value| foreign_of(value)).collect();
    let rest = rest(name);
    entry.attributes.retain(|name, _| !is_member(name));
    ((members, foreign), rest)
}

/// Whether an attribute, named as a directory names it, is `member`, or a range of it.
fn is_member(name: &str) -> bool {
    name == "member" || name.starts_with("member;")
}

/// What DirSync tells of a group's members under LDAP_DIRSYNC_INCREMENTAL_VALUES (MS-ADTS 3.1.1.3.4.1.3): who was added comes in the
/// range 1-1, who was removed in 0-0.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) added: BTreeSet<[u8; 16]>,
    pub(super) removed: BTreeSet<[u8; 16]>,
    /// Of those who were added, those who stand for people of another forest.
    pub(super) foreign: Vec<([u8; 16], String)>,
    /// The values came in another form, so that all of them are to be read.
    pub(super) unclear: bool,
}

impl Told {
    pub(super) fn note(&mut self, entry: &Entry) {
        for (name, values) in &entry.attributes {
            let Some(range) = name.strip_prefix("member") else { continue };
            let guids = values.iter().filter_map(|value| guid_of(value));
            match range {
                ";range=1-1" => {
                    self.foreign.extend(values.iter().filter_map(|value| foreign_of(value)));
                    guids.for_each(|guid| {
                        self.removed.remove(&guid);
                        self.added.insert(guid);
                    });
                }
                ";range=0-0" => guids.for_each(|guid| {
                    self.added.remove(&guid);
                    self.removed.insert(guid);
                }),
                _ => self.unclear = true,
            }
        }
    }
}

/// The GUID of a name as the extended-DN control gives it (MS-ADTS 3.1.1.3.4.1.5): `<GUID=...>;<SID=...>;CN=...`.
fn guid_of(value: &[u8]) -> Option<[u8; 16]> {
    let text = std::str::from_utf8(value).ok()?;
    let guid =
        text.get(..6).filter(|start| start.eq_ignore_ascii_case("<GUID=")).and_then(|_| text.get(6..))?;
    Some(Uuid::parse_str(guid.split('>').next()?).ok()?.to_bytes_le())
}

/// Of a foreign security principal's name the GUID, and the SID of whom it stands for. Its own SID is that one.
fn foreign_of(value: &[u8]) -> Option<([u8; 16], String)> {
    let text = std::str::from_utf8(value).ok()?;
    let name = text.split(";CN=").nth(1)?;
    // Named by the SID, and kept in the container for those.
    let (sid, rest) = name.split_once(',')?;
    let kept = rest.get(..28).is_some_and(|start| start.eq_ignore_ascii_case("CN=ForeignSecurityPrincipals"));
    let well_formed = sid.starts_with("S-1-5-21-")
        && sid.bytes().all(|byte| byte.is_ascii_digit() || b"S-".contains(&byte));
    (kept && well_formed && sid.len() <= 184).then(|| Some((guid_of(value)?, sid.to_owned())))?
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const ANNA: &[u8] =
        b"<GUID=03020100-0504-0706-0809-0a0b0c0d0e0f>;<SID=S-1-5-21-1-2-3-4>;CN=Anna,DC=contoso,DC=test";

    fn entry(name: &str, values: &[&[u8]]) -> Entry {
        let values = values.iter().map(|value| value.to_vec()).collect();
        Entry { dn: "CN=g".into(), attributes: BTreeMap::from([(name.to_owned(), values)]) }
    }

    #[test]
    fn a_member_is_told_by_its_guid() {
        let guid: [u8; 16] = std::array::from_fn(|byte| u8::try_from(byte).unwrap());
        assert_eq!(guid_of(ANNA), Some(guid));
        for none in [&b"CN=Anna,DC=t"[..], b"<GUID=>;CN=a", b"<GUID=03020100", b"", b"\xff"] {
            assert_eq!(guid_of(none), None);
        }
    }

    #[test]
    fn a_page_of_groups_tells_of_members_and_whether_there_are_more() {
        let guid = guid_of(ANNA).unwrap();
        for (name, more) in [
            ("member;range=0-1499", Some(1_500)),
            ("member;range=0-*", None),
            ("member", None),
            ("member;range=0-18446744073709551615", None),
        ] {
            let mut entry = entry(name, &[ANNA]);
            entry.dn = "<GUID=03020100-0504-0706-0809-0a0b0c0d0e0f>;<SID=S-1-5-21-1-2-3-4>;CN=g,DC=t".into();
            entry.attributes.insert("cn".into(), vec![b"g".to_vec()]);
            assert_eq!(taken(&mut entry), ((vec![guid], Vec::new()), more), "{name}");
            assert_eq!(entry.dn, "CN=g,DC=t");
            assert_eq!(entry.attributes.keys().collect::<Vec<_>>(), ["cn"]);
        }
        let mut empty = entry("member", &[]);
        assert_eq!(taken(&mut empty), (AllMembers::default(), None));
        assert!(empty.attributes.is_empty() && empty.dn == "CN=g");
    }

    #[test]
    fn who_stands_for_somebody_of_another_forest_is_told_by_their_sid() {
        let foreign =
            |name: &str| foreign_of(format!("<GUID=03020100-0504-0706-0809-0a0b0c0d0e0f>;{name}").as_bytes());
        let kept = "CN=ForeignSecurityPrincipals,DC=contoso,DC=test";
        let found = foreign(&format!("<SID=S-1-5-21-1-2-3-4>;CN=S-1-5-21-1-2-3-4,{kept}")).unwrap();
        assert_eq!((Some(found.0), found.1.as_str()), (guid_of(ANNA), "S-1-5-21-1-2-3-4"));
        for none in [
            format!("<SID=S-1-5-11>;CN=S-1-5-11,{kept}"),
            "<SID=S-1-5-21-1-2-3-4>;CN=S-1-5-21-1-2-3-4,OU=People,DC=contoso,DC=test".to_owned(),
            format!("CN=S-1-5-21-x,{kept}"),
            "CN=a".to_owned(),
        ] {
            assert_eq!(foreign(&none), None, "{none}");
        }
        assert_eq!(foreign_of(ANNA), None);
    }

    #[test]
    fn the_last_word_about_a_member_counts() {
        let mut told = Told::default();
        told.note(&entry("member;range=1-1", &[ANNA]));
        told.note(&entry("member;range=0-0", &[ANNA]));
        assert_eq!((told.added.len(), told.removed.len(), told.unclear), (0, 1, false));
        told.note(&entry("member;range=1-1", &[ANNA]));
        assert_eq!((told.added.len(), told.removed.len(), told.unclear), (1, 0, false));
        told.note(&entry("member", &[ANNA]));
        assert!(told.unclear);
    }
}
