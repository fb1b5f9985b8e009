//! A directory of people and groups that remembers what happened when, and tells of it as a domain controller does: of a group who came and
//! who went since a mark, of whoever was named anew or moved in which groups they are, and of a deletion nothing but that.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use ritorno_sync::{
    Begun, Changed, Changes, DeltaSource, ImportSource, ImportedObject, Members, Page, SourceError, Watermark,
};

use crate::changelog::count_page;
use crate::world::{SCOPE, guid, object};

/// Numbers from here on are groups'.
pub(crate) const FIRST_GROUP: u16 = 100;
/// The RID of a primary group that is not imported.
pub(crate) const DOMAIN_USERS: u16 = 513;
/// Somebody who stays: the engine takes an import of nothing for a lost right.
pub(crate) const WHO_STAYS: u16 = 50;
/// Units below it are in scope; the last one is not.
pub(crate) const UNITS: u8 = 3;
/// Objects on a page.
const PAGE: usize = 2;

/// A person or a group.
#[derive(Clone, Debug)]
struct Object {
    /// Its account name's number.
    name: u16,
    unit: u8,
    deleted: bool,
    critical: bool,
    /// Of a person.
    primary: u16,
    /// Of a group.
    members: BTreeSet<u16>,
}

impl Object {
    fn is_in_scope(&self) -> bool {
        !self.deleted && self.unit + 1 < UNITS
    }
}

/// What happened to an object.
#[derive(Clone, Copy, Debug)]
enum Happened {
    Changed(u16),
    /// It has another name or place, or was brought back: its groups are asked for.
    Named(u16),
    /// It is new in scope: a group is told with all its members.
    New(u16),
    /// A group's link to somebody.
    Link(u16, u16),
}

/// The directory.
#[derive(Default)]
pub(crate) struct Directory {
    objects: BTreeMap<u16, Object>,
    log: Vec<Happened>,
    /// Marks of an earlier generation are of no use.
    generation: u64,
    renames: u16,
}

impl Directory {
    pub(crate) fn new() -> Self {
        let mut directory = Self::default();
        directory.add(WHO_STAYS);
        directory
    }

    fn alive(&mut self, number: u16) -> Option<&mut Object> {
        self.objects.get_mut(&number).filter(|object| !object.deleted)
    }

    /// Makes it, or brings it back.
    pub(crate) fn add(&mut self, number: u16) {
        let (primary, members) = (DOMAIN_USERS, BTreeSet::new());
        let new = Object { name: number, unit: 0, deleted: false, critical: false, primary, members };
        match self.objects.get_mut(&number) {
            None => drop(self.objects.insert(number, new)),
            Some(object) if object.deleted => object.deleted = false,
            Some(_) => return,
        }
        self.log.extend([Happened::New(number), Happened::Named(number)]);
    }

    pub(crate) fn rename(&mut self, number: u16) {
        self.renames += 1;
        let name = 1_000 + self.renames;
        if let Some(object) = self.alive(number) {
            object.name = name;
            self.log.push(Happened::Named(number));
        }
    }

    /// Gives it the name that it had in the beginning.
    pub(crate) fn rename_back(&mut self, number: u16) {
        if let Some(object) = self.alive(number) {
            object.name = number;
            self.log.push(Happened::Named(number));
        }
    }

    pub(crate) fn move_to(&mut self, number: u16, unit: u8) {
        let Some(object) = self.alive(number) else { return };
        let was_in_scope = object.is_in_scope();
        object.unit = unit;
        if !was_in_scope {
            self.log.push(Happened::New(number));
        }
        self.log.push(Happened::Named(number));
    }

    /// Whether the rules leave it out changes.
    pub(crate) fn critical(&mut self, number: u16) {
        if let Some(object) = self.alive(number) {
            object.critical = !object.critical;
            self.log.push(Happened::Changed(number));
        }
    }

    pub(crate) fn link(&mut self, group: u16, member: u16, there: bool) {
        let Some(primary) = self.alive(member).map(|member| member.primary) else { return };
        // Whose primary group it is can't be named by it.
        if group == member || (primary == group && member < FIRST_GROUP) {
            return;
        }
        let Some(object) = self.alive(group) else { return };
        let is_other = if there { object.members.insert(member) } else { object.members.remove(&member) };
        if is_other {
            self.log.push(Happened::Link(group, member));
        }
    }

