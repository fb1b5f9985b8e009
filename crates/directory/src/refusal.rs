//! Every refusal of a directory to its typed reason.
//!
//! Codes are LDAP's (RFC 4511 appendix A); the eight hexadecimal digits that the text starts with are a Win32 error
//! (MS-ERREF 2.2). Windows names no password rule, Samba does, in words. Samba 4.17 and 4.22 answer a refused *reset* with 19,
//! Samba 4.24 and Windows with 53; a refused *change* is 19 everywhere. What is not recognised stays so.

use ritorno_protocol::outcome::Fault;
use ritorno_protocol::policy::Rule;

use crate::ldap::Answer;

/// What a directory's refusal means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A password rule.
    Rule(Rule),
    /// Another reason.
    Fault(Fault),
    /// A result that is in no table: kept for the operator, never guessed.
    Unrecognised,
}

/// What `answer`, which is no success, means.
pub fn classify(answer: &Answer) -> Refusal {
    let text = answer.text.as_str();
    match (win32(text), answer.code) {
        (Some(0x52d), _) => Refusal::Rule(rule(text)),
        // ERROR_INVALID_PASSWORD, and ERROR_ACCOUNT_LOCKED_OUT on a change.
        (Some(0x56), _) => Refusal::Fault(Fault::WrongOldPassword),
        (Some(0x775), _) => Refusal::Fault(Fault::AccountLocked),
        // ERROR_ACCOUNT_DISABLED, ERROR_ACCOUNT_EXPIRED.
        (Some(0x533 | 0x701), _) => Refusal::Fault(Fault::AccountDisabled),
        // ERROR_ACCESS_DENIED, insufficientAccessRights, and Samba's words for a missing right on one property.
        (Some(0x5 | 0x2098), _) | (_, 50) => Refusal::Fault(Fault::NoPermission),
        // ERROR_DS_OBJ_NOT_FOUND, ERROR_DS_NO_SUCH_OBJECT, ERROR_NO_SUCH_USER.
        (Some(0x208d | 0x2030 | 0x525), _) | (_, 32) => Refusal::Fault(Fault::NotFound),
        // operationsError (AD: not bound), strongerAuthRequired, referral (a read-only DC), unavailableCriticalExtension,
        // confidentialityRequired, invalidCredentials of our own account, busy, unavailable: the directory does not do what it should.
        (_, 1 | 8 | 10 | 12 | 13 | 49 | 51 | 52) => Refusal::Fault(Fault::DirectoryUnavailable),
        // Without a Win32 error, Samba's own words.
        (None, 19 | 53) if text.contains("check_password_restrictions") => Refusal::Rule(rule(text)),
        _ => Refusal::Unrecognised,
    }
}

