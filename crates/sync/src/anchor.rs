//! The source anchor of an object.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_protocol::ids::SourceAnchor;

use crate::fault::ObjectFault;

/// The attribute that holds the anchor where an organisation uses it; in lower case, as staged.
pub(crate) const ATTRIBUTE: &str = "ms-ds-consistencyguid";

/// The anchor: `mS-DS-ConsistencyGuid` if the object has it, else its `objectGUID`; standard base64 of the 16 bytes
/// as the directory stores them.
pub(crate) fn anchor(
    object_guid: &[u8; 16],
    consistency_guid: Option<&[u8]>,
) -> Result<SourceAnchor, ObjectFault> {
    let bytes = consistency_guid.unwrap_or(object_guid);
    if bytes.len() != 16 {
        return Err(ObjectFault::AnchorMalformed { bytes: bytes.len() });
    }
    Ok(SourceAnchor(STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consistency_guid_wins_over_object_guid() {
        assert_eq!(anchor(&[0; 16], None), Ok(SourceAnchor("AAAAAAAAAAAAAAAAAAAAAA==".into())));
        assert_eq!(anchor(&[0; 16], Some(&[255; 16])), Ok(SourceAnchor("/////////////////////w==".into())));
    }

    #[test]
    fn a_value_of_another_length_is_no_anchor() {
        assert_eq!(anchor(&[0; 16], Some(b"anna")), Err(ObjectFault::AnchorMalformed { bytes: 4 }));
    }
}
