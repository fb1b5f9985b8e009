//! Lists of breached passwords: files that somebody carried there.

use ritorno_protocol::secret::Password;
use ritorno_writeback::breached::list::{Hash, Head, List};

/// A list as the agent writes it, with these entries.
fn list(hash: Hash, folded: bool, entries: &[u64]) -> Vec<u8> {
    let head = Head { hash, folded, count: entries.len() as u64 };
    let entries = entries.iter().flat_map(|entry| entry.to_be_bytes());
    head.to_bytes().into_iter().chain(entries).collect()
}

/// A file that is taken for a list is searched to the end, whatever is in it, and it is as long as it says.
#[test]
fn list_on_the_disk() {
    let spread: Vec<u64> = (0..2_000).map(|n: u64| n << 53).collect();
    let seeds = vec![
        list(Hash::Sha1, false, &[0x5baa_61e4_c9b9_3f3f]),
        list(Hash::Ntlm, false, &[1, 0x8846_f7ea_ee8f_b117, u64::MAX]),
        list(Hash::Sha1, true, &[]),
        list(Hash::Sha1, true, &spread),
        // Out of order, and all the same.
        list(Hash::Sha1, false, &spread.iter().rev().copied().collect::<Vec<_>>()),
        list(Hash::Ntlm, true, &vec![7; 1_500]),
    ];
    fuzz!(seeds, |bytes| {
        let Ok(list) = List::open(bytes) else { return };
        assert_eq!(bytes.len() as u64, 32 + 8 * list.head().count);
        for word in ["password", "", "Sommer-2026"] {
            let looked_for = list.fingerprint(&Password::new(word.to_owned()));
            // Every read is within a list whose length was checked.
            list.holds(&looked_for).unwrap();
        }
    });
}
