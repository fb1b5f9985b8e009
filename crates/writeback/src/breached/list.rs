//! A list as a file, and the search in it. The file is a head of 32 bytes and then, in ascending order, the first eight bytes of each
//! password's hash. Beside two thousand million entries one in ten thousand million other passwords is taken for one of them, so that
//! the rest of a hash need not be kept.
//!
//! Hashes are spread evenly, so that where one stands can be told from its value, nearly: a search reads two or three blocks however long
//! the list is. It halves what is left in turn, so that a file that is not spread evenly costs more reads and no more than some dozen.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use md4::Md4;
use ritorno_protocol::policy::folded;
use ritorno_protocol::secret::Password;
use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

/// Bytes of the head.
pub(super) const HEAD: usize = 32;
/// Bytes of an entry.
pub(super) const ENTRY: usize = 8;
/// How a list begins; the last byte is the form's version.
const MAGIC: [u8; 8] = *b"RTNBRCH\x01";
/// Entries that are read at once: a page of the disk's.
const BLOCK: u64 = 512;

/// Which hash a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1 of the password in UTF-8.
    Sha1,
    /// The NT hash: MD4 of the password in UTF-16LE (MS-NLMP 3.3.1).
    Ntlm,
}

/// What a list says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which hash.
    pub hash: Hash,
    /// Whether passwords are compared as words are: in any case, and with one letter for all that look alike
    /// ([`ritorno_protocol::policy::folded`]).
    pub folded: bool,
    /// How many passwords.
    pub count: u64,
}

impl Head {
    /// As the file has it.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8] = match self.hash {
            Hash::Sha1 => 1,
            Hash::Ntlm => 2,
        };
        bytes[9] = u8::from(self.folded);
        bytes[16..24].copy_from_slice(&self.count.to_be_bytes());
        bytes
    }

    fn parse(bytes: &[u8; HEAD]) -> Option<Self> {
        let hash = match bytes[8] {
            1 => Hash::Sha1,
            2 => Hash::Ntlm,
            _ => return None,
        };
        let folded = match bytes[9] {
            0 => false,
            1 => true,
            _ => return None,
        };
        let count = u64::from_be_bytes(bytes[16..24].try_into().ok()?);
        let head = Self { hash, folded, count };
        // Whatever else is not as this version writes it belongs to another one.
        (head.to_bytes() == *bytes).then_some(head)
    }
}

/// Why something is no list.
#[derive(Debug, thiserror::Error)]
pub enum NoList {
    /// It can't be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// It does not begin as one.
    #[error("this is no list that `ritorno-agent breached build` made")]
    Foreign,
    /// It is shorter or longer than its head says.
    #[error("it is {found} bytes long where its head says {expected}: copy it again, or build it anew")]
    Length {
        /// Bytes found.
        found: u64,
        /// Bytes expected.
        expected: u64,
    },
}

/// What a list is read from.
pub trait Source {
    /// Its length in bytes.
    ///
    /// # Errors
    /// The system's.
    fn length(&self) -> io::Result<u64>;

    /// Fills `out` from `offset` on.
    ///
    /// # Errors
    /// The system's; if it ends before.
    fn read(&self, out: &mut [u8], offset: u64) -> io::Result<()>;
}

impl Source for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(out, offset)
    }
}

impl Source for &[u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let from = usize::try_from(offset).map_err(|_| ended())?;
        let until = from.checked_add(out.len()).ok_or_else(ended)?;
        out.copy_from_slice(self.get(from..until).ok_or_else(ended)?);
        Ok(())
    }
}

/// What a password is looked for by.
pub struct Fingerprint(Zeroizing<u64>);

impl Fingerprint {
    /// The first bytes of a hash.
    pub(super) fn of(hash: &[u8]) -> Self {
        Self(Zeroizing::new(leading(hash)))
    }

    pub(super) fn value(&self) -> u64 {
        *self.0
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprint")
    }
}

