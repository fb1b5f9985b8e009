//! What changed since a watermark: by the DirSync control (MS-ADTS 3.1.1.3.4.1.3), or where that is refused by update
//! sequence numbers. Either only names the objects; each is then read as a whole, so that what is given is the object as
//! it is now, whatever the control gave of it.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::members::{self, ATTRIBUTES, Members, Told};
use super::users::ImportedObject;
use super::watermark::{Controller, Place, Watermark, deleted_objects, refusal};
use super::{NO_SUCH_OBJECT, Pages};
use crate::error::DirectoryError;
use crate::forest::{Directory, read};
use crate::identity::{guid_dn, is_within};
use crate::ldap::{Control, Entry, Filter, Scope, Search};

/// Objects that are read at once.
const READ_AT_ONCE: usize = 100;
/// Classes of what people are kept in (MS-ADA3): a changed name of one of these changes the names of all below it.
const CONTAINERS: [&str; 4] = ["organizationalUnit", "container", "builtinDomain", "lostAndFound"];

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The person is in scope, and this is all of them.
    Present(ImportedObject),
    /// The object was deleted, has left the scope, or may no longer be seen. It need not have been a person in scope.
    Gone([u8; 16]),
    /// In which groups an object is now, by `objectGUID`: of what may have been brought back from deletion.
    In {
        /// The object.
        member: [u8; 16],
        /// All groups below the groups' bases that have it as a member, but its primary one.
        groups: Vec<[u8; 16]>,
    },
}

/// What came of asking for changes.
pub enum Since {
    /// They come.
    Changes(Box<Delta>),
    /// The place is of no use: everything is to be read. Why, for the operator.
    Lost(String),
}

/// The changes since a watermark, to be read to their end.
pub struct Delta {
    directory: Directory,
    controller: Controller,
    attributes: Vec<String>,
    /// The bases of the scope, and those of the groups, as the directory writes their names.
    bases: Vec<String>,
    pub(super) group_bases: Vec<String>,
    /// Who came into a group or went, as far as that was told; and groups whose members are all to be read.
    told: BTreeMap<[u8; 16], Told>,
    whole: BTreeSet<[u8; 16]>,
    /// What changed and is there, by `objectGUID`; whether its name changed while it was there before.
    changed: BTreeMap<[u8; 16], bool>,
    gone: BTreeSet<[u8; 16]>,
    /// Containers with another name, below which everybody has another name.
    renamed: Vec<[u8; 16]>,
    /// The page of a renamed container's people that comes next.
    cookie: Vec<u8>,
    pub(super) pages: Pages,
    place: Place,
    sees_deletions: bool,
}

impl Directory {
    /// Asks for what changed since `since`; of people the named attributes.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn changes(&self, since: &Watermark, attributes: Vec<String>) -> Result<Since, DirectoryError> {
        let mut controller = match self.connect_again(&since.dc).await? {
            Some(connected) => self.controller(connected).await?,
            None => return Ok(Since::Lost(format!("{} is not read from any more", since.dc))),
        };
        let dc = controller.connection.host().to_owned();
        if controller.partition != since.partition {
            return Ok(Since::Lost(format!(
                "the mark of {} is another domain's than that of {dc}",
                since.dc
            )));
        }
        if controller.invocation != since.invocation {
            let why = format!("the mark of {} is of another database than it has now", since.dc);
            return Ok(Since::Lost(why));
        }
        if controller.usn < since.usn {
            return Ok(Since::Lost(format!("the history of {dc} is shorter than it was: it was put back")));
        }
        let bases = self.find_bases(&mut controller, &self.inner.config.scope).await?;
        let group_bases = self.find_bases(&mut controller, &self.inner.config.groups).await?;
        let sees_deletions = self.may_list_deleted(&mut controller).await?;
        let mut delta = Delta {
            directory: self.clone(),
            controller,
            attributes,
            bases,
            group_bases,
            told: BTreeMap::new(),
            whole: BTreeSet::new(),
            changed: BTreeMap::new(),
            gone: BTreeSet::new(),
            renamed: Vec::new(),
            cookie: Vec::new(),
            pages: Pages::default(),
            place: since.place.clone(),
            sees_deletions,
        };
        let lost = match &since.place {
            Place::DirSync(cookie) => delta.ask_dir_sync(cookie).await?,
            Place::Usn(_) => {
                delta.ask_usn(since.usn).await?;
                None
            }
        };
        Ok(lost.map_or(Since::Changes(Box::new(delta)), Since::Lost))
    }
}

