//! A new password without the old one.

use ritorno_protocol::outcome::{Done, Fault};
use ritorno_protocol::policy::{Rule, Vendor};
use ritorno_protocol::secret::Password;
use tokio::time::Instant;

use super::{done, timed};
use crate::error::DirectoryError;
use crate::forest::{Directory, Lease};
use crate::identity::guid_dn;
use crate::ldap::{Change, ChangeKind, Modify, unicode_pwd};
use crate::operations::locate::Person;

/// What else a reset does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetOptions {
    /// The person must change it at the next sign-in.
    pub must_change: bool,
}

impl Directory {
    /// Sets a new password, and clears the lockout if there was one when the person was located, in one modify that is sent once. History and minimum age hold
    /// where the DC knows the policy-hints control.
    ///
    /// Where the account may not write what goes with the password, the password alone is written, and [`Done`] says what was left
    /// out. Judging the account comes first and is the caller's ([`Directory::judge`]).
    ///
    /// # Errors
    /// [`DirectoryError`]; `Unknown` when no answer came.
    pub async fn reset(
        &self,
        person: &Person,
        new: &Password,
        options: ResetOptions,
    ) -> Result<Done, DirectoryError> {
        let since = Instant::now();
        let mut lease = self.lease().await?;
        let outcome = lease.reset(person, new, options, since).await;
        let outcome = match outcome {
            Err(error) => Err(timed(lease.explain(person, error).await, since)),
            Ok(done) => Ok(done),
        };
        let written = lease.written(person, &outcome).await;
        let outcome = lease.noted(outcome);
        lease.finish().await;
        self.when_shown(person, outcome, written).await
    }
}

impl Lease<'_> {
    /// That it goes to the very database that the person was read from: a version is compared later with that one's.
    ///
    /// # Errors
    /// [`Fault::DirectoryUnavailable`]: another controller took over meanwhile; nothing was written.
    pub(super) fn is_where(&self, person: &Person) -> Result<(), DirectoryError> {
        if self.pdc.invocation_id == person.read_from {
            return Ok(());
        }
        let detail = "it took over after the person had been read at another controller; nothing was written";
        Err(DirectoryError::fault(Fault::DirectoryUnavailable, &self.pdc.host, detail))
    }

    async fn reset(
        &mut self,
        person: &Person,
        new: &Password,
        options: ResetOptions,
        since: Instant,
    ) -> Result<Done, DirectoryError> {
        let target = guid_dn(&person.object_guid);
        let before = &person.entry;
        let locked = person.is_locked();
        let counted = before.integer("lockoutTime").is_some_and(|time| time != 0);
        let mut extras = Vec::new();
        if counted {
            extras.push(("lockoutTime", "0"));
        }
        if options.must_change {
            extras.push(("pwdLastSet", "0"));
        }
        if !extras.is_empty() {
            let allowed = self.read(&target, &["allowedAttributesEffective"]).await?;
            extras.retain(|(name, _)| allowed.has("allowedAttributesEffective", name));
        }
        self.is_where(person)?;
        let hints: Vec<_> = self.pdc.hints().into_iter().collect();
        // Samba 4.24 holds the minimum age against the `pwdLastSet` of the same modify when it gets the hints, and refuses
        // with 'too young'. There it follows in a modify of its own.
        let apart = self.pdc.vendor == Vendor::Samba && !hints.is_empty();
        let (after, with): (Vec<_>, Vec<_>) =
            extras.into_iter().partition(|(name, _)| apart && *name == "pwdLastSet");

        let value = || Change {
            kind: ChangeKind::Replace,
            attribute: "unicodePwd",
            value: unicode_pwd(new.expose()),
        };
        let modify = |changes| Modify { dn: target.clone(), changes };
        let all = std::iter::once(value()).chain(replacements(&with)).collect();
        let mut wrote = with.clone();
        match self.write(&modify(all), &hints).await {
            // A refused modify changed nothing: once more with the password alone.
            Err(DirectoryError::NotApplied { fault: Fault::NoPermission, .. }) if !with.is_empty() => {
                wrote.clear();
                self.write(&modify(vec![value()]), &hints).await?;
            }
            written => written?,
        }
        // The password is set: what fails from here on is told, and takes nothing back.
        if !after.is_empty() && self.write(&modify(replacements(&after).collect()), &[]).await.is_ok() {
            wrote.extend(after);
        }
        let wrote = |name: &str| wrote.iter().any(|(written, _)| *written == name);
        let unlocked = !locked || wrote("lockoutTime");
        let detail = match (unlocked, options.must_change == wrote("pwdLastSet")) {
            (true, true) => "",
            (false, true) => "not unlocked: lockoutTime could not be written",
            (true, false) => "can be used without a change: pwdLastSet could not be written",
            (false, false) => "not unlocked, and can be used without a change: neither could be written",
        };
        Ok(done(&self.pdc.host, since, unlocked, wrote("pwdLastSet"), !hints.is_empty(), detail))
    }

    /// Sends a modify, once.
    pub(super) async fn write(
        &mut self,
        modify: &Modify,
        controls: &[crate::ldap::Control],
    ) -> Result<(), DirectoryError> {
        let limit = self.timeout();
        self.connection.modify(modify, controls, limit).await.map_err(|error| DirectoryError::write(&error))
    }

    /// Fills in what a refused rule leaves out and the policy knows. If that can't be read, the refusal stays as it is.
    pub(super) async fn explain(&mut self, person: &Person, mut error: DirectoryError) -> DirectoryError {
        if let DirectoryError::Refused { rule, .. } = &mut error
            && matches!(rule, Rule::History { .. } | Rule::MinimumAge { .. })
            && let Ok((policy, _)) = self.policy(person).await
        {
            match rule {
                Rule::History { remembered } => {
                    *remembered = Some(policy.history).filter(|history| *history > 0)
                }
                Rule::MinimumAge { not_before } => *not_before = policy.not_before,
                _ => {}
            }
        }
        error
    }
}

fn replacements(extras: &[(&'static str, &str)]) -> impl Iterator<Item = Change> {
    extras.iter().map(|(name, value)| Change::replace(name, value))
}
