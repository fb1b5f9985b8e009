//! A refusal as the person reads it: what is so, since when, what to do now, and the codes for the help desk.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::SupportCode;
use ritorno_protocol::outcome::{Fault, SsprCode};
use ritorno_relay::dispatch_error::DispatchError;
use ritorno_relay::tenant_state::TenantState;

use crate::i18n::{key, machine_moment, moment};

/// A refusal, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code, where there is one.
    pub code: Option<SsprCode>,
    /// The key of what is so.
    pub told: &'static str,
    /// The key of what to do now.
    pub todo: &'static str,
    /// Since when.
    pub since: Option<Moment>,
    /// For the help desk.
    pub support_code: SupportCode,
}

/// A moment, for people and for machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For people.
    pub text: String,
    /// For `datetime` attributes.
    pub machine: String,
}

impl Moment {
    /// Both faces of `at`.
    pub fn new(at: Timestamp) -> Self {
        Self { text: moment(at), machine: machine_moment(at) }
    }
}

/// The keys of what is so and what to do.
pub const fn words(code: SsprCode) -> (&'static str, &'static str) {
    match code {
        SsprCode::TenantDisabled => (key("sspr-0009"), key("sspr-0009-todo")),
        SsprCode::WritebackNotEnabled => (key("sspr-0010"), key("sspr-0010-todo")),
        SsprCode::NotEnabledInPolicy => (key("sspr-0011"), key("sspr-0011-todo")),
        SsprCode::NotLicensed => (key("sspr-0012"), key("sspr-0012-todo")),
        SsprCode::NotInGroup => (key("sspr-0013"), key("sspr-0013-todo")),
        SsprCode::NotProperlyConfigured => (key("sspr-0014"), key("sspr-0014-todo")),
        SsprCode::OnPremisesAdminActionRequired => (key("sspr-0029"), key("sspr-0029-todo")),
        SsprCode::OnPremisesConnectivity => (key("sspr-0030"), key("sspr-0030-todo")),
    }
}

/// The keys of what is so and what to do, for a code as stored. A code that nobody knows is one for an administrator.
pub fn words_of(code: &str) -> (&'static str, &'static str) {
    let known = serde_json::from_value(serde_json::Value::String(code.to_owned()));
    words(known.unwrap_or(SsprCode::OnPremisesAdminActionRequired))
}

/// The code for what is true of the whole tenant, and since when; `None` if resets are possible.
pub const fn code_of_state(state: &TenantState) -> Option<(SsprCode, Option<Timestamp>)> {
    match state {
        TenantState::Ready => None,
        TenantState::WritebackOff => Some((SsprCode::WritebackNotEnabled, None)),
        TenantState::NoAgent { since } => Some((SsprCode::OnPremisesConnectivity, *since)),
        TenantState::PdcUnreachable { since, .. } => Some((SsprCode::OnPremisesConnectivity, Some(*since))),
    }
}

impl Refusal {
    /// A refusal with a stable code.
    pub fn coded(code: SsprCode, since: Option<Timestamp>, support_code: SupportCode) -> Self {
        let (told, todo) = words(code);
        Self { code: Some(code), told, todo, since: since.map(Moment::new), support_code }
    }

    /// A request that provably changed nothing.
    pub fn of_fault(fault: &Fault, support_code: SupportCode) -> Self {
        let (told, todo) = match fault {
            Fault::AccountDisabled => (key("fault-account-disabled"), key("fault-account-disabled-todo")),
            // Locked, or so near it that nothing is tried any more.
            Fault::AccountLocked => (key("fault-account-locked"), key("fault-account-locked-todo")),
            Fault::Expired | Fault::Replayed => (key("fault-expired"), key("fault-expired-todo")),
            Fault::WrongOldPassword => (key("fault-wrong-old"), key("fault-wrong-old-todo")),
            Fault::LimitReached => (key("fault-busy"), key("fault-busy-todo")),
            Fault::EnvelopeUnreadable => (key("fault-tampered"), key("fault-tampered-todo")),
            other => words(other.sspr_code().unwrap_or(SsprCode::OnPremisesAdminActionRequired)),
        };
        Self { code: fault.sspr_code(), told, todo, since: None, support_code }
    }

    /// What was sealed can be opened by nobody any more, since the keys that the page had were replaced: a new page has the new ones.
    pub const fn keys_renewed(support_code: SupportCode) -> Self {
        let (told, todo) = (key("fault-keys-renewed"), key("fault-keys-renewed-todo"));
        Self { code: None, told, todo, since: None, support_code }
    }

    /// It was sent from the page of a reset that another one has followed in the same browser.
    pub const fn of_another_tab(support_code: SupportCode) -> Self {
        let (told, todo) = (key("fault-other-tab"), key("fault-other-tab-todo"));
        Self { code: None, told, todo, since: None, support_code }
    }

    /// A question or request that never reached a directory. A failed database is not told so: what it means depends on
    /// what was asked.
    pub fn of_dispatch(error: &DispatchError, support_code: SupportCode) -> Self {
        let plain =
            |told, todo| Self { code: None, told, todo, since: None, support_code: support_code.clone() };
        match error {
            DispatchError::NotHybrid => Self::coded(SsprCode::NotEnabledInPolicy, None, support_code),
            DispatchError::Unavailable(state) => {
                // Ready for somebody, but not for this person's forest.
                let unreachable = (SsprCode::OnPremisesConnectivity, None);
                let (code, since) = code_of_state(state).unwrap_or(unreachable);
                Self::coded(code, since, support_code)
            }
            DispatchError::Busy => plain(key("fault-busy"), key("fault-busy-todo")),
            DispatchError::Envelope | DispatchError::AnotherRequest => {
                plain(key("fault-tampered"), key("fault-tampered-todo"))
            }
            DispatchError::Expired => plain(key("fault-expired"), key("fault-expired-todo")),
            DispatchError::StepTaken => plain(key("flow-ended-told"), key("fault-expired-todo")),
            DispatchError::Unsettled => plain(key("fault-unsettled"), key("fault-unsettled-todo")),
            DispatchError::TimedOut | DispatchError::Keyring(_) | DispatchError::Ledger(_) => {
                Self::coded(SsprCode::OnPremisesConnectivity, None, support_code)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_the_tenant_has_its_code_and_its_moment() {
        let at = Timestamp::from_unix_ms(1_800_000_000_000);
        assert_eq!(code_of_state(&TenantState::Ready), None);
        let away = TenantState::NoAgent { since: Some(at) };
        assert_eq!(code_of_state(&away), Some((SsprCode::OnPremisesConnectivity, Some(at))));
        let off = code_of_state(&TenantState::WritebackOff);
        assert_eq!(off, Some((SsprCode::WritebackNotEnabled, None)));
        let told = Refusal::coded(SsprCode::OnPremisesConnectivity, Some(at), SupportCode("S".into()));
        assert_eq!(told.since.unwrap().text, "2027-01-15 08:00 UTC");
    }

    #[test]
    fn stored_code_finds_its_words() {
        assert_eq!(words_of("SSPR_0014"), ("sspr-0014", "sspr-0014-todo"));
        assert_eq!(words_of("SSPR_9999"), ("sspr-0029", "sspr-0029-todo"));
    }
}
