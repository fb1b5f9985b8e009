//! Where an import ends, so that the next one can read what changed since.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_protocol::outcome::Fault;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::DirectoryError;
use crate::forest::{Directory, read};
use crate::ldap::{Connection, Control, Filter, LdapError, Page, Scope, Search};
use crate::root_dse::RootDse;

/// The well-known GUID of the container of deleted objects (MS-ADTS 6.1.1.4).
const DELETED_OBJECTS: &str = "18e2ea80684f11d2b9aa00c04f79f805";
/// Longest time that all rounds of DirSync take together: a million objects come in it. Each round is bounded as well.
const ROUNDS_WITHIN: Duration = Duration::from_secs(30 * 60);
/// Result codes (RFC 4511 section 4.1.9): timeLimitExceeded; adminLimitExceeded is a refusal like others.
const TIME_LIMIT: u32 = 3;
/// unavailableCriticalExtension: that the controller does not do DirSync, as far as it is of use.
const NO_END: u32 = 12;

/// A place in one domain controller's history of one naming context. It holds for that controller's database only: for
/// another one, or one that was restored, everything is to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// `objectGUID` of the naming context's root.
    pub partition: Uuid,
    /// Host name of the controller, for people.
    pub dc: String,
    /// `invocationId` of the controller's database (MS-ADTS 3.1.1.1.9): another one after a restore.
    pub invocation: Uuid,
    /// Its `highestCommittedUSN` then. One that is lower now was put back to an earlier state, whatever it says.
    pub usn: i64,
    /// How it is gone on from there.
    pub place: Place,
}

/// How changes are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A cookie of the DirSync control, standard base64.
    DirSync(String),
    /// By `uSNChanged`, where DirSync is refused: with these words.
    Usn(String),
}

/// A connection to a domain controller, with what places there are bound to.
pub(super) struct Controller {
    pub(super) connection: Connection,
    pub(super) domain: String,
    pub(super) partition: Uuid,
    pub(super) invocation: Uuid,
    /// `highestCommittedUSN` when we came: what is asked for afterwards holds everything up to it.
    pub(super) usn: i64,
}

impl Directory {
    /// Where a delta import goes on that follows a full import begun after this at the same controller
    /// ([`Directory::users_at`]). Asks for no objects.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn watermark(&self) -> Result<Watermark, DirectoryError> {
        let mut controller = self.controller(self.connect_for_reading().await?).await?;
        // Nothing has no class: only the cookie comes.
        let nothing = Search {
            base: controller.domain.clone(),
            scope: Scope::Subtree,
            filter: Filter::Not(Box::new(Filter::Present("objectClass"))),
            attributes: vec!["name".to_owned()],
        };
        let place = match self.dir_sync(&mut controller.connection, &nothing, Vec::new(), |_| {}).await {
            Ok(cookie) => Place::DirSync(STANDARD.encode(cookie)),
            Err(error) => match refusal(&error).or_else(|| too_slow(&error)) {
                Some(because) => Place::Usn(because),
                None => return Err(DirectoryError::read(&error)),
            },
        };
        Ok(controller.end(place).await)
    }

    /// The same by update sequence numbers, without asking for DirSync; `because` says why, for people.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn watermark_by_usn(&self, because: &str) -> Result<Watermark, DirectoryError> {
        Ok(self
            .controller(self.connect_for_reading().await?)
            .await?
            .end(Place::Usn(because.to_owned()))
            .await)
    }

    /// The service account, as configured.
    pub fn account(&self) -> &str {
        &self.inner.config.account
    }

    /// Whether the service account may see what was deleted: list the container of deleted objects.
    ///
    /// # Errors
    /// What kept us from asking.
    pub async fn sees_deletions(&self) -> Result<bool, DirectoryError> {
        let mut controller = self.controller(self.connect_to_pdc().await?).await?;
        let sees = self.may_list_deleted(&mut controller).await?;
        controller.connection.close().await;
        Ok(sees)
    }

    pub(super) async fn may_list_deleted(&self, controller: &mut Controller) -> Result<bool, DirectoryError> {
        let search = Search::entry(deleted_objects(&controller.domain), &["objectClass"]);
        let limit = self.inner.config.timeout;
        match controller.connection.search(&search, &[Control::show_deleted()], limit).await {
            // The entry itself shows to whoever may list the domain. LCRP is granted together: who may read the container
            // may list it, and rights on it can't be read by whoever has none.
            Ok(page) => Ok(page.entries.iter().any(|entry| !entry.values("objectClass").is_empty())),
            // noSuchObject or insufficientAccessRights, as the directory's mode has it (MS-ADTS 5.1.3.3.6).
            Err(error) if matches!(error.answer(), Some(answer) if [32, 50].contains(&answer.code)) => {
                Ok(false)
            }
            Err(error) => Err(DirectoryError::read(&error)),
        }
    }

    /// What the controller at the other end says of its database.
    pub(super) async fn controller(
        &self,
        (mut connection, pdc): (Connection, Arc<RootDse>),
    ) -> Result<Controller, DirectoryError> {
        let limit = self.inner.config.timeout;
        let RootDse { domain, service_name, .. } = pdc.as_ref().clone();
        let mut guid = async |base: &str, attribute: &str| {
            let entry = read(&mut connection, base, &[attribute], limit).await;
            let entry = entry.map_err(|error| DirectoryError::read(&error))?;
            let guid = entry.first(attribute).and_then(|bytes| Uuid::from_slice_le(bytes).ok());
            guid.ok_or_else(|| {
                let detail = format!("{base} shows no {attribute}, which authenticated users may read");
                DirectoryError::fault(Fault::DirectoryUnavailable, &pdc.host, detail)
            })
        };
        let partition = guid(&domain, "objectGUID").await?;
        let invocation = guid(&service_name, "invocationId").await?;
        let dse = read(&mut connection, "", &["highestCommittedUSN"], limit).await;
        let usn = dse.map_err(|error| DirectoryError::read(&error))?.integer("highestCommittedUSN");
        let usn = usn.ok_or_else(|| {
            let detail = "the root DSE shows no highestCommittedUSN";
            DirectoryError::fault(Fault::DirectoryUnavailable, &pdc.host, detail)
        })?;
        Ok(Controller { connection, domain, partition, invocation, usn })
    }

    /// What DirSync gives from `cookie` to its end, entry by entry, and the cookie from which it goes on.
    pub(super) async fn dir_sync(
        &self,
        connection: &mut Connection,
        search: &Search,
        cookie: Vec<u8>,
        entry: impl FnMut(crate::ldap::Entry),
    ) -> Result<Vec<u8>, LdapError> {
        dir_sync(connection, search, cookie, self.inner.config.timeout * 6, entry).await
    }
}

