//! By symptom: what a code that somebody was shown means, what is likely behind it, and which checks tell.

use serde::Serialize;

/// What is known of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The code as it is usually printed.
    pub code: &'static str,
    /// The name that goes with it, where there is one.
    pub name: &'static str,
    /// What it means.
    pub means: &'static str,
    /// Causes, the likely one first.
    pub causes: &'static [&'static str],
    /// Checks that tell, by id; `person` stands for `doctor --user`.
    pub checks: &'static [&'static str],
}

/// What a code means; `None` if it is none that is known. Taken as people copy it: with or without `0x` and `SSPR_`, in any case,
/// a whole line of a domain controller's `data 775` included.
pub fn explain(code: &str) -> Option<&'static Explanation> {
    let typed = code.trim().trim_matches(['"', '\'', '.', ',', ':']);
    let wanted = normal(typed);
    let by_code = || TABLE.iter().find(|known| normal(known.code) == wanted);
    let by_name = || TABLE.iter().find(|known| !typed.is_empty() && known.name.eq_ignore_ascii_case(typed));
    by_code().or_else(by_name).or_else(|| within(typed))
}

/// Every code that is known.
pub fn all() -> &'static [Explanation] {
    TABLE
}

/// The code inside a line that a directory printed, such as `80090308: LdapErr: ..., data 775, v1db1`.
fn within(line: &str) -> Option<&'static Explanation> {
    let after_data = line.split("data ").nth(1).map(|rest| rest.split(',').next().unwrap_or(rest).trim());
    let first = line.split(':').next().map(str::trim).filter(|first| first.len() < line.len());
    // The sub-code says more than the code that heads the line.
    [after_data, first].into_iter().flatten().find_map(|part| {
        let wanted = normal(part);
        TABLE.iter().find(|known| normal(known.code) == wanted)
    })
}

fn normal(code: &str) -> String {
    let code = code.to_ascii_uppercase();
    let code = code.strip_prefix("0X").unwrap_or(&code);
    let sspr = code.strip_prefix("SSPR_").or_else(|| code.strip_prefix("SSPR-"));
    match sspr {
        Some(number) => format!("SSPR{}", number.trim_start_matches('0')),
        None => code.trim_start_matches('0').to_owned(),
    }
}

macro_rules! table {
    ($($code:literal, $name:literal, $means:literal, [$($cause:literal),* $(,)?], [$($check:literal),* $(,)?];)*) => {
        const TABLE: &[Explanation] = &[$(Explanation {
            code: $code, name: $name, means: $means, causes: &[$($cause),*], checks: &[$($check),*],
        }),*];
    };
}

