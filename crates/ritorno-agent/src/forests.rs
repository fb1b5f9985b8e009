//! The forests of the configuration, as what `ritorno-writeback` needs of a directory.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use ritorno_directory::openldap::{self, OpenLdap};
use ritorno_directory::{
    Browser, Directory, DirectoryError as AdError, ForestConfig, Identity, PasswordFile, PdcHealth, Person,
    ResetOptions, SignIn, roots_from_pem_file,
};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::{Clock, Timestamp};
use ritorno_protocol::ids::Forest;
use ritorno_protocol::link::ForestHealth;
use ritorno_protocol::outcome::{Done, Fault, Operator};
use ritorno_protocol::policy::EffectivePolicy;
use ritorno_protocol::secret::Password;
use ritorno_protocol::settle::{DIRECTORY_TIMEOUT, DatabaseId, SeenVersion};
use ritorno_protocol::statement::PasswordVersion;
use ritorno_writeback::directory::{AccountState, Directory as Writeback, DirectoryError, Target};
use rustls::RootCertStore;

use crate::config::{ForestSettings, OpenLdapSettings};

/// Longest wait for another forest's word on whether somebody lives there too.
const TWIN_WITHIN: Duration = Duration::from_secs(2);

/// Every forest that the agent serves: Active Directory's, and OpenLDAP servers.
#[derive(Clone)]
pub(crate) struct Forests {
    forests: Vec<Directory>,
    openldap: Vec<OpenLdap>,
    clock: Arc<dyn Clock>,
}

/// A person in one of them.
pub(crate) enum Located {
    /// In Active Directory.
    Ad(Directory, Box<Person>),
    /// At an OpenLDAP server.
    OpenLdap(OpenLdap, Box<openldap::Person>),
}

impl Forests {
    /// Prepares connections; none is made yet.
    ///
    /// # Errors
    /// When a forest's authorities or DNS settings can't be used.
    pub(crate) fn open(settings: &[ForestSettings], clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let (mut forests, mut openldap) = (Vec::new(), Vec::new());
        for forest in settings {
            let at = || format!("forest {}", forest.name);
            match &forest.openldap {
                None => forests.push(active_directory(forest, clock).with_context(at)?),
                Some(own) => openldap.push(open_ldap(forest, own, clock).with_context(at)?),
            }
        }
        Ok(Self { forests, openldap, clock: clock.clone() })
    }

    /// All forests of Active Directory.
    pub(crate) fn all(&self) -> &[Directory] {
        &self.forests
    }

    /// One forest of Active Directory.
    pub(crate) fn get(&self, forest: &Forest) -> Option<&Directory> {
        self.forests.iter().find(|directory| directory.forest() == forest)
    }

    /// One OpenLDAP server.
    pub(crate) fn openldap(&self, name: &Forest) -> Option<&OpenLdap> {
        self.openldap.iter().find(|directory| directory.name() == name)
    }

    /// Asks every forest's PDC emulator, and every OpenLDAP server, all at once; takes a few seconds at most.
    pub(crate) async fn health(&self) -> Vec<ForestHealth> {
        let forests = self.forests.iter().cloned().map(|directory| {
            tokio::spawn(async move { (directory.forest().clone(), directory.pdc_health().await) })
        });
        let plain = self.openldap.iter().cloned().map(|directory| {
            tokio::spawn(async move { (directory.name().clone(), directory.health().await) })
        });
        let asked: Vec<_> = forests.chain(plain).collect();
        let mut known = Vec::with_capacity(asked.len());
        for task in asked {
            // A probe that panicked has no answer: the forest is then not in the report, which counts as unreachable.
            let Ok((forest, health)) = task.await else { continue };
            known.push(match health {
                PdcHealth::Reachable { dc, milliseconds } => ForestHealth {
                    forest,
                    pdc: Some(dc),
                    reachable: true,
                    detail: None,
                    answered_in_ms: Some(milliseconds),
                },
                // Resets go on: there is somebody to write to.
                PdcHealth::Elsewhere { dc, reason } => {
                    let (pdc, detail) = (Some(dc), Some(reason));
                    ForestHealth { forest, pdc, reachable: true, detail, answered_in_ms: None }
                }
                PdcHealth::Unreachable { name, reason } => {
                    let (pdc, detail) = (Some(name), Some(reason));
                    ForestHealth { forest, pdc, reachable: false, detail, answered_in_ms: None }
                }
            });
        }
        known
    }
}

