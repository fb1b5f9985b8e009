//! One OpenLDAP server's people and groups as a source of imports, under the names that the rules of the sync know.
//!
//! A server with content synchronisation (RFC 4533; OpenLDAP's overlay `syncprov`) tells what changed, and who is gone. From another one a
//! delta is everybody who was modified since the latest moment that was seen; who was deleted or moved away is then noticed by the next
//! full import only, which the daily comparison is. Whoever is below a unit that was renamed comes either way.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use ritorno_directory::openldap::{Modified, OpenLdap, Said};
use ritorno_directory::{DirectoryError, ImportedObject as Entry};
use ritorno_sync::{
    Begun, Changed, Changes, Counting, DeltaSource, ImportSource, ImportedObject, Page, SourceError,
    Watermark,
};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, PrimitiveDateTime};
use tokio::sync::mpsc;

use super::source;
use crate::config::{ForestSettings, OpenLdapSettings};

/// Objects that are handed to the engine at once.
const PAGE: usize = 500;
/// By how much providers' clocks may differ, and replication lag: so far before the latest moment that was seen a delta begins.
const OVERLAP: Duration = Duration::minutes(5);
/// What stands in a mark between the moment and the state of the units that were read again.
const CONTAINERS: char = '/';
/// `userAccountControl` of an account that may be used, and of one that may not (MS-ADTS 2.2.16), which is what the rules read.
const ENABLED: &str = "512";
const DISABLED: &str = "514";
/// `pwdAccountLockedTime` of an account that an administrator has locked.
const LOCKED_FOR_GOOD: &[u8] = b"000001010000Z";

/// What is known of a group, and under which name the rules know it. Its members come by themselves.
const OF_GROUPS: [(&str, &str); 4] = [
    ("cn", "cn"),
    ("cn", "samaccountname"),
    ("displayname", "displayname"),
    // What `primaryGroupID` of its members names (MS-ADA3, primaryGroupToken): here both are `gidNumber` (RFC 2307).
    ("gidnumber", "primarygrouptoken"),
];

/// What is made here and not read, and what only a domain controller has: the server is not asked for it.
const MADE: [&str; 3] = ["useraccountcontrol", "objectguid", "objectsid"];

/// One server's people and groups.
pub(super) struct Source {
    directory: OpenLdap,
    /// What is asked for, and under which name the rules know it.
    names: Vec<(String, &'static str)>,
    /// What the rules know by the name that it has: what is settable, and what the organisation's own rules ask for.
    own: BTreeSet<String>,
    scope: String,
    /// Whether somebody looks on, and wants to know how long it takes.
    watched: bool,
    reading: Reading,
    /// The latest moment that was seen, or the server's own place.
    latest: Option<String>,
    /// The state of the units that were modified lately and are read again already, where the server is searched.
    containers: String,
    /// The host that told; none where it was searched, since a moment is any server's.
    server: Option<String>,
    /// How a delta ended whose last changes are taken.
    end: Option<(String, bool)>,
}

/// What is read.
enum Reading {
    /// Nothing yet.
    Nothing,
    /// What is searched.
    Found(mpsc::Receiver<Result<Entry, DirectoryError>>),
    /// What the server tells, and what it told already and nobody took.
    Told(mpsc::Receiver<Result<Said, DirectoryError>>, Option<Said>),
    /// Nothing any more.
    Ended,
}

/// How the stream stands after some objects.
enum Next {
    /// There may be more.
    More,
    /// That was all of a search.
    Searched,
    /// That was all that the server tells: where it goes on, and whether it told of everybody.
    Told { place: String, all: bool },
}

impl Source {
    /// A source that has read nothing yet. `asked` is what the rules ask for, in lower case.
    pub(super) fn new(
        directory: &OpenLdap,
        settings: &ForestSettings,
        own: &OpenLdapSettings,
        asked: Vec<String>,
        watched: bool,
    ) -> Self {
        let mut names = vec![
            (own.login.as_str(), "samaccountname"),
            (own.user_principal_name.as_str(), "userprincipalname"),
            ("displayName", "displayname"),
            ("givenName", "givenname"),
            ("sn", "sn"),
            ("mail", "mail"),
            ("preferredLanguage", "preferredlanguage"),
        ];
        // Without groups no person has one, and is staged as before.
        if !settings.groups.is_empty() {
            names.push(("gidNumber", "primarygroupid"));
        }
        let settable = [&settings.attributes.alternate_mail, &settings.attributes.mobile];
        let is_known =
            |name: &String| MADE.contains(&name.as_str()) || names.iter().any(|(_, known)| known == name);
        let asked = asked.into_iter().filter(|name| !is_known(name));
        let own_names = settable.into_iter().map(|name| name.to_lowercase()).chain(asked).collect();
        Self {
            directory: directory.clone(),
            names: names.into_iter().map(|(asked, known)| (asked.to_owned(), known)).collect(),
            own: own_names,
            scope: source::scope(settings),
            watched,
            reading: Reading::Nothing,
            latest: None,
            containers: String::new(),
            server: None,
            end: None,
        }
    }

