//! How directory objects are named: GUID, SID, distinguished name.

use ritorno_protocol::ids::SourceAnchor;
use uuid::Uuid;

/// An `objectGUID` as the base of a search or the target of a modify (MS-ADTS 3.1.1.3.1.2.4): it holds through renames,
/// and there is no name in it to escape.
pub(crate) fn guid_dn(guid: &[u8; 16]) -> String {
    format!("<GUID={}>", Uuid::from_bytes_le(*guid))
}

/// The source anchor of 16 bytes: standard base64.
pub(crate) fn anchor_of(bytes: &[u8]) -> SourceAnchor {
    use base64::Engine as _;
    SourceAnchor(base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// The bytes of a source anchor; `None` if it is not base64 of 16 bytes.
pub(crate) fn anchor_bytes(anchor: &SourceAnchor) -> Option<[u8; 16]> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(&anchor.0).ok()?.try_into().ok()
}

/// A security identifier as AD stores it (MS-DTYP 2.4.2.2).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sid(Vec<u8>);

impl Sid {
    /// Takes a SID's bytes; `None` if they are none.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let count = usize::from(*bytes.get(1)?);
        (bytes.first() == Some(&1) && count <= 15 && bytes.len() == 8 + 4 * count)
            .then(|| Self(bytes.to_vec()))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The identifier authority: 5 for all accounts of a domain.
    pub fn authority(&self) -> u64 {
        self.0[2..8].iter().fold(0, |value, byte| (value << 8) | u64::from(*byte))
    }

    /// The sub-authorities.
    pub fn sub_authorities(&self) -> impl DoubleEndedIterator<Item = u32> + ExactSizeIterator + '_ {
        self.0[8..].chunks_exact(4).map(|chunk| u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]))
    }

    /// The last sub-authority of a SID of a domain (`S-1-5-21-...-RID`).
    pub fn domain_rid(&self) -> Option<u32> {
        let mut parts = self.sub_authorities();
        (self.authority() == 5 && parts.len() == 5 && parts.next() == Some(21))
            .then(|| parts.next_back())
            .flatten()
    }

    /// The last sub-authority of a built-in group's SID (`S-1-5-32-RID`).
    pub fn builtin_rid(&self) -> Option<u32> {
        let mut parts = self.sub_authorities();
        (self.authority() == 5 && parts.len() == 2 && parts.next() == Some(32))
            .then(|| parts.next_back())
            .flatten()
    }
}

impl std::fmt::Display for Sid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "S-1-{}", self.authority())?;
        self.sub_authorities().try_for_each(|part| write!(f, "-{part}"))
    }
}

impl std::fmt::Debug for Sid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether `dn` is `base` or lies below it. Both are as the directory writes them (RFC 4514); names match in any case.
pub(crate) fn is_within(dn: &str, base: &str) -> bool {
    match (components(dn), components(base)) {
        (Some(dn), Some(base)) => !base.is_empty() && dn.ends_with(&base),
        _ => false,
    }
}

/// The first value of a DN, unescaped: the object's own name.
pub(crate) fn leaf_name(dn: &str) -> Option<String> {
    let first = split(dn)?.into_iter().next()?;
    let (_, value) = first.split_once('=')?;
    unescape(value)
}

/// The DNS name of a domain's naming context (MS-ADTS 3.1.1.1.5: each `DC` is a label); `None` for any other DN.
pub(crate) fn dns_name(naming_context: &str) -> Option<String> {
    let labels: Option<Vec<String>> = components(naming_context)?
        .into_iter()
        .map(|component| component.strip_prefix("dc=").map(str::to_owned))
        .collect();
    labels.filter(|labels| !labels.is_empty()).map(|labels| labels.join("."))
}

/// The DN of what holds `dn`.
pub(crate) fn parent(dn: &str) -> Option<&str> {
    let first = split(dn)?.into_iter().next()?;
    dn.get(first.len() + 1..).map(str::trim_start)
}

