//! Replies, decoded by `ldap3_proto` behind limits of our own: a reply's size is known and judged before its bytes are
//! waited for, and no bytes make it panic.

use std::collections::BTreeMap;

use ldap3_proto::LdapCodec;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{LdapIntermediateResponse, LdapMsg, LdapOp, LdapResult, SyncStateValue};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder as _;

use super::policy::{PolicyError, policy_error};

/// Largest reply, in bytes: an entry with photographs or a page of a big group's members fits.
pub const MAXIMUM_REPLY: usize = 16 << 20;

/// Tag of a searchResEntry (RFC 4511 section 4.5.2).
const SEARCH_RESULT_ENTRY: u8 = 0x64;

/// One entry. Attribute names are in lower case; values are bytes in the directory's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Distinguished name.
    pub dn: String,
    /// Values by attribute.
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// All values of `attribute` (any case).
    pub fn values(&self, attribute: &str) -> &[Vec<u8>] {
        self.attributes.get(&attribute.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The first value.
    pub fn first(&self, attribute: &str) -> Option<&[u8]> {
        self.values(attribute).first().map(Vec::as_slice)
    }

    /// The first value as text, if it is UTF-8.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.first(attribute).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The first value as an integer.
    pub fn integer(&self, attribute: &str) -> Option<i64> {
        self.text(attribute).and_then(|text| text.parse().ok())
    }

    /// Whether one of the values is `value`, in any case.
    pub fn has(&self, attribute: &str, value: &str) -> bool {
        self.values(attribute).iter().any(|found| found.eq_ignore_ascii_case(value.as_bytes()))
    }
}

/// A result (RFC 4511 section 4.1.9), whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Result code.
    pub code: u32,
    /// Diagnostic text.
    pub text: String,
}

/// How content synchronisation gives an entry (RFC 4533 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// It is there as before; its attributes do not come.
    Unchanged,
    /// It is there, whole.
    Present,
    /// It is not there any more.
    Gone,
}

/// What content synchronisation says beside entries (RFC 4533 section 2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncInfo {
    /// Of these entries that they are there as before, or with `gone` that they are not there any more.
    Ids {
        /// Their `entryUUID`s (RFC 4530), as bytes.
        uuids: Vec<[u8; 16]>,
        /// Which of the two.
        gone: bool,
    },
    /// Whoever was told of by now is all that there is; with `named` it is only that whoever is gone has been named. Others follow.
    Phase {
        /// Which of the two.
        named: bool,
    },
    /// A newer cookie, which the last reply makes out of date.
    Cookie,
}

/// What a directory can say to what we ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An entry of a search.
    Entry(Entry),
    /// An entry under content synchronisation.
    Synced {
        /// The entry.
        entry: Entry,
        /// Its `entryUUID`, as bytes.
        uuid: [u8; 16],
        /// What is said of it.
        state: SyncState,
    },
    /// Content synchronisation's word about several entries, or none.
    Sync(SyncInfo),
    /// A continuation of a search elsewhere; never followed.
    Reference,
    /// The end of an operation, with the cookie for the next page if there is one.
    Done {
        /// The result.
        answer: Answer,
        /// Cookie of the paged-results control, of DirSync, or of content synchronisation.
        cookie: Vec<u8>,
        /// Whether DirSync has more to give. After content synchronisation (`refreshDeletes`), whether whoever was not named is as
        /// before; else they are gone.
        more: bool,
        /// What the password policy says, if it says anything.
        policy: Option<PolicyError>,
    },
    /// The end of one step of a bind.
    Bound {
        /// The result; 14 means that another step follows (RFC 4511 section 4.2.2).
        answer: Answer,
        /// What SASL's other side says (`serverSaslCreds`).
        token: Vec<u8>,
        /// What the password policy says, if it says anything.
        policy: Option<PolicyError>,
    },
    /// Anything else: nothing that we asked for.
    Other,
}

/// A reply with the id of the request that it answers; 0 is a notice of disconnection (RFC 4511 section 4.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Message id.
    pub id: i32,
    /// The reply.
    pub reply: Reply,
}

/// Why bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not a BER sequence of definite length.
    #[error("the reply is not LDAP")]
    NotLdap,
    /// More than [`MAXIMUM_REPLY`] bytes.
    #[error("the reply is larger than 16 MiB")]
    TooLarge,
}

/// Takes one reply off the front of `buffer`, or `None` if more bytes are needed.
///
/// # Errors
/// [`DecodeError`]; the connection is of no use afterwards.
pub fn take_reply(buffer: &mut BytesMut) -> Result<Option<Numbered>, DecodeError> {
    let Some(length) = frame_length(buffer)? else { return Ok(None) };
    if buffer.len() < length {
        return Ok(None);
    }
    let mut frame = buffer.split_to(length);
    // A copy only of what can carry it: most of what comes are entries.
    let whole = (operation(&frame) != Some(SEARCH_RESULT_ENTRY)).then(|| frame.clone());
    // The codec's own limits stay on: depth 128 by default.
    match LdapCodec::new(Some(MAXIMUM_REPLY), None).decode(&mut frame) {
        Ok(Some(message)) if frame.is_empty() => {
            // The codec takes the control for the request's, which has no value, and leaves the value out.
            let asked = |control: &LdapControl| matches!(control, LdapControl::PasswordPolicyRequest { .. });
            let policy = message.ctrl.iter().any(asked).then(|| policy_error(whole.as_deref()?)).flatten();
            Ok(Some(numbered(message, policy)))
        }
        _ => Err(DecodeError::NotLdap),
    }
}