/// Members of groups, if they are asked for, are told by their GUIDs.
fn controls(search: &Search, cookie: &[u8]) -> Vec<Control> {
    let members = search.attributes.iter().any(|attribute| attribute == "member");
    let mut controls = vec![Control::dir_sync(cookie, members)];
    controls.extend(members.then(Control::extended_dn));
    controls
}

/// The same, with `limit` for each round.
async fn dir_sync(
    connection: &mut Connection,
    search: &Search,
    mut cookie: Vec<u8>,
    limit: Duration,
    mut entry: impl FnMut(crate::ldap::Entry),
) -> Result<Vec<u8>, LdapError> {
    let deadline = Instant::now() + ROUNDS_WITHIN;
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).min(limit);
        if left.is_zero() {
            let words = format!("DirSync came to no end in {} minutes", ROUNDS_WITHIN.as_secs() / 60);
            return Err(LdapError::refused(connection.host(), NO_END, &words));
        }
        let page = connection.search(search, &controls(search, &cookie), left).await?;
        let Page { entries, cookie: next, more } = page;
        entries.into_iter().for_each(&mut entry);
        if next.is_empty() {
            return Err(LdapError::refused(connection.host(), NO_END, "it answers DirSync without a cookie"));
        }
        if more && next == cookie {
            let words = "DirSync has more to give, and a cookie that leads nowhere";
            return Err(LdapError::refused(connection.host(), NO_END, words));
        }
        cookie = next;
        if !more {
            return Ok(cookie);
        }
    }
}

impl Controller {
    pub(super) async fn end(self, place: Place) -> Watermark {
        let dc = self.connection.host().to_owned();
        let Self { connection, partition, invocation, usn, .. } = self;
        connection.close().await;
        Watermark { partition, dc, invocation, usn, place }
    }
}

/// The container of deleted objects of a domain (MS-ADTS 3.1.1.3.1.2.4).
pub(super) fn deleted_objects(domain: &str) -> String {
    format!("<WKGUID={DELETED_OBJECTS},{domain}>")
}

