//! Whether a password is right: one bind on a connection of its own.

use std::time::Duration;

use ritorno_protocol::secret::Password;

use super::attempts::{Browser, Room};
use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::kerberos::KerberosFault;
use crate::ldap::{LdapError, Transport};
use crate::operations::locate::Person;
use crate::refusal::{BindRefusal, classify_bind};
use crate::root_dse::RootDse;

/// What the directory says to a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Right.
    Accepted,
    /// Taken, or taken but for what else the account may not do, and the password was replaced less than [`REPLACED_STAYS`] ago: it may be
    /// the one before.
    ReplacedLately,
    /// Wrong.
    WrongPassword,
    /// Right, but it has expired.
    PasswordExpired,
    /// Right, but it must be changed first.
    MustChange,
    /// Right, but the account's end date has passed.
    AccountExpired,
    /// The account is disabled.
    Disabled,
    /// The account is locked: nothing is known about the password.
    Locked,
    /// Not at this hour.
    LogonHours,
    /// Not from this machine.
    Workstation,
    /// Not tried: a wrong one would come too close to locking the account.
    TooCloseToLockout,
}

/// What the operator is told beside Kerberos's own words.
const NO_SERVICE: &str = ": the agent's account needs a service principal name, so that a ticket for it proves who was asked; `ritorno-agent \
                          prepare` prints the line";
const EXPIRED: &str = ": over Kerberos nothing proves a password that has expired or must be changed";

impl SignIn {
    /// Whether the directory says so to the right password only; the one before can be among those that it takes.
    const fn proves_the_password(self) -> bool {
        match self {
            Self::Accepted
            | Self::PasswordExpired
            | Self::MustChange
            | Self::AccountExpired
            | Self::LogonHours
            | Self::Workstation => true,
            Self::ReplacedLately
            | Self::WrongPassword
            | Self::Disabled
            | Self::Locked
            | Self::TooCloseToLockout => false,
        }
    }
}

/// How long a directory may go on taking the password before: by default an hour, with Samba (`old password allowed period`)
/// as with Windows (`OldPasswordAllowedPeriod`, KB 906305); and the five minutes by which Kerberos lets clocks differ.
pub const REPLACED_STAYS: Duration = Duration::from_secs(65 * 60);

impl Directory {
    /// [`Directory::verify_in`] a browser that is known.
    ///
    /// # Errors
    /// As there.
    pub async fn verify(&self, person: &Person, password: &Password) -> Result<SignIn, DirectoryError> {
        self.verify_in(person, password, Browser::Known).await
    }

    /// Tries a password with one bind, or by Kerberos where that is the transport. Attempts for one person wait for each other, and none is made that could bring the account
    /// within one wrong password of being locked; from a browser that is not known, none that could bring it beyond half the way there.
    ///
    /// # Errors
    /// What kept us from asking, or an answer that is in no table.
    pub async fn verify_in(
        &self,
        person: &Person,
        password: &Password,
        browser: Browser,
    ) -> Result<SignIn, DirectoryError> {
        if password.expose().is_empty() {
            return Ok(SignIn::WrongPassword);
        }
        let _turn = self.inner.attempts.turn(person.object_guid, self.inner.config.timeout).await?;
        let mut lease = self.lease().await?;
        lease.is_the_pdc()?;
        let pdc = std::sync::Arc::clone(&lease.pdc);
        let room = lease.room(person, browser, self.inner.clock.now()).await?;
        lease.finish().await;
        match room {
            Room::Free => {}
            Room::Locked => return Ok(SignIn::Locked),
            Room::TooClose => return Ok(SignIn::TooCloseToLockout),
        }
        let said = if self.transport() == Transport::Kerberos {
            self.by_kerberos(&pdc, person, password).await?
        } else {
            self.by_bind(&pdc, person, password).await?
        };
        if !said.proves_the_password() {
            return Ok(said);
        }
        // Read after it was tried: it may have been replaced just before.
        let version = self.password_version(person).await?;
        let replaced = version.may_have_replaced(self.inner.clock.now().minus(REPLACED_STAYS));
        Ok(if replaced { SignIn::ReplacedLately } else { said })
    }

    async fn by_bind(
        &self,
        pdc: &RootDse,
        person: &Person,
        password: &Password,
    ) -> Result<SignIn, DirectoryError> {
        let mut connection = self.fresh_connection(pdc).await?;
        let answer = connection.bind(&person.dn, password.expose(), self.inner.config.timeout).await;
        connection.close().await;
        Ok(match answer {
            Ok(()) => SignIn::Accepted,
            Err(LdapError::Refused { host, answer }) => match classify_bind(&answer) {
                BindRefusal::WrongPassword | BindRefusal::NoSuchAccount => SignIn::WrongPassword,
                BindRefusal::PasswordExpired => SignIn::PasswordExpired,
                BindRefusal::MustChange => SignIn::MustChange,
                BindRefusal::AccountExpired => SignIn::AccountExpired,
                BindRefusal::Disabled => SignIn::Disabled,
                BindRefusal::Locked => SignIn::Locked,
                BindRefusal::LogonHours => SignIn::LogonHours,
                BindRefusal::Workstation => SignIn::Workstation,
                BindRefusal::TooManyGroups | BindRefusal::Unrecognised => {
                    return Err(DirectoryError::read(&LdapError::Refused { host, answer }));
                }
            },
            Err(error) => return Err(DirectoryError::read(&error)),
        })
    }

    /// A right password is proved; a refusal by a key distribution centre is not, since whoever stands on the way can make one up. So
    /// nothing that follows from a right password follows from a refusal, and why the account was refused is read over the sealed connection.
    async fn by_kerberos(
        &self,
        pdc: &RootDse,
        person: &Person,
        password: &Password,
    ) -> Result<SignIn, DirectoryError> {
        let Err(error) = self.try_by_kerberos(pdc, &person.account_name, password).await? else {
            return Ok(SignIn::Accepted);
        };
        match error.fault {
            KerberosFault::WrongPassword | KerberosFault::UnknownAccount => return Ok(SignIn::WrongPassword),
            KerberosFault::Revoked => {
                let state = self.state(person).await?;
                for (is, said) in [
                    (state.locked, SignIn::Locked),
                    (state.disabled, SignIn::Disabled),
                    (state.expired, SignIn::AccountExpired),
                ] {
                    if is {
                        return Ok(said);
                    }
                }
            }
            _ => {}
        }
        let hint = match error.fault {
            // KDC_ERR_S_PRINCIPAL_UNKNOWN: accounts that have no service get no tickets made for them.
            KerberosFault::UnknownService => NO_SERVICE,
            KerberosFault::PasswordExpired => EXPIRED,
            _ => "",
        };
        let host = pdc.host.clone();
        let mut error =
            DirectoryError::read(&LdapError::Kerberos { host, fault: error.fault, detail: error.words });
        error.operator_mut().detail.push_str(hint);
        Err(error)
    }
}
