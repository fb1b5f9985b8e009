//! The password policy that holds for one person: the domain's, or the PSO that wins.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Vendor};

use super::interval;
use crate::error::DirectoryError;
use crate::forest::{Directory, Lease};
use crate::identity::leaf_name;
use crate::ldap::Entry;
use crate::operations::locate::Person;

/// `DOMAIN_PASSWORD_COMPLEX` of `pwdProperties` (MS-SAMR 2.2.3.2).
const COMPLEX: i64 = 1;

const OF_DOMAIN: [&str; 7] = [
    "minPwdLength",
    "pwdProperties",
    "pwdHistoryLength",
    "minPwdAge",
    "lockoutThreshold",
    "lockOutObservationWindow",
    "lockoutDuration",
];
const OF_PSO: [&str; 7] = [
    "msDS-MinimumPasswordLength",
    "msDS-PasswordComplexityEnabled",
    "msDS-PasswordHistoryLength",
    "msDS-MinimumPasswordAge",
    "msDS-LockoutThreshold",
    "msDS-LockoutObservationWindow",
    "msDS-LockoutDuration",
];

/// When wrong passwords lock an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lockout {
    /// How many wrong ones lock; 0 for never, `None` if it can't be read.
    pub(crate) threshold: Option<u32>,
    /// After this long the count starts again; `None` for never.
    pub(crate) window: Option<Duration>,
    /// How long it lasts; `None` until somebody unlocks.
    pub(crate) duration: Option<Duration>,
}

impl Directory {
    /// Reads the policy that holds for a person as located. A PSO that applies and can't be read makes it partly unknown
    /// ([`PolicySource::UnreadablePso`]): nothing may be refused by it.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn effective_policy(&self, person: &Person) -> Result<EffectivePolicy, DirectoryError> {
        let mut lease = self.lease().await?;
        let (policy, _) = lease.policy(person).await?;
        lease.finish().await;
        Ok(policy)
    }
}

impl Lease<'_> {
    /// The password policy and the lockout policy of a person.
    pub(crate) async fn policy(
        &mut self,
        person: &Person,
    ) -> Result<(EffectivePolicy, Lockout), DirectoryError> {
        let entry = &person.entry;
        let changed = entry.integer("pwdLastSet").and_then(Timestamp::from_filetime);
        let mut policy = EffectivePolicy {
            source: PolicySource::Domain,
            vendor: self.pdc.vendor,
            minimum_length: 0,
            complexity: false,
            history: 0,
            hints: self.pdc.hints().is_some(),
            not_before: None,
            forbid_names: false,
            account_name: person.account_name.clone(),
            display_name: person.display_name.clone(),
        };
        let Some(pso) = entry.text("msDS-ResultantPSO") else {
            let domain = self.pdc.domain.clone();
            let domain = self.read(&domain, &OF_DOMAIN).await?;
            let complexity = domain.integer("pwdProperties").is_some_and(|bits| bits & COMPLEX != 0);
            let lockout = fill(&mut policy, &domain, &OF_DOMAIN, complexity, changed);
            return Ok((policy, lockout));
        };
        let name = leaf_name(pso).unwrap_or_else(|| pso.to_owned());
        match self.read(pso, &OF_PSO).await {
            Ok(settings) if settings.integer("msDS-MinimumPasswordLength").is_some() => {
                policy.source = PolicySource::Pso { name };
                let complexity = settings.has("msDS-PasswordComplexityEnabled", "TRUE");
                let lockout = fill(&mut policy, &settings, &OF_PSO, complexity, changed);
                Ok((policy, lockout))
            }
            // Not readable shows as an entry without attributes, or as no entry at all.
            Ok(_)
            | Err(DirectoryError::NotApplied { fault: ritorno_protocol::outcome::Fault::NotFound, .. }) => {
                policy.source = PolicySource::UnreadablePso { name };
                Ok((policy, Lockout { threshold: None, window: None, duration: None }))
            }
            Err(error) => Err(error),
        }
    }
}

/// Fills in what an entry says under `names`, which have the order of [`OF_DOMAIN`].
fn fill(
    policy: &mut EffectivePolicy,
    entry: &Entry,
    names: &[&str; 7],
    complexity: bool,
    changed: Option<Timestamp>,
) -> Lockout {
    let small = |name: &str| entry.integer(name).and_then(|value| u16::try_from(value).ok()).unwrap_or(0);
    policy.minimum_length = small(names[0]);
    policy.complexity = complexity;
    policy.history = small(names[2]);
    policy.not_before =
        changed.zip(interval(entry.integer(names[3]))).map(|(changed, age)| changed.plus(age));
    policy.forbid_names = complexity && policy.vendor == Vendor::Windows;
    Lockout {
        threshold: entry.integer(names[4]).and_then(|value| u32::try_from(value).ok()),
        window: interval(entry.integer(names[5])),
        duration: interval(entry.integer(names[6])),
    }
}
