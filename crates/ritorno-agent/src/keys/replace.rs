//! The sealing key is replaced where it lies: when writeback is switched on, and destroyed when it is switched off.

use ritorno_protocol::ids::KeyId;
use ritorno_protocol::key::OpeningKey;
use ritorno_protocol::random::Random;

use super::{NEXT_SEALING, SEALING, former_name};
use crate::state::{State, StateError};

/// What becomes of a sealing key that is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// It goes on opening what pages have sealed for it, as after a roll.
    StillOpens,
    /// It is destroyed, and with it every earlier one: what was sealed for them is opened by nobody any more.
    Destroyed,
}

impl State {
    /// Replaces the sealing key by a new one, offline, and returns the new one's name. The running agent sees it by itself; the
    /// identity key vouches for it, so that no server has to be asked.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn replace_sealing(&self, random: &dyn Random, before: Before) -> Result<KeyId, StateError> {
        let new = OpeningKey::generate(random);
        let name = new.public().id();
        let _lock = self.lock_keys()?;
        match before {
            Before::StillOpens => {
                let former = self.opening(SEALING)?;
                self.write(&former_name(None, &former), &former.to_bytes())?;
            }
            // The key of a roll that is under way may have been shown already.
            Before::Destroyed if self.path(NEXT_SEALING).exists() => {
                self.write(NEXT_SEALING, &OpeningKey::generate(random).to_bytes())?;
            }
            Before::Destroyed => {}
        }
        self.write(SEALING, &new.to_bytes())?;
        if before == Before::Destroyed {
            for file in self.former_files()? {
                self.remove(file)?;
            }
        }
        Ok(name)
    }

    /// The sealing key, if it is another one than `held`: somebody has replaced it.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn replaced_sealing(&self, held: &OpeningKey) -> Result<Option<OpeningKey>, StateError> {
        let found = self.read(SEALING)?;
        if *found == *held.to_bytes() {
            return Ok(None);
        }
        self.opening(SEALING).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, Seeded, enrolled};
    use super::*;

    #[test]
    fn a_destroyed_key_is_nowhere_and_a_replaced_one_opens_until_its_end() {
        let scene = enrolled("destroyed");
        let bytes = |key: &OpeningKey| key.to_bytes().to_vec();
        let lies_there = |key: &[u8]| {
            let mut files = std::fs::read_dir(&scene.folder).unwrap().map(|entry| entry.unwrap().path());
            files.any(|file| std::fs::read(file).is_ok_and(|content| content == key))
        };
        let first = scene.state.keys().unwrap().sealing;
        assert!(scene.state.replaced_sealing(&first).unwrap().is_none());
        let name = scene.state.replace_sealing(&Seeded(8), Before::StillOpens).unwrap();
        let second = scene.state.replaced_sealing(&first).unwrap().expect("it was replaced");
        assert_eq!(second.public().id(), name);
        let former = scene.state.former(NOW).unwrap();
        assert_eq!((former.len(), former[0].key.public()), (1, first.public()));

        // In the middle of a roll, whose new key may have been shown.
        let next = scene.state.next_keys(&Seeded(9)).unwrap();
        scene.state.replace_sealing(&Seeded(10), Before::Destroyed).unwrap();
        for key in [&first, &second, &next.sealing] {
            assert!(!lies_there(&bytes(key)), "a destroyed key still lies there");
        }
        assert!(scene.state.former(NOW).unwrap().is_empty());
        assert!(lies_there(&bytes(&scene.state.keys().unwrap().sealing)));
        let again = scene.state.next_keys(&Seeded(11)).unwrap();
        assert_eq!(
            again.identity.public(),
            next.identity.public(),
            "what the server may have certified stays"
        );
    }
}
