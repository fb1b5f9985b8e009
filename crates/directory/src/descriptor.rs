//! Security descriptors (MS-DTYP 2.4.6), as far as rights on a person need them.

/// The control access right *Change Password* `ab721a53-1e2f-11d0-9819-00aa0040529b` (MS-ADTS 5.1.3.2.1), as stored.
const CHANGE_PASSWORD: [u8; 16] =
    [0x53, 0x1a, 0x72, 0xab, 0x2f, 0x1e, 0xd0, 0x11, 0x98, 0x19, 0x00, 0xaa, 0x00, 0x40, 0x52, 0x9b];
/// Everyone, `S-1-1-0`.
const EVERYONE: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
/// The account itself, `S-1-5-10`.
const SELF: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 5, 10, 0, 0, 0];
const ACCESS_DENIED_OBJECT: u8 = 6;
const CONTROL_ACCESS: u32 = 0x100;
const OBJECT_TYPE_PRESENT: u32 = 1;

/// Whether the descriptor's DACL denies *Change Password* to everyone or to the account itself: 'user cannot change password'.
pub(crate) fn denies_change_password(descriptor: &[u8]) -> bool {
    aces(descriptor).is_some_and(|mut aces| aces.any(denies))
}

fn denies(ace: &[u8]) -> bool {
    let (Some(mask), Some(flags)) = (u32_at(ace, 4), u32_at(ace, 8)) else { return false };
    ace[0] == ACCESS_DENIED_OBJECT
        && mask & CONTROL_ACCESS != 0
        && flags & OBJECT_TYPE_PRESENT != 0
        && ace.get(12..28) == Some(&CHANGE_PASSWORD)
        && ace
            .get(if flags & 2 != 0 { 44 } else { 28 }..)
            .is_some_and(|trustee| trustee.starts_with(&EVERYONE) || trustee.starts_with(&SELF))
}

/// The entries of the DACL, each with its header.
pub(crate) fn aces(descriptor: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let start = usize::try_from(u32_at(descriptor, 16)?).ok().filter(|start| *start != 0)?;
    let size = usize::from(u16_at(descriptor, start.checked_add(2)?)?);
    let mut rest = descriptor.get(start.checked_add(8)?..start.checked_add(size)?)?;
    Some(std::iter::from_fn(move || {
        let size = usize::from(u16_at(rest, 2)?);
        let ace = rest.get(..size).filter(|ace| ace.len() >= 8)?;
        rest = &rest[size..];
        Some(ace)
    }))
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn descriptor(kind: u8, trustee: &[u8]) -> Vec<u8> {
        let mut ace = vec![kind, 0, 40, 0];
        ace.extend_from_slice(&CONTROL_ACCESS.to_le_bytes());
        ace.extend_from_slice(&OBJECT_TYPE_PRESENT.to_le_bytes());
        ace.extend_from_slice(&CHANGE_PASSWORD);
        ace.extend_from_slice(trustee);
        let mut out = vec![1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0];
        out.extend_from_slice(&[4, 0, 48, 0, 1, 0, 0, 0]);
        out.extend_from_slice(&ace);
        out
    }

    #[test]
    fn a_denial_is_seen() {
        assert!(denies_change_password(&descriptor(6, &EVERYONE)));
        assert!(denies_change_password(&descriptor(6, &SELF)));
        assert!(!denies_change_password(&descriptor(5, &EVERYONE)), "allowed");
        assert!(
            !denies_change_password(&descriptor(6, &[1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0])),
            "another trustee"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            denies_change_password(&bytes);
        }

        #[test]
        fn no_cut_descriptor_panics(length in 0usize..68, at in 0usize..68, byte: u8) {
            let mut bytes = descriptor(6, &EVERYONE);
            bytes[at] = byte;
            bytes.truncate(length);
            denies_change_password(&bytes);
        }
    }
}