impl Directory {
    /// Another controller than `dc` that an import may be read at and that answers. Its history tells nothing to a mark of `dc`, and it
    /// may lag behind.
    pub async fn readable_instead_of(&self, dc: &str) -> Option<String> {
        let (connection, _) = self.connect_for_reading().await.ok()?;
        let host = connection.host().to_owned();
        connection.close().await;
        (!host.eq_ignore_ascii_case(dc)).then_some(host)
    }

    /// Looks for every base of the scope. One that was renamed or moved away has nobody below it any more, and all of
    /// its people would count as gone: as in a full import, that is an error until the configuration names the new one.
    async fn find_bases(
        &self,
        controller: &mut Controller,
        configured: &[String],
    ) -> Result<Vec<String>, DirectoryError> {
        let limit = self.inner.config.timeout;
        let mut bases = Vec::with_capacity(configured.len());
        for base in configured {
            let found = read(&mut controller.connection, base, &["objectGUID"], limit).await;
            let found = found.map_err(|error| {
                let mut failed = DirectoryError::read(&error);
                if matches!(error.answer(), Some(answer) if answer.code == NO_SUCH_OBJECT) {
                    failed.operator_mut().detail = format!(
                        "{base} of the scope is not there, or may not be seen: was it renamed or moved?"
                    );
                }
                failed
            })?;
            bases.push(found.dn);
        }
        Ok(bases)
    }
}

impl Delta {
    /// The next changes, each object once in a page; `None` after the last.
    ///
    /// # Errors
    /// What kept us from reading. The delta is of no use afterwards.
    pub async fn next(&mut self) -> Result<Option<Vec<Change>>, DirectoryError> {
        if !self.gone.is_empty() {
            let gone = std::mem::take(&mut self.gone);
            return Ok(Some(gone.into_iter().map(Change::Gone).collect()));
        }
        if !self.changed.is_empty() {
            return self.read_changed().await.map(Some);
        }
        match self.renamed.last().copied() {
            Some(container) => self.read_below(&container).await.map(Some),
            None => Ok(None),
        }
    }

    /// Where the next delta goes on, and what the operator should know.
    pub async fn end(self) -> (Watermark, Option<String>) {
        let mut notes = Vec::new();
        if let Place::Usn(because) = &self.place {
            notes.push(format!("read by uSNChanged, since DirSync was refused: {because}"));
        }
        if !self.sees_deletions {
            notes.push(
                "deletions are seen by the next full import only, since the service account may not list the \
                 container of deleted objects; `ritorno-agent doctor` shows how to allow it"
                    .to_owned(),
            );
        }
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        (self.controller.end(self.place).await, note)
    }

    /// What DirSync names; why the cookie is of no use, if it is not.
    async fn ask_dir_sync(&mut self, cookie: &str) -> Result<Option<String>, DirectoryError> {
        let Ok(cookie) = STANDARD.decode(cookie) else {
            return Ok(Some("the kept cookie is damaged".to_owned()));
        };
        // Only what is asked for tells of a change, and only what changed is given. Whoever has whenCreated is new.
        let mut attributes = self.attributes.clone();
        attributes.extend(["name", "parentGUID", "isDeleted", "whenCreated"].map(str::to_owned));
        let groups = self.directory.imports_groups();
        if groups {
            attributes.extend(ATTRIBUTES.map(str::to_owned));
            attributes.push("member".to_owned());
            attributes.sort();
            attributes.dedup();
        }
        let search = Search {
            base: self.controller.domain.clone(),
            scope: Scope::Subtree,
            filter: people_and_containers(false, groups),
            attributes,
        };
        let (changed, gone, told, whole) =
            (&mut self.changed, &mut self.gone, &mut self.told, &mut self.whole);
        let connection = &mut self.controller.connection;
        let named = |entry: Entry| {
            let renamed = !entry.values("name").is_empty() || !entry.values("parentGUID").is_empty();
            let created = !entry.values("whenCreated").is_empty();
            if let Some(guid) = guid(&entry).filter(|_| groups) {
                // Of one that is new, or that may have come into the scope, nobody knows the others.
                if renamed || created {
                    whole.insert(guid);
                }
                told.entry(guid).or_default().note(&entry);
            }
            note(entry, renamed && !created, changed, gone);
        };
        match self.directory.dir_sync(connection, &search, cookie, named).await {
            Ok(cookie) => {
                self.place = Place::DirSync(STANDARD.encode(cookie));
                Ok(None)
            }
            Err(error) => match refusal(&error) {
                Some(words) => Ok(Some(format!("{} does not take the cookie: {words}", error.host()))),
                None => Err(DirectoryError::read(&error)),
            },
        }
    }