    fn end_of_all(&self) -> Page {
        Page::End { server: self.server.clone(), watermark: self.latest.clone() }
    }

    fn attributes(&self) -> Vec<String> {
        let mut attributes: Vec<String> = self.names.iter().map(|(asked, _)| asked.clone()).collect();
        attributes.extend(self.own.iter().cloned());
        attributes.extend(["modifyTimestamp", "pwdAccountLockedTime"].map(str::to_owned));
        attributes
    }

    fn search(&mut self) {
        self.reading = Reading::Found(self.directory.users(self.attributes(), None));
    }

    /// The next changes, and how the stream stands then.
    async fn some(&mut self) -> Result<(Vec<Changed>, Next), SourceError> {
        let mut page = Vec::new();
        while page.len() < PAGE {
            match self.one().await {
                Ok(Ok(change)) => page.push(change),
                Ok(Err(next)) => {
                    self.reading = Reading::Ended;
                    return Ok((page, next));
                }
                Err(error) => {
                    self.reading = Reading::Ended;
                    return Err(broken(error));
                }
            }
        }
        Ok((page, Next::More))
    }

    /// One change, or how the stream ended.
    ///
    /// # Errors
    /// Why it broke off.
    async fn one(&mut self) -> Result<Result<Changed, Next>, String> {
        loop {
            let told = match &mut self.reading {
                Reading::Nothing | Reading::Ended => {
                    return Err("the import was read on after it had come to its end".to_owned());
                }
                Reading::Found(found) => {
                    // The stream broke off if and only if its last item is an error.
                    return match found.recv().await {
                        None => Ok(Err(Next::Searched)),
                        Some(Ok(entry)) => Ok(Ok(Changed::Present(self.translated(entry)))),
                        Some(Err(error)) => Err(error.to_string()),
                    };
                }
                Reading::Told(told, first) => match first.take() {
                    Some(said) => Some(Ok(said)),
                    None => told.recv().await,
                },
            };
            return match told {
                Some(Ok(Said::Present(entry))) => Ok(Ok(Changed::Present(self.translated(entry)))),
                Some(Ok(Said::Unchanged(guid))) => Ok(Ok(Changed::Unchanged(guid))),
                Some(Ok(Said::Gone(guid))) => Ok(Ok(Changed::Gone(guid))),
                Some(Ok(Said::End { place, server, all })) => {
                    self.server = Some(server);
                    Ok(Err(Next::Told { place, all }))
                }
                Some(Ok(Said::Not)) => {
                    // What came so far comes once more, which changes nothing.
                    self.search();
                    continue;
                }
                Some(Ok(Said::Lost(reason))) => Err(reason),
                Some(Err(error)) => Err(error.to_string()),
                None => Err("the stream of what the server tells broke off".to_owned()),
            };
        }
    }

