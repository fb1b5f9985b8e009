//! Who is in a group. A group names its members by DN (`member`, `uniqueMember`; RFC 4519), or by login (`memberUid`; RFC 2307); they are
//! told by `entryUUID`, which a rename leaves as it is. Names are looked up at the server, by its own matching rules. One that leads to
//! nobody in scope (an entry that is gone, was renamed, or stands there since the class wants a member) is left out.
//!
//! A name can come to mean somebody without a change of the group: whoever is made, or renamed, to a DN that it has. So a delta also reads
//! the groups that name whoever changed.

use std::collections::{BTreeMap, BTreeSet};

use ritorno_protocol::outcome::Fault;
use uuid::Uuid;

use super::parts::{Kind, Part};
use super::users::object;
use super::{OpenLdap, refusal};
use crate::error::DirectoryError;
use crate::identity::{components, is_within};
use crate::ldap::{Connection, Control, Entry, Filter, Scope, Search};
use crate::operations::members::Members;
use crate::operations::users::ImportedObject;

/// Names that one search asks about.
const ASKED_AT_ONCE: usize = 100;
/// Groups, and names in them, that wait until they are looked up together.
const GROUPS: usize = 100;
const NAMES: usize = 5_000;
/// Where more than so many have changed, all groups are read: that is fewer searches.
const MANY: usize = 1_000;
/// Where a group has its members.
const BY_DN: [&str; 2] = ["member", "uniquemember"];
const BY_LOGIN: &str = "memberuid";

type Guid = [u8; 16];

/// Whom a delta told of, by the names that a group can have for them.
#[derive(Debug, Default)]
pub(super) struct Named {
    dns: Vec<String>,
    logins: Vec<String>,
}

impl Named {
    /// Notes somebody, or a group.
    pub(super) fn note(&mut self, object: &ImportedObject, login: &str) {
        // Beyond that no name counts any more.
        if self.dns.len() <= MANY {
            self.dns.push(object.dn.clone());
            self.logins.extend(texts(object, &login.to_lowercase()));
        }
    }

    /// Whether nobody was noted.
    pub(super) fn is_empty(&self) -> bool {
        self.dns.is_empty()
    }

    /// Filters that find the groups which name them.
    fn filters(&self) -> Vec<Filter> {
        if self.dns.len() > MANY {
            return vec![Kind::Groups.filter()];
        }
        let by_dn =
            self.dns.iter().flat_map(|dn| ["member", "uniqueMember"].map(|name| Filter::text(name, dn)));
        let by_login = self.logins.iter().map(|login| Filter::text("memberUid", login));
        let names: Vec<Filter> = by_dn.chain(by_login).collect();
        let naming = |some: &[Filter]| Filter::And(vec![Kind::Groups.filter(), Filter::Or(some.to_vec())]);
        names.chunks(ASKED_AT_ONCE).map(naming).collect()
    }
}

/// Groups as they are read, until it is known who their members are. Has a connection of its own, since another one is being read from.
pub(super) struct Groups<'a> {
    directory: &'a OpenLdap,
    connection: Connection,
    waiting: Vec<ImportedObject>,
    names: usize,
    /// Those that were read.
    read: BTreeSet<Guid>,
}

impl<'a> Groups<'a> {
    /// None yet.
    ///
    /// # Errors
    /// What kept us from connecting; or [`Fault::NoPermission`] if entries are not found by their names: to go on would
    /// empty all groups.
    pub(super) async fn open(directory: &'a OpenLdap) -> Result<Self, DirectoryError> {
        let connection = directory.connect().await?;
        let mut groups = Self { directory, connection, waiting: Vec::new(), names: 0, read: BTreeSet::new() };
        for part in directory.parts() {
            let search = Search {
                base: part.base.clone(),
                scope: Scope::Base,
                filter: Filter::text("entryDN", &part.base),
                attributes: vec!["1.1".to_owned()],
            };
            if groups.page(&search, &[]).await?.0.is_empty() {
                let detail = format!(
                    "{} is not found by its entryDN (RFC 5020): to tell who is in a group, the account needs the right to \
                     search by it",
                    part.base
                );
                return Err(DirectoryError::fault(Fault::NoPermission, groups.connection.host(), detail));
            }
        }
        Ok(groups)
    }

