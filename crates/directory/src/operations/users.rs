//! The full import's stream of groups and people.

use std::collections::BTreeMap;

use ritorno_protocol::outcome::Fault;
use tokio::sync::mpsc;

use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::ldap::{Connection, Control, Entry, Filter, Scope, Search};
use crate::operations::Pages;
use crate::operations::members::{ATTRIBUTES, Members, WITH_PAGE, groups, taken};
use crate::operations::watermark::Watermark;

/// Objects that wait in the channel; with one page that is all that is held.
const WAITING: usize = 256;

/// Groups in one page, which come with their members.
const GROUPS_PAGE: i32 = 50;

/// One object, as plain values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedObject {
    /// Distinguished name.
    pub dn: String,
    /// `objectGUID`, as the directory stores it.
    pub object_guid: [u8; 16],
    /// Values by attribute name in lower case.
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
    /// Of a group, who is in it; `None` for a person.
    pub members: Option<Members>,
    /// Of a group, whom of its members' objects stand for people of another forest (foreign security principals, MS-ADTS 6.1.1.4.12): the
    /// object's GUID, and the person's SID as text.
    pub foreign: Vec<([u8; 16], String)>,
}

/// What an import is read through.
pub(crate) type Objects = mpsc::Sender<Result<ImportedObject, DirectoryError>>;

/// Runs an import beside its reader. The stream ends after the last object; it broke off if and only if its last item is an
/// error: whoever reads it takes what is missing as deleted, so that a task that ended in the middle must not look like one
/// that reached the end.
pub(crate) fn streamed<F>(
    import: impl FnOnce(Objects) -> F,
) -> mpsc::Receiver<Result<ImportedObject, DirectoryError>>
where
    F: Future<Output = Result<(), DirectoryError>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING);
    let import = tokio::spawn(import(sender.clone()));
    tokio::spawn(async move {
        let error = match import.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(ended) => DirectoryError::fault(Fault::DirectoryUnavailable, "", ended.to_string()),
        };
        // Nobody listens any more: nobody is to be told.
        let _ = sender.send(Err(error)).await;
    });
    receiver
}

/// Finds people.
pub(super) fn people() -> Filter {
    Filter::And(vec![Filter::text("objectCategory", "person"), Filter::text("objectClass", "user")])
}

impl Directory {
    /// Streams all groups below the groups' bases, and all people below the scope's bases with the named attributes. The stream ends after the last object; it broke off if and
    /// only if its last item is an error. Dropping the receiver stops the reading.
    pub fn users(&self, attributes: Vec<String>) -> mpsc::Receiver<Result<ImportedObject, DirectoryError>> {
        self.users_at(attributes, None)
    }

    /// As [`Directory::users`], read at that watermark's controller and database and nowhere else, so that it can go on from there.
    pub fn users_at(
        &self,
        attributes: Vec<String>,
        dc: Option<Watermark>,
    ) -> mpsc::Receiver<Result<ImportedObject, DirectoryError>> {
        let directory = self.clone();
        streamed(|sender| async move { directory.import(attributes, dc, &sender).await })
    }

    async fn import(
        &self,
        mut attributes: Vec<String>,
        dc: Option<Watermark>,
        sender: &Objects,
    ) -> Result<(), DirectoryError> {
        let (mut connection, source) = match dc {
            Some(mark) => {
                let (connection, source) = self.inner.connect_reader(&mark.dc).await?;
                if source.invocation_id != Some(mark.invocation) {
                    let detail = "the name leads to another controller than a moment ago: name one of them";
                    return Err(DirectoryError::fault(Fault::DirectoryUnavailable, &mark.dc, detail));
                }
                (connection, source)
            }
            None => self.connect_for_reading().await?,
        };
        // Groups first, so that a person's primary group is known when they come.
        for base in &self.inner.config.groups {
            if !self.import_groups(&mut connection, base, sender).await? {
                return Ok(());
            }
        }
        attributes.push("objectGUID".to_owned());
        let bases = match self.inner.config.scope.as_slice() {
            [] => std::slice::from_ref(&source.domain),
            scope => scope,
        };
        for base in bases {
            let search = Search {
                base: base.clone(),
                scope: Scope::Subtree,
                filter: people(),
                attributes: attributes.clone(),
            };
            let mut pages = Pages::default();
            // The first page of a large domain takes the DC several seconds.
            let limit = self.inner.config.timeout * 6;
            let size = i32::from(self.inner.config.page);
            let first = connection.search(&search, &[Control::paged(size, &[])], limit).await;
            let mut page = first.map_err(|error| DirectoryError::read(&error))?;
            loop {
                pages.count(connection.host(), &page)?;
                let cookie = std::mem::take(&mut page.cookie);
                let entries = page.entries;
                if cookie.is_empty() {
                    if !given(entries, sender).await {
                        return Ok(());
                    }
                    break;
                }
                // The next page is on its way while this one is taken.
                let control = [Control::paged(size, &cookie)];
                let next = connection.search(&search, &control, limit);
                let (next, listening) = tokio::join!(next, given(entries, sender));
                if !listening {
                    return Ok(());
                }
                page = next.map_err(|error| DirectoryError::read(&error))?;
            }
        }
        connection.close().await;
        Ok(())
    }

    /// Streams the groups below `base`; `false` if nobody listens any more.
    async fn import_groups(
        &self,
        connection: &mut Connection,
        base: &str,
        sender: &Objects,
    ) -> Result<bool, DirectoryError> {
        let limit = self.inner.config.timeout * 6;
        let mut attributes = ATTRIBUTES.map(str::to_owned).to_vec();
        attributes.extend(["objectGUID", WITH_PAGE].map(str::to_owned));
        let search = Search { base: base.to_owned(), scope: Scope::Subtree, filter: groups(), attributes };
        let size = i32::from(self.inner.config.page).min(GROUPS_PAGE);
        let mut cookie = Vec::new();
        loop {
            let controls = [Control::paged(size, &cookie), Control::extended_dn()];
            let page = connection.search(&search, &controls, limit).await;
            let page = page.map_err(|error| DirectoryError::read(&error))?;
            for mut entry in page.entries {
                let (known, rest) = taken(&mut entry);
                let Some(group) = object(entry) else { continue };
                let (members, foreign) = match rest {
                    None => known,
                    Some(from) => {
                        let all = self.more_members(connection, &group.object_guid, known, from).await;
                        match all.map_err(|error| DirectoryError::read(&error))? {
                            Some(all) => all,
                            None => continue,
                        }
                    }
                };
                let members = Some(Members::All(members));
                if sender.send(Ok(ImportedObject { members, foreign, ..group })).await.is_err() {
                    return Ok(false);
                }
            }
            cookie = page.cookie;
            if cookie.is_empty() {
                return Ok(true);
            }
        }
    }
}

/// Gives objects to whoever reads them; `false` if nobody does any more.
async fn given(entries: Vec<Entry>, objects: &Objects) -> bool {
    for object in entries.into_iter().filter_map(object) {
        if objects.send(Ok(object)).await.is_err() {
            return false;
        }
    }
    true
}

/// Without `objectGUID` an object has no identity, and there is nothing to import.
fn object(entry: Entry) -> Option<ImportedObject> {
    let object_guid = entry.first("objectGUID")?.try_into().ok()?;
    let (dn, attributes) = (entry.dn, entry.attributes);
    Some(ImportedObject { dn, object_guid, attributes, members: None, foreign: Vec::new() })
}
