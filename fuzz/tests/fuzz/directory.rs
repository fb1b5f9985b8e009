//! What a domain controller, or whoever plays one, sends to the agent.

use ritorno_directory::decode_values;
use ritorno_directory::ldap::{
    DecodeError, FrameError, MAXIMUM_FRAME, choose_layer, decode_reply, take_frame, tls_server_end_point,
};
use tokio_util::bytes::BytesMut;

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

/// What real servers sent, as it was recorded (see the README).
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the corpus is there")
        .map(|file| file.expect("it can be listed").path())
        .collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).expect("it can be read")).collect()
}

/// A control of a reply (RFC 4511 section 4.1.11).
fn control(oid: &str, value: &[u8]) -> Vec<u8> {
    element(0xa0, &[&element(0x30, &[&element(0x04, &[oid.as_bytes()]), &element(0x04, &[value])])])
}

/// An entry under content synchronisation (RFC 4533 section 2.3).
fn content_entry(entry: &[u8]) -> Vec<u8> {
    let state =
        element(0x30, &[&[0x0a, 1, 1], &element(0x04, &[&[7; 16]]), &element(0x04, &[b"rid=000,csn=1"])]);
    element(0x30, &[&[0x02, 1, 1], entry, &control("1.3.6.1.4.1.4203.1.9.1.2", &state)])
}

/// A word of it about several entries (RFC 4533 section 2.5).
fn content_info(value: &[u8]) -> Vec<u8> {
    let parts = [element(0x80, &[b"1.3.6.1.4.1.4203.1.9.1.4"]), element(0x81, &[value])];
    message(&element(0x79, &[&parts[0], &parts[1]]))
}

/// Its end (RFC 4533 section 2.4).
fn content_end() -> Vec<u8> {
    let done = element(0x30, &[&element(0x04, &[b"rid=000,csn=1"]), &[1, 1, 0xff]]);
    element(0x30, &[&[0x02, 1, 1], &result(0x65, 0, ""), &control("1.3.6.1.4.1.4203.1.9.1.3", &done)])
}

/// Replies to bind, search, modify and content synchronisation.
#[test]
fn ldap_reply() {
    let value = element(0x04, &[b"anna.rossi"]);
    let attribute = element(0x30, &[&element(0x04, &[b"sAMAccountName"]), &element(0x31, &[&value, &value])]);
    let entry = element(
        0x64,
        &[&element(0x04, &[b"CN=Anna Rossi,DC=contoso,DC=test"]), &element(0x30, &[&attribute])],
    );
    let refused = "0000052D: Unwilling to perform - check_password_restrictions: the password is too short";
    let mut seeds = vec![
        message(&result(0x61, 0, "")),
        message(&result(
            0x61,
            49,
            "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1",
        )),
        message(&entry),
        message(&result(0x65, 0, "")),
        message(&result(0x67, 53, refused)),
        content_entry(&entry),
        content_info(&element(0xa3, &[&[1, 1, 0xff], &element(0x31, &[&element(0x04, &[&[7; 16]])])])),
        content_info(&element(0xa2, &[&element(0x04, &[b"rid=000"]), &[1, 1, 0]])),
        content_end(),
    ];
    let recorded = corpus("ldap_reply");
    assert!(recorded.len() >= 25, "{} of them", recorded.len());
    seeds.extend(recorded);
    for good in &seeds {
        assert_eq!(decode_reply(good), Ok(1));
    }
    fuzz!(seeds, |bytes| {
        let whole = decode_reply(bytes);
        // Bytes that follow cannot change what was refused.
        if whole == Err(DecodeError::TooLarge) {
            assert_eq!(decode_reply(&[bytes, b"\0"].concat()), whole);
        }
    });
}

/// Frames of a sealed connection, and the offer of a layer that comes before them.
#[test]
fn sasl_frame() {
    let frame = |content: &[u8]| [&(content.len() as u32).to_be_bytes()[..], content].concat();
    let wrapped = [&[5, 4, 6, 0xff, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0xab; 60]].concat();
    let seeds = vec![
        frame(&wrapped),
        [frame(&wrapped), frame(b"x")].concat(),
        vec![7, 0xff, 0xff, 0xff],
        vec![1, 0, 0, 0],
        vec![0, 0xff, 0xff, 0xff, 5, 4],
    ];
    for good in &seeds[..2] {
        assert_eq!(take_frame(&mut BytesMut::from(&good[..])).unwrap().unwrap(), wrapped);
    }
    fuzz!(seeds, |bytes| {
        let (mut buffer, mut taken) = (BytesMut::from(bytes), 0);
        loop {
            match take_frame(&mut buffer) {
                Ok(Some(content)) => {
                    assert!((1..=MAXIMUM_FRAME).contains(&content.len()));
                    taken += 4 + content.len();
                }
                Ok(None) => break assert_eq!(taken + buffer.len(), bytes.len()),
                Err(FrameError::TooLarge | FrameError::Malformed) => break,
                Err(FrameError::NotOffered) => panic!("a frame offers nothing"),
            }
        }
        for sealed in [true, false] {
            if let Ok(layer) = choose_layer(bytes, sealed) {
                assert_eq!(layer.answer[0], if sealed { 4 } else { 1 });
                assert_eq!(layer.largest > 0, sealed);
                assert!(layer.largest < MAXIMUM_FRAME);
            }
        }
    });
}

/// A certificate, for what a sign-in inside TLS is bound to.
#[test]
fn channel_binding() {
    let ecdsa = element(0x06, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]]);
    let certificate = |algorithm: &[u8]| {
        element(0x30, &[&element(0x30, &[]), &element(0x30, &[algorithm]), &element(0x03, &[&[0]])])
    };
    let seeds = vec![certificate(&ecdsa), certificate(&element(0x06, &[&[0x2b, 0x65, 0x70]]))];
    fuzz!(seeds, |bytes| {
        if let Some(binding) = tls_server_end_point(bytes) {
            assert!(binding.starts_with(b"tls-server-end-point:") && [53, 69, 85].contains(&binding.len()));
        }
    });
}

/// Binary values: the answer to an LDAP ping, a SID, replication metadata, an up-to-dateness vector, a security descriptor.
#[test]
fn binary_values() {
    let sid =
        [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0x50, 4, 0, 0].to_vec();
    // Version, count of stamps; the first stamp is of unicodePwd (MS-DRSR 5.162).
    let mut metadata = [&[1_u8, 0, 0, 0][..], &[0; 4], &[1, 0, 0, 0], &[0; 4]].concat();
    metadata.extend_from_slice(&0x9005a_u32.to_le_bytes());
    metadata.extend_from_slice(&[2; 44]);
    let vector = [&[2_u8, 0, 0, 0][..], &[0; 4], &[1, 0, 0, 0], &[0; 4], &[7; 16], &[9; 16]].concat();
    // A DACL with one entry, and nothing else (MS-DTYP 2.4.6).
    let entry = [&[0_u8, 0, 36, 0, 0, 1, 0, 0][..], &sid].concat();
    let list = [&[2_u8, 0, 44, 0, 1, 0, 0, 0][..], &entry].concat();
    let descriptor = [&[1_u8, 0, 4, 0x80][..], &[0; 12], &[20, 0, 0, 0], &list].concat();
    let mut seeds = vec![sid, metadata, vector, descriptor];
    seeds.extend(corpus("binary_values"));
    for good in &seeds {
        assert!(decode_values(good) > 0, "{good:02x?}");
    }
    fuzz!(seeds, |bytes| {
        assert!(decode_values(bytes) <= 5);
    });
}
