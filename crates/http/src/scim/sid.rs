//! SIDs as text and as directories store them.

use super::error::ScimError;

/// The bytes (MS-DTYP 2.4.2.2) of a SID's text form (2.4.2.1).
pub(super) fn sid_bytes(text: &str) -> Result<Vec<u8>, ScimError> {
    let refused = || ScimError::Value("objectSid looks like S-1-5-21-...".into());
    let mut parts = text.strip_prefix("S-1-").ok_or_else(refused)?.split('-');
    let authority: u64 = parts.next().and_then(|part| part.parse().ok()).ok_or_else(refused)?;
    let numbers: Vec<u32> = parts.map(str::parse).collect::<Result<_, _>>().map_err(|_| refused())?;
    let count = u8::try_from(numbers.len()).ok().filter(|count| *count <= 15).ok_or_else(refused)?;
    let authority = authority.to_be_bytes();
    if authority[..2] != [0, 0] {
        return Err(refused());
    }
    let mut bytes = vec![1, count];
    bytes.extend_from_slice(&authority[2..]);
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    Ok(bytes)
}

/// The text form of a SID; `None` if the bytes are none.
pub(super) fn sid_text(bytes: &[u8]) -> Option<String> {
    let (head, numbers) = bytes.split_at_checked(8)?;
    let whole = head[0] == 1 && numbers.len() == 4 * usize::from(head[1]);
    let authority = head[2..].iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    let mut text = format!("S-1-{authority}");
    for number in numbers.chunks_exact(4) {
        let number = u32::from_le_bytes([number[0], number[1], number[2], number[3]]);
        text.push_str(&format!("-{number}"));
    }
    whole.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_sid_survives_the_way() {
        let bytes = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0xf4, 1, 0, 0];
        assert_eq!(sid_text(&bytes).as_deref(), Some("S-1-5-21-1-2-3-500"));
        assert_eq!(sid_bytes("S-1-5-21-1-2-3-500").unwrap(), bytes);
    }

    #[test]
    fn what_is_no_sid_is_refused() {
        for text in ["", "S-1-", "S-2-5-21", "S-1-5-x", "S-1-281474976710656-1", "S-1-5-4294967296"] {
            assert!(sid_bytes(text).is_err(), "{text}");
        }
        assert_eq!(sid_text(&[]), None);
        assert_eq!(sid_text(&[1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]), None);
    }
}
