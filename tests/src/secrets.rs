//! Searches for a secret in files and in the memory of a process, in every form that it could have taken.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// One form of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    /// Which text and which form, for the report.
    pub name: String,
    bytes: Vec<u8>,
}

/// How much is read at once.
const CHUNK: usize = 1 << 20;

/// The forms of `text`: UTF-8, UTF-16 (little endian), percent-encoded, as in JSON, and base64 of UTF-8 and UTF-16 at
/// all three offsets in both alphabets. `name` is for the report.
///
/// # Panics
/// When the text is so short that a form of it would be found everywhere.
pub fn forms(name: &str, text: &str) -> Vec<Needle> {
    assert!(text.chars().count() >= 12, "a shorter text could be found by chance");
    let utf8 = text.as_bytes().to_vec();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut found: Vec<Needle> = Vec::new();
    let mut add = |form: &str, bytes: Vec<u8>| {
        if !found.iter().any(|needle| needle.bytes == bytes) {
            found.push(Needle { name: format!("{name} ({form})"), bytes });
        }
    };
    add("UTF-8", utf8.clone());
    add("UTF-16", utf16.clone());
    for (form, keep) in [("percent", "-_.~"), ("percent, strict", ""), ("form", "*-._")] {
        for upper in [true, false] {
            add(form, percent(&utf8, keep, form == "form", upper));
        }
    }
    add("JSON", json(text, false));
    add("JSON, ASCII only", json(text, true));
    for (form, bytes) in [("UTF-8", &utf8), ("UTF-16", &utf16)] {
        for offset in 0..3 {
            add(&format!("base64 of {form}, offset {offset}"), base64(&STANDARD, bytes, offset));
            add(&format!("base64url of {form}, offset {offset}"), base64(&URL_SAFE, bytes, offset));
        }
    }
    found
}