    /// Takes a group that was read; those whose members are known by now.
    ///
    /// # Errors
    /// What kept us from reading.
    pub(super) async fn take(
        &mut self,
        group: ImportedObject,
    ) -> Result<Vec<ImportedObject>, DirectoryError> {
        self.read.insert(group.object_guid);
        self.names += BY_DN.iter().chain([&BY_LOGIN]).map(|name| values(&group, name).len()).sum::<usize>();
        self.waiting.push(group);
        if self.waiting.len() < GROUPS && self.names < NAMES { Ok(Vec::new()) } else { self.rest().await }
    }

    /// The others that were taken.
    ///
    /// # Errors
    /// What kept us from reading.
    pub(super) async fn rest(&mut self) -> Result<Vec<ImportedObject>, DirectoryError> {
        let mut groups = std::mem::take(&mut self.waiting);
        self.names = 0;
        let all = |names: &[&str]| -> BTreeSet<String> {
            let of_group = |group| names.iter().flat_map(move |name| texts(group, name));
            groups.iter().flat_map(of_group).collect()
        };
        let by_dn = self.by_dn(&all(&BY_DN)).await?;
        let by_login = self.by_login(&all(&[BY_LOGIN])).await?;
        for group in &mut groups {
            let dns = BY_DN.iter().flat_map(|name| texts(group, name));
            let mut members: BTreeSet<Guid> = dns.filter_map(|dn| by_dn.get(&key(&dn)?).copied()).collect();
            let logins = texts(group, BY_LOGIN);
            members.extend(logins.iter().filter_map(|login| by_login.get(&login.to_lowercase())).flatten());
            group.attributes.retain(|name, _| name != BY_LOGIN && !BY_DN.contains(&name.as_str()));
            group.members = Some(Members::All(members.into_iter().collect()));
        }
        Ok(groups)
    }

    /// The groups that name any of those, and that were not read already.
    ///
    /// # Errors
    /// What kept us from reading.
    pub(super) async fn naming(&mut self, named: &Named) -> Result<Vec<ImportedObject>, DirectoryError> {
        let mut groups = Vec::new();
        let parts = self.directory.parts();
        for part in parts.iter().filter(|part| part.kind == Kind::Groups) {
            for filter in named.filters() {
                let mut search = Search { filter, ..part.search(&[]) };
                search.attributes.push("entryUUID".to_owned());
                for group in self.all(&search).await?.into_iter().filter_map(object) {
                    if !self.read.contains(&group.object_guid) {
                        groups.extend(self.take(group).await?);
                    }
                }
            }
        }
        groups.extend(self.rest().await?);
        Ok(groups)
    }

    /// Who has these DNs, by what makes two of them equal.
    async fn by_dn(&mut self, dns: &BTreeSet<String>) -> Result<BTreeMap<Vec<String>, Guid>, DirectoryError> {
        let mut found = BTreeMap::new();
        for part in self.directory.parts() {
            let below: Vec<&String> = dns.iter().filter(|dn| is_within(dn, &part.base)).collect();
            for some in below.chunks(ASKED_AT_ONCE) {
                let names = some.iter().map(|dn| Filter::text("entryDN", dn)).collect();
                for (guid, entry) in self.found(&part, names, Vec::new()).await? {
                    found.extend(key(&entry.dn).map(|dn| (dn, guid)));
                }
            }
        }
        Ok(found)
    }

