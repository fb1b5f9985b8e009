//! What a reverse proxy before the cloud side tells of whom it carries, and what a stranger has it tell.

use proxy_header::{ParseConfig, ProxyHeader};
use ritorno_protocol::forwarded::{forwarded, x_forwarded_for};

/// `Forwarded` and `X-Forwarded-For`: whatever stands further left, the last element is what the proxy wrote.
#[test]
fn forwarded_headers() {
    let lines = [
        r#"for=192.0.2.60;proto=http;by=203.0.113.43, for="[2001:db8::1]:4711""#,
        r#"host="\"x,for=198.51.100.7";for=203.0.113.9"#,
        r#"for="198.51.100.7, host="x";for=203.0.113.9"#,
        "198.51.100.7, 2001:db8::1",
    ];
    let own = "203.0.113.9".parse().unwrap();
    fuzz!(lines.iter().map(|line| line.as_bytes().to_vec()).collect(), |bytes| {
        let Ok(line) = std::str::from_utf8(bytes) else { return };
        let (told, listed) = (forwarded(line), x_forwarded_for(line));
        assert!(told.len() == listed.len() && told.len() <= bytes.len() + 1);
        assert_eq!(forwarded(&format!("{line},for=203.0.113.9")).last(), Some(&Some(own)));
        assert_eq!(x_forwarded_for(&format!("{line}, 203.0.113.9")).last(), Some(&Some(own)));
    });
}

/// The PROXY protocol, versions 1 and 2, read as the accept loop reads it.
#[test]
fn proxy_protocol() {
    let mut binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    binary.extend_from_slice(&[192, 0, 2, 60, 203, 0, 113, 9, 0x12, 0x67, 0x01, 0xbb]);
    let seeds = vec![
        b"PROXY TCP4 192.0.2.60 203.0.113.9 4711 443\r\n".to_vec(),
        b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0".to_vec(),
        binary,
    ];
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    for good in &seeds {
        assert!(ProxyHeader::parse(good, config).is_ok());
    }
    fuzz!(seeds, |bytes| {
        if let Ok((header, length)) = ProxyHeader::parse(bytes, config) {
            assert!(length <= bytes.len());
            // What follows is the connection's own and changes nothing.
            let longer = [bytes, b"\x16\x03\x01"].concat();
            let (again, read) = ProxyHeader::parse(&longer, config).unwrap();
            assert_eq!((again.proxied_address(), read), (header.proxied_address(), length));
        }
    });
}
