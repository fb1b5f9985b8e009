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
use crate::root_dse::RootDse;

/// `DOMAIN_PASSWORD_COMPLEX` of `pwdProperties` (MS-SAMR 2.2.3.2).
const COMPLEX: i64 = 1;

/// How old the domain's settings may be where that does no harm.
const RECENT: Duration = Duration::from_secs(10);

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
        self.policy_not_older(person, Duration::ZERO).await
    }

    /// As [`Directory::effective_policy`], with the domain's settings as they were within the last [`RECENT`]. Good enough
    /// to let a password pass, since the domain controller judges it again; before one is refused, ask afresh.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn recent_policy(&self, person: &Person) -> Result<EffectivePolicy, DirectoryError> {
        self.policy_not_older(person, RECENT).await
    }

    async fn policy_not_older(
        &self,
        person: &Person,
        age: Duration,
    ) -> Result<EffectivePolicy, DirectoryError> {
        // While writes keep every connection busy, nobody should wait for one only to read what is known.
        if person.entry.text("msDS-ResultantPSO").is_none()
            && let Some((pdc, domain)) = self.domain_settings(age)
        {
            return Ok(of_domain(&pdc, person, &domain).0);
        }
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
        let Some(pso) = person.entry.text("msDS-ResultantPSO") else {
            let domain = self.pdc.domain.clone();
            let domain = self.read(&domain, &OF_DOMAIN).await?;
            self.keep_domain_settings(&domain);
            return Ok(of_domain(&self.pdc, person, &domain));
        };
        let (mut policy, changed) = nothing_yet(&self.pdc, person);
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

/// A policy without rules, and when the person's password was set.
fn nothing_yet(pdc: &RootDse, person: &Person) -> (EffectivePolicy, Option<Timestamp>) {
    let policy = EffectivePolicy {
        source: PolicySource::Domain,
        vendor: pdc.vendor,
        minimum_length: 0,
        complexity: false,
        history: 0,
        hints: pdc.hints().is_some(),
        not_before: None,
        forbid_names: false,
        banned_words: Vec::new(),
        breached: false,
        account_name: person.account_name.clone(),
        display_name: person.display_name.clone(),
    };
    (policy, person.entry.integer("pwdLastSet").and_then(Timestamp::from_filetime))
}

/// What the domain's own entry says.
fn of_domain(pdc: &RootDse, person: &Person, domain: &Entry) -> (EffectivePolicy, Lockout) {
    let (mut policy, changed) = nothing_yet(pdc, person);
    let complexity = domain.integer("pwdProperties").is_some_and(|bits| bits & COMPLEX != 0);
    let lockout = fill(&mut policy, domain, &OF_DOMAIN, complexity, changed);
    (policy, lockout)
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
