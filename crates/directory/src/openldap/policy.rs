//! The policy that holds for one person (draft-behera-ldap-password-policy-10 section 5.2), as slapo-ppolicy(5) applies it.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Rule, Vendor};

use super::moment::moment;
use super::{Lease, OpenLdap, Person};
use crate::error::DirectoryError;
use crate::identity::leaf_name;
use crate::ldap::Entry;
use crate::operations::effective_policy::Lockout;

const ATTRIBUTES: [&str; 10] = [
    "pwdMinLength",
    "pwdMaxLength",
    "pwdCheckQuality",
    "pwdInHistory",
    "pwdMinAge",
    "pwdMaxAge",
    "pwdLockout",
    "pwdMaxFailure",
    "pwdFailureCountInterval",
    "pwdLockoutDuration",
];

/// What is known of a policy.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) effective: EffectivePolicy,
    pub(super) lockout: Lockout,
    /// Longest password, in bytes, if there is such a rule.
    maximum: Option<u16>,
    /// After how long a password expires.
    pub(super) maximum_age: Option<Duration>,
}

impl OpenLdap {
    /// Reads the policy that holds for a person as located: the one that `pwdPolicySubentry` names, else the configured default. One
    /// that is not known, or can't be read, is [`PolicySource::UnreadablePso`]: nothing may be refused by it.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn effective_policy(&self, person: &Person) -> Result<EffectivePolicy, DirectoryError> {
        let mut lease = self.lease().await?;
        let rules = lease.rules(person).await?;
        lease.finish().await;
        Ok(rules.effective)
    }
}

impl Lease<'_> {
    pub(super) async fn rules(&mut self, person: &Person) -> Result<Rules, DirectoryError> {
        let own = person.entry.text("pwdPolicySubentry").map(str::to_owned);
        let default = || self.directory.inner.config.policy.clone();
        let Some(dn) = own.clone().or_else(default) else {
            return Ok(unknown(person, "ppolicy_default".to_owned()));
        };
        let name = leaf_name(&dn).unwrap_or_else(|| dn.clone());
        let Some(entry) = self.entry(&dn, &ATTRIBUTES).await? else { return Ok(unknown(person, name)) };
        let source = if own.is_some() { PolicySource::Pso { name } } else { PolicySource::Domain };
        Ok(rules(person, source, &entry))
    }

    /// Fills in what a refused rule leaves out and the policy knows. Without the policy a rule that has a number is not named.
    pub(super) async fn explain(&mut self, person: &Person, mut error: DirectoryError) -> DirectoryError {
        if let DirectoryError::Refused { rule, .. } = &mut error {
            let known = self.rules(person).await.ok();
            let policy = known.as_ref().map(|known| &known.effective);
            *rule = match (rule.clone(), policy) {
                (Rule::MinimumLength { .. }, Some(EffectivePolicy { minimum_length: minimum @ 1.., .. })) => {
                    Rule::MinimumLength { minimum: *minimum }
                }
                (Rule::MaximumLength { .. }, Some(_)) => known
                    .and_then(|known| known.maximum)
                    .map_or(Rule::Unnamed, |maximum| Rule::MaximumLength { maximum }),
                (Rule::MinimumLength { .. } | Rule::MaximumLength { .. }, _) => Rule::Unnamed,
                (Rule::History { .. }, Some(policy)) => {
                    Rule::History { remembered: Some(policy.history).filter(|history| *history > 0) }
                }
                (Rule::MinimumAge { .. }, Some(policy)) => Rule::MinimumAge { not_before: policy.not_before },
                (other, _) => other,
            };
        }
        error
    }
}

fn unknown(person: &Person, name: String) -> Rules {
    let lockout = Lockout { threshold: None, window: None, duration: None };
    let effective = nothing_yet(person, PolicySource::UnreadablePso { name });
    Rules { effective, lockout, maximum: None, maximum_age: None }
}