impl Forests {
    /// That no other forest has an enabled account with the same anchor. One that does not answer within [`TWIN_WITHIN`] is not waited
    /// for: the person is who the authorisation says, and a forest that is down must not stop another one's resets.
    async fn nowhere_else(&self, home: &Directory, person: &Person) -> Result<(), DirectoryError> {
        let others = self.forests.iter().filter(|other| other.forest() != home.forest()).cloned();
        let asked: Vec<_> = others
            .map(|other| {
                let (anchor, name) = (person.anchor.clone(), person.account_name.clone());
                tokio::spawn(async move {
                    let twin = tokio::time::timeout(TWIN_WITHIN, other.twin_of(&anchor, &name)).await;
                    (other.forest().clone(), twin)
                })
            })
            .collect();
        for task in asked {
            // A question that panicked has no answer.
            let Ok((forest, twin)) = task.await else { continue };
            match twin {
                Ok(Ok(Some(dn))) => {
                    let detail = format!(
                        "{} of {} and {dn} of {forest} carry the same anchor, and both are enabled: disable one",
                        person.dn,
                        home.forest()
                    );
                    let operator = Operator { detail, ..Operator::default() };
                    return Err(DirectoryError::NotApplied { fault: Fault::MultipleMatches, operator });
                }
                Ok(Ok(None)) => {}
                Ok(Err(error)) => tracing::warn!(%forest, %error, "not asked for a second account"),
                Err(_) => tracing::warn!(%forest, "did not say in time whether it has a second account"),
            }
        }
        Ok(())
    }
}

fn error(error: AdError) -> DirectoryError {
    match error {
        AdError::Refused { rule, operator } => DirectoryError::Refused { rule, operator },
        AdError::NotApplied { fault, operator } => DirectoryError::NotApplied { fault, operator },
        AdError::Unknown { operator } => DirectoryError::Unknown { operator },
    }
}

#[async_trait]
impl Writeback for Forests {
    type Person = Located;

    async fn locate(&self, target: &Target) -> Result<Located, DirectoryError> {
        if let Some(directory) = self.openldap(&target.forest).cloned() {
            let identity = openldap::Identity::Authorised {
                anchor: target.anchor.clone(),
                object_guid: target.object_guid.0.clone(),
            };
            let person = directory.locate(&identity).await.map_err(error)?;
            return Ok(Located::OpenLdap(directory, Box::new(person)));
        }
        let directory = self.get(&target.forest).cloned().ok_or_else(|| {
            let detail = format!("this agent does not serve the forest {}", target.forest);
            DirectoryError::NotApplied {
                fault: Fault::NotFound,
                operator: Operator { detail, ..Operator::default() },
            }
        })?;
        let identity = Identity::Authorised {
            anchor: target.anchor.clone(),
            object_guid: target.object_guid.0.clone(),
            object_sid: target.object_sid.0.clone(),
        };
        let person = directory.locate(&identity).await.map_err(error)?;
        Ok(Located::Ad(directory, Box::new(person)))
    }

    async fn judge(&self, located: &Located) -> Result<(), DirectoryError> {
        match located {
            Located::Ad(directory, person) => {
                directory.judge(person).await.map_err(error)?;
                self.nowhere_else(directory, person).await
            }
            Located::OpenLdap(directory, person) => directory.judge(person).await.map_err(error),
        }
    }

    async fn policy(&self, located: &Located) -> Result<EffectivePolicy, DirectoryError> {
        match located {
            Located::Ad(directory, person) => directory.effective_policy(person).await,
            Located::OpenLdap(directory, person) => directory.effective_policy(person).await,
        }
        .map_err(error)
    }

    async fn recent_policy(&self, located: &Located) -> Result<EffectivePolicy, DirectoryError> {
        match located {
            Located::Ad(directory, person) => directory.recent_policy(person).await,
            Located::OpenLdap(directory, person) => directory.effective_policy(person).await,
        }
        .map_err(error)
    }

    async fn password_version(&self, located: &Located) -> Result<SeenVersion, DirectoryError> {
        let (directory, person) = match located {
            Located::Ad(directory, person) => (directory, person),
            Located::OpenLdap(_, person) => return Ok(version_of(person, self.clock.now())),
        };
        let mut seen = person.password_version();
        if seen.version.is_none() {
            seen = directory.password_version(person).await.map_err(error)?;
        }
        let (version, written_at) = match seen.version {
            Some(version) => (PasswordVersion::Replicated { version }, seen.changed),
            None => (
                PasswordVersion::LastSet { filetime: seen.pwd_last_set },
                Timestamp::from_filetime(seen.pwd_last_set),
            ),
        };
        let database = |id: uuid::Uuid| DatabaseId(Bytes(id.into_bytes().to_vec()));
        let (written_by, read_from) = (seen.originating.map(database), seen.read_from.map(database));
        Ok(SeenVersion { version, written_at, written_by, read_from })
    }

    async fn state(&self, located: &Located) -> Result<AccountState, DirectoryError> {
        match located {
            Located::Ad(_, person) => {
                Ok(AccountState { locked: person.is_locked(), disabled: person.is_disabled() })
            }
            Located::OpenLdap(directory, person) => {
                let state = directory.state(person).await.map_err(error)?;
                Ok(AccountState { locked: state.locked, disabled: state.disabled })
            }
        }
    }

    async fn reset(
        &self,
        located: &Located,
        new: &Password,
        must_change: bool,
    ) -> Result<Done, DirectoryError> {
        match located {
            Located::Ad(directory, person) => {
                directory.reset(person, new, ResetOptions { must_change }).await
            }
            Located::OpenLdap(directory, person) => directory.reset(person, new, must_change).await,
        }
        .map_err(error)
    }

