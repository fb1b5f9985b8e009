//! A tenant's logo: a PNG picture (ISO/IEC 15948), of which only what draws it is kept. No SVG: that is a document, which can hold scripts and
//! addresses, and to make one safe is a program of its own.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Largest file, in bytes, after what does not draw is gone: the first page weighs 60 KB at most, with all that it loads.
pub const BYTES_AT_MOST: usize = 32 * 1_024;
/// Largest width and height in pixels.
pub const PIXELS_AT_MOST: u32 = 1_600;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Chunks that draw: those without which there is no picture, transparency, and what the colours mean.
const KEPT: [&[u8; 4]; 9] = [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP"];

/// A logo that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logo {
    /// What its address is made of: the SHA-256 of the file, 32 hexadecimal digits of it.
    pub digest: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// Why a file is no logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLogo {
    /// It does not begin as a PNG picture.
    #[error(
        "this is no PNG picture (an SVG is not taken: save it as PNG, twice as large as it is shown, 80 pixels high)"
    )]
    NoPicture,
    /// It ends too early, or a part of it is not as its checksum says.
    #[error("the picture is damaged")]
    Damaged,
    /// It has too many pixels, or none.
    #[error("the picture is {0} by {1} pixels: at most {PIXELS_AT_MOST} each way")]
    Pixels(u32, u32),
    /// It is too large.
    #[error("the picture has {0} bytes that draw: at most {BYTES_AT_MOST}, since every page carries it")]
    TooLarge(usize),
}

/// The picture in `file` without what does not draw (who made it, where and when), and what is kept of it.
///
/// # Errors
/// [`NoLogo`].
pub fn clean(file: &[u8]) -> Result<(Vec<u8>, Logo), NoLogo> {
    let mut rest = file.strip_prefix(&SIGNATURE).ok_or(NoLogo::NoPicture)?;
    let mut picture = SIGNATURE.to_vec();
    let (mut size, mut drawn) = (None, false);
    loop {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(NoLogo::Damaged)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| NoLogo::Damaged)?;
        let (named, after) = after.split_at_checked(length.saturating_add(4)).ok_or(NoLogo::Damaged)?;
        let (sum, after) = after.split_first_chunk::<4>().ok_or(NoLogo::Damaged)?;
        if crc(named) != u32::from_be_bytes(*sum) {
            return Err(NoLogo::Damaged);
        }
        let (name, data) = named.split_first_chunk::<4>().ok_or(NoLogo::Damaged)?;
        match (name, size) {
            (b"IHDR", None) => size = Some(measured(data)?),
            (b"IHDR", Some(_)) | (_, None) => return Err(NoLogo::Damaged),
            (b"IDAT", _) => drawn = true,
            _ => {}
        }
        if KEPT.contains(&name) {
            picture.extend_from_slice(&rest[..length + 12]);
        }
        if name == b"IEND" {
            break;
        }
        rest = after;
    }
    let (width, height) = size.filter(|_| drawn).ok_or(NoLogo::Damaged)?;
    if picture.len() > BYTES_AT_MOST {
        return Err(NoLogo::TooLarge(picture.len()));
    }
    let digest = Sha256::digest(&picture).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok((picture, Logo { digest, width, height }))
}

/// Width and height of an image header (ISO/IEC 15948 section 11.2.2).
fn measured(header: &[u8]) -> Result<(u32, u32), NoLogo> {
    let [w1, w2, w3, w4, h1, h2, h3, h4, depth, colour, 0, 0, 0 | 1] = *header else {
        return Err(NoLogo::Damaged);
    };
    let depths: &[u8] = match colour {
        0 => &[1, 2, 4, 8, 16],
        3 => &[1, 2, 4, 8],
        2 | 4 | 6 => &[8, 16],
        _ => return Err(NoLogo::Damaged),
    };
    if !depths.contains(&depth) {
        return Err(NoLogo::Damaged);
    }
    let (width, height) = (u32::from_be_bytes([w1, w2, w3, w4]), u32::from_be_bytes([h1, h2, h3, h4]));
    let fits = |pixels: u32| (1..=PIXELS_AT_MOST).contains(&pixels);
    if fits(width) && fits(height) { Ok((width, height)) } else { Err(NoLogo::Pixels(width, height)) }
}

/// The checksum of a chunk's name and data (ISO/IEC 15948 section 5.5).
fn crc(bytes: &[u8]) -> u32 {
    let sum =
        bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
            })
        });
    !sum
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let named = [&name[..], data].concat();
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], &named, &crc(&named).to_be_bytes()].concat()
    }

    fn header(width: u32, height: u32) -> Vec<u8> {
        let data = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
        chunk(b"IHDR", &data)
    }

    fn picture(chunks: &[Vec<u8>]) -> Vec<u8> {
        let end = chunk(b"IEND", &[]);
        [&SIGNATURE[..], &chunks.concat(), &end].concat()
    }

    #[test]
    fn what_does_not_draw_is_left_out() {
        let place = chunk(b"eXIf", b"who and where");
        let drawn = chunk(b"IDAT", &[1, 2, 3]);
        let full = picture(&[header(200, 80), chunk(b"tEXt", b"Author"), place, drawn.clone()]);
        let (kept, logo) = clean(&[&full[..], b"<script>"].concat()).unwrap();
        assert_eq!(kept, picture(&[header(200, 80), drawn]));
        assert_eq!((logo.width, logo.height, logo.digest.len()), (200, 80, 32));
        assert_eq!(clean(&kept).unwrap(), (kept, logo));
        assert_eq!(crc(b"IEND"), 0xae42_6082, "as every PNG file ends");
    }

    #[test]
    fn what_is_no_picture_or_not_whole_is_refused() {
        assert_eq!(clean(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), Err(NoLogo::NoPicture));
        let drawn = || chunk(b"IDAT", &[1]);
        let good = picture(&[header(2, 2), drawn()]);
        for cut in 0..good.len() {
            assert!(clean(&good[..cut]).is_err(), "{cut}");
        }
        for at in 8..good.len() {
            let mut other = good.clone();
            other[at] ^= 1;
            assert!(clean(&other).is_err(), "{at}");
        }
        let damaged =
            [picture(&[drawn()]), picture(&[header(2, 2)]), picture(&[header(2, 2), header(2, 2), drawn()])];
        for wrong in damaged {
            assert_eq!(clean(&wrong), Err(NoLogo::Damaged));
        }
        assert_eq!(clean(&picture(&[header(0, 2), drawn()])), Err(NoLogo::Pixels(0, 2)));
        assert_eq!(clean(&picture(&[header(2, 1_601), drawn()])), Err(NoLogo::Pixels(2, 1_601)));
        let large = picture(&[header(2, 2), chunk(b"IDAT", &vec![0; BYTES_AT_MOST])]);
        assert!(matches!(clean(&large), Err(NoLogo::TooLarge(_))));
    }
}
