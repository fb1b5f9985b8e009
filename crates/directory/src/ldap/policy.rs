//! What a password policy says in an answer (draft-behera-ldap-password-policy-10 section 6.2). `ldap3_proto` knows the control of the
//! request only, so the value of the response is read here, by the same BER reader, from a message that the codec has taken already.

use ldap3_lber::parse::{DEFAULT_MAX_BER_DEPTH, Parser};
use ldap3_lber::structure::{PL, StructureTag};

use super::request::PASSWORD_POLICY;

/// Why the policy refuses something, or what it demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// 0: the password has expired.
    PasswordExpired,
    /// 1: the account is locked.
    AccountLocked,
    /// 2: the password must be changed before anything else.
    ChangeAfterReset,
    /// 3: the person may not change it.
    NotAllowed,
    /// 4: the old password has to come with the new one.
    MustSupplyOld,
    /// 5: not good enough, by the server's own check.
    InsufficientQuality,
    /// 6: too short.
    TooShort,
    /// 7: changed too recently.
    TooYoung,
    /// 8: used before.
    InHistory,
    /// 9: too long (OpenLDAP 2.5 and later; not in the draft).
    TooLong,
}

impl PolicyError {
    const fn of(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::PasswordExpired,
            1 => Self::AccountLocked,
            2 => Self::ChangeAfterReset,
            3 => Self::NotAllowed,
            4 => Self::MustSupplyOld,
            5 => Self::InsufficientQuality,
            6 => Self::TooShort,
            7 => Self::TooYoung,
            8 => Self::InHistory,
            9 => Self::TooLong,
            _ => return None,
        })
    }
}

/// The error in the password policy control of a whole message; `None` if there is none, or one that nobody knows.
pub(super) fn policy_error(message: &[u8]) -> Option<PolicyError> {
    // LDAPMessage ::= SEQUENCE { messageID, protocolOp, controls [0] }
    let controls = children(parse(message)?)?.into_iter().nth(2)?;
    let value = children(controls)?.into_iter().find_map(|control| {
        let mut parts = children(control)?.into_iter();
        (bytes(parts.next()?)? == PASSWORD_POLICY.as_bytes()).then(|| parts.next_back().and_then(bytes))?
    })?;
    // PasswordPolicyResponseValue ::= SEQUENCE { warning [0] OPTIONAL, error [1] ENUMERATED OPTIONAL }
    let error = children(parse(&value)?)?.into_iter().find(|part| part.id == 1)?;
    match bytes(error)?.as_slice() {
        [code] => PolicyError::of(*code),
        _ => None,
    }
}

fn parse(input: &[u8]) -> Option<StructureTag> {
    let (rest, tag) = Parser::new(DEFAULT_MAX_BER_DEPTH).parse(input).ok()?;
    rest.is_empty().then_some(tag)
}

fn children(tag: StructureTag) -> Option<Vec<StructureTag>> {
    if let PL::C(parts) = tag.payload { Some(parts) } else { None }
}

fn bytes(tag: StructureTag) -> Option<Vec<u8>> {
    if let PL::P(bytes) = tag.payload { Some(bytes) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_util::bytes::BytesMut;

    use super::*;
    use crate::ldap::reply::{Reply, take_reply};

    /// An extendedResp with result 19 and the control with this value, as slapd 2.5 sends it.
    fn answer(value: &[u8]) -> Vec<u8> {
        let mut control = vec![4, PASSWORD_POLICY.len() as u8];
        control.extend_from_slice(PASSWORD_POLICY.as_bytes());
        control.extend_from_slice(&[4, value.len() as u8]);
        control.extend_from_slice(value);
        let mut message = vec![2, 1, 9, 0x78, 7, 10, 1, 19, 4, 0, 4, 0, 0xa0, control.len() as u8 + 2, 0x30];
        message.push(control.len() as u8);
        message.extend_from_slice(&control);
        let mut bytes = vec![0x30, message.len() as u8];
        bytes.extend_from_slice(&message);
        bytes
    }

    fn said(value: &[u8]) -> Option<PolicyError> {
        let reply = take_reply(&mut BytesMut::from(&answer(value)[..])).unwrap().unwrap().reply;
        let Reply::Done { policy, .. } = reply else { panic!("{reply:?}") };
        policy
    }

    #[test]
    fn the_error_is_found_beside_a_warning_and_without() {
        // Recorded from slapd 2.5.13: MAOBAQY=
        assert_eq!(said(&[0x30, 3, 0x81, 1, 6]), Some(PolicyError::TooShort));
        assert_eq!(said(&[0x30, 8, 0xa0, 3, 0x81, 1, 2, 0x81, 1, 8]), Some(PolicyError::InHistory));
        assert_eq!(said(&[0x30, 5, 0xa0, 3, 0x80, 1, 60]), None, "a warning alone");
        assert_eq!(said(&[0x30, 3, 0x81, 1, 77]), None, "an error that is in no table");
        assert_eq!(said(&[]), None);
        assert_eq!(said(b"no sequence"), None);
        for code in 0..10 {
            assert!(said(&[0x30, 3, 0x81, 1, code]).is_some());
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = take_reply(&mut BytesMut::from(&answer(&value)[..]));
            let mut sequence = vec![0x30, value.len() as u8];
            sequence.extend_from_slice(&value);
            let _ = take_reply(&mut BytesMut::from(&answer(&sequence)[..]));
            policy_error(&value);
        }
    }
}
