//! One OpenLDAP server's people as a source of imports, under the names that the rules of the sync know.
//!
//! A delta is everybody who was modified since the latest moment that was seen. Who was deleted or moved away is noticed by the next full
//! import only, which the daily comparison is.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ritorno_directory::openldap::OpenLdap;
use ritorno_directory::{DirectoryError, ImportedObject as Entry};
use ritorno_sync::{
    Begun, Changed, Changes, DeltaSource, ImportSource, ImportedObject, Page, SourceError, Watermark,
};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, PrimitiveDateTime};
use tokio::sync::mpsc;

use crate::config::{ForestSettings, OpenLdapSettings};

/// Objects that are handed to the engine at once.
const PAGE: usize = 500;
/// By how much providers' clocks may differ, and replication lag: so far before the latest moment that was seen a delta begins.
const OVERLAP: Duration = Duration::minutes(5);
/// `userAccountControl` of an account that may be used, and of one that may not (MS-ADTS 2.2.16), which is what the rules read.
const ENABLED: &str = "512";
const DISABLED: &str = "514";
/// `pwdAccountLockedTime` of an account that an administrator has locked.
const LOCKED_FOR_GOOD: &[u8] = b"000001010000Z";

/// One server's people.
pub(super) struct Source {
    directory: OpenLdap,
    /// What is asked for, and under which name the rules know it.
    names: Vec<(String, &'static str)>,
    alternate_mail: String,
    scope: String,
    reading: Option<mpsc::Receiver<Result<Entry, DirectoryError>>>,
    latest: Option<String>,
}

impl Source {
    /// A source that has read nothing yet.
    pub(super) fn new(directory: &OpenLdap, settings: &ForestSettings, own: &OpenLdapSettings) -> Self {
        let names = [
            (own.login.as_str(), "samaccountname"),
            (own.user_principal_name.as_str(), "userprincipalname"),
            ("displayName", "displayname"),
            ("givenName", "givenname"),
            ("sn", "sn"),
            ("mail", "mail"),
            ("preferredLanguage", "preferredlanguage"),
        ];
        Self {
            directory: directory.clone(),
            names: names.map(|(asked, known)| (asked.to_owned(), known)).to_vec(),
            alternate_mail: settings.attributes.alternate_mail.to_lowercase(),
            scope: format!("{}\n{}", settings.scope.join("\n"), settings.account),
            reading: None,
            latest: None,
        }
    }

    fn read(&mut self, since: Option<String>) {
        let mut attributes: Vec<String> = self.names.iter().map(|(asked, _)| asked.clone()).collect();
        attributes.push(self.alternate_mail.clone());
        attributes.extend(["modifyTimestamp", "pwdAccountLockedTime"].map(str::to_owned));
        self.reading = Some(self.directory.users(attributes, since));
    }

    /// The next objects; none at the end of the stream.
    async fn some(&mut self) -> Result<Vec<ImportedObject>, SourceError> {
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some(reading) = &mut self.reading else {
                return Err(broken("the import was read on after it had broken off".to_owned()));
            };
            match reading.recv().await {
                // The stream broke off if and only if its last item is an error.
                None => break,
                Some(Ok(entry)) => page.push(self.translated(entry)),
                Some(Err(error)) => {
                    self.reading = None;
                    return Err(broken(error.to_string()));
                }
            }
        }
        Ok(page)
    }

    fn translated(&mut self, mut entry: Entry) -> ImportedObject {
        let of = |name: &str| entry.attributes.get(&name.to_ascii_lowercase()).cloned();
        // Moments of one length in one zone have the order of their texts.
        let modified = of("modifyTimestamp").and_then(|mut values| String::from_utf8(values.pop()?).ok());
        self.latest = modified.max(self.latest.take());
        let locked = of("pwdAccountLockedTime").is_some_and(|values| values[..] == [LOCKED_FOR_GOOD]);
        let control = if locked { DISABLED } else { ENABLED };
        let mut attributes: BTreeMap<String, Vec<Vec<u8>>> =
            self.names.iter().filter_map(|(asked, known)| Some(((*known).to_owned(), of(asked)?))).collect();
        attributes.insert("useraccountcontrol".to_owned(), vec![control.into()]);
        if let Some(values) = entry.attributes.remove(&self.alternate_mail) {
            attributes.insert(self.alternate_mail.clone(), values);
        }
        ImportedObject { dn: entry.dn, object_guid: entry.object_guid, attributes, members: None }
    }
}

#[async_trait]
impl ImportSource for Source {
    async fn next(&mut self) -> Result<Page, SourceError> {
        if self.reading.is_none() && self.latest.is_none() {
            self.read(None);
        }
        let page = self.some().await?;
        if page.is_empty() {
            return Ok(Page::End { server: None, watermark: self.latest.clone() });
        }
        Ok(Page::Objects(page))
    }

    fn scope(&self) -> String {
        self.scope.clone()
    }
}

#[async_trait]
impl DeltaSource for Source {
    async fn begin(&mut self, since: &Watermark) -> Result<Begun, SourceError> {
        let Some(from) = before(&since.mark) else {
            return Ok(Begun::Lost { reason: "the kept mark is damaged".to_owned() });
        };
        self.latest = Some(since.mark.clone());
        self.read(Some(from));
        Ok(Begun::Ready)
    }

    async fn next_changes(&mut self) -> Result<Changes, SourceError> {
        let page = self.some().await?;
        if page.is_empty() {
            let watermark = self.latest.clone().unwrap_or_default();
            return Ok(Changes::End { server: None, watermark, note: None });
        }
        Ok(Changes::Some(page.into_iter().map(Changed::Present).collect()))
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