/// Decodes any bytes as replies, one after the other; how many there were. For fuzzing and tests.
///
/// # Errors
/// [`DecodeError`] at the first that is none.
pub fn decode_reply(bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut buffer = BytesMut::from(bytes);
    let mut count = 0;
    while take_reply(&mut buffer)?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// The length of the first element with its header, `None` if the header is not complete.
fn frame_length(buffer: &[u8]) -> Result<Option<usize>, DecodeError> {
    let Some(&tag) = buffer.first() else { return Ok(None) };
    if tag != 0x30 {
        return Err(DecodeError::NotLdap);
    }
    let Some(&first) = buffer.get(1) else { return Ok(None) };
    let (header, content) = match first {
        0..=0x7f => (2, usize::from(first)),
        0x81..=0x88 => {
            let header = 2 + usize::from(first & 0x7f);
            let Some(bytes) = buffer.get(2..header) else { return Ok(None) };
            let length = bytes.iter().fold(0_u64, |length, byte| (length << 8) | u64::from(*byte));
            (header, usize::try_from(length).map_err(|_| DecodeError::TooLarge)?)
        }
        // Indefinite length (0x80), which LDAP forbids (RFC 4511 section 5.1), or a length of more than eight bytes.
        0x80 | 0x89..=0xff => return Err(DecodeError::NotLdap),
    };
    if content > MAXIMUM_REPLY - header { Err(DecodeError::TooLarge) } else { Ok(Some(header + content)) }
}

/// The tag of the operation in a whole message, which follows the message id.
fn operation(frame: &[u8]) -> Option<u8> {
    let header = match *frame.get(1)? {
        first @ 0x80.. => 2 + usize::from(first & 0x7f),
        _ => 2,
    };
    let id = usize::from(*frame.get(header + 1)?);
    frame.get(header + 2 + id).copied()
}

fn numbered(message: LdapMsg, policy: Option<PolicyError>) -> Numbered {
    let answer = |result: LdapResult| Answer { code: result.code as i64 as u32, text: result.message };
    let done = |result: LdapResult, controls: Vec<LdapControl>| {
        let cookie = controls.into_iter().find_map(|control| match control {
            LdapControl::SimplePagedResults { cookie, .. } => Some((cookie, false)),
            // In an answer the first field says whether there is more (MS-ADTS 3.1.1.3.4.1.3).
            LdapControl::AdDirsync { flags, cookie, .. } => Some((cookie.unwrap_or_default(), flags != 0)),
            LdapControl::SyncDone { cookie, refresh_deletes } => {
                Some((cookie.unwrap_or_default(), refresh_deletes))
            }
            _ => None,
        });
        let (cookie, more) = cookie.unwrap_or_default();
        Reply::Done { answer: answer(result), cookie, more, policy }
    };
    let reply = match message.op {
        LdapOp::SearchResultEntry(found) => {
            let mut entry = Entry { dn: found.dn, attributes: BTreeMap::new() };
            for attribute in found.attributes {
                entry
                    .attributes
                    .entry(attribute.atype.to_ascii_lowercase())
                    .or_default()
                    .extend(attribute.vals);
            }
            let state = message.ctrl.into_iter().find_map(|control| match control {
                LdapControl::SyncState { state, entry_uuid, .. } => Some((state, entry_uuid.into_bytes())),
                _ => None,
            });
            match state {
                None => Reply::Entry(entry),
                Some((state, uuid)) => {
                    let state = match state {
                        SyncStateValue::Present => SyncState::Unchanged,
                        SyncStateValue::Add | SyncStateValue::Modify => SyncState::Present,
                        SyncStateValue::Delete => SyncState::Gone,
                    };
                    Reply::Synced { entry, uuid, state }
                }
            }
        }
        LdapOp::IntermediateResponse(said) => match said {
            LdapIntermediateResponse::SyncInfoNewCookie { .. } => Reply::Sync(SyncInfo::Cookie),
            LdapIntermediateResponse::SyncInfoRefreshDelete { .. } => {
                Reply::Sync(SyncInfo::Phase { named: true })
            }
            LdapIntermediateResponse::SyncInfoRefreshPresent { .. } => {
                Reply::Sync(SyncInfo::Phase { named: false })
            }
            LdapIntermediateResponse::SyncInfoIdSet { refresh_deletes: gone, syncuuids, .. } => {
                let uuids = syncuuids.into_iter().map(uuid::Uuid::into_bytes).collect();
                Reply::Sync(SyncInfo::Ids { uuids, gone })
            }
            LdapIntermediateResponse::Raw { .. } => Reply::Other,
        },
        LdapOp::SearchResultReference(_) => Reply::Reference,
        LdapOp::BindResponse(response) => {
            let token = response.saslcreds.unwrap_or_default();
            Reply::Bound { answer: answer(response.res), token, policy }
        }
        LdapOp::SearchResultDone(result) | LdapOp::ModifyResponse(result) => done(result, message.ctrl),
        LdapOp::ExtendedResponse(response) => done(response.res, message.ctrl),
        _ => Reply::Other,
    };
    Numbered { id: message.msgid, reply }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_that_break_other_clients_are_errors() {
        assert_eq!(decode_reply(&[0x30, 0]), Err(DecodeError::NotLdap));
        assert_eq!(decode_reply(&[0x30, 2, 4, 0]), Err(DecodeError::NotLdap));
        assert_eq!(decode_reply(&[0x30, 0x80, 0, 0]), Err(DecodeError::NotLdap));
        assert_eq!(decode_reply(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::TooLarge));
        assert_eq!(
            decode_reply(&[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Err(DecodeError::TooLarge)
        );
        assert_eq!(decode_reply(&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]), Err(DecodeError::NotLdap));
        assert_eq!(decode_reply(b"HTTP/1.1 400 Bad Request\r\n"), Err(DecodeError::NotLdap));
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_stack_overflow() {
        let mut bytes = vec![0x30, 0];
        while bytes.len() < 360_000 {
            let mut outer = vec![0x30, 0x84];
            outer.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            outer.extend_from_slice(&bytes);
            bytes = outer;
            if bytes.len() > 4_000 {
                // A step that grows faster, to keep the test quick: the depth is far beyond the limit already.
                bytes.extend_from_slice(&[0x30; 90_000]);
            }
        }
        assert!(decode_reply(&bytes).is_err());
    }

    #[test]
    fn a_result_arrives_whole() {
        // message 5: modifyResponse 53 with the text 'no'
        let bytes = [0x30, 14, 2, 1, 5, 0x67, 9, 10, 1, 53, 4, 0, 4, 2, b'n', b'o'];
        let reply = take_reply(&mut BytesMut::from(&bytes[..])).unwrap().unwrap();
        let answer = Answer { code: 53, text: "no".into() };
        assert_eq!(
            reply,
            Numbered { id: 5, reply: Reply::Done { answer, cookie: Vec::new(), more: false, policy: None } }
        );
    }

    /// A searchResultDone with a DirSync control whose value is `value`.
    fn dir_sync(value: &[u8]) -> Vec<u8> {
        let oid = b"1.2.840.113556.1.4.841";
        let mut control = vec![4, oid.len() as u8];
        control.extend_from_slice(oid);
        control.extend_from_slice(&[4, value.len() as u8]);
        control.extend_from_slice(value);
        let mut message = vec![2, 1, 9, 0x65, 7, 10, 1, 0, 4, 0, 4, 0, 0xa0, control.len() as u8 + 2, 0x30];
        message.push(control.len() as u8);
        message.extend_from_slice(&control);
        let mut bytes = vec![0x30, message.len() as u8];
        bytes.extend_from_slice(&message);
        bytes
    }

    #[test]
    fn a_dir_sync_cookie_and_whether_there_is_more() {
        for (flag, more) in [(0, false), (1, true), (0xff, true)] {
            let bytes = dir_sync(&[0x30, 9, 2, 1, flag, 2, 1, 0, 4, 1, b'c']);
            let reply = take_reply(&mut BytesMut::from(&bytes[..])).unwrap().unwrap().reply;
            let answer = Answer { code: 0, text: String::new() };
            assert_eq!(reply, Reply::Done { answer, cookie: b"c".to_vec(), more, policy: None });
        }
        assert_eq!(decode_reply(&dir_sync(b"no sequence")), Err(DecodeError::NotLdap));
        assert_eq!(decode_reply(&dir_sync(&[])), Err(DecodeError::NotLdap));
    }

    proptest! {
        #[test]
        fn no_dir_sync_value_panics(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode_reply(&dir_sync(&value));
            let mut sequence = vec![0x30, value.len() as u8];
            sequence.extend_from_slice(&value);
            let _ = decode_reply(&dir_sync(&sequence));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode_reply(&bytes);
        }

        #[test]
        fn no_sequence_panics(content in proptest::collection::vec(any::<u8>(), 0..120)) {
            let mut bytes = vec![0x30, content.len() as u8];
            bytes.extend_from_slice(&content);
            let _ = decode_reply(&bytes);
        }

        #[test]
        fn no_result_panics(op in 0x60u8..0x7a, content in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut bytes = vec![0x30, content.len() as u8 + 5, 2, 1, 1, op, content.len() as u8];
            bytes.extend_from_slice(&content);
            let _ = decode_reply(&bytes);
        }
    }
}
