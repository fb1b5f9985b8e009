//! The forests of the configuration, as what `ritorno-writeback` needs of a directory.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use ritorno_directory::{
    Directory, DirectoryError as AdError, ForestConfig, Identity, PasswordFile, PdcHealth, Person,
    ResetOptions, SignIn, roots_from_pem_file,
};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Clock;
use ritorno_protocol::ids::Forest;
use ritorno_protocol::link::ForestHealth;
use ritorno_protocol::outcome::{Done, Fault, Operator};
use ritorno_protocol::policy::EffectivePolicy;
use ritorno_protocol::secret::Password;
use ritorno_protocol::statement::PasswordVersion;
use ritorno_writeback::directory::{
    AccountState, DatabaseId, Directory as Writeback, DirectoryError, SeenVersion, Target,
};
use rustls::RootCertStore;

use crate::config::ForestSettings;

/// Every forest that the agent serves.
#[derive(Clone)]
pub(crate) struct Forests(Vec<Directory>);

/// A person in one of them.
pub(crate) struct Located {
    directory: Directory,
    person: Person,
}

impl Forests {
    /// Prepares connections; none is made yet.
    ///
    /// # Errors
    /// When a forest's authorities or DNS settings can't be used.
    pub(crate) fn open(settings: &[ForestSettings], clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let open = |forest: &ForestSettings| {
            let access = &forest.access;
            let (password, roots) = (access.secret.file().to_owned(), access.ca_file.as_deref());
            let config = ForestConfig {
                transport: access.transport,
                port: access.transport.port(),
                kerberos: access.kerberos.clone(),
                by_keytab: access.keytab().is_some(),
                dns_servers: forest.dns_servers.clone(),
                preferred: forest.preferred.clone(),
                only_preferred: forest.only_preferred,
                scope: forest.scope.clone(),
                ..ForestConfig::new(
                    forest.name.clone(),
                    forest.hosts.clone(),
                    forest.account.clone(),
                    Arc::new(PasswordFile(password)),
                    Arc::new(roots.map_or_else(|| Ok(RootCertStore::empty()), roots_from_pem_file)?),
                )
            };
            Directory::new(config, clock.clone())
        };
        let open = |forest: &ForestSettings| open(forest).with_context(|| format!("forest {}", forest.name));
        Ok(Self(settings.iter().map(open).collect::<anyhow::Result<_>>()?))
    }

    /// All forests' directories.
    pub(crate) fn all(&self) -> &[Directory] {
        &self.0
    }

    /// One forest's directory.
    pub(crate) fn get(&self, forest: &Forest) -> Option<&Directory> {
        self.0.iter().find(|directory| directory.forest() == forest)
    }

    /// Asks every forest's PDC emulator, all at once; takes a few seconds at most.
    pub(crate) async fn health(&self) -> Vec<ForestHealth> {
        let asked: Vec<_> = self
            .0
            .iter()
            .map(|directory| {
                let directory = directory.clone();
                tokio::spawn(async move { (directory.forest().clone(), directory.pdc_health().await) })
            })
            .collect();
        let mut known = Vec::with_capacity(asked.len());
        for task in asked {
            // A probe that panicked has no answer: the forest is then not in the report, which counts as unreachable.
            let Ok((forest, health)) = task.await else { continue };
            known.push(match health {
                PdcHealth::Reachable { dc, .. } => {
                    ForestHealth { forest, pdc: Some(dc), reachable: true, detail: None }
                }
                PdcHealth::Unreachable { name, reason } => {
                    ForestHealth { forest, pdc: Some(name), reachable: false, detail: Some(reason) }
                }
            });
        }
        known
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
        Ok(Located { directory, person })
    }

    async fn judge(&self, located: &Located) -> Result<(), DirectoryError> {
        located.directory.judge(&located.person).await.map_err(error)
    }

    async fn policy(&self, located: &Located) -> Result<EffectivePolicy, DirectoryError> {
        located.directory.effective_policy(&located.person).await.map_err(error)
    }

    async fn recent_policy(&self, located: &Located) -> Result<EffectivePolicy, DirectoryError> {
        located.directory.recent_policy(&located.person).await.map_err(error)
    }

    async fn password_version(&self, located: &Located) -> Result<SeenVersion, DirectoryError> {
        let mut seen = located.person.password_version();
        if seen.version.is_none() {
            seen = located.directory.password_version(&located.person).await.map_err(error)?;
        }
        let (version, written_at) = match seen.version {
            Some(version) => (PasswordVersion::Replicated { version }, seen.changed),
            None => (
                PasswordVersion::LastSet { filetime: seen.pwd_last_set },
                ritorno_protocol::clock::Timestamp::from_filetime(seen.pwd_last_set),
            ),
        };
        let database = |id: uuid::Uuid| DatabaseId(Bytes(id.into_bytes().to_vec()));
        let (written_by, read_from) = (seen.originating.map(database), seen.read_from.map(database));
        Ok(SeenVersion { version, written_at, written_by, read_from })
    }

    async fn state(&self, located: &Located) -> Result<AccountState, DirectoryError> {
        Ok(AccountState { locked: located.person.is_locked(), disabled: located.person.is_disabled() })
    }

    async fn reset(
        &self,
        located: &Located,
        new: &Password,
        must_change: bool,
    ) -> Result<Done, DirectoryError> {
        located.directory.reset(&located.person, new, ResetOptions { must_change }).await.map_err(error)
    }

    async fn change(
        &self,
        located: &Located,
        old: &Password,
        new: &Password,
    ) -> Result<Done, DirectoryError> {
        located.directory.change(&located.person, old, new).await.map_err(error)
    }

    async fn unlock(&self, located: &Located) -> Result<Done, DirectoryError> {
        located.directory.unlock(&located.person).await.map_err(error)
    }

    async fn verify(&self, located: &Located, typed: &Password) -> Result<Done, DirectoryError> {
        let answer = located.directory.verify(&located.person, typed).await.map_err(error)?;
        judge_sign_in(answer)
    }
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