/// The Win32 error that a text starts with.
fn win32(text: &str) -> Option<u32> {
    let (digits, rest) = text.split_at_checked(8)?;
    (rest.starts_with(':') && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

/// The rule that a text of ERROR_PASSWORD_RESTRICTION names (source4/dsdb/samdb/ldb_modules/password_hash.c of Samba).
fn rule(text: &str) -> Rule {
    let minimum = || {
        let (_, rest) = text.split_once("longer than ")?;
        rest.split(' ').next()?.parse().ok()
    };
    if text.contains("too short") {
        minimum().map_or(Rule::Unnamed, |minimum| Rule::MinimumLength { minimum })
    } else if text.contains("complexity criteria") {
        Rule::Complexity
    } else if text.contains("already used") {
        Rule::History { remembered: None }
    } else if text.contains("too young") {
        Rule::MinimumAge { not_before: None }
    } else {
        Rule::Unnamed
    }
}

/// What a refused bind says about the account (the `data` of a text with 80090308, MS-ADTS 5.1.1.1 and MS-ERREF).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindRefusal {
    /// 52e: wrong password, or no such account.
    WrongPassword,
    /// 525: no such account.
    NoSuchAccount,
    /// 530: not at this hour.
    LogonHours,
    /// 531: not from this machine.
    Workstation,
    /// 532: the password has expired.
    PasswordExpired,
    /// 533: disabled.
    Disabled,
    /// 568: member of too many groups.
    TooManyGroups,
    /// 701: the account has expired.
    AccountExpired,
    /// 773: must be changed first.
    MustChange,
    /// 775: locked.
    Locked,
    /// Not in the table.
    Unrecognised,
}

/// What `answer` to a bind means.
pub fn classify_bind(answer: &Answer) -> BindRefusal {
    let data = answer.text.split_once("data ").map(|(_, rest)| {
        rest.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap_or_default().to_ascii_lowercase()
    });
    match data.as_deref() {
        _ if answer.code != 49 => BindRefusal::Unrecognised,
        Some("52e") => BindRefusal::WrongPassword,
        Some("525") => BindRefusal::NoSuchAccount,
        Some("530") => BindRefusal::LogonHours,
        Some("531") => BindRefusal::Workstation,
        Some("532") => BindRefusal::PasswordExpired,
        Some("533") => BindRefusal::Disabled,
        Some("568") => BindRefusal::TooManyGroups,
        Some("701") => BindRefusal::AccountExpired,
        Some("773") => BindRefusal::MustChange,
        Some("775") => BindRefusal::Locked,
        _ => BindRefusal::Unrecognised,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: u32, text: &str) -> Refusal {
        classify(&Answer { code, text: text.to_owned() })
    }

    #[test]
    fn samba_names_the_rule_under_either_code() {
        const WHERE: &str = "check_password_restrictions: the password";
        for (code, kind) in [(53, "Unwilling to perform"), (19, "Constraint violation")] {
            let text = |words: &str| format!("0000052D: {kind} - {words}");
            let short = format!("{WHERE} is too short. It should be equal to or longer than 8 characters!");
            assert_eq!(said(code, &text(&short)), Refusal::Rule(Rule::MinimumLength { minimum: 8 }));
            let simple = format!("{WHERE} does not meet the complexity criteria!");
            assert_eq!(said(code, &text(&simple)), Refusal::Rule(Rule::Complexity));
            let used = format!("{WHERE} was already used (in history)!");
            assert_eq!(said(code, &text(&used)), Refusal::Rule(Rule::History { remembered: None }));
            let young = "check_password_restrictions: password is too young to change!";
            assert_eq!(said(code, &text(young)), Refusal::Rule(Rule::MinimumAge { not_before: None }));
        }
    }

    /// Texts of Windows that no lab of ours can produce, as people have published them; each with where. The Win32 errors are those of
    /// MS-ERREF 2.2, the codes those of RFC 4511 appendix A; Microsoft's event numbers are in its article on writeback's event log.
    #[test]
    fn rows_that_only_windows_has() {
        let rule = || Refusal::Rule(Rule::Unnamed);
        let other = Refusal::Fault;
        let rows = [
            // github.com/go-ldap/ldap/issues/451: a reset against the policy; Windows names no rule.
            (53, "0000052D: SvcErr: DSID-031A124C, problem 5003 (WILL_NOT_PERFORM), data 0\n", rule(), 33008),
            // github.com/ltb-project/self-service-password/issues/600: a change against it.
            (
                19,
                "0000052D: AtrErr: DSID-03190FD6, #1:\n\t0: 0000052D: DSID-03190FD6, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a (unicodePwd)",
                rule(),
                33008,
            ),
            // github.com/ltb-project/self-service-password/issues/83, with MS-ADTS 3.1.1.3.1.5.1: the old password is wrong.
            (
                19,
                "00000056: AtrErr: DSID-03191083, #1:\n\t0: 00000056: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a (unicodePwd)",
                other(Fault::WrongOldPassword),
                33007,
            ),
            // MS-ERREF 2.2, ERROR_ACCOUNT_LOCKED_OUT and ERROR_ACCOUNT_DISABLED, in the form of the two above.
            (
                19,
                "00000775: AtrErr: DSID-03191083, #1:\n\t0: 00000775: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a (unicodePwd)",
                other(Fault::AccountLocked),
                33006,
            ),
            (
                53,
                "00000533: SvcErr: DSID-031A124C, problem 5003 (WILL_NOT_PERFORM), data 0\n",
                other(Fault::AccountDisabled),
                33005,
            ),
            // Microsoft's article 'Troubleshoot password writeback': the account lacks a right.
            (
                50,
                "00000005: SecErr: DSID-031A1190, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n",
                other(Fault::NoPermission),
                33004,
            ),
            (
                50,
                "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n",
                other(Fault::NoPermission),
                33004,
            ),
            // MS-ADTS 3.1.1.3.4: no such object.
            (
                32,
                "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'DC=contoso,DC=test'\n",
                other(Fault::NotFound),
                33002,
            ),
            // MS-ADTS 5.1.1.1: a DC that wants LDAP to be signed, or TLS bound to Kerberos.
            (
                8,
                "00002028: LdapErr: DSID-0C0903CB, comment: The server requires binds to turn on integrity checking, data 0, v4563",
                other(Fault::DirectoryUnavailable),
                33009,
            ),
            // MS-ADTS 3.1.1.4.3: an RODC.
            (
                10,
                "0000202B: RefErr: DSID-0310078D, data 0, 1 access points\n\tref 1: 'contoso.test'\n",
                other(Fault::DirectoryUnavailable),
                33009,
            ),
            (
                1,
                "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v4563",
                other(Fault::DirectoryUnavailable),
                33009,
            ),
            // github.com/ldaptools/ldaptools/issues/27: said for many reasons, a wrong encoding and a weak cipher among them.
            (
                53,
                "0000001F: SvcErr: DSID-031A11E5, problem 5003 (WILL_NOT_PERFORM), data 0",
                Refusal::Unrecognised,
                33001,
            ),
            // github.com/ltb-project/self-service-password/issues/840.
            (
                53,
                "00002077: SvcErr: DSID-03190F9E, problem 5003 (WILL_NOT_PERFORM), data 0 ",
                Refusal::Unrecognised,
                33001,
            ),
        ];
        for (code, text, expected, number) in rows {
            let meant = said(code, text);
            assert_eq!(meant, expected, "{text}");
            let event = match meant {
                Refusal::Rule(_) => ritorno_protocol::event::EventId::AdPasswordPolicyError,
                Refusal::Fault(fault) => fault.event(),
                Refusal::Unrecognised => Fault::Unrecognised.event(),
            };
            assert_eq!(event.number(), number, "{text}");
        }
    }

    #[test]
    fn samba_texts_that_are_no_rule() {
        let wrong_old = "00000056: Constraint violation - check_password_restrictions: The old password specified doesn't match!";
        assert_eq!(said(19, wrong_old), Refusal::Fault(Fault::WrongOldPassword));
        let locked = "00000775: Password change not permitted, account locked out! at ../../source4/dsdb/samdb/ldb_modules/password_hash.c:4055:setup_io";
        assert_eq!(said(19, locked), Refusal::Fault(Fault::AccountLocked));
        let denied = "error in module acl: insufficient access rights during LDB_MODIFY (50)";
        assert_eq!(said(50, denied), Refusal::Fault(Fault::NoPermission));
        assert_eq!(said(32, "00002030: No such Base DN: CN=x"), Refusal::Fault(Fault::NotFound));
        assert_eq!(said(10, "0000202B: Referral error"), Refusal::Fault(Fault::DirectoryUnavailable));
    }

    #[test]
    fn the_unknown_stays_unknown() {
        assert_eq!(said(80, "00000057: something new"), Refusal::Unrecognised);
        assert_eq!(
            said(53, "00002035: setup_io: it's not allowed to set the NT hash password directly'"),
            Refusal::Unrecognised
        );
        assert_eq!(said(53, ""), Refusal::Unrecognised);
    }

    /// The codes after `data`, both for a simple bind (80090308) and for one by SASL (8009030C), in the words of the list 'Common Active
    /// Directory bind errors'. Those that Samba gives are produced in `tests/it/refusals.rs`; 525, 531 and 568 are of Windows alone.
    #[test]
    fn sub_codes_of_a_bind() {
        for status in ["80090308", "8009030C"] {
            for (data, expected) in [
                ("525", BindRefusal::NoSuchAccount),
                ("52e", BindRefusal::WrongPassword),
                ("530", BindRefusal::LogonHours),
                ("531", BindRefusal::Workstation),
                ("532", BindRefusal::PasswordExpired),
                ("533", BindRefusal::Disabled),
                ("568", BindRefusal::TooManyGroups),
                ("701", BindRefusal::AccountExpired),
                ("773", BindRefusal::MustChange),
                ("775", BindRefusal::Locked),
                // ERROR_ACCOUNT_RESTRICTION: seen, and said for more than one reason.
                ("52f", BindRefusal::Unrecognised),
                ("999", BindRefusal::Unrecognised),
            ] {
                let text = format!(
                    "{status}: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v4563"
                );
                assert_eq!(classify_bind(&Answer { code: 49, text }), expected, "{data}");
            }
        }
        let other = Answer { code: 53, text: "data 52e".to_owned() };
        assert_eq!(classify_bind(&other), BindRefusal::Unrecognised, "only of a refused bind");
    }
}
