//! The ways in which a person can prove at a gate who they are.

use serde::{Deserialize, Serialize};

/// One way to pass a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A code by mail, to an alternate or registered address.
    Mail,
    /// A code by text message (SMS), to a registered number or the directory's. Whoever gets hold of the number gets the code, so that it is
    /// no method of administrators, and of no tenant that did not choose it.
    Sms,
    /// A code that an authenticator app shows (RFC 6238).
    App,
    /// A passkey (W3C, Web Authentication Level 3) that verified its owner.
    Passkey,
    /// One of the codes that were shown once, to be kept on paper.
    RecoveryCode,
    /// Answers to questions that the person registered ([`crate::question`]). They can be found out, so that it is no method of
    /// administrators, and of no tenant that did not choose it.
    Questions,
    /// A pass that the help desk made. It opens the first gate, never the second of two.
    TemporaryPass,
}

impl Method {
    /// Every method there is.
    pub const ALL: [Self; 7] = [
        Self::Mail,
        Self::Sms,
        Self::App,
        Self::Passkey,
        Self::RecoveryCode,
        Self::Questions,
        Self::TemporaryPass,
    ];

    /// The method's name in the database, in the audit and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
            Self::App => "app",
            Self::Passkey => "passkey",
            Self::RecoveryCode => "recovery-code",
            Self::Questions => "questions",
            Self::TemporaryPass => "temporary-pass",
        }
    }

    /// Whether people register it themselves.
    pub const fn is_registered(self) -> bool {
        !matches!(self, Self::TemporaryPass)
    }

    /// Whether it can open the first of the gates. Security questions can't: their page shows what somebody registered, which is nobody's
    /// to see who proved nothing yet.
    pub const fn opens_the_first_gate(self) -> bool {
        !matches!(self, Self::Questions)
    }

    /// Whether a tenant has it from its beginning. The others want something first: a gateway, or that somebody chose them.
    pub const fn is_from_the_beginning(self) -> bool {
        !matches!(self, Self::Sms | Self::Questions)
    }

    /// Whether people who administer the tenant may pass a gate with it.
    pub const fn is_for_administrators(self) -> bool {
        !matches!(self, Self::Sms | Self::Questions | Self::TemporaryPass)
    }

    /// Whether one of them says nothing that the other did not say: a pass is made on a code that goes to the address which a
    /// code by mail goes to.
    pub const fn proves_the_same_as(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Mail | Self::TemporaryPass, Self::Mail | Self::TemporaryPass)
                | (Self::Sms, Self::Sms)
                | (Self::App, Self::App)
                | (Self::Passkey, Self::Passkey)
                | (Self::RecoveryCode, Self::RecoveryCode)
                | (Self::Questions, Self::Questions)
        )
    }

    /// The method of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_way_and_are_those_of_the_database() {
        for method in Method::ALL {
            assert_eq!(Method::from_name(method.as_str()), Some(method));
            let json: String = serde_json_name(method);
            assert_eq!(json, method.as_str());
        }
        assert_eq!(Method::from_name("carrier-pigeon"), None);
    }

    fn serde_json_name(method: Method) -> String {
        serde_json::to_string(&method).unwrap().trim_matches('"').to_owned()
    }
}
