//! The agent's keys in the state folder, and how they are rolled without a moment in which none holds.
//!
//! New keys are written beside the old ones, certified, and in force from when `enrolment.json` names them: one rename. What
//! is left to do then, the next start does as well. A replaced sealing key stays until the last page that got it has ended.

use std::path::PathBuf;
use std::time::Duration;

use ritorno_protocol::certificate::{
    KeyCertificate, KeyRole, OLD_SEALING_KEY_KEPT, ROLLED_AFTER, RecipientChain,
};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, Forest, TenantId};
use ritorno_protocol::key::{OpeningKey, PublicKey, SigningKey};
use ritorno_protocol::random::Random;
use ritorno_protocol::signed::Signed;
use serde::{Deserialize, Serialize};

use crate::state::{State, StateError};

mod replace;

pub(crate) use replace::Before;

/// How long a sealing certificate holds. It is made anew at each connect, and on a link that stays up.
const SEALING_VALID: Duration = Duration::from_secs(90 * 86_400);
/// How far back it begins to hold, for readers whose clock is behind.
const BACKDATED: Duration = Duration::from_secs(86_400);

const ENROLMENT: &str = "enrolment.json";
const IDENTITY: &str = "identity.key";
const SEALING: &str = "sealing.key";
const NEXT_IDENTITY: &str = "identity.next.key";
const NEXT_SEALING: &str = "sealing.next.key";
/// A replaced sealing key: this, the moment of its end in milliseconds or `open`, and a part of its name.
const FORMER: &str = "former-";
/// The end of a key whose successor the server does not know yet.
const OPEN: &str = "open";

/// What the server said at enrolment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Enrolment {
    /// The server's address, without a slash at its end.
    pub(crate) server: String,
    /// The tenant.
    pub(crate) tenant: TenantId,
    /// The agent.
    pub(crate) agent: AgentId,
    /// The root that the token pinned.
    pub(crate) root: PublicKey,
    /// The identity key, certified by the root.
    pub(crate) identity: Signed<KeyCertificate>,
}

/// Enrolment and keys.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// What the server said.
    pub(crate) enrolment: Enrolment,
    /// Signs.
    pub(crate) identity: SigningKey,
    /// Opens.
    pub(crate) sealing: OpeningKey,
}

/// New keys that nothing uses yet.
#[derive(Debug)]
pub(crate) struct NextKeys {
    /// Will sign.
    pub(crate) identity: SigningKey,
    /// Will open.
    pub(crate) sealing: OpeningKey,
}

/// A replaced sealing key.
#[derive(Debug)]
pub(crate) struct FormerKey {
    /// Still opens.
    pub(crate) key: OpeningKey,
    /// First moment at which it is destroyed; none as long as the server may hand it out.
    pub(crate) until: Option<Timestamp>,
    file: PathBuf,
}

impl State {
    /// Whether there is an enrolment.
    pub(crate) fn is_enrolled(&self) -> bool {
        self.path(ENROLMENT).exists()
    }