    fn translated(&mut self, mut entry: Entry) -> ImportedObject {
        let of = |name: &str| entry.attributes.get(&name.to_ascii_lowercase()).cloned();
        // Moments of one length in one zone have the order of their texts.
        let modified = of("modifyTimestamp").and_then(|mut values| String::from_utf8(values.pop()?).ok());
        self.latest = modified.max(self.latest.take());
        if let Some(members) = entry.members {
            let known = OF_GROUPS.iter().filter_map(|(name, known)| Some(((*known).to_owned(), of(name)?)));
            let (attributes, members) = (known.collect(), Some(source::members(members)));
            let (dn, object_guid, foreign) = (entry.dn, entry.object_guid, entry.foreign);
            return ImportedObject { dn, object_guid, attributes, members, foreign };
        }
        let locked = of("pwdAccountLockedTime").is_some_and(|values| values[..] == [LOCKED_FOR_GOOD]);
        let control = if locked { DISABLED } else { ENABLED };
        let mut attributes: BTreeMap<String, Vec<Vec<u8>>> =
            self.names.iter().filter_map(|(asked, known)| Some(((*known).to_owned(), of(asked)?))).collect();
        attributes.insert("useraccountcontrol".to_owned(), vec![control.into()]);
        for name in &self.own {
            if let Some(values) = entry.attributes.remove(name) {
                attributes.insert(name.clone(), values);
            }
        }
        let (dn, object_guid) = (entry.dn, entry.object_guid);
        ImportedObject { dn, object_guid, attributes, members: None, foreign: Vec::new() }
    }
}

#[async_trait]
impl ImportSource for Source {
    async fn next(&mut self) -> Result<Page, SourceError> {
        match &self.reading {
            Reading::Nothing => {
                self.reading = Reading::Told(self.directory.content(self.attributes(), None), None)
            }
            // The page before was the last one.
            Reading::Ended => return Ok(self.end_of_all()),
            Reading::Found(_) | Reading::Told(..) => {}
        }
        let (page, next) = self.some().await?;
        if let Next::Told { place, .. } = next {
            self.latest = Some(place);
        }
        let present = |change| match change {
            Changed::Present(object) => Some(object),
            Changed::Gone(_) | Changed::Unchanged(_) | Changed::In { .. } => None,
        };
        let objects: Vec<ImportedObject> = page.into_iter().filter_map(present).collect();
        if objects.is_empty() && matches!(self.reading, Reading::Ended) {
            return Ok(self.end_of_all());
        }
        Ok(Page::Objects(objects))
    }

    fn scope(&self) -> String {
        self.scope.clone()
    }

    fn count(&mut self) -> Option<Counting> {
        let directory = self.directory.clone();
        // An import goes on without the number.
        self.watched.then(|| async move { directory.count().await.ok() }.boxed())
    }
}

#[async_trait]
impl DeltaSource for Source {
    async fn begin(&mut self, since: &Watermark) -> Result<Begun, SourceError> {
        let (moment, containers) = since.mark.split_once(CONTAINERS).unwrap_or((&since.mark, ""));
        if let Some(from) = before(moment) {
            let modified = self.directory.modified_containers(&from).await;
            // People are told without it; it is asked for again the next time.
            let modified = modified.unwrap_or_else(|error| {
                tracing::warn!(%error, "who is below a renamed unit is not seen by this delta");
                Modified { dns: Vec::new(), state: containers.to_owned() }
            });
            // A unit stays modified lately until something else is: what is below it is read once.
            let below = if modified.state == containers { Vec::new() } else { modified.dns };
            (self.latest, self.containers) = (Some(moment.to_owned()), modified.state);
            let found = self.directory.users_and_below(self.attributes(), Some(from), below);
            self.reading = Reading::Found(found);
            return Ok(Begun::Ready);
        }
        let mut told = self.directory.content(self.attributes(), Some(since.mark.clone()));
        let reason = match told.recv().await {
            Some(Ok(Said::Lost(reason))) => reason,
            Some(Ok(Said::Not)) => "the server does no content synchronisation any more".to_owned(),
            Some(Ok(first)) => {
                self.reading = Reading::Told(told, Some(first));
                return Ok(Begun::Ready);
            }
            Some(Err(error)) => return Err(broken(error.to_string())),
            None => return Err(broken("the stream of what the server tells broke off".to_owned())),
        };
        Ok(Begun::Lost { reason })
    }

    async fn next_changes(&mut self) -> Result<Changes, SourceError> {
        if let Some((place, all)) = self.end.take() {
            return Ok(Changes::End { server: self.server.clone(), watermark: place, note: None, all });
        }
        let (page, next) = self.some().await?;
        self.end = match next {
            Next::More => None,
            Next::Searched => {
                let latest = self.latest.clone().unwrap_or_default();
                let state = &self.containers;
                let mark = if state.is_empty() { latest } else { format!("{latest}{CONTAINERS}{state}") };
                Some((mark, false))
            }
            Next::Told { place, all } => Some((place, all)),
        };
        Ok(Changes::Some(page))
    }
}

const MOMENT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]Z");

/// The moment from which to read so that nothing is missed.
fn before(mark: &str) -> Option<String> {
    PrimitiveDateTime::parse(mark, MOMENT).ok()?.checked_sub(OVERLAP)?.format(MOMENT).ok()
}

fn broken(reason: String) -> SourceError {
    SourceError { server: None, reason }
}

#[cfg(test)]
mod tests {
    use super::before;

    #[test]
    fn a_delta_begins_before_the_mark() {
        assert_eq!(before("20261124000200Z").as_deref(), Some("20261123235700Z"));
        assert_eq!(before("yesterday"), None);
    }
}
