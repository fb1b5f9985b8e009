//! What SASL puts around LDAP: frames (RFC 4422 section 3.7) and GSSAPI's offer of a security layer (RFC 4752 section 3.1).

use tokio_util::bytes::{Buf as _, BytesMut};

/// Largest frame that is taken, in bytes, as we tell the other side: the most that its three octets can say.
pub const MAXIMUM_FRAME: usize = 0x00ff_ffff;
/// Octets that say how long a frame is.
const HEADER: usize = 4;
/// Most plain bytes in a frame that we send; a request seldom has a tenth of it.
const LARGEST_SENT: usize = 64 << 10;
/// Room for what sealing adds (RFC 4121 section 4.2.4: two headers of 16, a confounder, a checksum), with some to spare.
const OVERHEAD: usize = 128;

/// No layer after the sign-in.
const NO_LAYER: u8 = 1;
/// Integrity and confidentiality.
const SEALED: u8 = 4;

/// Why bytes are no frame, or no offer that can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More than [`MAXIMUM_FRAME`].
    #[error("a sealed frame is larger than 16 MiB")]
    TooLarge,
    /// A frame of nothing, or an offer that is not four octets long.
    #[error("it is no frame of SASL")]
    Malformed,
    /// The layer that is wanted is not offered.
    #[error("the controller does not offer the wanted protection")]
    NotOffered,
}

/// Takes one frame's content off the front of `buffer`, or `None` if more bytes are needed. Its length is judged before its bytes are
/// waited for.
///
/// # Errors
/// [`FrameError`]; the connection is of no use afterwards.
pub fn take_frame(buffer: &mut BytesMut) -> Result<Option<BytesMut>, FrameError> {
    let Some(header) = buffer.first_chunk::<HEADER>() else { return Ok(None) };
    let length = u32::from_be_bytes(*header) as usize;
    if length == 0 {
        return Err(FrameError::Malformed);
    }
    if length > MAXIMUM_FRAME {
        return Err(FrameError::TooLarge);
    }
    if buffer.len() - HEADER < length {
        return Ok(None);
    }
    buffer.advance(HEADER);
    Ok(Some(buffer.split_to(length)))
}

/// A frame around a sealed token.
pub(super) fn frame(token: &[u8]) -> Vec<u8> {
    // A token is our own, and far below what 32 bits hold.
    let mut frame = Vec::with_capacity(HEADER + token.len());
    frame.extend_from_slice(&(token.len() as u32).to_be_bytes());
    frame.extend_from_slice(token);
    frame
}

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What the other side is told: the layer, and the largest frame that we take.
    pub answer: [u8; 4],
    /// Most plain bytes that one frame to it may hold.
    pub largest: usize,
}

/// Answers an offer: sealing if `sealed`, else no layer, and nothing in between.
///
/// # Errors
/// [`FrameError`].
pub fn choose_layer(offer: &[u8], sealed: bool) -> Result<Layer, FrameError> {
    let &[layers, high, middle, low] = offer else { return Err(FrameError::Malformed) };
    let wanted = if sealed { SEALED } else { NO_LAYER };
    if layers & wanted == 0 {
        return Err(FrameError::NotOffered);
    }
    if !sealed {
        return Ok(Layer { answer: [NO_LAYER, 0, 0, 0], largest: 0 });
    }
    let takes = u32::from_be_bytes([0, high, middle, low]) as usize;
    let largest = takes.saturating_sub(OVERHEAD).min(LARGEST_SENT);
    if largest == 0 {
        return Err(FrameError::Malformed);
    }
    Ok(Layer { answer: [SEALED, 0xff, 0xff, 0xff], largest })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_come_one_by_one_and_whole() {
        let mut buffer = BytesMut::from(&[frame(b"ab"), frame(b"c")].concat()[..6]);
        assert_eq!(take_frame(&mut buffer), Ok(Some(BytesMut::from(&b"ab"[..]))));
        assert_eq!(take_frame(&mut buffer), Ok(None));
        buffer.extend_from_slice(&[0, 0, 0, 1]);
        assert_eq!(take_frame(&mut buffer), Ok(None));
        buffer.extend_from_slice(b"c");
        assert_eq!(take_frame(&mut buffer), Ok(Some(BytesMut::from(&b"c"[..]))));
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_frame_that_is_too_large_is_refused_by_its_header() {
        assert_eq!(take_frame(&mut BytesMut::from(&[1, 0, 0, 0][..])), Err(FrameError::TooLarge));
        assert_eq!(take_frame(&mut BytesMut::from(&[0, 0xff, 0xff, 0xff][..])), Ok(None));
        assert_eq!(take_frame(&mut BytesMut::from(&[0, 0, 0, 0][..])), Err(FrameError::Malformed));
    }

    #[test]
    fn only_the_wanted_layer_is_taken() {
        let sealed = Layer { answer: [4, 0xff, 0xff, 0xff], largest: 64 << 10 };
        assert_eq!(choose_layer(&[7, 0xa0, 0, 0], true), Ok(sealed));
        assert_eq!(choose_layer(&[4, 0, 1, 0], true).map(|layer| layer.largest), Ok(128));
        assert_eq!(choose_layer(&[3, 0xa0, 0, 0], true), Err(FrameError::NotOffered));
        assert_eq!(choose_layer(&[4, 0, 0, 64], true), Err(FrameError::Malformed));
        assert_eq!(choose_layer(&[6, 0, 0, 0], false), Err(FrameError::NotOffered));
        assert_eq!(choose_layer(&[1, 0, 0, 0], false), Ok(Layer { answer: [1, 0, 0, 0], largest: 0 }));
        assert_eq!(choose_layer(&[1, 0, 0], false), Err(FrameError::Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), sealed: bool) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(content)) = take_frame(&mut buffer) {
                prop_assert!(!content.is_empty());
            }
            let _ = choose_layer(&bytes, sealed);
        }
    }
}