    /// Keeps an enrolment and its keys. The enrolment comes last: without it the keys count for nothing.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub(crate) fn keep(&self, keys: &Keys) -> Result<(), StateError> {
        self.drop_next()?;
        self.write(IDENTITY, &keys.identity.to_bytes())?;
        self.write(SEALING, &keys.sealing.to_bytes())?;
        self.keep_enrolment(&keys.enrolment)
    }

    fn keep_enrolment(&self, enrolment: &Enrolment) -> Result<(), StateError> {
        let text = serde_json::to_vec_pretty(enrolment)
            .map_err(|error| StateError::File { path: self.path(ENROLMENT), reason: error.to_string() })?;
        self.write(ENROLMENT, &text)
    }

    /// Enrolment and keys, those that the enrolment names.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn keys(&self) -> Result<Keys, StateError> {
        let enrolment: Enrolment = serde_json::from_slice(&self.read(ENROLMENT)?)
            .map_err(|_| StateError::Damaged(self.path(ENROLMENT)))?;
        let content = enrolment.identity.verify(&enrolment.root);
        let named = content.map_err(|_| StateError::Damaged(self.path(ENROLMENT)))?.key;
        let identity = self.signing(IDENTITY)?;
        if identity.public() == named {
            return Ok(Keys { enrolment, identity, sealing: self.opening(SEALING)? });
        }
        // A roll was interrupted after it had counted.
        let identity = self.signing(NEXT_IDENTITY).map_err(|_| StateError::Damaged(self.path(IDENTITY)))?;
        if identity.public() != named {
            return Err(StateError::Damaged(self.path(IDENTITY)));
        }
        let sealing = if self.path(NEXT_SEALING).exists() { NEXT_SEALING } else { SEALING };
        Ok(Keys { enrolment, identity, sealing: self.opening(sealing)? })
    }

    fn signing(&self, name: &str) -> Result<SigningKey, StateError> {
        SigningKey::from_bytes(&self.read(name)?).map_err(|_| StateError::Damaged(self.path(name)))
    }

    fn opening(&self, name: &str) -> Result<OpeningKey, StateError> {
        OpeningKey::from_bytes(&self.read(name)?).map_err(|_| StateError::Damaged(self.path(name)))
    }

    /// New keys; those of a roll that did not come to its end, if there was one, since the server may have certified them.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn next_keys(&self, random: &dyn Random) -> Result<NextKeys, StateError> {
        if let (Ok(identity), Ok(sealing)) = (self.signing(NEXT_IDENTITY), self.opening(NEXT_SEALING)) {
            return Ok(NextKeys { identity, sealing });
        }
        let next = NextKeys { identity: SigningKey::generate(random), sealing: OpeningKey::generate(random) };
        self.write(NEXT_SEALING, &next.sealing.to_bytes())?;
        self.write(NEXT_IDENTITY, &next.identity.to_bytes())?;
        Ok(next)
    }

    /// Puts the next keys in force, which `certificate` is about.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn take_next(
        &self,
        enrolment: Enrolment,
        certificate: Signed<KeyCertificate>,
    ) -> Result<Keys, StateError> {
        self.keep_enrolment(&Enrolment { identity: certificate, ..enrolment })?;
        self.finish_roll()
    }

    /// Tidies up after a roll that counts, whether or not it was interrupted. Only the running agent does it, or whoever rolls
    /// while none runs.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn finish_roll(&self) -> Result<Keys, StateError> {
        let _lock = self.lock_keys()?;
        let keys = self.keys()?;
        if self.signing(IDENTITY).is_ok_and(|key| key.public() == keys.identity.public()) {
            return Ok(keys);
        }
        if self.path(NEXT_SEALING).exists() {
            if self.path(SEALING).exists() {
                let former = self.opening(SEALING)?;
                self.rename(SEALING, &former_name(None, &former))?;
            }
            self.rename(NEXT_SEALING, SEALING)?;
        }
        self.rename(NEXT_IDENTITY, IDENTITY)?;
        Ok(keys)
    }

    fn drop_next(&self) -> Result<(), StateError> {
        for name in [NEXT_IDENTITY, NEXT_SEALING] {
            self.remove(self.path(name))?;
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), StateError> {
        let path = self.path(from);
        std::fs::rename(&path, self.path(to))
            .map_err(|error| StateError::File { path, reason: error.to_string() })
    }

    fn remove(&self, path: PathBuf) -> Result<(), StateError> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StateError::File { path, reason: error.to_string() })
            }
            _ => Ok(()),
        }
    }

    fn former_files(&self) -> Result<Vec<PathBuf>, StateError> {
        let folder = self.path("");
        let failed =
            |error: std::io::Error| StateError::File { path: folder.clone(), reason: error.to_string() };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(FORMER)) {
                files.push(entry.path());
            }
        }
        Ok(files)
    }

    /// The replaced sealing keys. Those whose time is over are destroyed.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn former(&self, now: Timestamp) -> Result<Vec<FormerKey>, StateError> {
        let _lock = self.lock_keys()?;
        self.formers(now)
    }

    fn formers(&self, now: Timestamp) -> Result<Vec<FormerKey>, StateError> {
        let mut found = Vec::new();
        for file in self.former_files()? {
            let Some(name) = file.file_name().and_then(|name| name.to_str()) else { continue };
            let named = name.strip_prefix(FORMER).filter(|rest| rest.ends_with(".key"));
            let Some(end) = named.and_then(|rest| rest.split('-').next()) else { continue };
            let until = match end.parse() {
                Ok(ms) => Some(Timestamp::from_unix_ms(ms)),
                Err(_) if end == OPEN => None,
                Err(_) => continue,
            };
            if until.is_some_and(|until| now >= until) {
                self.remove(self.path(name))?;
            } else {
                found.push(FormerKey { key: self.opening(name)?, until, file: self.path(name) });
            }
        }
        Ok(found)
    }

    /// From now on no page gets the replaced keys any more: each ends when the last page that has it does.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn end_former(&self, now: Timestamp) -> Result<(), StateError> {
        let _lock = self.lock_keys()?;
        for former in self.formers(now)?.into_iter().filter(|former| former.until.is_none()) {
            let ended = self.path(&former_name(Some(now.plus(OLD_SEALING_KEY_KEPT)), &former.key));
            std::fs::rename(&former.file, ended)
                .map_err(|error| StateError::File { path: former.file.clone(), reason: error.to_string() })?;
        }
        Ok(())
    }
}

