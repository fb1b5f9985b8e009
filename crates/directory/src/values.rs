//! Every decoder of a binary value that a controller sends, in one place for the fuzz target.

use crate::descriptor::{aces, denies_change_password};
use crate::identity::Sid;
use crate::nearest::cursor_of;
use crate::operations::password_version::from_blob;
use crate::topology::parse_ping;

/// Decodes `bytes` as each kind of value: the answer to an LDAP ping, a SID, replication metadata, an up-to-dateness vector, a security
/// descriptor. How many of them they can be.
pub fn decode_values(bytes: &[u8]) -> usize {
    // Whose cursor is looked for is in the vector itself.
    let of = bytes.get(16..32).and_then(|id| uuid::Uuid::from_slice_le(id).ok()).unwrap_or_default();
    // Whatever it is, it has an answer.
    denies_change_password(bytes);
    let taken = [
        parse_ping(bytes).is_some(),
        Sid::new(bytes).is_some_and(|sid| !sid.to_string().is_empty()),
        from_blob(bytes).is_some(),
        cursor_of(bytes, of).is_some(),
        aces(bytes).is_some_and(|aces| aces.count() > 0),
    ];
    taken.into_iter().filter(|taken| *taken).count()
}
