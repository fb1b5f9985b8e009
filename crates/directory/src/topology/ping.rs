//! The LDAP ping (MS-ADTS 6.3.3): what a domain controller says of itself to anybody who asks, here under TLS with its name checked,
//! or plain where Kerberos is the transport. It is a hint: nobody is sent a credential because of it.

use std::time::Duration;

use crate::ldap::{Connection, Filter, LdapError, Scope, Search};

/// `NETLOGON_NT_VERSION_5 | NETLOGON_NT_VERSION_5EX` (MS-ADTS 6.3.1.1).
const VERSION: [u8; 4] = [6, 0, 0, 0];
/// `LOGON_SAM_LOGON_RESPONSE_EX` and `LOGON_SAM_USER_UNKNOWN_EX` (MS-ADTS 6.3.1.3).
const RESPONSES: [u16; 2] = [23, 25];
/// `DS_FLAG` bits (MS-ADTS 6.3.1.2).
const PDC: u32 = 0x1;
const WRITABLE: u32 = 0x100;
/// Longest name (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 255;

/// What a controller answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// It says that it is the PDC emulator of its domain.
    pub is_pdc: bool,
    /// It says that it takes writes.
    pub is_writable: bool,
    /// Its own full name.
    pub host: String,
    /// The site that it is in.
    pub site: String,
    /// The site that it takes us to be in, by our address; empty if no subnet holds it.
    pub client_site: String,
}

/// Asks a controller about the domain `dns_name`. `None` if it has no such answer to give.
pub(super) async fn ping(
    connection: &mut Connection,
    dns_name: &str,
    limit: Duration,
) -> Result<Option<Ping>, LdapError> {
    let search = Search {
        base: String::new(),
        scope: Scope::Base,
        filter: Filter::And(vec![
            Filter::text("DnsDomain", dns_name),
            Filter::Equal("NtVer", VERSION.to_vec()),
        ]),
        attributes: vec!["netlogon".to_owned()],
    };
    let page = connection.search(&search, &[], limit).await?;
    Ok(page.entries.first().and_then(|entry| entry.first("netlogon")).and_then(parse))
}

/// As [`ping`]; one that fails is no answer.
pub(crate) async fn ping_own_domain(
    connection: &mut Connection,
    dns_name: &str,
    limit: Duration,
) -> Option<Ping> {
    ping(connection, dns_name, limit).await.ok().flatten()
}

/// Reads a `NETLOGON_SAM_LOGON_RESPONSE_EX` (MS-ADTS 6.3.1.9).
pub(crate) fn parse(message: &[u8]) -> Option<Ping> {
    let opcode = u16::from_le_bytes(message.get(..2)?.try_into().ok()?);
    let flags = u32::from_le_bytes(message.get(4..8)?.try_into().ok()?);
    if !RESPONSES.contains(&opcode) {
        return None;
    }
    // After the domain's GUID: forest, domain, host, NetBIOS names of domain and host, user, the two sites.
    let mut at = 24;
    let mut names: [String; 8] = Default::default();
    for place in &mut names {
        (*place, at) = name(message, at)?;
    }
    let [_, _, host, _, _, _, site, client_site] = names;
    Some(Ping {
        is_pdc: flags & PDC != 0,
        is_writable: flags & WRITABLE != 0,
        host: host.to_lowercase(),
        site,
        client_site,
    })
}

/// One name, compressed as in RFC 1035 section 4.1.4, and where the next one starts. A pointer has to lead back, so there are no loops.
fn name(message: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut at, mut next, mut bytes) = (start, None, Vec::new());
    loop {
        let length = *message.get(at)?;
        match length {
            0 => break,
            0xc0.. => {
                let target = usize::from(u16::from_be_bytes([length & 0x3f, *message.get(at + 1)?]));
                next.get_or_insert(at + 2);
                if target >= at {
                    return None;
                }
                at = target;
            }
            1..=63 => {
                let label = message.get(at + 1..at + 1 + usize::from(length))?;
                if !bytes.is_empty() {
                    bytes.push(b'.');
                }
                bytes.extend_from_slice(label);
                if bytes.len() > LONGEST_NAME {
                    return None;
                }
                at += 1 + usize::from(length);
            }
            _ => return None,
        }
    }
    Some((String::from_utf8(bytes).ok()?, next.unwrap_or(at + 1)))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    /// Recorded from Samba 4.24 over LDAPS.
    const RECORDED: &str = "FwAAAL3RAQAUa9knZkCcSaOBxvBp1GpDB2NvbnRvc28EdGVzdADAGANkYzHAGAdDT05UT1NPAANEQzEAABdEZWZhdWx0LUZpcnN0LVNpdGUtTmFtZQDAPQUAAAD/////";

    fn recorded() -> Vec<u8> {
        base64::engine::general_purpose::STANDARD.decode(RECORDED).unwrap()
    }

    #[test]
    fn a_recorded_answer_is_read() {
        let site = "Default-First-Site-Name".to_owned();
        let ping = Ping {
            is_pdc: true,
            is_writable: true,
            host: "dc1.contoso.test".to_owned(),
            site: site.clone(),
            client_site: site,
        };
        assert_eq!(parse(&recorded()), Some(ping.clone()));
        let mut other = recorded();
        // The lowest byte of the flags, as the second controller sent it.
        other[4] = 0xbc;
        assert_eq!(parse(&other), Some(Ping { is_pdc: false, ..ping }));
        other[0] = 19;
        assert_eq!(parse(&other), None, "another kind of message");
    }

    #[test]
    fn a_pointer_that_does_not_lead_back_ends_it() {
        assert_eq!(name(&[0xc0, 0], 0), None);
        assert_eq!(name(&[1, b'a', 0xc0, 2], 0), None);
        assert_eq!(name(&[1, b'a', 0, 0xc0, 0], 3), Some(("a".to_owned(), 5)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(&bytes);
        }

        #[test]
        fn no_damaged_answer_panics(at in 0usize..100, byte: u8, length in 0usize..101) {
            let mut bytes = recorded();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(length);
            parse(&bytes);
        }
    }
}