/// The directory's words, if it answered that it does not do DirSync for us; not if it is only busy or gone.
pub(super) fn refusal(error: &LdapError) -> Option<String> {
    // timeLimitExceeded, busy and unavailable (RFC 4511 section 4.1.9) pass.
    let answer = error.answer().filter(|answer| ![3, 51, 52].contains(&answer.code))?;
    Some(format!("{} (result {})", answer.text.trim(), answer.code))
}

/// That asking for nothing took the controller too long: it looks through its whole database, and will do so each time. Only the time
/// limits count: one that is busy or gone is asked again.
fn too_slow(error: &LdapError) -> Option<String> {
    match error {
        LdapError::Refused { answer, .. } if answer.code == TIME_LIMIT => {
            Some(format!("it takes too long: {} (result {TIME_LIMIT})", answer.text.trim()))
        }
        LdapError::NoAnswer { detail, ended: false, .. } => Some(format!("it takes too long: {detail}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::ldap::{ConnectFault, Connector, Transport};

    #[test]
    fn busy_is_no_refusal() {
        let refused = |code| refusal(&LdapError::refused("dc1", code, " no \n"));
        assert_eq!(refused(50).as_deref(), Some("no (result 50)"));
        assert_eq!(refused(12).as_deref(), Some("no (result 12)"));
        assert_eq!(refused(51), None);
        let gone = LdapError::Connect { host: "dc1".into(), fault: ConnectFault::Tcp, detail: String::new() };
        assert_eq!(refusal(&gone), None);
    }

    /// A server that answers the requests in turn with a DirSync control: the flag that there is more, and a cookie of one octet.
    async fn dir_sync_with(answers: Vec<(u8, u8)>) -> Result<Vec<u8>, LdapError> {
        let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            for (id, (more, cookie)) in (1..).zip(answers) {
                assert!(socket.read(&mut request).await.unwrap() > 0);
                let value = [0x30, 9, 2, 1, more, 2, 1, 0, 4, 1, cookie];
                let control = [&[0x30, 37, 4, 22][..], b"1.2.840.113556.1.4.841", &[4, 11], &value].concat();
                let whole =
                    [&[0x30, 53, 2, 1, id, 0x65, 7, 10, 1, 0, 4, 0, 4, 0, 0xa0, 39][..], &control].concat();
                socket.write_all(&whole).await.unwrap();
            }
        });
        let tls = crate::config::tls(&Arc::new(rustls::RootCertStore::empty())).unwrap();
        let names = crate::Names::new(&[]).unwrap();
        let limit = Duration::from_secs(2);
        let connector = Connector::new(names, Arc::new(tls), port, limit).over(Transport::Kerberos);
        let mut connection = connector.connect("127.0.0.1").await.unwrap();
        let search = Search::entry("DC=test", &["name"]);
        dir_sync(&mut connection, &search, vec![1], limit, |_| {}).await
    }

    #[tokio::test]
    async fn dir_sync_goes_on_as_long_as_its_cookie_moves() {
        assert_eq!(dir_sync_with(vec![(1, 2), (1, 3), (0, 3)]).await.unwrap(), [3]);
        // Nothing new at all: the cookie may stay.
        assert_eq!(dir_sync_with(vec![(0, 1)]).await.unwrap(), [1]);
        let stuck = dir_sync_with(vec![(1, 2), (1, 2)]).await.unwrap_err();
        assert!(refusal(&stuck).unwrap().contains("leads nowhere"), "{stuck}");
    }

    #[test]
    fn slow_is_slow_each_time_and_gone_is_not() {
        let busy = LdapError::refused("dc1", 51, "busy");
        let silent = |ended| LdapError::NoAnswer { host: "dc1".into(), detail: "nothing came".into(), ended };
        assert_eq!(
            too_slow(&LdapError::refused("dc1", 3, " limit \n")).as_deref(),
            Some("it takes too long: limit (result 3)")
        );
        assert_eq!(too_slow(&silent(false)).as_deref(), Some("it takes too long: nothing came"));
        assert_eq!((too_slow(&busy), too_slow(&silent(true))), (None, None));
    }

    #[test]
    fn a_watermark_survives_as_text() {
        let mark = |place| Watermark {
            partition: Uuid::from_u128(1),
            dc: "dc1.contoso.test".into(),
            invocation: Uuid::from_u128(2),
            usn: 7,
            place,
        };
        for place in [Place::DirSync("AA==".into()), Place::Usn("no".into())] {
            let text = serde_json::to_string(&mark(place.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Watermark>(&text).unwrap(), mark(place));
        }
    }
}
