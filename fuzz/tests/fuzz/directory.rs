//! What a domain controller, or whoever plays one, sends to the agent.

use ritorno_directory::ldap::{DecodeError, decode_reply};

use crate::seed;

/// A BER element: tag, length, content.
fn element(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = u16::try_from(content.len()).expect("seeds are short").to_be_bytes();
    [&[tag, 0x82], &length[..], &content].concat()
}

/// An LDAP message (RFC 4511 section 4.1.1) with the id 1.
fn message(operation: &[u8]) -> Vec<u8> {
    element(0x30, &[&[0x02, 1, 1], operation])
}

/// Result code, matched DN, diagnostic text (RFC 4511 section 4.1.9).
fn result(tag: u8, code: u8, text: &str) -> Vec<u8> {
    element(tag, &[&[0x0a, 1, code], &element(0x04, &[]), &element(0x04, &[text.as_bytes()])])
}

/// Replies to bind, search and modify.
#[test]
fn ldap_reply() {
    let value = element(0x04, &[b"anna.rossi"]);
    let attribute = element(0x30, &[&element(0x04, &[b"sAMAccountName"]), &element(0x31, &[&value, &value])]);
    let entry = element(
        0x64,
        &[&element(0x04, &[b"CN=Anna Rossi,DC=contoso,DC=test"]), &element(0x30, &[&attribute])],
    );
    let refused = "0000052D: Unwilling to perform - check_password_restrictions: the password is too short";
    let seeds = vec![
        message(&result(0x61, 0, "")),
        message(&result(
            0x61,
            49,
            "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1",
        )),
        message(&entry),
        message(&result(0x65, 0, "")),
        message(&result(0x67, 53, refused)),
    ];
    for good in &seeds {
        assert_eq!(decode_reply(good), Ok(1));
    }
    seed::run(seeds, |bytes| {
        let whole = decode_reply(bytes);
        // Bytes that follow cannot change what was refused.
        if whole == Err(DecodeError::TooLarge) {
            assert_eq!(decode_reply(&[bytes, b"\0"].concat()), whole);
        }
    });
}
