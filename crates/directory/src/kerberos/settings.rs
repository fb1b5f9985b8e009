//! The library's configuration file (krb5.conf).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use tokio::time::Instant;

/// A controller that is asked for tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Centre {
    pub(super) address: IpAddr,
    /// From when on the library has certainly read of it.
    pub(super) known_from: Instant,
}

/// The configuration (krb5.conf): nothing but what is told, nothing from DNS; TCP, so that a controller that is down is noticed at once;
/// no replay cache, since we accept tickets that we got ourselves a moment before; AES only, since a password is not sealed with less (MS-ADTS 3.1.1.3.1.5 demands 128 bits).
pub(super) fn text(realms: &BTreeMap<String, Vec<Centre>>, tickets: &Path, keytab: Option<&Path>) -> String {
    let mut text = format!(
        "# Written by ritorno-agent, again and again.\n\
         [libdefaults]\n\
         dns_lookup_kdc = false\n\
         dns_lookup_realm = false\n\
         dns_canonicalize_hostname = false\n\
         rdns = false\n\
         udp_preference_limit = 1\n\
         default_rcache_name = none:\n\
         default_ccache_name = DIR:{}\n\
         permitted_enctypes = aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96\n",
        tickets.display(),
    );
    if let Some(keytab) = keytab {
        // Writing to a String can't fail.
        let _ = writeln!(text, "default_client_keytab_name = FILE:{}", keytab.display());
        let _ = writeln!(text, "default_keytab_name = FILE:{}", keytab.display());
    }
    text.push_str("[realms]\n");
    for (realm, centres) in realms {
        let _ = writeln!(text, "{realm} = {{");
        for centre in centres {
            let _ = match centre.address {
                IpAddr::V4(address) => writeln!(text, "kdc = {address}:88"),
                IpAddr::V6(address) => writeln!(text, "kdc = [{address}]:88"),
            };
        }
        text.push_str("}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_asks_nobody_but_who_is_named() {
        let mut realms = BTreeMap::new();
        let centre = |address: &str| Centre { address: address.parse().unwrap(), known_from: Instant::now() };
        realms.insert("CONTOSO.TEST".to_owned(), vec![centre("10.0.0.1"), centre("fd00::1")]);
        let text = text(&realms, Path::new("/t"), Some(Path::new("/etc/ritorno-agent/keytab")));
        assert!(text.contains("\nCONTOSO.TEST = {\nkdc = 10.0.0.1:88\nkdc = [fd00::1]:88\n}\n"), "{text}");
        assert!(
            text.contains("\ndns_lookup_kdc = false\n")
                && text.contains("\ndefault_client_keytab_name = FILE:/etc/")
        );
    }
}