fn former_name(until: Option<Timestamp>, key: &OpeningKey) -> String {
    let end = until.map_or_else(|| OPEN.to_owned(), |until| until.unix_ms().to_string());
    let name: String = key.public().id().0.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{FORMER}{end}-{name}.key")
}

impl Keys {
    /// The chain that pages and the server seal by, with a sealing certificate that holds from `now` on.
    pub(crate) fn chain(&self, forests: Vec<Forest>, now: Timestamp) -> RecipientChain {
        let agent = self.enrolment.agent;
        let certificate = KeyCertificate {
            tenant: self.enrolment.tenant,
            role: KeyRole::AgentSealing { agent, forests },
            key: self.sealing.public().clone(),
            not_before: now.minus(BACKDATED),
            not_after: now.plus(SEALING_VALID),
            sequence: u64::try_from(now.unix_ms()).unwrap_or(0),
        };
        RecipientChain {
            identity: self.enrolment.identity.clone(),
            sealing: Signed::sign(&certificate, &self.identity),
        }
    }

    /// Whether the keys are six months old.
    pub(crate) fn are_due(&self, now: Timestamp) -> bool {
        let content = self.enrolment.identity.verify(&self.enrolment.root);
        content.is_ok_and(|content| now >= content.not_before.plus(ROLLED_AFTER))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(super) struct Seeded(pub(super) u8);
    impl Random for Seeded {
        fn fill(&self, out: &mut [u8]) {
            for (index, byte) in out.iter_mut().enumerate() {
                *byte = self.0.wrapping_mul(31).wrapping_add(u8::try_from(index % 251).unwrap_or(0));
            }
        }
    }

    pub(super) const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    pub(crate) struct Scene {
        pub(crate) folder: PathBuf,
        pub(crate) state: State,
        root: SigningKey,
    }

    impl Drop for Scene {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    impl Scene {
        fn certify(&self, enrolment: &Enrolment, key: &SigningKey, sequence: u64) -> Signed<KeyCertificate> {
            certificate(enrolment.tenant, enrolment.agent, key, sequence, &self.root)
        }
    }

    fn certificate(
        tenant: TenantId,
        agent: AgentId,
        key: &SigningKey,
        sequence: u64,
        root: &SigningKey,
    ) -> Signed<KeyCertificate> {
        let content = KeyCertificate {
            tenant,
            role: KeyRole::AgentIdentity { agent },
            key: key.public(),
            not_before: NOW,
            not_after: NOW.plus(Duration::from_secs(3600)),
            sequence,
        };
        Signed::sign(&content, root)
    }

    pub(crate) fn enrolled(name: &str) -> Scene {
        let folder = std::env::temp_dir().join(format!("ritorno-keys-{name}-{}", std::process::id()));
        let state = State::open(&folder).unwrap();
        let (tenant, agent) = (TenantId::random(&Seeded(1)), AgentId::random(&Seeded(2)));
        let (root, identity) = (SigningKey::generate(&Seeded(3)), SigningKey::generate(&Seeded(4)));
        let enrolment = Enrolment {
            server: "https://ritorno.test".into(),
            tenant,
            agent,
            root: root.public(),
            identity: certificate(tenant, agent, &identity, 1, &root),
        };
        state.keep(&Keys { enrolment, identity, sealing: OpeningKey::generate(&Seeded(5)) }).unwrap();
        Scene { folder, state, root }
    }

    #[test]
    fn a_roll_counts_from_one_rename_on_and_is_finished_after_a_crash() {
        let scene = enrolled("crash");
        let old = scene.state.keys().unwrap();
        let next = scene.state.next_keys(&Seeded(6)).unwrap();
        // Before the server's answer, and after a crash there: the old keys hold, and the same new ones are asked for again.
        assert_eq!(scene.state.finish_roll().unwrap().identity.public(), old.identity.public());
        assert_eq!(scene.state.next_keys(&Seeded(7)).unwrap().identity.public(), next.identity.public());
        // A crash right after the enrolment names the new key: other commands see the new keys, and change nothing.
        let certificate = scene.certify(&old.enrolment, &next.identity, 2);
        scene.state.keep_enrolment(&Enrolment { identity: certificate, ..old.enrolment.clone() }).unwrap();
        let seen = scene.state.keys().unwrap();
        assert_eq!(seen.identity.public(), next.identity.public());
        assert_eq!(seen.sealing.public(), next.sealing.public());
        assert!(scene.state.former(NOW).unwrap().is_empty());
        // The next start finishes it, however far it was.
        let finished = scene.state.finish_roll().unwrap();
        assert_eq!(finished.sealing.public(), next.sealing.public());
        let former = scene.state.former(NOW).unwrap();
        assert_eq!(former.len(), 1);
        assert_eq!((former[0].key.public(), former[0].until), (old.sealing.public(), None));
        assert_eq!(scene.state.finish_roll().unwrap().identity.public(), next.identity.public());
    }

    #[test]
    fn a_replaced_key_is_destroyed_when_no_page_can_have_it() {
        let scene = enrolled("former");
        let old = scene.state.keys().unwrap();
        let next = scene.state.next_keys(&Seeded(6)).unwrap();
        let certificate = scene.certify(&old.enrolment, &next.identity, 2);
        scene.state.take_next(old.enrolment.clone(), certificate).unwrap();
        // As long as the server does not know the new one, it hands the old one out.
        let much_later = NOW.plus(Duration::from_secs(86_400));
        assert_eq!(scene.state.former(much_later).unwrap().len(), 1);
        scene.state.end_former(much_later).unwrap();
        let end = much_later.plus(OLD_SEALING_KEY_KEPT);
        let files = || std::fs::read_dir(&scene.folder).unwrap().count();
        let before = files();
        assert_eq!(scene.state.former(end.minus(Duration::from_millis(1))).unwrap().len(), 1);
        assert!(scene.state.former(end).unwrap().is_empty());
        assert_eq!(files(), before - 1);
    }

    #[test]
    fn keys_are_due_after_six_months() {
        let scene = enrolled("due");
        let keys = scene.state.keys().unwrap();
        assert!(!keys.are_due(NOW.plus(ROLLED_AFTER).minus(Duration::from_secs(1))));
        assert!(keys.are_due(NOW.plus(ROLLED_AFTER)));
    }

    #[test]
    fn secrets_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let scene = enrolled("modes");
        scene.state.next_keys(&Seeded(6)).unwrap();
        for entry in std::fs::read_dir(&scene.folder).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        }
        let folder = std::fs::metadata(&scene.folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(folder, 0o700);
    }
}
