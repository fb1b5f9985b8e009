//! The stream of people by content synchronisation (RFC 4533): all of them, or what changed since the place where an earlier stream ended.
//! It tells who was deleted or has left the bases, which no search of what is there can tell.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{OpenLdap, refusal};
use crate::error::DirectoryError;
use crate::ldap::{
    Connection, Content, Control, Entry, Filter, LdapError, Scope, Search, SyncInfo, SyncState, Told,
};
use crate::operations::users::ImportedObject;

/// What waits in the channel.
const WAITING: usize = 256;
/// People about whom one search asks.
const ASKED_AT_ONCE: usize = 100;
/// What every place begins with.
const PLACE: &str = "content-sync:";

/// What the stream tells. It broke off unless one of the last three is its last item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The person is there, and this is all of them.
    Present(ImportedObject),
    /// Whoever has this `object_guid` is there, as before.
    Unchanged([u8; 16]),
    /// Whoever has this `object_guid` is not there any more. They need not have been known.
    Gone([u8; 16]),
    /// That was all.
    End {
        /// Where another stream goes on, as text.
        place: String,
        /// Whether everybody was told of who is there: whoever was not is gone.
        all: bool,
    },
    /// The server can't go on from there: everything is to be read. Why, for the operator.
    Lost(String),
    /// The server does not do this, or not for so many entries: it is to be searched instead.
    Not,
}

type Stream = mpsc::Sender<Result<Said, DirectoryError>>;

/// How one base's search ended.
enum Ended {
    /// With a cookie; and whether whoever was not named is as before.
    Well { cookie: Vec<u8>, named: bool },
    /// With the stream's last word.
    With(Said),
    /// Since nobody listens any more.
    Unheard,
}