/// The first eight bytes as a number.
pub(super) fn leading(hash: &[u8]) -> u64 {
    hash.iter().take(ENTRY).fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

/// The fingerprint of a password in a list of that kind.
pub(super) fn fingerprint(password: &str, hash: Hash, fold: bool) -> Fingerprint {
    let folded = fold.then(|| Zeroizing::new(folded(password)));
    let password = folded.as_ref().map_or(password, |folded| folded.as_str());
    match hash {
        Hash::Sha1 => Fingerprint::of(&Sha1::digest(password.as_bytes())),
        Hash::Ntlm => {
            let units: Zeroizing<Vec<u8>> =
                Zeroizing::new(password.encode_utf16().flat_map(u16::to_le_bytes).collect());
            Fingerprint::of(&Md4::digest(&*units))
        }
    }
}

/// An opened list.
#[derive(Debug)]
pub struct List<S> {
    source: S,
    head: Head,
}

impl<S: Source> List<S> {
    /// Reads the head, and whether the length fits.
    ///
    /// # Errors
    /// [`NoList`].
    pub fn open(source: S) -> Result<Self, NoList> {
        let found = source.length()?;
        let mut bytes = [0; HEAD];
        if found < HEAD as u64 {
            return Err(NoList::Foreign);
        }
        source.read(&mut bytes, 0)?;
        let head = Head::parse(&bytes).ok_or(NoList::Foreign)?;
        let expected =
            head.count.checked_mul(ENTRY as u64).and_then(|entries| entries.checked_add(HEAD as u64));
        match expected {
            Some(expected) if expected == found => Ok(Self { source, head }),
            Some(expected) => Err(NoList::Length { found, expected }),
            None => Err(NoList::Foreign),
        }
    }

    /// What it says of itself.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// What `password` would be in this list.
    #[must_use]
    pub fn fingerprint(&self, password: &Password) -> Fingerprint {
        fingerprint(password.expose(), self.head.hash, self.head.folded)
    }

    /// Whether it is in the list.
    ///
    /// # Errors
    /// When the list can't be read.
    pub fn holds(&self, looked_for: &Fingerprint) -> io::Result<bool> {
        let wanted = looked_for.value();
        // Entries that are left, and values that stand just before and just after them.
        let (mut from, mut until) = (0, self.head.count);
        let (mut below, mut above) = (0, u64::MAX);
        let mut guess = true;
        let mut block = [0; BLOCK as usize * ENTRY];
        while from < until {
            let left = until - from;
            let near = if guess { guessed(wanted, below, above, left) } else { left / 2 };
            guess = !guess;
            let first = from + near.saturating_sub(BLOCK / 2).min(left.saturating_sub(BLOCK));
            let read = BLOCK.min(until - first);
            let bytes = &mut block[..usize::try_from(read).unwrap_or_default() * ENTRY];
            self.source.read(bytes, HEAD as u64 + first * ENTRY as u64)?;
            let (lowest, highest) = (leading(bytes), leading(&bytes[bytes.len() - ENTRY..]));
            if wanted < lowest {
                (until, above) = (first, lowest);
            } else if wanted > highest {
                (from, below) = (first + read, highest);
            } else {
                return Ok(bytes.chunks_exact(ENTRY).any(|entry| leading(entry) == wanted));
            }
        }
        Ok(false)
    }
}

/// Where among `left` entries between the two values `wanted` would stand, if they were spread evenly.
fn guessed(wanted: u64, below: u64, above: u64, left: u64) -> u64 {
    let span = u128::from(above.saturating_sub(below)).max(1);
    let share = u128::from(wanted.saturating_sub(below)) * u128::from(left) / span;
    u64::try_from(share).unwrap_or(u64::MAX).min(left - 1)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Bytes that count how often they are read.
    struct Counted<'a>(&'a [u8], &'a Cell<u32>);

    impl Source for Counted<'_> {
        fn length(&self) -> io::Result<u64> {
            self.0.length()
        }

        fn read(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
            self.1.set(self.1.get() + 1);
            self.0.read(out, offset)
        }
    }

    fn file(values: &[u64]) -> Vec<u8> {
        let head = Head { hash: Hash::Sha1, folded: false, count: values.len() as u64 };
        let mut bytes = head.to_bytes().to_vec();
        for value in values {
            bytes.extend_from_slice(&value.to_be_bytes());
        }
        bytes
    }

    fn found(list: &List<Counted<'_>>, reads: &Cell<u32>, value: u64) -> (bool, u32) {
        reads.set(0);
        let found = list.holds(&Fingerprint::of(&value.to_be_bytes())).unwrap();
        (found, reads.get())
    }

    #[test]
    fn hashes_are_the_ones_that_everybody_publishes() {
        // NIST's and RFC 1320's functions over what is typed, as public lists have them.
        let sha1 = fingerprint("password", Hash::Sha1, false).value();
        assert_eq!(sha1, 0x5baa_61e4_c9b9_3f3f);
        let ntlm = fingerprint("password", Hash::Ntlm, false).value();
        assert_eq!(ntlm, 0x8846_f7ea_ee8f_b117);
        let beyond_ascii = fingerprint("pässword€", Hash::Ntlm, false).value();
        assert_ne!(beyond_ascii, fingerprint("password", Hash::Ntlm, false).value());
        let alike =
            ["P@ssw0rd", "PASSWORD", "Passw0rd"].map(|word| fingerprint(word, Hash::Sha1, true).value());
        assert!(alike.iter().all(|value| *value == fingerprint("password", Hash::Sha1, true).value()));
        assert_ne!(alike[0], fingerprint("password1", Hash::Sha1, true).value());
        assert_eq!(format!("{:?}", fingerprint("password", Hash::Sha1, false)), "Fingerprint");
    }

    #[test]
    fn everything_that_is_there_is_found_in_a_few_reads_and_nothing_else() {
        // Spread as hashes are.
        let mut values: Vec<u64> =
            (1..=300_000_u64).map(|n| leading(&Sha1::digest(n.to_be_bytes()))).collect();
        values.sort_unstable();
        let bytes = file(&values);
        let reads = Cell::new(0);
        let list = List::open(Counted(&bytes, &reads)).unwrap();
        let (mut most, mut all) = (0, 0);
        for value in values.iter().step_by(97) {
            let (there, needed) = found(&list, &reads, *value);
            assert!(there);
            assert!(!found(&list, &reads, value ^ 1).0);
            (most, all) = (most.max(needed), all + needed);
        }
        let looked = u32::try_from(values.iter().step_by(97).count()).unwrap();
        assert!(most <= 6 && all < 3 * looked, "{most} reads at most, {all} for {looked}");
        for end in [0, u64::MAX] {
            assert!(!found(&list, &reads, end).0);
        }
        for value in [values[0], values[299_999]] {
            assert!(found(&list, &reads, value).0);
        }
    }

    #[test]
    fn a_list_that_is_not_spread_evenly_is_searched_in_some_dozen_reads() {
        // All but one at one end, so that the guess is always wrong.
        let mut values: Vec<u64> = (1..=200_000).collect();
        values.push(u64::MAX);
        let bytes = file(&values);
        let reads = Cell::new(0);
        let list = List::open(Counted(&bytes, &reads)).unwrap();
        for value in [1, 2, 100_000, 199_999, 200_000, u64::MAX] {
            let (there, needed) = found(&list, &reads, value);
            assert!(there && needed <= 24, "{value}: {needed}");
        }
        assert!(!found(&list, &reads, 200_001).0);
        assert!(!found(&list, &reads, u64::MAX - 1).0);
        let empty = file(&[]);
        let list = List::open(Counted(&empty, &reads)).unwrap();
        assert!(!found(&list, &reads, 1).0);
    }

    #[test]
    fn what_is_no_list_or_not_whole_is_refused() {
        let good = file(&[1, 2, 3]);
        assert_eq!(List::open(&good[..]).unwrap().head().count, 3);
        for cut in 0..good.len() {
            assert!(List::open(&good[..cut]).is_err(), "{cut}");
        }
        let longer = [&good[..], &[0]].concat();
        assert!(matches!(List::open(&longer[..]), Err(NoList::Length { found: 57, expected: 56 })));
        for at in (0..16).chain(24..32) {
            let mut other = good.clone();
            other[at] ^= 0x80;
            assert!(matches!(List::open(&other[..]), Err(NoList::Foreign)), "{at}");
        }
        let mut endless = good;
        endless[16..24].copy_from_slice(&u64::MAX.to_be_bytes());
        assert!(matches!(List::open(&endless[..]), Err(NoList::Foreign)));
    }
}
