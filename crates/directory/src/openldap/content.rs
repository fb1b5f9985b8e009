//! The stream of people and groups by content synchronisation (RFC 4533): all of them, or what changed since the place where an earlier
//! stream ended. It tells who was deleted or has left the bases, which no search of what is there can tell.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::containers::Containers;
use super::groups::{Groups, Named};
use super::parts::{Kind, Part};
use super::users::object;
use super::{OpenLdap, refusal};
use crate::error::DirectoryError;
use crate::ldap::{Connection, Content, Control, Entry, Filter, LdapError, SyncInfo, SyncState, Told};
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
    /// The person or group is there, and this is all of it.
    Present(ImportedObject),
    /// What has this `object_guid` is there, as before.
    Unchanged([u8; 16]),
    /// What has this `object_guid` is not there any more. It need not have been known.
    Gone([u8; 16]),
    /// That was all.
    End {
        /// Where another stream goes on, as text.
        place: String,
        /// The host that told.
        server: String,
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
    /// Streams people below the bases with the named attributes, and groups below the groups' bases: since `place`, which an earlier stream
    /// ended with, or all.
    pub fn content(
        &self,
        attributes: Vec<String>,
        place: Option<String>,
    ) -> mpsc::Receiver<Result<Said, DirectoryError>> {
        let directory = self.clone();
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let mut telling = Telling {
                directory: &directory,
                attributes: directory.of_people(attributes),
                sender: &sender,
                away: BTreeSet::new(),
                groups: None,
                named: place.is_some().then(Named::default),
                containers: Containers::default(),
            };
            let last = match telling.tell(place.as_deref()).await {
                Ok(Some(last)) => Ok(last),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            // Nobody listens any more: nobody is to be told.
            let _ = sender.send(last).await;
        });
        receiver
    }
}

/// One stream under way.
struct Telling<'a> {
    directory: &'a OpenLdap,
    attributes: Vec<String>,
    sender: &'a Stream,
    /// Whoever was called gone from a base.
    away: BTreeSet<[u8; 16]>,
    /// Groups, once there was one.
    groups: Option<Groups<'a>>,
    /// Whoever changed, after an earlier stream: a group may name them now without a change of its own.
    named: Option<Named>,
    /// What became of units, after an earlier stream.
    containers: Containers,
}

impl<'a> Telling<'a> {
    /// Tells everything but the last word, which it returns; none if nobody listens any more.
    async fn tell(&mut self, place: Option<&str>) -> Result<Option<Said>, DirectoryError> {
        let (parts, tops) = (self.directory.parts(), self.directory.tops());
        let wanted = parts.len() + tops.len();
        let cookies = match place.map(cookies) {
            None => vec![None; wanted],
            Some(Some(cookies)) if cookies.len() == wanted => cookies.into_iter().map(Some).collect(),
            // A version that did not ask for units kept fewer.
            Some(_) => {
                return Ok(Some(Said::Lost("the kept place is of another version, or damaged".to_owned())));
            }
        };
        let (cookies, of_tops) = cookies.split_at(parts.len());
        let mut connection = self.directory.connect().await?;
        // Containers first: what becomes of one while people are read is told by the next stream, if not by this one.
        let mut ends_of_tops = Vec::with_capacity(tops.len());
        for (top, cookie) in tops.iter().zip(of_tops) {
            match self.note_containers(&mut connection, top, cookie.as_deref()).await? {
                Ok(cookie) => ends_of_tops.push(cookie),
                Err(last) => return Ok(Some(last)),
            }
        }
        let (mut ends, mut unnamed) = (Vec::with_capacity(wanted), Vec::new());
        for (part, cookie) in parts.iter().zip(cookies) {
            match self.tell_part(&mut connection, part, cookie.as_deref()).await? {
                Ended::With(last) => return Ok(Some(last)),
                Ended::Unheard => return Ok(None),
                Ended::Well { cookie, named } => {
                    if named {
                        unnamed.push(part);
                    }
                    ends.push(cookie);
                }
            }
        }
        ends.extend(ends_of_tops);
        if !self.tell_below(&mut connection).await? || !self.tell_groups().await? {
            return Ok(None);
        }
        // Where one base told of everybody and another only of whom it named, the latter's others are asked for by name.
        let mut all = unnamed.len() < parts.len();
        if !all && !self.containers.away.is_empty() {
            // Whoever was below one that left the bases is named by nobody.
            let away = &self.containers.away;
            all = self.directory.is_container_elsewhere(&mut connection, away).await?;
        }
        if all {
            for part in unnamed {
                if !self.tell_unchanged(&mut connection, part).await? {
                    return Ok(None);
                }
            }
        }
        for guid in self.really_gone(&mut connection).await? {
            if self.sender.send(Ok(Said::Gone(guid))).await.is_err() {
                return Ok(None);
            }
        }
        let server = connection.host().to_owned();
        connection.close().await;
        let place: Vec<String> = ends.iter().map(|cookie| URL_SAFE_NO_PAD.encode(cookie)).collect();
        Ok(Some(Said::End { place: format!("{PLACE}{}", place.join(",")), server, all }))
    }

