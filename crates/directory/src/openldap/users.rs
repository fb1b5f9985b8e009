//! The full import's stream of people.

use tokio::sync::mpsc;
use uuid::Uuid;

use super::{OpenLdap, refusal};
use crate::error::DirectoryError;
use crate::ldap::{Control, Entry, Filter, Scope, Search};
use crate::operations::users::{ImportedObject, Objects, streamed};

impl OpenLdap {
    /// Streams all people below the bases with the named attributes, a page at a time (RFC 2696); with `since`, a moment as
    /// `modifyTimestamp` holds it, those that were modified then or later. The stream ends after the last one; it
    /// broke off if and only if its last item is an error. Dropping the receiver stops the reading.
    pub fn users(
        &self,
        attributes: Vec<String>,
        since: Option<String>,
    ) -> mpsc::Receiver<Result<ImportedObject, DirectoryError>> {
        let directory = self.clone();
        streamed(|sender| async move { directory.import(attributes, since, &sender).await })
    }

    async fn import(
        &self,
        mut attributes: Vec<String>,
        since: Option<String>,
        sender: &Objects,
    ) -> Result<(), DirectoryError> {
        let config = &self.inner.config;
        let mut connection = self.connect().await?;
        attributes.push("entryUUID".to_owned());
        for base in &config.bases {
            let search = Search {
                base: base.clone(),
                scope: Scope::Subtree,
                filter: Filter::And(
                    std::iter::once(Filter::text("objectClass", "person"))
                        .chain(since.iter().map(|since| Filter::at_least("modifyTimestamp", since)))
                        .collect(),
                ),
                attributes: attributes.clone(),
            };
            let mut cookie = Vec::new();
            loop {
                let control = Control::paged(i32::from(config.page), &cookie);
                let page = connection.search(&search, &[control], self.timeout() * 6).await;
                let page = page.map_err(|error| refusal::read(&error))?;
                for object in page.entries.into_iter().filter_map(object) {
                    if sender.send(Ok(object)).await.is_err() {
                        return Ok(());
                    }
                }
                cookie = page.cookie;
                if cookie.is_empty() {
                    break;
                }
            }
        }
        connection.close().await;
        Ok(())
    }
}

/// Without `entryUUID` an entry has no identity, and there is nothing to import.
fn object(entry: Entry) -> Option<ImportedObject> {
    let uuid = Uuid::try_parse(entry.text("entryUUID")?).ok()?;
    let (dn, attributes) = (entry.dn, entry.attributes);
    let object_guid = uuid.to_bytes_le();
    Some(ImportedObject { dn, object_guid, attributes, members: None, foreign: Vec::new() })
}
