//! Which host a request names, and so which tenant it is for.

use ritorno_http::hosts::parsed;

/// Read whole or not at all; what was read reads as itself, whatever port, case or dot of the root it came with.
#[test]
fn host() {
    let seeds = [
        "reset.contoso.test",
        "RESET.Contoso.test.:8443",
        "a.test..",
        "[2001:db8::1]:443",
        "127.0.0.1:80",
        "0x7f.1",
        "b\u{fc}cher.test",
        "xn--bcher-kva.test",
        "a.test@b.test",
        "%61.test",
    ];
    fuzz!(seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect(), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let Some(host) = parsed(text) else { return };
        assert!(!host.is_empty() && !host.ends_with('.') && host == host.to_ascii_lowercase(), "{host}");
        assert_eq!(parsed(&host).as_ref(), Some(&host), "{text}");
        assert_eq!(parsed(&format!("{host}:8443")).as_ref(), Some(&host), "{text}");
        if !host.starts_with('[') {
            assert_eq!(parsed(&format!("{}.", host.to_ascii_uppercase())).as_ref(), Some(&host), "{text}");
        }
    });
}