    async fn tell_part(
        &mut self,
        connection: &mut Connection,
        part: &Part,
        cookie: Option<&[u8]>,
    ) -> Result<Ended, DirectoryError> {
        let search = part.search(&self.attributes);
        let mut content = Content::ask(connection, &search, cookie, self.directory.timeout() * 6)
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
                if !self.say(part.kind, one).await? {
                    return Ok(Ended::Unheard);
                }
            }
        }
    }

    /// Notes what the server tells of the containers at and below a base; where to go on, or the stream's last word. A server that does not
    /// tell of them is asked no more until everything is read again, and everything else is told.
    async fn note_containers(
        &mut self,
        connection: &mut Connection,
        top: &str,
        cookie: Option<&[u8]>,
    ) -> Result<Result<Vec<u8>, Said>, DirectoryError> {
        if cookie.is_some_and(<[u8]>::is_empty) {
            return Ok(Ok(Vec::new()));
        }
        let (search, limit) = (OpenLdap::containers(top), self.directory.timeout() * 6);
        let mut content = match Content::ask(connection, &search, cookie, limit).await {
            Ok(content) => content,
            Err(error) if cookie.is_none() => {
                return self.without_containers(connection, top, &error.to_string()).await;
            }
            Err(error) => return Err(refusal::read(&error)),
        };
        loop {
            let told = match content.next().await {
                Ok(told) => told,
                Err(error) if cookie.is_none() => {
                    return self.without_containers(connection, top, &error.to_string()).await;
                }
                Err(error) => return ended(&error, true).map(Err).ok_or_else(|| refusal::read(&error)),
            };
            match told {
                // The first time nothing is known of anybody below them that might be another now.
                Told::Entry { entry, state: SyncState::Present, .. } if cookie.is_some() => {
                    self.containers.changed.push(entry.dn);
                }
                Told::Entry { uuid, state: SyncState::Gone, .. } => {
                    self.containers.away.insert(object_guid(uuid));
                }
                Told::Info(SyncInfo::Ids { uuids, gone: true }) => {
                    self.containers.away.extend(uuids.into_iter().map(object_guid));
                }
                Told::Entry { .. } | Told::Info(_) => {}
                Told::Plain if cookie.is_none() => {
                    return self.without_containers(connection, top, "it tells no states").await;
                }
                Told::Plain => return Ok(Err(Said::Not)),
                Told::End { cookie: next, .. } if next.is_empty() => {
                    return Ok(Ok(cookie.unwrap_or_default().to_vec()));
                }
                Told::End { cookie: next, .. } => return Ok(Ok(next)),
            }
        }
    }

    /// Goes on without being told of a base's containers, over a connection on which nothing is under way.
    async fn without_containers(
        &self,
        connection: &mut Connection,
        top: &str,
        because: &str,
    ) -> Result<Result<Vec<u8>, Said>, DirectoryError> {
        tracing::warn!(
            base = top,
            because,
            "who is below a renamed unit is seen by full imports only: containers can't be asked for"
        );
        *connection = self.directory.connect().await?;
        Ok(Ok(Vec::new()))
    }

    /// Tells of the people and groups below whatever changed of the containers, as they are now; `false` if nobody listens any more.
    async fn tell_below(&mut self, connection: &mut Connection) -> Result<bool, DirectoryError> {
        for part in self.directory.below(&self.containers.changed) {
            let mut cookie = Vec::new();
            loop {
                let page =
                    self.directory.page(connection, &part, &self.attributes, None, &mut cookie).await?;
                for object in page.into_iter().filter_map(object) {
                    if !self.say(part.kind, Said::Present(object)).await? {
                        return Ok(false);
                    }
                }
                if cookie.is_empty() {
                    break;
                }
            }
        }
        Ok(true)
    }

    /// Says what was told of one of a part; `false` if nobody listens any more.
    async fn say(&mut self, kind: Kind, said: Said) -> Result<bool, DirectoryError> {
        let object = match said {
            Said::Gone(guid) => {
                self.away.insert(guid);
                return Ok(true);
            }
            Said::Present(object) => object,
            other => return Ok(self.sender.send(Ok(other)).await.is_ok()),
        };
        if let Some(named) = &mut self.named {
            named.note(&object, &self.directory.inner.config.login);
        }
        match kind {
            Kind::People => Ok(self.present(vec![object]).await),
            Kind::Groups => {
                let known = self.groups().await?.take(object).await?;
                Ok(self.present(known).await)
            }
        }
    }

    async fn groups(&mut self) -> Result<&mut Groups<'a>, DirectoryError> {
        let groups = match self.groups.take() {
            Some(groups) => groups,
            None => Groups::open(self.directory).await?,
        };
        Ok(self.groups.insert(groups))
    }

    async fn present(&self, objects: Vec<ImportedObject>) -> bool {
        for object in objects {
            if self.sender.send(Ok(Said::Present(object))).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Tells of the groups that wait, and of those that name whoever changed; `false` if nobody listens any more.
    async fn tell_groups(&mut self) -> Result<bool, DirectoryError> {
        if let Some(groups) = &mut self.groups {
            let rest = groups.rest().await?;
            if !self.present(rest).await {
                return Ok(false);
            }
        }
        let named = self.named.take().filter(|named| self.directory.imports_groups() && !named.is_empty());
        let Some(named) = named else { return Ok(true) };
        let naming = self.groups().await?.naming(&named).await?;
        Ok(self.present(naming).await)
    }

    /// Of those who are gone from a base those who are below none. A server calls gone from one base whoever changed below another.
    async fn really_gone(&self, connection: &mut Connection) -> Result<BTreeSet<[u8; 16]>, DirectoryError> {
        let mut gone = self.away.clone();
        let all: Vec<[u8; 16]> = self.away.iter().copied().collect();
        for some in all.chunks(ASKED_AT_ONCE) {
            let uuid = |guid: &[u8; 16]| Filter::text("entryUUID", &Uuid::from_bytes_le(*guid).to_string());
            let filter = Filter::Or(some.iter().map(uuid).collect());
            for part in self.directory.parts() {
                let mut search = part.search(&[]);
                search.attributes = vec!["entryUUID".to_owned()];
                search.filter = Filter::And(vec![search.filter, filter.clone()]);
                let page = connection.search(&search, &[], self.directory.timeout() * 6).await;
                for entry in page.map_err(|error| refusal::read(&error))?.entries {
                    let uuid = entry.text("entryUUID").and_then(|text| Uuid::try_parse(text).ok());
                    uuid.map(|uuid| gone.remove(&uuid.to_bytes_le()));
                }
            }
        }
        Ok(gone)
    }

    /// Tells of everybody of a part that they are there; `false` if nobody listens any more.
    async fn tell_unchanged(&self, connection: &mut Connection, part: &Part) -> Result<bool, DirectoryError> {
        let mut search = part.search(&[]);
        search.attributes = vec!["entryUUID".to_owned()];
        let mut cookie = Vec::new();
        loop {
            let control = Control::paged(i32::from(self.directory.inner.config.page), &cookie);
            let page = connection.search(&search, &[control], self.directory.timeout() * 6).await;
            let page = page.map_err(|error| refusal::read(&error))?;
            for entry in page.entries {
                let uuid = entry.text("entryUUID").and_then(|text| Uuid::try_parse(text).ok());
                let Some(uuid) = uuid else { continue };
                if self.sender.send(Ok(Said::Unchanged(uuid.to_bytes_le()))).await.is_err() {
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