/// The components from the leaf up, each `type=value`, unescaped and in lower case.
pub(crate) fn components(dn: &str) -> Option<Vec<String>> {
    let folded = |component: &str| {
        let (kind, value) = component.split_once('=')?;
        Some(format!("{}={}", kind.trim().to_lowercase(), unescape(value)?.to_lowercase()))
    };
    split(dn)?.into_iter().map(folded).collect()
}

/// Cuts a DN at the commas that are not escaped.
fn split(dn: &str) -> Option<Vec<&str>> {
    if dn.is_empty() {
        return Some(Vec::new());
    }
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (index, c) in dn.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(&dn[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&dn[start..]);
    (!escaped).then_some(parts)
}

/// Undoes RFC 4514's escapes: `\,` and the like, and `\c3\a9`.
fn unescape(value: &str) -> Option<String> {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] != b'\\' {
            out.push(bytes[index]);
            index += 1;
            continue;
        }
        let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (Some(high), Some(low)) = (digit(index + 1), digit(index + 2)) {
            out.push((high * 16 + low) as u8);
            index += 3;
        } else {
            out.push(*bytes.get(index + 1)?);
            index += 2;
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_naming_context_has_a_dns_name() {
        assert_eq!(dns_name("DC=EMEA,DC=contoso,dc=Test").as_deref(), Some("emea.contoso.test"));
        for other in ["CN=Configuration,DC=contoso,DC=test", "", "DC", "OU=x,DC=t"] {
            assert_eq!(dns_name(other), None, "{other}");
        }
    }

    #[test]
    fn sids_print_and_tell_their_kind() {
        let administrators = Sid::new(&[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0]).unwrap();
        assert_eq!(administrators.to_string(), "S-1-5-32-544");
        assert_eq!(administrators.builtin_rid(), Some(544));
        assert_eq!(administrators.domain_rid(), None);
        let mut domain = vec![1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0];
        domain.extend_from_slice(&[9; 12]);
        domain.extend_from_slice(&512_u32.to_le_bytes());
        assert_eq!(Sid::new(&domain).unwrap().domain_rid(), Some(512));
        assert!(Sid::new(&domain[..20]).is_none());
        assert!(Sid::new(&[]).is_none());
    }

    #[test]
    fn names_with_commas_stay_whole() {
        assert!(is_within(r"CN=Rossi\, Anna,OU=People,DC=contoso,DC=test", "ou=people,dc=contoso,dc=test"));
        assert!(!is_within(r"CN=x\,OU=People,DC=contoso,DC=test", "OU=People,DC=contoso,DC=test"));
        assert!(!is_within("OU=Peoples,DC=contoso,DC=test", "OU=People,DC=contoso,DC=test"));
        assert!(is_within(r"CN=a,OU=\c3\89cole,DC=t", "OU=école,DC=t"));
        assert!(!is_within("DC=test", ""));
        assert_eq!(leaf_name(r"CN=a\+b\2c c,DC=t").unwrap(), "a+b, c");
        assert_eq!(parent(r"CN=NTDS Settings,CN=DC1\,x,CN=Servers").unwrap(), r"CN=DC1\,x,CN=Servers");
    }

    #[test]
    fn anchors_are_base64_of_16_bytes() {
        let anchor = anchor_of(&[7; 16]);
        assert_eq!(anchor_bytes(&anchor), Some([7; 16]));
        assert_eq!(anchor_bytes(&SourceAnchor("AAAA".into())), None);
        assert_eq!(
            guid_dn(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
            "<GUID=04030201-0605-0807-090a-0b0c0d0e0f10>"
        );
    }

    proptest! {
        #[test]
        fn no_name_panics(dn in ".{0,60}", base in ".{0,30}") {
            is_within(&dn, &base);
            leaf_name(&dn);
            parent(&dn);
        }

        #[test]
        fn no_bytes_panic_as_sid(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(sid) = Sid::new(&bytes) {
                sid.to_string();
                sid.domain_rid();
                sid.builtin_rid();
            }
        }
    }
}
