//! Headers by which a reverse proxy tells whom it carries. Whoever reads them goes from their right end, where the trusted proxy wrote.

use std::net::{IpAddr, SocketAddr};

/// What a line of `X-Forwarded-For` tells, in its order; none where it tells no address.
pub fn x_forwarded_for(line: &str) -> Vec<Option<IpAddr>> {
    unquoted(line, ',').into_iter().map(|one| one.trim().parse().ok()).collect()
}

/// What a line of `Forwarded` (RFC 7239) tells, in its order; none where it tells no address.
pub fn forwarded(line: &str) -> Vec<Option<IpAddr>> {
    unquoted(line, ',').into_iter().map(forwarded_for).collect()
}

/// The parts between the separators outside of quoted strings (RFC 9110 section 5.6.4), in their order. Read from the right end,
/// where the trusted proxy wrote: a quote that a stranger left open changes nothing there.
fn unquoted(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut end, mut quoted) = (Vec::new(), text.len(), false);
    for (at, character) in text.char_indices().rev() {
        let escaped = || text[..at].chars().rev().take_while(|before| *before == '\\').count() % 2 == 1;
        if character == '"' && !escaped() {
            quoted = !quoted;
        } else if character == separator && !quoted {
            parts.push(&text[at + character.len_utf8()..end]);
            end = at;
        }
    }
    parts.push(&text[..end]);
    parts.reverse();
    parts
}

/// The address of one element of `Forwarded`, such as `for="[2001:db8::1]:4711";proto=https` (RFC 7239 sections 4 and 6).
/// An obfuscated or unknown node has none.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut nodes = unquoted(element, ';').into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    });
    let (node, None) = (nodes.next()?, nodes.next()) else { return None };
    let with_port = || node.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    node.parse().ok().or_else(with_port).or_else(bracketed)
}