    /// The former primary group names them from then on, and the other one does not any more (MS-SAMR 3.1.1.8.2).
    pub(crate) fn primary(&mut self, person: u16, group: u16) {
        let exists = group == DOMAIN_USERS || self.alive(group).is_some();
        let Some(object) = self.alive(person).filter(|object| exists && object.primary != group) else {
            return;
        };
        let former = std::mem::replace(&mut object.primary, group);
        self.log.push(Happened::Changed(person));
        self.link(former, person, true);
        if let Some(now) = self.alive(group)
            && now.members.remove(&person)
        {
            self.log.push(Happened::Link(group, person));
        }
    }

    /// Deletes it: the groups have lost it, and nothing tells of that.
    pub(crate) fn delete(&mut self, number: u16) {
        let is_primary = |object: &Object| !object.deleted && object.primary == number;
        if number == WHO_STAYS || self.objects.values().any(is_primary) {
            return;
        }
        let Some(object) = self.alive(number) else { return };
        object.deleted = true;
        object.primary = DOMAIN_USERS;
        object.members.clear();
        for group in self.objects.values_mut() {
            group.members.remove(&number);
        }
        self.log.push(Happened::Changed(number));
    }

    /// No mark that was given is of any use any more.
    pub(crate) fn lose_cookies(&mut self) {
        self.generation += 1;
    }

    fn members(&self, group: u16) -> BTreeSet<u16> {
        let of_primary = self.objects.iter().filter(|(_, object)| object.primary == group && !object.deleted);
        let mut members = self.objects[&group].members.clone();
        members.extend(of_primary.map(|(number, _)| *number));
        members
    }

    /// Its account name.
    pub(crate) fn account(&self, number: u16) -> String {
        let kind = if number < FIRST_GROUP { "user" } else { "group" };
        format!("{kind}{}", self.objects[&number].name)
    }

    fn dn(&self, number: u16) -> String {
        format!("CN={},OU=unit{},{SCOPE}", self.account(number), self.objects[&number].unit)
    }

    fn imported(&self, number: u16, members: Members) -> ImportedObject {
        let entry = &self.objects[&number];
        let (account, primary) = (self.account(number), entry.primary.to_string());
        let critical = if entry.critical { "TRUE" } else { "FALSE" };
        let principal = format!("{account}@contoso.test");
        let mut more = vec![
            ("sAMAccountName", account.as_str()),
            ("displayName", account.as_str()),
            ("userPrincipalName", principal.as_str()),
            ("isCriticalSystemObject", critical),
        ];
        if number < FIRST_GROUP {
            more.push(("primaryGroupID", &primary));
        } else {
            more.push(("cn", &account));
        }
        // By its number it has its GUID, SID and RID, whatever it is called.
        let members = (number >= FIRST_GROUP).then_some(members);
        ImportedObject { dn: self.dn(number), members, ..object(number, &more) }
    }

    fn all_members(&self, group: u16) -> Members {
        Members::All(self.objects[&group].members.iter().map(|member| guid(*member)).collect())
    }

