//! The few BER forms that requests need (RFC 4511 section 5.1). Every buffer has its exact size from the start and is
//! wiped when dropped, since a request can carry a password.

use zeroize::Zeroizing;

/// Encoded bytes, wiped when dropped.
pub(crate) type Encoded = Zeroizing<Vec<u8>>;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// One element: tag, length, and `parts` one after the other.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Encoded {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(length + 10));
    out.push(tag);
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let skip = bytes.iter().take_while(|byte| **byte == 0).count();
        out.push(0x80 | (bytes.len() - skip) as u8);
        out.extend_from_slice(&bytes[skip..]);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// An element made of encoded elements.
pub(crate) fn group(tag: u8, elements: &[Encoded]) -> Encoded {
    let parts: Vec<&[u8]> = elements.iter().map(|element| element.as_slice()).collect();
    element(tag, &parts)
}

/// An octet string.
pub(crate) fn octets(value: &[u8]) -> Encoded {
    element(OCTET_STRING, &[value])
}

/// An integer (or, with [`ENUMERATED`], an enumerated value) in its shortest form.
pub(crate) fn integer(tag: u8, value: i32) -> Encoded {
    let bytes = value.to_be_bytes();
    let mut start = 0;
    while start < 3
        && ((bytes[start] == 0 && bytes[start + 1] < 0x80)
            || (bytes[start] == 0xff && bytes[start + 1] >= 0x80))
    {
        start += 1;
    }
    element(tag, &[&bytes[start..]])
}

/// A boolean.
pub(crate) fn boolean(value: bool) -> Encoded {
    element(BOOLEAN, &[&[if value { 0xff } else { 0 }]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_short_as_can_be() {
        assert_eq!(*integer(INTEGER, 0), [2, 1, 0]);
        assert_eq!(*integer(INTEGER, 127), [2, 1, 127]);
        assert_eq!(*integer(INTEGER, 128), [2, 2, 0, 128]);
        assert_eq!(*integer(INTEGER, -1), [2, 1, 255]);
        assert_eq!(*integer(INTEGER, i32::MAX), [2, 4, 0x7f, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn lengths_of_128_and_more_take_the_long_form() {
        assert_eq!(octets(&[7; 127])[..2], [4, 127]);
        assert_eq!(octets(&[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(octets(&[7; 300])[..4], [4, 0x82, 1, 44]);
    }
}