    /// Who has these logins; the logins in lower case.
    async fn by_login(
        &mut self,
        logins: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<Guid>>, DirectoryError> {
        let login = self.directory.inner.config.login.clone();
        let logins: Vec<&String> = logins.iter().collect();
        let mut found: BTreeMap<String, Vec<Guid>> = BTreeMap::new();
        for part in self.directory.parts().iter().filter(|part| part.kind == Kind::People) {
            for some in logins.chunks(ASKED_AT_ONCE) {
                let names =
                    some.iter().map(|name| Filter::Named(login.clone(), name.as_bytes().into())).collect();
                for (guid, entry) in self.found(part, names, vec![login.clone()]).await? {
                    for name in entry.values(&login).iter().filter_map(|name| std::str::from_utf8(name).ok())
                    {
                        found.entry(name.to_lowercase()).or_default().push(guid);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Whoever of a part any of `names` finds.
    async fn found(
        &mut self,
        part: &Part,
        names: Vec<Filter>,
        mut attributes: Vec<String>,
    ) -> Result<Vec<(Guid, Entry)>, DirectoryError> {
        attributes.push("entryUUID".to_owned());
        let filter = Filter::And(vec![part.kind.filter(), Filter::Or(names)]);
        let search = Search { base: part.base.clone(), scope: Scope::Subtree, filter, attributes };
        let guid = |entry: &Entry| Some(Uuid::try_parse(entry.text("entryUUID")?).ok()?.to_bytes_le());
        let found = self.all(&search).await?;
        Ok(found.into_iter().filter_map(|entry| Some((guid(&entry)?, entry))).collect())
    }

    /// All that a search finds, page by page.
    async fn all(&mut self, search: &Search) -> Result<Vec<Entry>, DirectoryError> {
        let (mut entries, mut cookie) = (Vec::new(), Vec::new());
        loop {
            let control = Control::paged(i32::from(self.directory.inner.config.page), &cookie);
            let (page, next) = self.page(search, &[control]).await?;
            entries.extend(page);
            cookie = next;
            if cookie.is_empty() {
                return Ok(entries);
            }
        }
    }

    async fn page(
        &mut self,
        search: &Search,
        controls: &[Control],
    ) -> Result<(Vec<Entry>, Vec<u8>), DirectoryError> {
        let limit = self.directory.timeout() * 6;
        let page = self.connection.search(search, controls, limit).await;
        page.map(|page| (page.entries, page.cookie)).map_err(|error| refusal::read(&error))
    }
}

fn values<'a>(object: &'a ImportedObject, name: &str) -> &'a [Vec<u8>] {
    object.attributes.get(name).map_or(&[], Vec::as_slice)
}

/// The values of an attribute (in lower case) as text. One of `uniqueMember` may have a number after it (RFC 4517 section 3.3.21), that
/// tells entries apart which had one name one after the other.
fn texts(object: &ImportedObject, name: &str) -> Vec<String> {
    let texts = values(object, name).iter().filter_map(|value| std::str::from_utf8(value).ok());
    let texts = texts.map(|text| match text.rsplit_once('#') {
        Some((dn, bits)) if name == "uniquemember" && bits.starts_with('\'') && bits.ends_with("'B") => dn,
        _ => text,
    });
    texts.map(str::to_owned).collect()
}

/// What two DNs have in common that name one entry: the server gives both as it keeps them, which differ in case and in spaces at most.
fn key(dn: &str) -> Option<Vec<String>> {
    let one_space = |part: String| part.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(components(dn)?.into_iter().map(one_space).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, values: &[&str]) -> ImportedObject {
        let values = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        ImportedObject {
            dn: "cn=g,dc=t".into(),
            object_guid: [1; 16],
            attributes: BTreeMap::from([(name.to_owned(), values)]),
            members: None,
            foreign: Vec::new(),
        }
    }

    #[test]
    fn a_unique_member_comes_without_its_number() {
        let group = group("uniquemember", &["uid=a,dc=t#'0101'B", "cn=c# sharp,dc=t", "uid=b,dc=t"]);
        assert_eq!(texts(&group, "uniquemember"), ["uid=a,dc=t", "cn=c# sharp,dc=t", "uid=b,dc=t"]);
    }

    #[test]
    fn names_of_one_entry_are_one() {
        assert_eq!(key("uid=Anna  Rossi,OU=People,dc=t"), key("UID=anna rossi,ou=people,DC=t"));
        assert_ne!(key("uid=annarossi,dc=t"), key("uid=anna rossi,dc=t"));
        assert_eq!(key("nobody\\"), None);
    }

    #[test]
    fn beyond_many_all_groups_are_read() {
        let mut named = Named::default();
        for number in 0..=MANY {
            let mut person = group("uid", &["a"]);
            person.dn = format!("uid={number},dc=t");
            assert_eq!(named.filters().len(), (number * 3).div_ceil(ASKED_AT_ONCE));
            named.note(&person, "UID");
        }
        assert_eq!(named.filters().len(), 1);
    }
}