    /// What an import gives from now on: everything, or the changes, in one order or the other.
    pub(crate) fn source(&self, reversed: bool) -> Source<'_> {
        let (mark, full) = (format!("{} {}", self.generation, self.log.len()), true);
        let mut objects: Vec<_> = self
            .objects
            .iter()
            .filter(|(_, object)| object.is_in_scope())
            .map(|(number, _)| self.imported(*number, self.all_members(*number)))
            .collect();
        if reversed {
            objects.reverse();
        }
        Source { directory: self, mark, objects, changes: Vec::new(), reversed, full, breaks_off_after: None }
    }

    fn changes_since(&self, place: usize) -> Vec<Changed> {
        let since = &self.log[place..];
        let mut numbers = BTreeSet::new();
        let (mut new, mut named) = (BTreeSet::new(), BTreeSet::new());
        let mut links: BTreeMap<u16, BTreeSet<u16>> = BTreeMap::new();
        for happened in since {
            let number = match happened {
                Happened::Changed(number) => number,
                Happened::Named(number) => {
                    named.insert(*number);
                    number
                }
                Happened::New(number) => {
                    new.insert(*number);
                    number
                }
                Happened::Link(group, member) => {
                    links.entry(*group).or_default().insert(*member);
                    group
                }
            };
            numbers.insert(*number);
        }
        let mut changes = Vec::new();
        for number in numbers {
            let object = &self.objects[&number];
            if !object.is_in_scope() {
                changes.push(Changed::Gone(guid(number)));
                continue;
            }
            let (added, removed): (Vec<_>, Vec<_>) = links
                .remove(&number)
                .unwrap_or_default()
                .into_iter()
                .partition(|m| object.members.contains(m));
            let guids = |numbers: Vec<u16>| numbers.into_iter().map(guid).collect();
            let members = if new.contains(&number) {
                self.all_members(number)
            } else {
                Members::Changed { added: guids(added), removed: guids(removed) }
            };
            changes.push(Changed::Present(self.imported(number, members)));
            if named.contains(&number) {
                let within = self.objects.iter().filter(|(_, group)| group.members.contains(&number));
                let groups = within.map(|(group, _)| guid(*group)).collect();
                changes.push(Changed::In { member: guid(number), groups });
            }
        }
        changes
    }

    /// Whoever is somewhere below the group that has this name now.
    fn below(&self, dn: &str) -> BTreeSet<u16> {
        let (mut below, mut next) = (BTreeSet::new(), Vec::new());
        next.extend(self.objects.keys().filter(|number| self.dn(**number) == dn));
        while let Some(number) = next.pop() {
            if self.objects[&number].is_in_scope() && below.insert(number) && number >= FIRST_GROUP {
                next.extend(self.members(number));
            }
        }
        below
    }

    /// What the tenant should have: people, and who is in which group; where people have to be in a group, that one's name.
    pub(crate) fn expected(
        &self,
        kept: Option<&str>,
    ) -> (BTreeSet<String>, BTreeMap<String, BTreeSet<String>>) {
        let below = kept.map(|dn| self.below(dn));
        let is_there = |number: &u16| {
            let object = &self.objects[number];
            let is_kept = *number >= FIRST_GROUP || below.as_ref().is_none_or(|below| below.contains(number));
            object.is_in_scope() && !object.critical && is_kept
        };
        let there: Vec<u16> = self.objects.keys().copied().filter(is_there).collect();
        let (people, groups): (Vec<u16>, Vec<u16>) = there.iter().partition(|number| **number < FIRST_GROUP);
        let within = |group: &u16| {
            let members = self.members(*group).into_iter().filter(|member| there.contains(member));
            (self.account(*group), members.map(|member| self.account(member)).collect())
        };
        (people.iter().map(|number| self.account(*number)).collect(), groups.iter().map(within).collect())
    }
}

/// The directory during one import.
pub(crate) struct Source<'a> {
    directory: &'a Directory,
    mark: String,
    objects: Vec<ImportedObject>,
    changes: Vec<Changed>,
    reversed: bool,
    full: bool,
    breaks_off_after: Option<usize>,
}

impl Source<'_> {
    /// Gives so many pages and no end.
    pub(crate) fn break_off_after(&mut self, pages: usize) {
        self.breaks_off_after = Some(pages);
    }

    /// Whether everything was read.
    pub(crate) fn was_full(&self) -> bool {
        self.full
    }

    /// Errs after as many pages as it is to give, and instead of the end.
    fn count_page(&mut self, is_end: bool) -> Result<(), SourceError> {
        count_page(&mut self.breaks_off_after, is_end)
    }
}

#[async_trait]
impl ImportSource for Source<'_> {
    async fn next(&mut self) -> Result<Page, SourceError> {
        self.count_page(self.objects.is_empty())?;
        if self.objects.is_empty() {
            return Ok(Page::End { server: None, watermark: Some(self.mark.clone()) });
        }
        Ok(Page::Objects(self.objects.drain(..PAGE.min(self.objects.len())).collect()))
    }

    fn scope(&self) -> String {
        SCOPE.to_owned()
    }
}

#[async_trait]
impl DeltaSource for Source<'_> {
    async fn begin(&mut self, since: &Watermark) -> Result<Begun, SourceError> {
        let (generation, place) = since.mark.split_once(' ').expect("a mark of ours");
        if generation != self.directory.generation.to_string() {
            return Ok(Begun::Lost { reason: "the directory does not know the mark".into() });
        }
        self.full = false;
        self.changes = self.directory.changes_since(place.parse().expect("a place"));
        if self.reversed {
            self.changes.reverse();
        }
        Ok(Begun::Ready)
    }

    async fn next_changes(&mut self) -> Result<Changes, SourceError> {
        self.count_page(self.changes.is_empty())?;
        if self.changes.is_empty() {
            return Ok(Changes::End { server: None, watermark: self.mark.clone(), note: None, all: false });
        }
        Ok(Changes::Some(self.changes.drain(..PAGE.min(self.changes.len())).collect()))
    }
}
