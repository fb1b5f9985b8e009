//! The channel binding `tls-server-end-point` (RFC 5929 section 4): ties a sign-in inside TLS to the certificate that TLS showed.

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use spki::AlgorithmIdentifierRef;
use spki::der::asn1::AnyRef;
use spki::der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

/// Signature algorithms that hash with SHA-384 and SHA-512 (RFC 4055 section 5, RFC 5758 section 3.2).
const WITH_SHA_384: [&str; 2] = ["1.2.840.113549.1.1.12", "1.2.840.10045.4.3.3"];
const WITH_SHA_512: [&str; 2] = ["1.2.840.113549.1.1.13", "1.2.840.10045.4.3.4"];
/// RSASSA-PSS, whose hash is in its parameters (RFC 4055 section 3.1).
const PSS: &str = "1.2.840.113549.1.1.10";
/// SHA-384 and SHA-512 themselves.
const SHA_384: &str = "2.16.840.1.101.3.4.2.2";
const SHA_512: &str = "2.16.840.1.101.3.4.2.3";
/// Algorithms with no hash of their own (RFC 8410): the binding is not defined for them.
const UNDEFINED: [&str; 2] = ["1.3.101.112", "1.3.101.113"];

/// The binding's data for a certificate (DER). `None` if the certificate can't be read as one, or none is defined for its signature.
pub fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = signature_algorithm(certificate)?;
    let oid = algorithm.0.as_str();
    if UNDEFINED.contains(&oid) {
        return None;
    }
    let is = |own: &[&str], hash: &str| own.contains(&oid) || algorithm.1.as_deref() == Some(hash);
    let digest = if is(&WITH_SHA_384, SHA_384) {
        Sha384::digest(certificate).to_vec()
    } else if is(&WITH_SHA_512, SHA_512) {
        Sha512::digest(certificate).to_vec()
    } else {
        // SHA-256 itself, and in place of MD5 and SHA-1.
        Sha256::digest(certificate).to_vec()
    };
    Some([b"tls-server-end-point:".as_slice(), &digest].concat())
}

/// The signature's algorithm, and the hash that its parameters name.
fn signature_algorithm(certificate: &[u8]) -> Option<(String, Option<String>)> {
    let mut reader = SliceReader::new(certificate).ok()?;
    let algorithm = reader
        .sequence(|inside| {
            // What is signed.
            AnyRef::decode(inside)?;
            let algorithm = AlgorithmIdentifierRef::decode(inside)?;
            // The signature.
            AnyRef::decode(inside)?;
            Ok::<_, spki::der::Error>(algorithm)
        })
        .ok()?;
    let hash = algorithm.parameters.filter(|_| algorithm.oid.to_string() == PSS).and_then(hash_of_pss);
    Some((algorithm.oid.to_string(), hash))
}

/// `hashAlgorithm [0]` of the parameters; SHA-1 if there is none.
fn hash_of_pss(parameters: AnyRef<'_>) -> Option<String> {
    let mut reader = SliceReader::new(parameters.value()).ok()?;
    let first = AnyRef::decode(&mut reader).ok()?;
    let hash = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
    if first.tag() != hash {
        return None;
    }
    AlgorithmIdentifierRef::from_der(first.value()).ok().map(|hash| hash.oid.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn length_with(algorithm: &'static rcgen::SignatureAlgorithm) -> Option<usize> {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["dc1.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        let binding = tls_server_end_point(certificate.der())?;
        assert!(binding.starts_with(b"tls-server-end-point:"));
        Some(binding.len() - 21)
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        assert_eq!(length_with(&rcgen::PKCS_ECDSA_P256_SHA256), Some(32));
        assert_eq!(length_with(&rcgen::PKCS_ECDSA_P384_SHA384), Some(48));
        assert_eq!(length_with(&rcgen::PKCS_ED25519), None);
    }

    /// A certificate's outside: something, the algorithm, a signature.
    fn shell(algorithm: &[u8]) -> Vec<u8> {
        let inside = [&[0x30, 0][..], algorithm, &[3, 1, 0]].concat();
        [&[0x30, inside.len() as u8], &inside[..]].concat()
    }

    #[test]
    fn pss_names_its_hash_in_the_parameters() {
        // id-RSASSA-PSS with hashAlgorithm SHA-384, and with none.
        let oid = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 10];
        let hash = [0xa0, 13, 0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
        let with = [&[0x30, 28][..], &oid, &[0x30, 15], &hash].concat();
        let without = [&[0x30, 13][..], &oid, &[0x30, 0]].concat();
        assert_eq!(tls_server_end_point(&shell(&with)).map(|binding| binding.len()), Some(21 + 48));
        assert_eq!(tls_server_end_point(&shell(&without)).map(|binding| binding.len()), Some(21 + 32));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = tls_server_end_point(&bytes);
            let _ = tls_server_end_point(&shell(&bytes));
        }
    }
}