    /// What has a higher number than `usn`.
    async fn ask_usn(&mut self, usn: i64) -> Result<(), DirectoryError> {
        let groups = self.directory.imports_groups();
        let newer = Filter::at_least("uSNChanged", &usn.saturating_add(1).to_string());
        let attributes = vec!["objectGUID".to_owned(), "uSNCreated".to_owned(), "isDeleted".to_owned()];
        let search = Search {
            base: self.controller.domain.clone(),
            scope: Scope::Subtree,
            filter: Filter::And(vec![newer.clone(), people_and_containers(false, groups)]),
            attributes,
        };
        let deleted = Search {
            base: deleted_objects(&self.controller.domain),
            filter: Filter::And(vec![
                newer,
                Filter::text("isDeleted", "TRUE"),
                Filter::Or(vec![Filter::text("objectClass", "user"), Filter::text("objectClass", "group")]),
            ]),
            ..search.clone()
        };
        let searches = [
            Some((search, Vec::new())),
            self.sees_deletions.then(|| (deleted, vec![Control::show_deleted()])),
        ];
        for (search, controls) in searches.into_iter().flatten() {
            let mut cookie = Vec::new();
            loop {
                for entry in self.page(&search, &controls, &mut cookie).await? {
                    let renamed = entry.integer("uSNCreated").is_some_and(|created| created <= usn);
                    self.whole.extend(guid(&entry).filter(|_| groups));
                    note(entry, renamed, &mut self.changed, &mut self.gone);
                }
                if cookie.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) fn host(&self) -> &str {
        self.controller.connection.host()
    }

    /// One page of a search; `cookie` becomes that of the next one.
    pub(super) async fn page(
        &mut self,
        search: &Search,
        controls: &[Control],
        cookie: &mut Vec<u8>,
    ) -> Result<Vec<Entry>, DirectoryError> {
        let config = &self.directory.inner.config;
        let mut all = controls.to_vec();
        all.push(Control::paged(i32::from(config.page), cookie));
        let page = self.controller.connection.search(search, &all, config.timeout * 6).await;
        let page = page.map_err(|error| DirectoryError::read(&error))?;
        self.pages.count(self.controller.connection.host(), &page)?;
        *cookie = page.cookie;
        Ok(page.entries)
    }

    /// Reads some of the changed objects. What is not found is not there for us.
    async fn read_changed(&mut self) -> Result<Vec<Change>, DirectoryError> {
        let mut asked = BTreeMap::new();
        while asked.len() < READ_AT_ONCE
            && let Some((guid, renamed)) = self.changed.pop_first()
        {
            asked.insert(guid, renamed);
        }
        let guids = asked.keys().map(|guid| Filter::Equal("objectGUID", guid.to_vec())).collect();
        let mut attributes = self.attributes.clone();
        attributes.extend(["objectGUID", "objectClass"].map(str::to_owned));
        let groups = self.directory.imports_groups();
        if groups {
            attributes.extend(ATTRIBUTES.map(str::to_owned));
        }
        let search = Search {
            base: self.controller.domain.clone(),
            scope: Scope::Subtree,
            filter: Filter::And(vec![Filter::Or(guids), people_and_containers(true, groups)]),
            attributes,
        };
        let (mut changes, mut moved, mut cookie) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            for entry in self.page(&search, &[], &mut cookie).await? {
                let Some(guid) = guid(&entry) else { continue };
                let Some(renamed) = asked.remove(&guid) else { continue };
                let is_group = entry.has("objectClass", "group");
                let is_member = is_group || entry.has("objectClass", "user");
                // In scope or not: a container that is moved into it later brings them with what is known of them.
                if renamed && is_member && groups {
                    moved.push((guid, entry.dn.clone()));
                }
                if is_group {
                    changes.extend(self.group(entry, guid).await?);
                } else if is_member {
                    changes.push(self.judged(entry, guid));
                } else if renamed {
                    self.renamed.push(guid);
                }
            }
            if cookie.is_empty() {
                break;
            }
        }
        changes.extend(asked.into_keys().map(Change::Gone));
        for (member, dn) in moved {
            let groups = self.groups_with(&member, dn).await?;
            changes.extend(groups.map(|groups| Change::In { member, groups }));
        }
        Ok(changes)
    }

    /// Reads a page of the people below a container that has another name now. One that was deleted meanwhile has nobody below it, and
    /// the next delta tells who was there.
    async fn read_below(&mut self, container: &[u8; 16]) -> Result<Vec<Change>, DirectoryError> {
        let mut attributes = self.attributes.clone();
        attributes.extend(["objectGUID", "objectClass"].map(str::to_owned));
        let mut filter = people();
        if self.directory.imports_groups() {
            attributes.extend(ATTRIBUTES.map(str::to_owned));
            filter = Filter::Or(vec![filter, members::groups()]);
        }
        let search = Search { base: guid_dn(container), scope: Scope::Subtree, filter, attributes };
        let mut cookie = std::mem::take(&mut self.cookie);
        let entries = match self.page(&search, &[], &mut cookie).await {
            Err(error) if error.operator().ldap_code == Some(NO_SUCH_OBJECT) => Vec::new(),
            page => page?,
        };
        self.cookie = cookie;
        if self.cookie.is_empty() {
            self.renamed.pop();
        }
        let mut changes = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(guid) = guid(&entry) else { continue };
            if entry.has("objectClass", "group") {
                self.whole.insert(guid);
                changes.extend(self.group(entry, guid).await?);
            } else {
                changes.push(self.judged(entry, guid));
            }
        }
        Ok(changes)
    }

