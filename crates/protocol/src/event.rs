//! Event numbers: Microsoft's, so that an administrator's filters and habits go on working, and two of our own above them.

use serde::{Deserialize, Serialize};

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// A number of the event log's table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "u16", try_from = "u16")]
        pub enum EventId { $($(#[$doc])* $variant,)* }

        impl EventId {
            /// Every number there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number, 31001 to 35002.
            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }

            /// The name that Microsoft's table gives it, where it is one of that.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

events! {
    /// A reset request came in.
    PasswordResetStart = 31001, "PasswordResetStart";
    /// A reset was written.
    PasswordResetSuccess = 31002, "PasswordResetSuccess";
    /// A reset failed.
    PasswordResetFail = 31003, "PasswordResetFail";
    /// Switching writeback on began.
    OnboardingStart = 31004, "OnboardingEventStart";
    /// Writeback is on.
    OnboardingSuccess = 31005, "OnboardingEventSuccess";
    /// A change request came in.
    ChangePasswordStart = 31006, "ChangePasswordStart";
    /// A change was written.
    ChangePasswordSuccess = 31007, "ChangePasswordSuccess";
    /// A change failed.
    ChangePasswordFail = 31008, "ChangePasswordFail";
    /// An administrator's reset came in.
    AdminResetStart = 31009, "ResetUserPasswordByAdminStart";
    /// An administrator's reset was written.
    AdminResetSuccess = 31010, "ResetUserPasswordByAdminSuccess";
    /// An administrator's reset failed.
    AdminResetFail = 31011, "ResetUserPasswordByAdminFail";
    /// Switching writeback off began.
    OffboardingStart = 31012, "OffboardingEventStart";
    /// Writeback is off.
    OffboardingSuccess = 31013, "OffboardingEventSuccess";
    /// Switching writeback off failed.
    OffboardingFail = 31014, "OffboardingEventFail";
    /// The agent takes requests.
    ServiceStarted = 31015, "WriteBackServiceStarted";
    /// The agent takes no more requests.
    ServiceStopped = 31016, "WriteBackServiceStopped";
    /// A cloud-only administrator confirmed.
    AuthTokenSuccess = 31017, "AuthTokenSuccess";
    /// Keys were made.
    KeyPairCreation = 31018, "KeyPairCreationSuccess";
    /// The link to the relay is alive.
    Heartbeat = 31019, "ServiceBusHeartBeat";
    /// The link could not be made.
    ListenerError = 31034, "ServiceBusListenerError";
    /// The service is not healthy.
    ServiceUnhealthy = 31044, "PasswordResetService";
    /// Something that has no number of its own.
    UnknownError = 32000, "UnknownError";
    /// The cloud side can't be reached.
    ServiceError = 32001, "ServiceError";
    /// The relay can't be reached.
    RelayError = 32002, "ServiceBusError";
    /// Bad input.
    InputValidationError = 32003, "InPutValidationError";
    /// An envelope could not be opened.
    DecryptionError = 32004, "DecryptionError";
    /// Configuration could not be read or saved.
    ConfigurationError = 32005, "ConfigurationError";
    /// A message of the cloud side did not hold.
    ValidationError = 32008, "ValidationError";
    /// No administrator confirmed.
    AuthTokenError = 32009, "AuthTokenError";
    /// A key could not be made or used.
    CryptoError = 32010, "CryptoError";
    /// Switching on failed.
    OnboardingServiceError = 32011, "OnBoardingServiceError";
    /// The link was lost and is tried again.
    RelayWarning = 32014, "ServiceBusWarning";
    /// Health could not be reported.
    HealthReportError = 32015, "ReportServiceHealthError";
    /// A directory error of unknown kind.
    AdUnknownError = 33001, "ADUnKnownError";
    /// The person is not in the directory.
    AdUserNotFound = 33002, "ADUserNotFoundError";
    /// Two objects for one anchor.
    AdMultipleMatchError = 33003, "ADMutliMatchError";
    /// The agent's account lacks rights.
    AdPermissionsError = 33004, "ADPermissionsError";
    /// The account is disabled.
    AdUserAccountDisabled = 33005, "ADUserAccountDisabled";
    /// The account is locked.
    AdUserAccountLockedOut = 33006, "ADUserAccountLockedOut";
    /// The old password is wrong.
    AdUserIncorrectPassword = 33007, "ADUserIncorrectPassword";
    /// The policy refused the password.
    AdPasswordPolicyError = 33008, "ADPasswordPolicyError";
    /// The directory is not set up as it should be, or can't be reached.
    AdConfigurationError = 33009, "ADConfigurationError";
    /// A check of the agent's doctor turned to a warning or a failure.
    CheckFailed = 35001, "DoctorCheckFailed";
    /// A check of the agent's doctor passes again.
    CheckRecovered = 35002, "DoctorCheckRecovered";
}

impl From<EventId> for u16 {
    fn from(event: EventId) -> Self {
        event.number()
    }
}

/// A number that is not in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no event number {0}")]
pub struct UnknownEvent(pub u16);

impl TryFrom<u16> for EventId {
    type Error = UnknownEvent;

    fn try_from(number: u16) -> Result<Self, UnknownEvent> {
        Self::ALL.iter().copied().find(|event| event.number() == number).ok_or(UnknownEvent(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_found_again() {
        for event in EventId::ALL {
            assert_eq!(EventId::try_from(event.number()), Ok(*event));
        }
    }
}