    async fn change(
        &self,
        located: &Located,
        old: &Password,
        new: &Password,
    ) -> Result<Done, DirectoryError> {
        match located {
            Located::Ad(directory, person) => directory.change(person, old, new).await,
            Located::OpenLdap(directory, person) => directory.change(person, old, new).await,
        }
        .map_err(error)
    }

    async fn unlock(&self, located: &Located) -> Result<Done, DirectoryError> {
        match located {
            Located::Ad(directory, person) => directory.unlock(person).await,
            Located::OpenLdap(directory, person) => directory.unlock(person).await,
        }
        .map_err(error)
    }

    async fn verify(&self, located: &Located, typed: &Password, known: bool) -> Result<Done, DirectoryError> {
        let browser = if known { Browser::Known } else { Browser::Other };
        let answer = match located {
            Located::Ad(directory, person) => directory.verify_in(person, typed, browser).await,
            Located::OpenLdap(directory, person) => directory.verify_in(person, typed, browser).await,
        };
        judge_sign_in(answer.map_err(error)?)
    }
}

/// When the password was set, as a version that proves no write, and proves that there was none at the same server. What can't be told
/// from it is 0, which proves nothing at all.
fn version_of(person: &openldap::Person, now: Timestamp) -> SeenVersion {
    const EPOCH_DIFFERENCE_MS: i64 = 11_644_473_600_000;
    let set = person.password_version(now);
    let filetime = set.map_or(0, |set| (set.unix_ms() + EPOCH_DIFFERENCE_MS).saturating_mul(10_000));
    SeenVersion {
        version: PasswordVersion::LastSet { filetime },
        written_at: set,
        written_by: None,
        read_from: person.database.clone().map(|database| DatabaseId(Bytes(database.into_bytes()))),
    }
}

fn active_directory(
    forest: &ForestSettings,
    clock: &Arc<dyn Clock>,
) -> Result<Directory, ritorno_directory::ConfigError> {
    let access = &forest.access;
    let config = ForestConfig {
        transport: access.transport,
        port: access.transport.port(),
        kerberos: access.kerberos.clone(),
        by_keytab: access.keytab().is_some(),
        passwords_by_kerberos: access.passwords_by_kerberos,
        dns_servers: forest.dns_servers.clone(),
        preferred: forest.preferred.clone(),
        only_preferred: forest.only_preferred,
        groups: forest.groups.clone(),
        write_elsewhere: forest.write_elsewhere,
        show_at: forest.show_at.clone(),
        fill_anchors: forest.fill_consistency_guid,
        scope: forest.scope.clone(),
        ..ForestConfig::new(
            forest.name.clone(),
            forest.hosts.clone(),
            forest.account.clone(),
            Arc::new(PasswordFile(access.secret.file().to_owned())),
            Arc::new(roots(forest)?),
        )
    };
    Directory::new(config, clock.clone())
}

/// The authorities that its certificates are checked with: none where Kerberos proves who a controller is.
fn roots(forest: &ForestSettings) -> Result<RootCertStore, ritorno_directory::ConfigError> {
    forest.access.ca_file.as_deref().map_or_else(|| Ok(RootCertStore::empty()), roots_from_pem_file)
}

fn open_ldap(
    forest: &ForestSettings,
    own: &OpenLdapSettings,
    clock: &Arc<dyn Clock>,
) -> Result<OpenLdap, ritorno_directory::ConfigError> {
    let config = openldap::Config {
        name: forest.name.clone(),
        hosts: forest.hosts.clone(),
        port: own.port,
        dns_servers: forest.dns_servers.clone(),
        account: forest.account.clone(),
        password: Arc::new(PasswordFile(forest.access.secret.file().to_owned())),
        roots: Arc::new(roots(forest)?),
        bases: forest.scope.clone(),
        groups: forest.groups.clone(),
        login: own.login.clone(),
        policy: own.policy.clone(),
        protected_groups: own.protected_groups.clone(),
        one_server_per_host: own.one_server_per_host,
        timeout: DIRECTORY_TIMEOUT,
        page: 500,
    };
    OpenLdap::new(config, clock.clone())
}

/// Right but expired, or to be changed, is right: the person is to be sent to a new password. Whoever may not sign in at
/// all is told why, right or wrong.
fn judge_sign_in(answer: SignIn) -> Result<Done, DirectoryError> {
    let operator = Operator { detail: format!("sign-in: {answer:?}"), ..Operator::default() };
    let right =
        |must_change, operator| Ok(Done { unlocked: false, must_change, history_enforced: false, operator });
    let fault = match answer {
        SignIn::Accepted | SignIn::LogonHours | SignIn::Workstation => return right(false, operator),
        SignIn::PasswordExpired | SignIn::MustChange => return right(true, operator),
        // It may be the one before, known to whoever it was replaced because of.
        SignIn::WrongPassword | SignIn::ReplacedLately => Fault::WrongOldPassword,
        SignIn::Disabled | SignIn::AccountExpired => Fault::AccountDisabled,
        SignIn::Locked | SignIn::TooCloseToLockout => Fault::AccountLocked,
    };
    Err(DirectoryError::NotApplied { fault, operator })
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twins;