    /// A group as a change: in scope, or not; with who came and went, or, where that is not known, with all of its members. `None` if
    /// it was deleted meanwhile, which the next delta tells.
    async fn group(&mut self, entry: Entry, object_guid: [u8; 16]) -> Result<Option<Change>, DirectoryError> {
        if !Directory::is_group_within(&entry.dn, &self.group_bases) {
            return Ok(Some(Change::Gone(object_guid)));
        }
        let told = self.told.remove(&object_guid).unwrap_or_default();
        let (members, foreign) = if told.unclear || self.whole.contains(&object_guid) {
            let connection = &mut self.controller.connection;
            let all = self.directory.all_members(connection, &object_guid).await;
            match all.map_err(|error| DirectoryError::read(&error))? {
                Some((all, foreign)) => (Members::All(all), foreign),
                None => return Ok(None),
            }
        } else {
            let list = |guids: BTreeSet<[u8; 16]>| guids.into_iter().collect();
            (Members::Changed { added: list(told.added), removed: list(told.removed) }, told.foreign)
        };
        let (dn, attributes) = (entry.dn, entry.attributes);
        let members = Some(members);
        Ok(Some(Change::Present(ImportedObject { dn, object_guid, attributes, members, foreign })))
    }

    /// A person as a change: in scope, or not.
    fn judged(&self, entry: Entry, object_guid: [u8; 16]) -> Change {
        if self.bases.is_empty() || self.bases.iter().any(|base| is_within(&entry.dn, base)) {
            let (dn, attributes) = (entry.dn, entry.attributes);
            let foreign = Vec::new();
            Change::Present(ImportedObject { dn, object_guid, attributes, members: None, foreign })
        } else {
            Change::Gone(object_guid)
        }
    }
}

/// Notes what an entry tells: that the object is gone, or that it changed.
fn note(entry: Entry, renamed: bool, changed: &mut BTreeMap<[u8; 16], bool>, gone: &mut BTreeSet<[u8; 16]>) {
    let Some(guid) = guid(&entry) else { return };
    if entry.has("isDeleted", "TRUE") {
        changed.remove(&guid);
        gone.insert(guid);
    } else {
        gone.remove(&guid);
        *changed.entry(guid).or_default() |= renamed;
    }
}

pub(super) fn guid(entry: &Entry) -> Option<[u8; 16]> {
    entry.first("objectGUID")?.try_into().ok()
}

/// The same people as the full import's.
fn people() -> Filter {
    Filter::And(vec![Filter::text("objectCategory", "person"), Filter::text("objectClass", "user")])
}

/// People, groups if those are imported, and what they are kept in. A deleted object has no category any more, so that where those are to be found
/// (`living` is false) computers are told by their class.
fn people_and_containers(living: bool, groups: bool) -> Filter {
    let people = if living {
        people()
    } else {
        let computer = Filter::text("objectClass", "computer");
        Filter::And(vec![Filter::text("objectClass", "user"), Filter::Not(Box::new(computer))])
    };
    let containers = CONTAINERS.map(|class| Filter::text("objectClass", class));
    let groups = groups.then(members::groups);
    Filter::Or([people].into_iter().chain(groups).chain(containers).collect())
}