impl OpenLdap {
    /// Streams people below the bases with the named attributes: since `place`, which an earlier stream ended with, or everybody.
    pub fn content(
        &self,
        attributes: Vec<String>,
        place: Option<String>,
    ) -> mpsc::Receiver<Result<Said, DirectoryError>> {
        let directory = self.clone();
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let last = match directory.tell(attributes, place.as_deref(), &sender).await {
                Ok(Some(last)) => Ok(last),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            // Nobody listens any more: nobody is to be told.
            let _ = sender.send(last).await;
        });
        receiver
    }

    /// Tells everything but the last word, which it returns; none if nobody listens any more.
    async fn tell(
        &self,
        attributes: Vec<String>,
        place: Option<&str>,
        sender: &Stream,
    ) -> Result<Option<Said>, DirectoryError> {
        let bases = &self.inner.config.bases;
        let cookies = match place.map(cookies) {
            None => vec![None; bases.len()],
            Some(Some(cookies)) if cookies.len() == bases.len() => cookies.into_iter().map(Some).collect(),
            Some(_) => return Ok(Some(Said::Lost("the kept place is damaged".to_owned()))),
        };
        let mut connection = self.connect().await?;
        let (mut ends, mut unnamed, mut gone) =
            (Vec::with_capacity(bases.len()), Vec::new(), BTreeSet::new());
        for (base, cookie) in bases.iter().zip(&cookies) {
            let search = people(base, attributes.clone());
            match self.tell_base(&mut connection, &search, cookie.as_deref(), sender, &mut gone).await? {
                Ended::With(last) => return Ok(Some(last)),
                Ended::Unheard => return Ok(None),
                Ended::Well { cookie, named } => {
                    if named {
                        unnamed.push(base);
                    }
                    ends.push(cookie);
                }
            }
        }
        // Where one base told of everybody and another only of whom it named, the latter's others are asked for by name.
        let all = unnamed.len() < bases.len();
        if all {
            for base in unnamed {
                if !self.tell_unchanged(&mut connection, base, sender).await? {
                    return Ok(None);
                }
            }
        }
        for guid in self.really_gone(&mut connection, &gone).await? {
            if sender.send(Ok(Said::Gone(guid))).await.is_err() {
                return Ok(None);
            }
        }
        connection.close().await;
        let place: Vec<String> = ends.iter().map(|cookie| URL_SAFE_NO_PAD.encode(cookie)).collect();
        Ok(Some(Said::End { place: format!("{PLACE}{}", place.join(",")), all }))
    }

    async fn tell_base(
        &self,
        connection: &mut Connection,
        search: &Search,
        cookie: Option<&[u8]>,
        sender: &Stream,
        away: &mut BTreeSet<[u8; 16]>,
    ) -> Result<Ended, DirectoryError> {
        let mut content = Content::ask(connection, search, cookie, self.timeout() * 6)
            .await
            .map_err(|error| refusal::read(&error))?;
        // A phase that told of everybody makes the end's word about the unnamed one about them: they have been named.
        let (mut everybody, mut something) = (false, false);
        loop {
            let told = match content.next().await {
                Ok(told) => told,
                Err(error) => {
                    return ended(&error, cookie.is_some())
                        .map(Ended::With)
                        .ok_or_else(|| refusal::read(&error));
                }
            };
            let said: Vec<Said> = match told {
                Told::Entry { entry, uuid, state } => vec![said(entry, uuid, state)],
                Told::Info(SyncInfo::Ids { uuids, gone }) => {
                    let say = if gone { Said::Gone } else { Said::Unchanged };
                    uuids.into_iter().map(|uuid| say(object_guid(uuid))).collect()
                }
                Told::Info(SyncInfo::Phase { named }) => {
                    everybody |= !named;
                    Vec::new()
                }
                Told::Info(SyncInfo::Cookie) => Vec::new(),
                Told::Plain => return Ok(Ended::With(Said::Not)),
                // A server that has nothing to tell may leave the cookie out: the one that it was given is good. Without one the
                // decoder does not tell what the end says of the unnamed, so that anything else is taken for no end at all.
                Told::End { cookie: next, .. } if next.is_empty() => {
                    return Ok(match cookie {
                        Some(cookie) if !something => Ended::Well { cookie: cookie.to_vec(), named: true },
                        Some(_) => {
                            Ended::With(Said::Lost("the server did not say where to go on from".to_owned()))
                        }
                        None => Ended::With(Said::Not),
                    });
                }
                // The first time everybody is told of who is there.
                Told::End { cookie: next, named } => {
                    let named = named && !everybody && cookie.is_some();
                    return Ok(Ended::Well { cookie: next, named });
                }
            };
            something = true;
            for one in said {
                if let Said::Gone(guid) = one {
                    away.insert(guid);
                    continue;
                }
                if sender.send(Ok(one)).await.is_err() {
                    return Ok(Ended::Unheard);
                }
            }
        }
    }

    /// Of those who are gone from a base those who are below none. A server calls gone from one base whoever changed below another.
    async fn really_gone(
        &self,
        connection: &mut Connection,
        away: &BTreeSet<[u8; 16]>,
    ) -> Result<BTreeSet<[u8; 16]>, DirectoryError> {
        let mut gone = away.clone();
        let all: Vec<[u8; 16]> = away.iter().copied().collect();
        for some in all.chunks(ASKED_AT_ONCE) {
            let uuid = |guid: &[u8; 16]| Filter::text("entryUUID", &Uuid::from_bytes_le(*guid).to_string());
            let filter = Filter::Or(some.iter().map(uuid).collect());
            for base in &self.inner.config.bases {
                let mut search = people(base, vec!["entryUUID".to_owned()]);
                search.filter = Filter::And(vec![search.filter, filter.clone()]);
                let page = connection.search(&search, &[], self.timeout() * 6).await;
                for entry in page.map_err(|error| refusal::read(&error))?.entries {
                    let uuid = entry.text("entryUUID").and_then(|text| Uuid::try_parse(text).ok());
                    uuid.map(|uuid| gone.remove(&uuid.to_bytes_le()));
                }
            }
        }
        Ok(gone)
    }

    /// Tells of everybody below `base` that they are there; `false` if nobody listens any more.
    async fn tell_unchanged(
        &self,
        connection: &mut Connection,
        base: &str,
        sender: &Stream,
    ) -> Result<bool, DirectoryError> {
        let search = people(base, vec!["entryUUID".to_owned()]);
        let mut cookie = Vec::new();
        loop {
            let control = Control::paged(i32::from(self.inner.config.page), &cookie);
            let page = connection.search(&search, &[control], self.timeout() * 6).await;
            let page = page.map_err(|error| refusal::read(&error))?;
            for entry in page.entries {
                let uuid = entry.text("entryUUID").and_then(|text| Uuid::try_parse(text).ok());
                let Some(uuid) = uuid else { continue };
                if sender.send(Ok(Said::Unchanged(uuid.to_bytes_le()))).await.is_err() {
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

/// The same people as the full import's.
fn people(base: &str, attributes: Vec<String>) -> Search {
    let filter = Filter::text("objectClass", "person");
    Search { base: base.to_owned(), scope: Scope::Subtree, filter, attributes }
}

/// What a refusal means that is no fault: of one that came after a cookie, that this is of no use; of another, that the server does not
/// do this (RFC 4511 appendix A: unavailableCriticalExtension), or not for so many entries without pages (timeLimitExceeded,
/// sizeLimitExceeded, adminLimitExceeded).
fn ended(error: &LdapError, after_a_cookie: bool) -> Option<Said> {
    let LdapError::Refused { answer, .. } = error else { return None };
    match answer.code {
        12 => Some(Said::Not),
        3 | 4 | 11 if !after_a_cookie => Some(Said::Not),
        // protocolError: no cookie of this server; unwillingToPerform: newer than what the server has, which was put back; and
        // e-syncRefreshRequired (RFC 4533 section 3.5).
        2 | 3 | 4 | 11 | 53 | 4_096 if after_a_cookie => Some(Said::Lost(format!(
            "the server does not go on from there (result {}: {})",
            answer.code, answer.text
        ))),
        _ => None,
    }
}

fn said(entry: Entry, uuid: [u8; 16], state: SyncState) -> Said {
    let object_guid = object_guid(uuid);
    match state {
        SyncState::Unchanged => Said::Unchanged(object_guid),
        SyncState::Gone => Said::Gone(object_guid),
        SyncState::Present => {
            let (dn, attributes) = (entry.dn, entry.attributes);
            Said::Present(ImportedObject { dn, object_guid, attributes, members: None, foreign: Vec::new() })
        }
    }
}

/// An `entryUUID` as the rest of the program keeps a GUID.
fn object_guid(uuid: [u8; 16]) -> [u8; 16] {
    Uuid::from_bytes(uuid).to_bytes_le()
}

/// The cookies of a place.
fn cookies(place: &str) -> Option<Vec<Vec<u8>>> {
    place.strip_prefix(PLACE)?.split(',').map(|cookie| URL_SAFE_NO_PAD.decode(cookie).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_that_mean_something() {
        let refused = |code| LdapError::refused("h", code, "words");
        assert_eq!(ended(&refused(12), false), Some(Said::Not));
        assert_eq!(ended(&refused(4), false), Some(Said::Not));
        for code in [2, 4, 53, 4_096] {
            assert!(matches!(ended(&refused(code), true), Some(Said::Lost(_))), "{code}");
        }
        for (code, after) in [(53, false), (2, false), (49, true), (51, true)] {
            assert_eq!(ended(&refused(code), after), None, "{code}");
        }
    }

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is_one() {
        assert_eq!(cookies("content-sync:YQ,YmM"), Some(vec![b"a".to_vec(), b"bc".to_vec()]));
        for none in ["20261124000200Z", "content-sync:*", "YQ", ""] {
            assert_eq!(cookies(none), None, "{none}");
        }
    }
}
