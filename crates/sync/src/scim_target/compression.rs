//! Bodies go compressed to a service whose answers say that it takes them so (RFC 7694).

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap};

/// Smaller ones fit into one packet anyway.
const WORTH_IT: usize = 1_200;

/// What the service said last.
#[derive(Default)]
pub(super) struct Gzip(AtomicBool);

impl Gzip {
    /// Takes note of an answer's header. A service of a version before says nothing.
    pub(super) fn heard(&self, answer: &HeaderMap) {
        self.0.store(takes_gzip(answer), Ordering::Relaxed);
    }

    /// The service does not take it after all.
    pub(super) fn refused(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// The body as it goes out compressed, if it does.
    pub(super) fn pack(&self, body: &[u8]) -> Option<Vec<u8>> {
        if body.len() < WORTH_IT || !self.0.load(Ordering::Relaxed) {
            return None;
        }
        // Fast is enough: what is sent repeats itself.
        let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
        encoder.write_all(body).and_then(|()| encoder.finish()).ok()
    }
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let said = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let never = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0_f32));
        name.trim().eq_ignore_ascii_case("gzip") && !never
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn only_who_says_so_gets_it_compressed() {
        let heard = |said: &'static str| {
            let gzip = Gzip::default();
            gzip.heard(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(said))]));
            gzip.pack(&[b'x'; 10_000]).map(|packed| packed.len())
        };
        for takes in ["gzip", "br, GZIP;q=0.5", "identity,gzip"] {
            assert!(heard(takes).is_some_and(|length| length < 200), "{takes}");
        }
        for does_not in ["", "br", "gzip;q=0", "gzip; q=0.0", "x-gzip"] {
            assert_eq!(heard(does_not), None, "{does_not}");
        }
        assert_eq!(Gzip::default().pack(&[b'x'; 10_000]), None, "nobody said anything yet");
    }
}
