//! Security identifiers as text.

/// The text form (`S-1-5-21-...`, MS-DTYP 2.4.2.1) of a SID's bytes (2.4.2.2); `None` if they are none.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let count = usize::from(*bytes.get(1)?);
    if bytes[0] != 1 || count > 15 || bytes.len() != 8 + 4 * count {
        return None;
    }
    let authority = bytes[2..8].iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    let mut text = format!("S-1-{authority}");
    for part in bytes[8..].chunks_exact(4) {
        text.push_str(&format!("-{}", u32::from_le_bytes([part[0], part[1], part[2], part[3]])));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_sid() {
        let bytes = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0xf4, 1, 0, 0];
        assert_eq!(text(&bytes).as_deref(), Some("S-1-5-21-1-2-3-500"));
    }

    #[test]
    fn what_is_no_sid_has_no_text() {
        for bytes in [&[][..], &[1], &[2, 0, 0, 0, 0, 0, 0, 5], &[1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]] {
            assert_eq!(text(bytes), None, "{bytes:?}");
        }
    }
}
