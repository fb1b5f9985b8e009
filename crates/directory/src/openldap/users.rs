//! The full import's stream of people and groups.

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::groups::{Groups, Named};
use super::parts::{Kind, Part};
use super::{OpenLdap, refusal};
use crate::error::DirectoryError;
use crate::ldap::{Connection, Control, Entry, Filter};
use crate::operations::users::{ImportedObject, Objects, streamed};

impl OpenLdap {
    /// Streams all people below the bases with the named attributes, and all groups below the groups' bases, a page at a time (RFC 2696);
    /// with `since`, a moment as `modifyTimestamp` holds it, those that were modified then or later, and groups that name one of them. The
    /// stream ends after the last one; it broke off if and only if its last item is an error. Dropping the receiver stops the reading.
    pub fn users(
        &self,
        attributes: Vec<String>,
        since: Option<String>,
    ) -> mpsc::Receiver<Result<ImportedObject, DirectoryError>> {
        self.users_and_below(attributes, since, Vec::new())
    }

    /// As [`OpenLdap::users`], and, if `since` is given, whoever is below one of these containers as well.
    pub fn users_and_below(
        &self,
        attributes: Vec<String>,
        since: Option<String>,
        containers: Vec<String>,
    ) -> mpsc::Receiver<Result<ImportedObject, DirectoryError>> {
        let directory = self.clone();
        streamed(|sender| async move { directory.import(attributes, since, containers, &sender).await })
    }

    async fn import(
        &self,
        attributes: Vec<String>,
        since: Option<String>,
        containers: Vec<String>,
        sender: &Objects,
    ) -> Result<(), DirectoryError> {
        let attributes = self.of_people(attributes);
        let mut connection = self.connect().await?;
        let (mut groups, mut named, is_delta) = (None, Named::default(), since.is_some());
        let modified = self.parts().into_iter().map(|part| (part, since.as_deref()));
        let below = self.below(&containers).into_iter().map(|part| (part, None));
        // Whoever was modified themselves may be below one, too.
        let mut told = BTreeSet::new();
        for (part, since) in modified.chain(below.filter(|_| since.is_some())) {
            if part.kind == Kind::Groups && groups.is_none() {
                groups = Some(Groups::open(self).await?);
            }
            let mut cookie = Vec::new();
            loop {
                let page = self.page(&mut connection, &part, &attributes, since, &mut cookie).await?;
                for object in page.into_iter().filter_map(object) {
                    if !containers.is_empty() && !told.insert(object.object_guid) {
                        continue;
                    }
                    if is_delta && self.imports_groups() {
                        named.note(&object, &self.inner.config.login);
                    }
                    let known = match (&mut groups, part.kind) {
                        (Some(groups), Kind::Groups) => groups.take(object).await?,
                        _ => vec![object],
                    };
                    if !given(known, sender).await {
                        return Ok(());
                    }
                }
                if cookie.is_empty() {
                    break;
                }
            }
        }
        if let Some(groups) = &mut groups {
            let rest = groups.rest().await?;
            if !given(rest, sender).await || !given(groups.naming(&named).await?, sender).await {
                return Ok(());
            }
        }
        connection.close().await;
        Ok(())
    }

    /// A page of one part; `cookie` becomes that of the next one.
    pub(super) async fn page(
        &self,
        connection: &mut Connection,
        part: &Part,
        attributes: &[String],
        since: Option<&str>,
        cookie: &mut Vec<u8>,
    ) -> Result<Vec<Entry>, DirectoryError> {
        let mut search = part.search(attributes);
        if let Some(since) = since {
            search.filter = Filter::And(vec![search.filter, Filter::at_least("modifyTimestamp", since)]);
        }
        search.attributes.push("entryUUID".to_owned());
        let control = Control::paged(i32::from(self.inner.config.page), cookie);
        let page = connection.search(&search, &[control], self.timeout() * 6).await;
        let page = page.map_err(|error| refusal::read(&error))?;
        *cookie = page.cookie;
        Ok(page.entries)
    }
}

/// Gives objects to whoever reads them; `false` if nobody does any more.
async fn given(objects: Vec<ImportedObject>, sender: &Objects) -> bool {
    for object in objects {
        if sender.send(Ok(object)).await.is_err() {
            return false;
        }
    }
    true
}

/// Without `entryUUID` an entry has no identity, and there is nothing to import.
pub(super) fn object(entry: Entry) -> Option<ImportedObject> {
    let uuid = Uuid::try_parse(entry.text("entryUUID")?).ok()?;
    let (dn, attributes) = (entry.dn, entry.attributes);
    let object_guid = uuid.to_bytes_le();
    Some(ImportedObject { dn, object_guid, attributes, members: None, foreign: Vec::new() })
}
