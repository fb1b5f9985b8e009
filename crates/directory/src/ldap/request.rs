//! Requests, encoded by us (RFC 4511 section 4): values and filter assertions are bytes, as AD's GUIDs and SIDs are, and
//! nothing on the way to the wire prints or keeps a password. There is no filter text, so nothing to escape.

use zeroize::Zeroizing;

use super::ber::{ENUMERATED, Encoded, INTEGER, SEQUENCE, SET, boolean, element, group, integer, octets};

/// The Password Modify extended operation (RFC 3062).
pub(crate) const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";
/// The password policy control, request and response (draft-behera-ldap-password-policy-10 section 6).
pub(crate) const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// A search filter (RFC 4511 section 4.5.1.7), the forms that AD needs.
#[derive(Clone, Debug)]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not this one.
    Not(Box<Filter>),
    /// The attribute has this value.
    Equal(&'static str, Vec<u8>),
    /// The same, of an attribute that the administrator named.
    Named(String, Vec<u8>),
    /// The attribute is this or more, by its own order.
    AtLeast(&'static str, Vec<u8>),
    /// The attribute has a value.
    Present(&'static str),
}

impl Filter {
    /// The attribute has this text as a value.
    pub fn text(attribute: &'static str, value: &str) -> Self {
        Self::Equal(attribute, value.as_bytes().to_vec())
    }

    /// The attribute is this text or more.
    pub fn at_least(attribute: &'static str, least: &str) -> Self {
        Self::AtLeast(attribute, least.as_bytes().to_vec())
    }

    fn encode(&self) -> Encoded {
        match self {
            Self::And(filters) => group(0xa0, &filters.iter().map(Self::encode).collect::<Vec<_>>()),
            Self::Or(filters) => group(0xa1, &filters.iter().map(Self::encode).collect::<Vec<_>>()),
            Self::Not(filter) => group(0xa2, &[filter.encode()]),
            Self::Equal(attribute, value) => group(0xa3, &[octets(attribute.as_bytes()), octets(value)]),
            Self::Named(attribute, value) => group(0xa3, &[octets(attribute.as_bytes()), octets(value)]),
            Self::AtLeast(attribute, least) => group(0xa5, &[octets(attribute.as_bytes()), octets(least)]),
            Self::Present(attribute) => element(0x87, &[attribute.as_bytes()]),
        }
    }
}

/// How deep a search looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The base entry alone.
    Base = 0,
    /// The base entry and all below it.
    Subtree = 2,
}

/// A search.
#[derive(Clone, Debug)]
pub struct Search {
    /// Base DN, or `<GUID=...>`, or empty for the rootDSE.
    pub base: String,
    /// How deep.
    pub scope: Scope,
    /// Which entries.
    pub filter: Filter,
    /// Which attributes; constructed ones come only if named.
    pub attributes: Vec<String>,
}

impl Search {
    /// Reads one entry.
    pub fn entry(base: impl Into<String>, attributes: &[&str]) -> Self {
        Self {
            base: base.into(),
            scope: Scope::Base,
            filter: Filter::Present("objectClass"),
            attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    pub(super) fn encode(&self) -> Encoded {
        let attributes: Vec<_> = self.attributes.iter().map(|name| octets(name.as_bytes())).collect();
        group(
            0x63,
            &[
                octets(self.base.as_bytes()),
                integer(ENUMERATED, self.scope as i32),
                integer(ENUMERATED, 0),
                integer(INTEGER, 0),
                integer(INTEGER, 0),
                boolean(false),
                self.filter.encode(),
                group(SEQUENCE, &attributes),
            ],
        )
    }
}

/// What one change does (RFC 4511 section 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Adds the value.
    Add,
    /// Removes the value.
    Delete,
    /// Puts the value in place of all others.
    Replace,
    /// Removes all values; refused with noSuchAttribute (16) if there is none.
    Clear,
}

impl ChangeKind {
    const fn code(self) -> i32 {
        match self {
            Self::Add => 0,
            Self::Delete | Self::Clear => 1,
            Self::Replace => 2,
        }
    }
}

/// One change of a modify. No `Debug`: the value can be a password.
pub struct Change {
    /// What is done.
    pub kind: ChangeKind,
    /// The attribute.
    pub attribute: &'static str,
    /// The value; wiped when dropped.
    pub value: Zeroizing<Vec<u8>>,
}

impl Change {
    /// Replaces an attribute's values by this text.
    pub fn replace(attribute: &'static str, value: &str) -> Self {
        Self { kind: ChangeKind::Replace, attribute, value: Zeroizing::new(value.as_bytes().to_vec()) }
    }

    /// Removes all of an attribute's values.
    pub fn clear(attribute: &'static str) -> Self {
        Self { kind: ChangeKind::Clear, attribute, value: Zeroizing::default() }
    }
}

/// A modify. The directory applies all changes or none.
pub struct Modify {
    /// DN or `<GUID=...>`.
    pub dn: String,
    /// The changes, in order.
    pub changes: Vec<Change>,
}

impl Modify {
    pub(super) fn encode(&self) -> Encoded {
        let changes: Vec<_> = self
            .changes
            .iter()
            .map(|change| {
                let values = match change.kind {
                    ChangeKind::Clear => group(SET, &[]),
                    _ => group(SET, &[octets(&change.value)]),
                };
                let attribute = group(SEQUENCE, &[octets(change.attribute.as_bytes()), values]);
                group(SEQUENCE, &[integer(ENUMERATED, change.kind.code()), attribute])
            })
            .collect();
        group(0x66, &[octets(self.dn.as_bytes()), group(SEQUENCE, &changes)])
    }
}

/// A control of a request (RFC 4511 section 4.1.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its OID.
    pub oid: &'static str,
    /// Whether the directory must refuse the request if it doesn't know the control.
    pub critical: bool,
    /// Its value, encoded.
    pub value: Vec<u8>,
}

impl Control {
    /// Paged results (RFC 2696).
    pub fn paged(size: i32, cookie: &[u8]) -> Self {
        let value = group(SEQUENCE, &[integer(INTEGER, size), octets(cookie)]).to_vec();
        Self { oid: "1.2.840.113556.1.4.319", critical: true, value }
    }

    /// DirSync (MS-ADTS 3.1.1.3.4.1.3): what changed in a naming context since `cookie`, or everything after an empty one.
    /// Under LDAP_DIRSYNC_OBJECT_SECURITY (0x1) the account gets what it may read, and needs no right to replicate.
    /// Of a group's members only those that came or went are told if `incremental` (LDAP_DIRSYNC_INCREMENTAL_VALUES, 0x80000000).
    pub fn dir_sync(cookie: &[u8], incremental: bool) -> Self {
        let (object_security, no_limit) = (1, i32::MAX);
        let flags = if incremental { object_security | i32::MIN } else { object_security };
        let value = group(SEQUENCE, &[integer(INTEGER, flags), integer(INTEGER, no_limit), octets(cookie)]);
        Self { oid: "1.2.840.113556.1.4.841", critical: true, value: value.to_vec() }
    }

    /// Names come with GUID and SID, as text (MS-ADTS 3.1.1.3.4.1.5).
    pub fn extended_dn() -> Self {
        Self::flags("1.2.840.113556.1.4.529", 1)
    }

    /// Deleted objects are found as well (MS-ADTS 3.1.1.3.4.1.14).
    pub fn show_deleted() -> Self {
        Self { oid: "1.2.840.113556.1.4.417", critical: true, value: Vec::new() }
    }

    /// Asks for what the password policy has to say (draft-behera-ldap-password-policy-10 section 6.1). Not critical: a server without
    /// policies answers without it.
    pub fn password_policy() -> Self {
        Self { oid: PASSWORD_POLICY, critical: false, value: Vec::new() }
    }

    /// Content synchronisation (RFC 4533 section 2.2), refreshOnly: all that a search finds, or with a cookie what changed of it since.
    pub fn content_sync(cookie: Option<&[u8]>) -> Self {
        let mode = std::iter::once(integer(ENUMERATED, 1));
        let parts: Vec<_> = mode.chain(cookie.map(octets)).collect();
        let value = group(SEQUENCE, &parts).to_vec();
        Self { oid: "1.3.6.1.4.1.4203.1.9.1.1", critical: true, value }
    }

    /// A control whose value is one integer in a sequence: the policy hints (MS-ADTS 3.1.1.3.4.1.27) and the security
    /// descriptor flags (3.1.1.3.4.1.11).
    pub fn flags(oid: &'static str, flags: i32) -> Self {
        Self { oid, critical: true, value: group(SEQUENCE, &[integer(INTEGER, flags)]).to_vec() }
    }

    fn encode(&self) -> Encoded {
        let (oid, critical) = (octets(self.oid.as_bytes()), boolean(self.critical));
        // Every value here is a sequence; a control without one has no value at all.
        if self.value.is_empty() {
            return group(SEQUENCE, &[oid, critical]);
        }
        group(SEQUENCE, &[oid, critical, octets(&self.value)])
    }
}

/// A Password Modify (RFC 3062 section 2): a new password for the entry `dn`, with the old one if the directory shall check it.
pub(super) fn password_modify(dn: &str, old: Option<&str>, new: &str) -> Encoded {
    let mut parts = vec![element(0x80, &[dn.as_bytes()])];
    parts.extend(old.map(|old| element(0x81, &[old.as_bytes()])));
    parts.push(element(0x82, &[new.as_bytes()]));
    let value = group(SEQUENCE, &parts);
    group(0x77, &[element(0x80, &[PASSWORD_MODIFY.as_bytes()]), element(0x81, &[&value])])
}

/// A simple bind (RFC 4513 section 5.1.3). The caller has refused the empty password.
pub(super) fn simple_bind(name: &str, password: &str) -> Encoded {
    group(0x60, &[integer(INTEGER, 3), octets(name.as_bytes()), element(0x80, &[password.as_bytes()])])
}

/// A step of a SASL bind with GSSAPI (RFC 4513 section 5.2.1, RFC 4752). The token is there even if it is empty.
pub(super) fn gssapi_bind(token: &[u8]) -> Encoded {
    let credentials = group(0xa3, &[octets(b"GSSAPI"), octets(token)]);
    group(0x60, &[integer(INTEGER, 3), octets(b""), credentials])
}

/// StartTLS (RFC 4511 section 4.14.1).
pub(super) fn start_tls() -> Encoded {
    group(0x77, &[element(0x80, &[b"1.3.6.1.4.1.1466.20037"])])
}

/// An unbind.
pub(super) fn unbind() -> Encoded {
    element(0x42, &[])
}

/// The whole message (RFC 4511 section 4.1.1).
pub(super) fn message(id: i32, operation: Encoded, controls: &[Control]) -> Encoded {
    let id = integer(INTEGER, id);
    if controls.is_empty() {
        return group(SEQUENCE, &[id, operation]);
    }
    let controls: Vec<_> = controls.iter().map(Control::encode).collect();
    group(SEQUENCE, &[id, operation, group(0xa0, &controls)])
}

/// `unicodePwd` as AD wants it: in quotation marks, UTF-16 little endian (MS-ADTS 3.1.1.3.1.5.1).
pub fn unicode_pwd(password: &str) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(password.len() * 2 + 4));
    for unit in std::iter::once(u16::from(b'"')).chain(password.encode_utf16()).chain([u16::from(b'"')]) {
        out.extend_from_slice(&unit.to_le_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use ldap3_proto::LdapCodec;
    use ldap3_proto::control::LdapControl;
    use ldap3_proto::proto::{LdapFilter, LdapOp};
    use tokio_util::bytes::BytesMut;
    use tokio_util::codec::Decoder as _;

    use super::*;

    fn decode(bytes: &[u8]) -> ldap3_proto::proto::LdapMsg {
        LdapCodec::new(Some(1 << 20), None).decode(&mut BytesMut::from(bytes)).unwrap().unwrap()
    }

    #[test]
    fn another_codec_reads_our_search() {
        let search = Search {
            base: "OU=People,DC=contoso,DC=test".into(),
            scope: Scope::Subtree,
            filter: Filter::And(vec![
                Filter::text("objectClass", "user"),
                Filter::Not(Box::new(Filter::Present("adminCount"))),
                Filter::Or(vec![
                    Filter::text("sAMAccountName", "a*)(b"),
                    Filter::at_least("uSNChanged", "4711"),
                ]),
            ]),
            attributes: vec!["cn".into(), "x".repeat(200)],
        };
        let controls = [
            Control::paged(500, b"c"),
            Control::dir_sync(b"d", false),
            Control::show_deleted(),
            Control::content_sync(None),
            Control::content_sync(Some(b"e")),
        ];
        let refresh = |cookie: Option<&[u8]>| LdapControl::SyncRequest {
            criticality: true,
            mode: ldap3_proto::proto::SyncRequestMode::RefreshOnly,
            cookie: cookie.map(<[u8]>::to_vec),
            reload_hint: false,
        };
        let read = decode(&message(7, search.encode(), &controls));
        assert_eq!(read.msgid, 7);
        assert_eq!(
            read.ctrl,
            vec![
                LdapControl::SimplePagedResults { size: 500, cookie: b"c".to_vec() },
                LdapControl::AdDirsync {
                    flags: 1,
                    max_bytes: i64::from(i32::MAX),
                    cookie: Some(b"d".to_vec())
                },
                LdapControl::ShowDeleted { criticality: true },
                refresh(None),
                refresh(Some(b"e")),
            ]
        );
        let LdapOp::SearchRequest(request) = read.op else { panic!("not a search") };
        assert_eq!(request.base, search.base);
        assert_eq!(request.attrs, search.attributes);
        let filter = LdapFilter::And(vec![
            LdapFilter::Equality("objectClass".into(), "user".into()),
            LdapFilter::Not(Box::new(LdapFilter::Present("adminCount".into()))),
            LdapFilter::Or(vec![
                LdapFilter::Equality("sAMAccountName".into(), "a*)(b".into()),
                LdapFilter::GreaterOrEqual("uSNChanged".into(), "4711".into()),
            ]),
        ]);
        assert_eq!(request.filter, filter);
    }

    #[test]
    fn another_codec_reads_our_modify_and_bind() {
        let modify = Modify {
            dn: "CN=a,DC=b".into(),
            changes: vec![
                Change { kind: ChangeKind::Delete, attribute: "unicodePwd", value: unicode_pwd("old") },
                Change { kind: ChangeKind::Add, attribute: "unicodePwd", value: unicode_pwd("n€w") },
            ],
        };
        let LdapOp::ModifyRequest(read) = decode(&message(1, modify.encode(), &[])).op else {
            panic!("no modify")
        };
        assert_eq!(read.dn, "CN=a,DC=b");
        assert_eq!(read.changes[1].modification.vals, vec![b"\"\0n\0\xac\x20w\0\"\0".to_vec()]);

        let LdapOp::BindRequest(read) = decode(&message(1, simple_bind("me", "pw"), &[])).op else {
            panic!("no bind")
        };
        assert_eq!(read.dn, "me");
        assert!(matches!(read.cred, ldap3_proto::proto::LdapBindCred::Simple(password) if password == "pw"));
        assert!(matches!(decode(&message(2, unbind(), &[])).op, LdapOp::UnbindRequest));
        let clear = Modify { dn: "CN=a".into(), changes: vec![Change::clear("pwdReset")] };
        let LdapOp::ModifyRequest(read) = decode(&message(1, clear.encode(), &[])).op else {
            panic!("no modify")
        };
        assert_eq!(read.changes[0].operation, ldap3_proto::proto::LdapModifyType::Delete);
        assert!(read.changes[0].modification.vals.is_empty());
    }

    #[test]
    fn another_codec_reads_our_password_modify() {
        for old in [None, Some("old")] {
            let sent = message(3, password_modify("uid=a,dc=b", old, "n€w"), &[Control::password_policy()]);
            let read = decode(&sent);
            assert_eq!(read.ctrl, [LdapControl::PasswordPolicyRequest { criticality: false }]);
            let LdapOp::ExtendedRequest(request) = &read.op else { panic!("not extended") };
            let request = ldap3_proto::proto::LdapPasswordModifyRequest::try_from(request).unwrap();
            assert_eq!(request.user_identity.as_deref(), Some("uid=a,dc=b"));
            assert_eq!(request.old_password.as_deref(), old);
            assert_eq!(request.new_password.as_deref(), Some("n€w"));
        }
    }
}
