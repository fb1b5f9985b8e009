//! The agent's own password (or key), once it was refused: each further try would count, and enough of them lock the service account. It is
//! tried again when its file holds another one, or after a long pause; never at once by whoever comes next.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ritorno_protocol::outcome::Fault;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use crate::error::DirectoryError;
use crate::kerberos::KerberosFault;
use crate::ldap::LdapError;
use crate::refusal::{BindRefusal, classify_bind};

/// How long a refused one rests: longer than domains count wrong passwords, so that these tries alone never lock an account.
pub(crate) const RESTS_FOR: Duration = Duration::from_secs(3_600);
/// Sign-ins under way at once: so many wrong ones there can be before the first is known to be.
const AT_ONCE: usize = 2;
/// Longest wait for a turn.
const TURN_WITHIN: Duration = Duration::from_secs(6);
/// What the operator reads with each refusal, and by which it is known.
const RESTS: &str = "is not tried again until its file holds another one or an hour has passed";

/// What is known of the agent's own password at one directory.
pub(crate) struct OwnPassword {
    turns: Semaphore,
    refused: Mutex<Option<Refused>>,
}

struct Refused {
    digest: [u8; 32],
    since: Instant,
    words: String,
}

impl Default for OwnPassword {
    fn default() -> Self {
        Self { turns: Semaphore::new(AT_ONCE), refused: Mutex::default() }
    }
}

impl OwnPassword {
    fn refused(&self) -> MutexGuard<'_, Option<Refused>> {
        // The lock guards plain values and no code that panics: a poisoned one is as good.
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn to sign in at `host`, to be kept until the answer is known.
    ///
    /// # Errors
    /// [`Fault::DirectoryUnavailable`] when those before take too long: that is ours, and says nothing of the host.
    pub(crate) async fn turn(&self, host: &str) -> Result<SemaphorePermit<'_>, DirectoryError> {
        match timeout(TURN_WITHIN, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => {
                let detail =
                    "other sign-ins of this agent took too long, so that this one's turn did not come";
                Err(DirectoryError::fault(Fault::DirectoryUnavailable, host, detail))
            }
        }
    }

    /// Whether `content` may be tried: not if it is what was refused, but once in each [`RESTS_FOR`].
    ///
    /// # Errors
    /// What the directory said when it was refused.
    pub(crate) fn may_be_tried(&self, content: &[u8], now: Instant) -> Result<(), String> {
        let mut refused = self.refused();
        match refused.as_mut() {
            Some(known) if known.digest == digest(content) => {
                if now.saturating_duration_since(known.since) < RESTS_FOR {
                    return Err(known.words.clone());
                }
                // Whoever comes meanwhile waits for what comes of this one.
                known.since = now;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Takes note of how a try of `content` ended, and adds to a refusal what follows from it.
    pub(crate) fn note(
        &self,
        content: &[u8],
        outcome: Result<(), (bool, DirectoryError)>,
        now: Instant,
    ) -> Result<(), DirectoryError> {
        match outcome {
            Ok(()) => {
                *self.refused() = None;
                Ok(())
            }
            Err((false, error)) => Err(error),
            Err((true, mut error)) => {
                let words = format!("{}; this password or key {RESTS}", error.operator().detail);
                let known = Refused { digest: digest(content), since: now, words: words.clone() };
                *self.refused() = Some(known);
                error.operator_mut().detail = words;
                Err(error)
            }
        }
    }
}

fn digest(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

/// Whether a refused sign-in may have counted as a wrong password. What the account may not do although its password is right, and what
/// a locked one is told, counts nowhere.
pub(crate) fn may_have_counted(error: &LdapError) -> bool {
    match error {
        LdapError::Kerberos { fault: KerberosFault::WrongPassword, .. } => true,
        LdapError::Refused { answer, .. } if answer.code == 49 => !matches!(
            classify_bind(answer),
            BindRefusal::LogonHours
                | BindRefusal::Workstation
                | BindRefusal::PasswordExpired
                | BindRefusal::Disabled
                | BindRefusal::AccountExpired
                | BindRefusal::MustChange
                | BindRefusal::Locked
        ),
        _ => false,
    }
}

/// Whether our own password was refused, now or before. It is tried at no other controller then.
pub(crate) fn is_refused(error: &DirectoryError) -> bool {
    error.operator().ldap_code == Some(49) && error.operator().detail.contains(RESTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> (bool, DirectoryError) {
        let mut error = DirectoryError::fault(Fault::DirectoryUnavailable, "dc1", "svc can't sign in: wrong");
        error.operator_mut().ldap_code = Some(49);
        (true, error)
    }

    #[test]
    fn a_refused_one_rests_until_another_one_comes_or_an_hour_has_passed() {
        let (own, now) = (OwnPassword::default(), Instant::now());
        assert_eq!(own.may_be_tried(b"old", now), Ok(()));
        let error = own.note(b"old", Err(refused()), now).unwrap_err();
        assert!(is_refused(&error) && error.operator().detail.starts_with("svc can't sign in: wrong; "));
        for second in 0..3_600 {
            let words = own.may_be_tried(b"old", now + Duration::from_secs(second)).unwrap_err();
            assert_eq!(words, error.operator().detail);
        }
        assert_eq!(own.may_be_tried(b"new", now), Ok(()), "its file holds another one");
        let now = now + RESTS_FOR;
        assert_eq!(own.may_be_tried(b"old", now), Ok(()), "once");
        assert!(own.may_be_tried(b"old", now).is_err(), "and not by the next one as well");
        let now = now + RESTS_FOR;
        assert_eq!(own.may_be_tried(b"old", now), Ok(()));
        own.note(b"old", Ok(()), now).unwrap();
        assert_eq!(own.may_be_tried(b"old", now), Ok(()), "it was taken");
        // What is no wrong password is left as it is.
        let (_, other) = refused();
        assert_eq!(own.note(b"old", Err((false, other.clone())), now), Err(other));
        assert_eq!(own.may_be_tried(b"old", now), Ok(()));
    }

    #[test]
    fn only_what_may_have_counted_rests() {
        let said = |data: &str| {
            let text = format!(
                "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1"
            );
            may_have_counted(&LdapError::refused("dc1", 49, &text))
        };
        for counted in ["52e", "525", "99", ""] {
            assert!(said(counted), "{counted}");
        }
        for other in ["530", "531", "532", "533", "701", "773", "775"] {
            assert!(!said(other), "{other}");
        }
        assert!(may_have_counted(&LdapError::refused("ldap1", 49, "")), "OpenLDAP says no more");
        assert!(!may_have_counted(&LdapError::refused("dc1", 8, "data 52e")));
        let by_kerberos = |fault| {
            may_have_counted(&LdapError::Kerberos { host: "dc1".into(), fault, detail: String::new() })
        };
        assert!(by_kerberos(KerberosFault::WrongPassword) && !by_kerberos(KerberosFault::Busy));
    }
}
