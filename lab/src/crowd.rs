//! Many people without passwords and groups of them, for the benchmarks of the synchronisation.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::Lab;
use crate::forest::{Forest, ForestHandle};
use crate::host::Host;
use crate::root::{ensure_root, require_root};

const CROWD: &str = include_str!("../scripts/crowd.py");
/// Most members of the large group.
const LARGE: usize = 50_000;

/// So many people, named by number from 0, in an OU of their own beside `OU=People`, and a hundredth as many groups.
/// The first group has all of them, or 50,000; each other one a hundred.
#[derive(Debug, Clone)]
pub struct Crowd {
    /// How many people.
    pub people: usize,
    base_dn: String,
    dns_domain: String,
}

impl Crowd {
    /// A crowd of a forest. Makes nobody.
    #[must_use]
    pub fn of(forest: &ForestHandle, people: usize) -> Self {
        Self { people, base_dn: forest.base_dn.clone(), dns_domain: forest.dns_domain.clone() }
    }

    /// How many groups there are.
    #[must_use]
    pub fn groups(&self) -> usize {
        (self.people / 100).max(1)
    }

    /// How many members the first group has.
    #[must_use]
    pub fn large(&self) -> usize {
        self.people.min(LARGE)
    }

    /// The OU with the people.
    #[must_use]
    pub fn people_ou(&self) -> String {
        format!("OU=Bench People,{}", self.base_dn)
    }

    /// The OU with the groups.
    #[must_use]
    pub fn groups_ou(&self) -> String {
        format!("OU=Bench Groups,{}", self.base_dn)
    }

    /// Where a person is.
    #[must_use]
    pub fn person_dn(&self, number: usize) -> String {
        format!("CN=sync-{number:06},{}", self.people_ou())
    }

    /// Where a group is.
    #[must_use]
    pub fn group_dn(&self, number: usize) -> String {
        format!("CN=group-{number:04},{}", self.groups_ou())
    }

    /// Whether the forest has all of it.
    #[must_use]
    pub fn is_in(&self, forest: &ForestHandle) -> bool {
        let last = self.group_dn(self.groups() - 1);
        let search = ["ldbsearch", "-H", "/var/lib/samba/private/sam.ldb", "-s", "base", "-b", &last, "dn"];
        forest.dc_exec(&search).is_ok_and(|found| found.contains(&last))
    }

    /// Adds it to a forest: some 300 people a second.
    ///
    /// # Errors
    /// When the directory refuses.
    pub fn add_to(&self, forest: &ForestHandle) -> Result<()> {
        self.add_at(&forest.host())
    }

    pub(crate) fn add_at(&self, host: &Host) -> Result<()> {
        let description = json!({
            "domain": self.dns_domain,
            "people": self.people,
            "groups": self.groups(),
            "large": self.large(),
            "people_ou": self.people_ou(),
            "groups_ou": self.groups_ou(),
        });
        host.exec(&["python3", "-c", CROWD], description.to_string().as_bytes())?;
        Ok(())
    }
}

impl Lab {
    /// Makes the snapshot of `contoso.test` with a crowd in it, on the database of Samba's that is meant for so many. Private copies of this
    /// lab have the crowd too, so it takes a lab of its own.
    ///
    /// # Errors
    /// When this lab has a snapshot without it, and as [`ForestHandle::up`].
    pub fn crowded(&self, people: usize) -> Result<()> {
        require_root()?;
        let forest = self.forest(Forest::Contoso)?;
        let crowd = Crowd::of(&forest, people);
        ensure_root(self, Forest::Contoso.release())?;
        if forest.ensure_snapshot_with(Some(&crowd))? {
            return Ok(());
        }
        forest.up()?;
        ensure!(
            crowd.is_in(&forest),
            "{} is a lab without a crowd of {people}: name another folder by RITORNO_LAB, where one is made",
            self.folder().display()
        );
        forest.down()
    }
}
