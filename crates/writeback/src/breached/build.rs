//! Makes a list of a public file, however large that is: what comes in ascending order goes straight into the list, and what does not is
//! sorted in parts that fit into memory, which are merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::list::{ENTRY, HEAD, Hash, Head, fingerprint, leading};

/// Longest line that is read, in bytes. A password has 256 characters at most.
const LINE: u64 = 1_024;

/// What the lines of the public file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// `HASH:COUNT` or `HASH`, in hexadecimal digits of either case: SHA-1 (40 digits) or NTLM (32), all of one kind, in any order. This
    /// is how Have I Been Pwned publishes them.
    Hashes {
        /// Those that were seen less often are left out.
        at_least: u64,
    },
    /// A password each, compared in any case and with one letter for all that look alike.
    Passwords,
}

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Built {
    /// The list's head.
    pub head: Head,
    /// Lines that were read.
    pub lines: u64,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes of the public file that were read.
    Read(u64),
    /// Passwords that were merged, of those that were read.
    Merged(u64),
}

/// Why no list was made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A line is not as it should be.
    #[error("line {number}: {reason}")]
    Line {
        /// From 1.
        number: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no line at all.
    #[error("there is nothing in it")]
    Empty,
    /// Something can't be read or written.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// Reads `input` and puts the list into `out`, whole or not at all. `in_memory` entries are sorted at once, eight bytes each.
///
/// # Errors
/// [`BuildError`]; then `out` is as it was.
pub fn build(
    mut input: impl BufRead,
    lines: Lines,
    out: &Path,
    in_memory: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<Built, BuildError> {
    let parts = Parts::beside(out)?;
    let mut sorter = Sorter::new(&parts, in_memory.max(2))?;
    let (mut hash, mut number, mut bytes) = (None, 0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        number += 1;
        bytes += read as u64;
        if number % 65_536 == 0 {
            progress(Progress::Read(bytes));
        }
        let wrong = |reason| BuildError::Line { number, reason };
        if read as u64 == LINE && line.last() != Some(&b'\n') {
            return Err(wrong("it is longer than any password or hash"));
        }
        let text = line.trim_ascii_end();
        let entry = match lines {
            Lines::Passwords if text.is_empty() => continue,
            Lines::Passwords => {
                // A password may end in spaces.
                let whole = line.strip_suffix(b"\n").unwrap_or(&line);
                let whole = whole.strip_suffix(b"\r").unwrap_or(whole);
                let text = std::str::from_utf8(whole).map_err(|_| wrong("it is not in UTF-8"))?;
                hash = Some(Hash::Sha1);
                Some(fingerprint(text, Hash::Sha1, true).value())
            }
            Lines::Hashes { .. } if text.is_empty() => continue,
            Lines::Hashes { at_least } => {
                let (kind, value, seen) = parse(text).ok_or_else(|| {
                    wrong("it is no HASH:COUNT with a SHA-1 (40 digits) or NTLM hash (32 digits)")
                })?;
                if hash.is_some_and(|hash| hash != kind) {
                    return Err(wrong("it has another kind of hash than the lines before it"));
                }
                hash = Some(kind);
                (seen >= at_least).then_some(value)
            }
        };
        if let Some(entry) = entry {
            sorter.add(entry)?;
        }
    }
    let hash = hash.ok_or(BuildError::Empty)?;
    let head = Head { hash, folded: lines == Lines::Passwords, count: 0 };
    let head = sorter.finish(out, &parts, head, progress)?;
    Ok(Built { head, lines: number })
}

/// Kind, first bytes, and how often it was seen: once, if that is not said.
fn parse(line: &[u8]) -> Option<(Hash, u64, u64)> {
    let line = std::str::from_utf8(line).ok()?;
    let (hash, seen) = match line.split_once(':') {
        Some((hash, seen)) => (hash, seen.parse().ok()?),
        None => (line, 1),
    };
    let kind = match hash.len() {
        40 => Hash::Sha1,
        32 => Hash::Ntlm,
        _ => return None,
    };
    if !hash.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some((kind, u64::from_str_radix(&hash[..2 * ENTRY], 16).ok()?, seen))
}

/// A folder for what is not yet a list, which goes with everything in it.
struct Parts(PathBuf);

impl Parts {
    fn beside(out: &Path) -> io::Result<Self> {
        let mut name = out.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
        name.push(".building");
        let folder = out.with_file_name(name);
        // What an interrupted run left.
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    fn part(&self, number: usize) -> PathBuf {
        self.0.join(number.to_string())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        // It is in nobody's way; the next run removes it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Ascending entries in a file, none twice, behind room for a head.
struct Ascending {
    file: BufWriter<File>,
    last: Option<u64>,
    count: u64,
}

impl Ascending {
    fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create_new(path)?);
        file.write_all(&[0; HEAD])?;
        Ok(Self { file, last: None, count: 0 })
    }

    fn push(&mut self, entry: u64) -> io::Result<()> {
        if self.last != Some(entry) {
            self.file.write_all(&entry.to_be_bytes())?;
            self.last = Some(entry);
            self.count += 1;
        }
        Ok(())
    }

    fn finish(self, head: Head) -> io::Result<Head> {
        let head = Head { count: self.count, ..head };
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&head.to_bytes())?;
        file.sync_all()?;
        Ok(head)
    }
}

/// Takes entries in any order.
struct Sorter<'a> {
    parts: &'a Parts,
    /// What has come in ascending order from the start; the only part, if all of it did.
    first: Ascending,
    /// What came after that.
    later: Vec<u64>,
    in_memory: usize,
    /// Parts that are written, the first one not counted.
    written: usize,
}

impl<'a> Sorter<'a> {
    fn new(parts: &'a Parts, in_memory: usize) -> io::Result<Self> {
        let first = Ascending::create(&parts.part(0))?;
        Ok(Self { parts, first, later: Vec::new(), in_memory, written: 0 })
    }

    fn add(&mut self, entry: u64) -> io::Result<()> {
        let in_order = self.later.is_empty() && self.written == 0 && self.first.last <= Some(entry);
        if in_order {
            return self.first.push(entry);
        }
        self.later.push(entry);
        if self.later.len() < self.in_memory { Ok(()) } else { self.write_part() }
    }

    fn write_part(&mut self) -> io::Result<()> {
        self.later.sort_unstable();
        self.written += 1;
        let mut part = Ascending::create(&self.parts.part(self.written))?;
        for entry in self.later.drain(..) {
            part.push(entry)?;
        }
        part.file.flush()
    }

    fn finish(
        mut self,
        out: &Path,
        parts: &Parts,
        head: Head,
        progress: &mut dyn FnMut(Progress),
    ) -> io::Result<Head> {
        if !self.later.is_empty() {
            self.write_part()?;
        }
        let mut whole = parts.part(0);
        let head = if self.written == 0 {
            self.first.finish(head)?
        } else {
            self.first.file.flush()?;
            whole = parts.part(self.written + 1);
            merge((0..=self.written).map(|number| parts.part(number)), &whole, head, progress)?
        };
        std::fs::rename(&whole, out)?;
        Ok(head)
    }
}

fn merge(
    parts: impl Iterator<Item = PathBuf>,
    into: &Path,
    head: Head,
    progress: &mut dyn FnMut(Progress),
) -> io::Result<Head> {
    let mut readers = Vec::new();
    let mut next = BinaryHeap::new();
    for path in parts {
        let mut reader = BufReader::new(File::open(path)?);
        reader.seek(SeekFrom::Start(HEAD as u64))?;
        if let Some(entry) = read(&mut reader)? {
            next.push(Reverse((entry, readers.len())));
        }
        readers.push(reader);
    }
    let mut merged = Ascending::create(into)?;
    let mut taken = 0;
    while let Some(Reverse((entry, from))) = next.pop() {
        merged.push(entry)?;
        taken += 1;
        if taken % 1_000_000 == 0 {
            progress(Progress::Merged(taken));
        }
        if let Some(entry) = read(&mut readers[from])? {
            next.push(Reverse((entry, from)));
        }
    }
    merged.finish(head)
}

fn read(part: &mut BufReader<File>) -> io::Result<Option<u64>> {
    if part.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut entry = [0; ENTRY];
    part.read_exact(&mut entry)?;
    Ok(Some(leading(&entry)))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use ritorno_protocol::secret::Password;
    use sha1::{Digest as _, Sha1};

    use super::super::open;
    use super::*;
    use crate::breached::Breached;
    use crate::testing::Folder;

    const HASHES: Lines = Lines::Hashes { at_least: 1 };

    fn hex(hash: &[u8]) -> String {
        hash.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02X}").unwrap();
            text
        })
    }

    /// Lines as they are published, of the passwords `word-0` to `word-N`, by their hash.
    fn published(words: u32) -> Vec<String> {
        let mut lines: Vec<String> =
            (0..words).map(|n| format!("{}:{n}", hex(&Sha1::digest(format!("word-{n}"))))).collect();
        lines.sort();
        lines
    }

    fn make(folder: &Folder, text: &str, lines: Lines, in_memory: usize) -> Result<Built, BuildError> {
        build(text.as_bytes(), lines, &folder.path().join("list"), in_memory, &mut |_| {})
    }

    fn bytes(folder: &Folder) -> Vec<u8> {
        std::fs::read(folder.path().join("list")).unwrap()
    }

    #[tokio::test]
    async fn the_order_of_the_lines_makes_no_difference() {
        let folder = Folder::new("breached-order");
        let lines = published(5_000);
        let built = make(&folder, &lines.join("\n"), HASHES, 100).unwrap();
        // The one that was never seen is left out.
        assert_eq!(built.head, Head { hash: Hash::Sha1, folded: false, count: 4_999 });
        let sorted = bytes(&folder);
        let mut shuffled = lines.clone();
        shuffled.sort_by_key(|line| line.bytes().rev().collect::<Vec<_>>());
        // Every order, line ending and case; twice the same; and far more than is held in memory.
        let twice = [shuffled.clone(), lines.clone()].concat().join("\r\n").to_lowercase();
        for text in [shuffled.join("\n"), lines.iter().rev().cloned().collect::<Vec<_>>().join("\n"), twice] {
            make(&folder, &text, HASHES, 64).unwrap();
            assert_eq!(bytes(&folder), sorted);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        let lists = Breached::new(vec![folder.path().join("list")]);
        let word = |text: &str| Password::new(text.to_owned());
        for n in [1, 77, 4_999] {
            assert!(lists.find(&word(&format!("word-{n}"))).await.unwrap().is_some(), "{n}");
        }
        for other in ["word-0", "word-5000", "WORD-77", ""] {
            assert_eq!(lists.find(&word(other)).await.unwrap(), None, "{other}");
        }
    }

    #[test]
    fn those_that_were_seen_too_seldom_are_left_out() {
        let folder = Folder::new("breached-seldom");
        let text = published(100).join("\n");
        let built = make(&folder, &text, Lines::Hashes { at_least: 90 }, 10).unwrap();
        assert_eq!((built.head.count, built.lines), (10, 100));
    }

    #[test]
    fn hashes_of_the_other_kind_and_passwords_make_lists_of_their_own() {
        let folder = Folder::new("breached-kinds");
        let ntlm = "8846F7EAEE8FB117AD06BDD830B7586C:12\n31D6CFE0D16AE931B73C59D7E0C089C0\n";
        let built = make(&folder, ntlm, HASHES, 10).unwrap();
        assert_eq!(built.head, Head { hash: Hash::Ntlm, folded: false, count: 2 });
        let holds = |word: &str| {
            let list = open(&folder.path().join("list")).unwrap();
            list.holds(&list.fingerprint(&Password::new(word.to_owned()))).unwrap()
        };
        assert!(holds("password") && holds("") && !holds("Password"));
        let words = make(&folder, "password\r\n\nLetMeIn\nletmein\ncittà\n", Lines::Passwords, 10).unwrap();
        assert_eq!(words.head, Head { hash: Hash::Sha1, folded: true, count: 3 });
        assert!(holds("P@ssw0rd") && holds("L3tMe!n") && holds("CITTÀ") && !holds("letmein2"));
    }

    #[test]
    fn a_line_that_is_wrong_is_named_and_the_former_list_stays() {
        let folder = Folder::new("breached-wrong");
        let good = published(3).join("\n");
        make(&folder, &good, HASHES, 10).unwrap();
        let before = bytes(&folder);
        let ntlm = "8846F7EAEE8FB117AD06BDD830B7586C:12";
        let line = |text: &str, lines| match make(&folder, text, lines, 10) {
            Err(BuildError::Line { number, .. }) => number,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(line(&format!("{good}\n{ntlm}"), HASHES), 4);
        assert_eq!(line("password\n", HASHES), 1);
        assert_eq!(line(&format!("{good}\n{}:12", "G".repeat(40)), HASHES), 4);
        assert_eq!(line(&format!("{good}\n{}:many", "A".repeat(40)), HASHES), 4);
        // Where a character ends is not where a digit would.
        assert_eq!(line(&"€".repeat(13), HASHES), 1);
        assert_eq!(line(&format!("{good}\n{}", "A".repeat(5_000)), HASHES), 4);
        assert!(matches!(make(&folder, "\n", HASHES, 10), Err(BuildError::Empty)));
        assert_eq!(bytes(&folder), before);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_list_that_is_not_there_or_not_whole_is_an_error_and_no_all_clear() {
        let folder = Folder::new("breached-gone");
        let file = folder.path().join("list");
        let lists = Breached::new(vec![file.clone()]);
        let password = Password::new("word-1".to_owned());
        assert!(lists.find(&password).await.is_err());
        make(&folder, &published(3).join("\n"), HASHES, 10).unwrap();
        assert_eq!(lists.find(&password).await.unwrap(), Some(file.clone()));
        let cut = bytes(&folder);
        std::fs::write(&file, &cut[..cut.len() - 1]).unwrap();
        let error = lists.find(&password).await.unwrap_err();
        assert!(error.to_string().contains("bytes long"), "{error}");
        assert!(!Breached::default().any() && Breached::default().find(&password).await.unwrap().is_none());
    }
}