fn nothing_yet(person: &Person, source: PolicySource) -> EffectivePolicy {
    EffectivePolicy {
        source,
        vendor: Vendor::OpenLdap,
        minimum_length: 0,
        complexity: false,
        history: 0,
        // Whoever may write a password and no more is held to history and age on every server that knows policies.
        hints: true,
        not_before: None,
        forbid_names: false,
        banned_words: Vec::new(),
        breached: false,
        account_name: person.login.clone(),
        display_name: person.display_name.clone(),
    }
}

fn rules(person: &Person, source: PolicySource, entry: &Entry) -> Rules {
    let number = |name: &str| entry.integer(name).filter(|number| *number > 0);
    let small = |name: &str| number(name).map(|number| u16::try_from(number).unwrap_or(u16::MAX));
    let seconds = |name: &str| number(name).map(|seconds| Duration::from_secs(seconds.unsigned_abs()));
    // Lengths are a part of the quality check, which 0 switches off.
    let checked = number("pwdCheckQuality").is_some();
    let mut effective = nothing_yet(person, source);
    effective.minimum_length = small("pwdMinLength").filter(|_| checked).unwrap_or(0);
    effective.history = small("pwdInHistory").unwrap_or(0);
    effective.not_before = seconds("pwdMinAge")
        // After a reset by an administrator the age does not count.
        .filter(|_| !person.entry.has("pwdReset", "TRUE"))
        .and_then(|age| changed(person).map(|changed| changed.plus(age)));
    let locks = entry.has("pwdLockout", "TRUE");
    let threshold = number("pwdMaxFailure").filter(|_| locks).unwrap_or(0);
    Rules {
        effective,
        lockout: Lockout {
            threshold: Some(u32::try_from(threshold).unwrap_or(u32::MAX)),
            window: seconds("pwdFailureCountInterval"),
            duration: seconds("pwdLockoutDuration"),
        },
        maximum: small("pwdMaxLength").filter(|_| checked),
        maximum_age: seconds("pwdMaxAge"),
    }
}

/// When the password was set.
pub(super) fn changed(person: &Person) -> Option<Timestamp> {
    person.entry.text("pwdChangedTime").and_then(moment)
}

#[cfg(test)]
pub(super) mod tests {
    use uuid::Uuid;

    use super::*;

    fn entry(values: &[(&str, &str)]) -> Entry {
        let mut entry = Entry { dn: "uid=ada,dc=t".into(), ..Entry::default() };
        for (name, value) in values {
            entry.attributes.entry(name.to_lowercase()).or_default().push(value.as_bytes().to_vec());
        }
        entry
    }

    /// A person with these attributes.
    pub(in super::super) fn person_with(values: &[(&str, &str)]) -> Person {
        Person {
            dn: "uid=ada,dc=t".into(),
            uuid: Uuid::nil(),
            login: "ada".into(),
            display_name: "Ada".into(),
            host: "ldap1".into(),
            database: None,
            entry: entry(values),
        }
    }

    /// The rules of a policy with these attributes.
    pub(in super::super) fn rules_of(values: &[(&str, &str)]) -> Rules {
        rules(&person_with(&[("pwdChangedTime", "19700101000001Z")]), PolicySource::Domain, &entry(values))
    }

    #[test]
    fn without_the_quality_check_there_is_no_length_and_without_lockout_no_threshold() {
        let of = rules_of;
        let numbers = [("pwdMinLength", "8"), ("pwdMaxLength", "64"), ("pwdMaxFailure", "5")];
        let off = of(&numbers);
        assert_eq!((off.effective.minimum_length, off.maximum, off.lockout.threshold), (0, None, Some(0)));
        let on = of(&[&numbers[..], &[("pwdCheckQuality", "1"), ("pwdLockout", "TRUE")]].concat());
        assert_eq!((on.effective.minimum_length, on.maximum, on.lockout.threshold), (8, Some(64), Some(5)));
        assert_eq!(on.lockout.duration, None, "until an administrator unlocks");
        let aged = of(&[("pwdMinAge", "60")]);
        assert_eq!(aged.effective.not_before, Some(Timestamp::from_unix_ms(61_000)));
    }
}