fn percent(bytes: &[u8], keep: &str, plus: bool, upper: bool) -> Vec<u8> {
    let mut out = String::new();
    for byte in bytes {
        let c = char::from(*byte);
        if c.is_ascii_alphanumeric() || (byte.is_ascii() && keep.contains(c)) {
            out.push(c);
        } else if plus && c == ' ' {
            out.push('+');
        } else if upper {
            out.push_str(&format!("%{byte:02X}"));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out.into_bytes()
}

/// As in a JSON string, without its quotation marks.
fn json(text: &str, ascii: bool) -> Vec<u8> {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    let mut out = String::new();
    for c in quoted[1..quoted.len() - 1].chars() {
        if ascii && !c.is_ascii() {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out.into_bytes()
}

/// The characters that `bytes` decide wholly when they stand `offset` bytes behind a group's start.
fn base64(alphabet: &base64::engine::GeneralPurpose, bytes: &[u8], offset: usize) -> Vec<u8> {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(bytes);
    let text = alphabet.encode(&padded);
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    text.as_bytes()[first..last].to_vec()
}

/// Many needles, one pass: the first two bytes of each decide whether it is worth a comparison.
struct Searcher<'a> {
    needles: &'a [Needle],
    begins: Vec<bool>,
    longest: usize,
}

impl<'a> Searcher<'a> {
    fn new(needles: &'a [Needle]) -> Self {
        let mut begins = vec![false; 1 << 16];
        for needle in needles {
            begins[pair(needle.bytes[0], needle.bytes[1])] = true;
        }
        let longest = needles.iter().map(|needle| needle.bytes.len()).max().unwrap_or(0);
        Self { needles, begins, longest }
    }

    fn search(&self, hay: &[u8], found: &mut Vec<String>) {
        let Some((first, rest)) = hay.split_first() else { return };
        let mut before = *first;
        for (index, byte) in rest.iter().enumerate() {
            if self.begins[pair(before, *byte)] {
                for needle in self.needles {
                    if hay[index..].starts_with(&needle.bytes) && !found.contains(&needle.name) {
                        found.push(needle.name.clone());
                    }
                }
            }
            before = *byte;
        }
    }

    /// Searches what `read` gives, chunk by chunk; each chunk begins with the end of the one before.
    fn stream(
        &self,
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
        found: &mut Vec<String>,
    ) -> io::Result<u64> {
        let mut buffer = vec![0; CHUNK + self.longest];
        let (mut kept, mut total) = (0, 0);
        loop {
            let count = read(&mut buffer[kept..])?;
            if count == 0 {
                return Ok(total);
            }
            total += u64::try_from(count).unwrap_or(0);
            let end = kept + count;
            self.search(&buffer[..end], found);
            let keep = end.min(self.longest);
            buffer.copy_within(end - keep..end, 0);
            kept = keep;
        }
    }
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

/// The names of the needles that are in a file.
///
/// # Errors
/// When it can't be read.
pub fn in_file(path: &Path, needles: &[Needle]) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let mut found = Vec::new();
    Searcher::new(needles).stream(|buffer| file.read(buffer), &mut found)?;
    Ok(found)
}

/// What was found in a process.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The names of the needles.
    pub found: Vec<String>,
    /// How many bytes were read.
    pub bytes: u64,
}

/// The names of the needles that are in the readable memory of a process.
///
/// # Errors
/// When the process is gone or belongs to somebody else.
pub fn in_memory(process: u32, needles: &[Needle]) -> io::Result<Memory> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps"))?;
    let mut memory = File::open(format!("/proc/{process}/mem"))?;
    let searcher = Searcher::new(needles);
    let mut found = Vec::new();
    let mut bytes = 0;
    for line in maps.lines() {
        let Some((start, end)) = readable(line) else { continue };
        memory.seek(SeekFrom::Start(start))?;
        let mut left = usize::try_from(end - start).unwrap_or(0);
        let region = searcher.stream(
            |buffer| {
                let room = buffer.len().min(left);
                // A page that was given back meanwhile, or one of the kernel's own, ends its region.
                let count = memory.read(&mut buffer[..room]).unwrap_or(0);
                left -= count;
                Ok(count)
            },
            &mut found,
        );
        bytes += region?;
    }
    Ok(Memory { found, bytes })
}

fn readable(line: &str) -> Option<(u64, u64)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let kernels = line.ends_with("[vvar]") || line.ends_with("[vsyscall]");
    if !rest.starts_with('r') || kernels {
        return None;
    }
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Kanarie/ë+\"vogel\" 42 漢";

    #[test]
    fn every_form_is_found_where_it_stands() {
        let utf16: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut hays: Vec<(String, Vec<u8>)> = vec![
            ("UTF-8".into(), SECRET.into()),
            ("UTF-16".into(), utf16.clone()),
            ("percent".into(), b"Kanarie%2F%C3%AB%2B%22vogel%22%2042%20%E6%BC%A2".to_vec()),
            ("percent".into(), b"Kanarie%2f%c3%ab%2b%22vogel%22%2042%20%e6%bc%a2".to_vec()),
            ("form".into(), b"Kanarie%2F%C3%AB%2B%22vogel%22+42+%E6%BC%A2".to_vec()),
            ("JSON".into(), serde_json::to_vec(SECRET).unwrap()),
            ("JSON, ASCII".into(), br#"Kanarie/\u00eb+\"vogel\" 42 \u6f22"#.to_vec()),
        ];
        for offset in 0..3 {
            for (form, bytes) in [("UTF-8", SECRET.as_bytes()), ("UTF-16", &utf16)] {
                let around = [&b"xyz"[..offset], bytes, b"tail"].concat();
                hays.push((format!("base64 of {form}, offset {offset}"), STANDARD.encode(&around).into()));
                hays.push((format!("base64url of {form}, offset {offset}"), URL_SAFE.encode(&around).into()));
            }
        }
        let needles = forms("secret", SECRET);
        let searcher = Searcher::new(&needles);
        for (form, hay) in hays {
            let mut found = Vec::new();
            searcher.search(&[b"before ", &hay[..], b" behind"].concat(), &mut found);
            assert!(!found.is_empty(), "{form}");
        }
        let mut found = Vec::new();
        searcher.search("Kanarie/ë+ vogel 42 漢".as_bytes(), &mut found);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn text_across_two_chunks_is_found() {
        let needles = forms("secret", SECRET);
        let mut hay = vec![b'.'; CHUNK - 5];
        hay.extend_from_slice(SECRET.as_bytes());
        let mut rest = hay.as_slice();
        let mut found = Vec::new();
        let total = Searcher::new(&needles)
            .stream(|buffer| rest.read(&mut buffer[..CHUNK.min(rest.len())]), &mut found)
            .unwrap();
        assert_eq!(total, u64::try_from(hay.len()).unwrap());
        assert_eq!(found, ["secret (UTF-8)"]);
    }

    #[test]
    fn own_memory_is_searched() {
        let held = std::hint::black_box(String::from("held in memory: Zebra-8151-streifen"));
        let needles = forms("held", &held);
        let memory = in_memory(std::process::id(), &needles).unwrap();
        assert!(memory.found.contains(&"held (UTF-8)".to_owned()));
        assert!(memory.bytes > 1 << 20);
    }
}