// Codes of the portal, numbers of the event log, result codes of Microsoft's agent (whoever comes from there searches for them), and
// what domain controllers say (MS-ERREF 2.2 and 2.3.1; sub-codes of a refused bind as documented for Active Directory).
table! {
    "SSPR_0009", "TenantSSPRFlagDisabled", "Self-service reset is switched off for the whole tenant.",
        ["an administrator switched it off, or has not switched it on yet"], ["writeback-switches"];
    "SSPR_0010", "WritebackNotEnabled", "Writeback is off at the agent or in the tenant.",
        ["one of the two switches is off", "the agent is in staging"], ["writeback-switches"];
    "SSPR_0011", "SsprNotEnabledInUserPolicy", "The person may not reset: disabled in the tenant, or not one of the directory's people.",
        ["the account is disabled", "the person is cloud-only", "the sync has not carried them yet"], ["person", "first-sync"];
    "SSPR_0012", "UserNotLicensed", "The person has no licence for it.",
        ["no licence is assigned", "the usage location is missing"], ["person"];
    "SSPR_0013", "UserNotMemberOfScopedAccessGroup", "Only a group may reset, and the person is not in it.",
        ["the person is not a member, not even by way of another group", "the sync has not carried the membership yet"], ["person"];
    "SSPR_0014", "UserNotProperlyConfigured", "Fewer methods are registered than the policy asks for.",
        ["no alternate address is in the directory, and none was registered", "the address is the mailbox that the password locks"], ["person"];
    "SSPR_0029", "OnPremisesAdminActionRequired", "Somebody has to act in the directory: the account, or the agent's rights to it.",
        ["the agent's account lacks a right on this person", "the account is a protected one (adminCount, an administrators' group)", "the object is outside the agent's scope", "anchor, GUID and SID do not name one object any more"], ["person"];
    "SSPR_0030", "OnPremisesConnectivityError", "No agent is connected, or none reaches the PDC emulator.",
        ["the agent's service does not run", "a firewall or proxy holds the link back", "the PDC emulator is down or out of reach"], ["pdc-emulator", "server-https", "writeback-switches"];

    "31003", "PasswordResetFail", "A reset failed. The event before it, 33001 to 33009, has the reason.",
        ["see the event with the same request id"], ["person"];
    "31008", "ChangePasswordFail", "A change failed. The event before it has the reason.",
        ["the old password was wrong", "the person may not change the password", "the policy refused the new one"], ["person"];
    "31011", "ResetUserPasswordByAdminFail", "A reset by an administrator failed. The event before it has the reason.",
        ["see the event with the same request id"], ["person"];
    "31014", "OffboardingEventFail", "Writeback could not be switched off at the agent, or its keys could not be destroyed.",
        ["the state folder can't be written; the event names the file"], ["writeback-switches"];
    "31034", "ServiceBusListenerError", "The link to the cloud side could not be made.",
        ["DNS, a firewall or a proxy", "the proxy inspects TLS, and its authority is not in ca_file", "the agent was revoked"], ["server-https", "clock-skew"];
    "31044", "PasswordResetService", "The service is not healthy: it has no link, or reaches no PDC emulator.",
        ["the same as 31034", "the PDC emulator is out of reach"], ["server-https", "pdc-emulator"];
    "32001", "ServiceError", "The cloud side can't be reached.",
        ["DNS, a firewall or a proxy", "its certificate is not trusted", "the clock is off"], ["server-https", "clock-skew"];
    "32002", "ServiceBusError", "The relay can't be reached.",
        ["a firewall or proxy lets HTTPS through and no WebSocket", "the server restarts"], ["server-https"];
    "32003", "InPutValidationError", "A request did not hold what its operation needs.",
        ["agent and cloud side are more than one version apart"], ["server-https"];
    "32004", "DecryptionError", "No key of this agent opens the envelope, or it was altered.",
        ["the page was open since before the agent enrolled again", "the agent's sealing key was lost or put back from a backup"], ["writeback-switches"];
    "32005", "ConfigurationError", "The configuration could not be read, or the state folder or the event log not written.",
        ["the line or the file that the message names"], [];
    "32008", "ValidationError", "An order did not hold: its signature, its time, its agent or its journal.",
        ["the clock is off", "the journal was put back from a backup: orders from before it are refused", "the agent enrolled again"], ["clock-skew"];
    "32009", "AuthTokenError", "Nobody confirmed that writeback is to be switched on.",
        ["nobody typed the code at the console within its time", "whoever did is not a cloud-only global administrator"], ["writeback-switches"];
    "32010", "CryptoError", "A key could not be made, read or used.",
        ["the state folder is not readable or its disk is full"], [];
    "32011", "OnBoardingServiceError", "Switching writeback on failed.",
        ["the server refused; the event has its words", "the agent was revoked"], ["writeback-switches"];
    "32014", "ServiceBusWarning", "The link was lost and is being made again.",
        ["a lossy network", "a middlebox that cuts idle connections sooner than after 20 seconds", "the server restarted"], ["server-https"];
    "32015", "ReportServiceHealthError", "Health could not be reported to the cloud side.",
        ["the link was down"], ["server-https"];
    "33001", "ADUnKnownError", "The directory refused for a reason that is in no table. Its own words are in the event.",
        ["a password filter on the domain controller", "a limit of the agent's own"], ["person"];
    "33002", "ADUserNotFoundError", "The person's object is not where the tenant thinks it is.",
        ["it was deleted, or moved out of the agent's scope", "no full import and full sync has completed since"], ["person", "first-sync"];
    "33003", "ADMutliMatchError", "Two enabled accounts carry one source anchor.",
        ["the person has an enabled account in two forests", "an account was copied with its mS-DS-ConsistencyGuid"], ["person"];
    "33004", "ADPermissionsError", "The agent's account may not do it, or the account is protected.",
        ["Reset Password is not granted on this person's OU, or inheritance is broken there", "the account is or was an administrator (adminCount)", "a recent grant has not replicated to the PDC emulator"], ["person"];
    "33005", "ADUserAccountDisabled", "The account is disabled in the directory.",
        ["an administrator disabled it"], ["person"];
    "33006", "ADUserAccountLockedOut", "The account is locked in the directory.",
        ["wrong passwords, often from a phone or a service that still has the old one"], ["person"];
    "33007", "ADUserIncorrectPassword", "The old password was wrong.",
        ["it was mistyped", "it had been replaced meanwhile"], ["person"];
    "35001", "DoctorCheckFailed", "A check of the running agent's doctor turned to a warning or a failure.",
        ["what the event says; `ritorno-agent doctor` looks again, with what mends it"], [];
    "35002", "DoctorCheckRecovered", "A check of the running agent's doctor passes again.",
        ["it was mended, or what was down is back"], [];
    "33008", "ADPasswordPolicyError", "The password policy refused the new password.",
        ["minimum age, length, complexity or history; the outcome names the rule", "it is in a list of breached passwords that this agent has", "a password filter on the domain controller"], ["person", "policy-hints"];
    "33009", "ADConfigurationError", "The directory can't be reached, or is not set up as it should be.",
        ["the PDC emulator is out of reach", "its certificate is not trusted", "the agent's account can't sign in", "a list under [passwords] can't be read: `ritorno-agent check-config` names it"], ["pdc-emulator"];

    "80230619", "", "A restriction of the directory refuses this password.",
        ["minimum age, history, length or complexity", "'user cannot change password' is set", "a password filter"], ["person", "policy-hints"];
    "80230626", "", "The directory denied the agent's account.",
        ["Reset Password or a write to lockoutTime or pwdLastSet is not granted on this person", "inheritance is broken, or adminCount is set"], ["person"];
    "8023061F", "", "Writeback was not on for that forest. Here a forest needs no new enabling.",
        ["the forest is not in this agent's configuration"], ["writeback-switches"];
    "8023062C", "", "The connection to the directory was not sealed. Here none is ever made that is not.",
        ["transport of the [[forest]] does not fit the domain controller"], ["pdc-emulator"];
    "80230402", "", "Two objects carry one source anchor.",
        ["one person is enabled in two domains", "an account was copied with its anchor"], ["person"];
    "800700CE", "", "The password of Microsoft's agent account was too long. Here there is no such limit.",
        ["does not apply"], [];

    "0000052D", "ERROR_PASSWORD_RESTRICTION", "The domain controller's policy refused the password.",
        ["length, complexity, history or minimum age", "a password filter"], ["person", "policy-hints"];
    "00000056", "ERROR_INVALID_PASSWORD", "The old password was wrong.",
        ["it was mistyped"], ["person"];
    "00000005", "ERROR_ACCESS_DENIED", "The agent's account lacks the right.",
        ["Reset Password is not granted on this person"], ["person"];
    "00002098", "ERROR_DS_INSUFF_ACCESS_RIGHTS", "The agent's account may not write an attribute.",
        ["lockoutTime or pwdLastSet is not granted on this person"], ["person"];
    "0000202B", "ERROR_DS_REFERRAL", "A read-only domain controller was asked to write.",
        ["the forest's PDC emulator was not found, and a read-only controller is pinned"], ["pdc-emulator"];
    "00002030", "ERROR_DS_NO_SUCH_OBJECT", "The object is not there any more.",
        ["it was deleted or moved out of sight of the agent's account"], ["person", "first-sync"];
    "0000001F", "ERROR_GEN_FAILURE", "The domain controller will not take a password over this connection, or from this request.",
        ["the connection was not encrypted well enough for it"], ["pdc-emulator"];
    "52E", "ERROR_LOGON_FAILURE", "Wrong password, or no such account.",
        ["for the agent's own account: its password file is not what the directory has"], ["pdc-emulator"];
    "530", "ERROR_INVALID_LOGON_HOURS", "The account may not sign in at this hour.",
        ["logon hours are set for it"], ["person"];
    "531", "ERROR_INVALID_WORKSTATION", "The account may not sign in from this machine.",
        ["its list of workstations lacks the agent's host"], ["person"];
    "532", "ERROR_PASSWORD_EXPIRED", "The password was right and has expired.",
        ["its maximum age is over"], ["person"];
    "533", "ERROR_ACCOUNT_DISABLED", "The password was right and the account is disabled.",
        ["an administrator disabled it"], ["person"];
    "701", "ERROR_ACCOUNT_EXPIRED", "The password was right and the account's end date has passed.",
        ["accountExpires"], ["person"];
    "773", "ERROR_PASSWORD_MUST_CHANGE", "The password was right and must be changed first.",
        ["an administrator set it", "Unexpire Password is not granted, so that each reset leaves it so"], ["person"];
    "775", "ERROR_ACCOUNT_LOCKED_OUT", "The account is locked; whether the password was right can't be told.",
        ["wrong passwords, often from a phone or a service that still has the old one"], ["person"];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_found_as_people_copy_them() {
        let code = |typed| explain(typed).map(|found| found.code);
        for typed in ["SSPR_0029", "sspr_0029", "SSPR_29", "  SSPR_0029. "] {
            assert_eq!(code(typed), Some("SSPR_0029"), "{typed}");
        }
        for typed in ["80230619", "0x80230619", "0X80230619"] {
            assert_eq!(code(typed), Some("80230619"), "{typed}");
        }
        assert_eq!(code("0000052D"), Some("0000052D"));
        assert_eq!(code("52d"), Some("0000052D"));
        assert_eq!(code("adpermissionserror"), Some("33004"));
        let bind = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 775, v1db1";
        assert_eq!(code(bind), Some("775"));
        assert_eq!(
            code("0000052D: Constraint violation - check_password_restrictions: too short"),
            Some("0000052D")
        );
        for nothing in ["", "0", "29", "99999", "data", "data ,", "hello: world"] {
            assert_eq!(code(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn no_code_is_there_twice_and_none_is_empty() {
        let codes: BTreeSet<String> = all().iter().map(|known| normal(known.code)).collect();
        assert_eq!(codes.len(), all().len());
        assert!(all().iter().all(|known| !known.means.is_empty() && !known.causes.is_empty()));
    }
}
