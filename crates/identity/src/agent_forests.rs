//! Which forests an agent serves. It says so itself, in its own file, and that alone gives it nothing that is somebody else's:
//! it serves what it was enrolled for, what an administrator allowed since, and a further forest that no other agent of the
//! tenant ever had. So a forest is added without enabling anything again, and none is taken over.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::Forest;
use serde::{Deserialize, Serialize};

use crate::agent::Agent;
use crate::agent_state::is_name;

/// Most forests of one agent.
pub const MAXIMUM_FORESTS: usize = 16;

/// What an agent says that it serves, and by what right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForestClaim {
    /// What it says, at its latest hello or while it was enrolled.
    pub said: Vec<Forest>,
    /// What it was enrolled for, and what an administrator allowed since.
    pub allowed: Vec<Forest>,
    /// What it took up by itself, since nobody else had it.
    pub taken: Vec<TakenForest>,
}

/// A forest that an agent took up by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenForest {
    /// The forest.
    pub forest: Forest,
    /// When. Of two agents that took the same one up, the earlier has it.
    pub at: Timestamp,
}

impl ForestClaim {
    /// The claim of an agent that is enrolled for `forests`.
    pub fn enrolled(forests: Vec<Forest>) -> Self {
        Self { said: forests.clone(), allowed: forests, taken: Vec::new() }
    }

    fn taken_at(&self, forest: &Forest) -> Option<Timestamp> {
        self.taken.iter().find(|taken| taken.forest == *forest).map(|taken| taken.at)
    }

    fn has(&self, forest: &Forest) -> bool {
        self.allowed.contains(forest) || self.taken_at(forest).is_some()
    }
}

/// Whether a forest may be called so: a DNS name in lower case, as enrolment takes it.
pub fn is_forest(forest: &Forest) -> bool {
    is_name(&forest.0) && forest.0 == forest.0.to_lowercase()
}

/// Whether `agent` may serve `forest`, among all agents that were ever enrolled in the tenant. A revoked one counts: who took
/// its forests up would get its people.
fn may_serve(agent: &Agent, forest: &Forest, all: &[Agent]) -> bool {
    if agent.claim.allowed.contains(forest) {
        return true;
    }
    let Some(at) = agent.claim.taken_at(forest) else { return false };
    all.iter().filter(|other| other.id != agent.id).all(|other| {
        let earlier = other.claim.taken_at(forest).is_some_and(|theirs| (theirs, other.id) < (at, agent.id));
        !other.claim.allowed.contains(forest) && !earlier
    })
}

/// What `agent` serves: of what it says, what it may.
pub fn served(agent: &Agent, all: &[Agent]) -> Vec<Forest> {
    agent.claim.said.iter().filter(|forest| may_serve(agent, forest, all)).cloned().collect()
}

/// What `agent` says that it serves and may not: an administrator has to allow it.
pub fn waiting(agent: &Agent) -> impl Iterator<Item = &Forest> {
    agent.claim.said.iter().filter(|forest| !agent.forests.contains(forest))
}

/// The claim of `agent` once it has said that it serves `said`: what nobody else ever had is its from now on.
pub fn after_hello(agent: &Agent, said: &[Forest], all: &[Agent], now: Timestamp) -> ForestClaim {
    let mut claim = ForestClaim { said: Vec::new(), ..agent.claim.clone() };
    for forest in said.iter().filter(|forest| is_forest(forest)).take(MAXIMUM_FORESTS) {
        if claim.said.contains(forest) {
            continue;
        }
        claim.said.push(forest.clone());
        let free = all.iter().filter(|other| other.id != agent.id).all(|other| !other.claim.has(forest));
        let room = claim.allowed.len() + claim.taken.len() < MAXIMUM_FORESTS;
        if free && room && !claim.has(forest) {
            claim.taken.push(TakenForest { forest: forest.clone(), at: now });
        }
    }
    claim
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ritorno_protocol::certificate::{KeyCertificate, KeyRole};
    use ritorno_protocol::ids::{AgentId, TenantId};
    use ritorno_protocol::key::SigningKey;
    use ritorno_protocol::random::Random;
    use ritorno_protocol::signed::Signed;
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    struct Fixed;
    impl Random for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    fn forests(names: &[&str]) -> Vec<Forest> {
        names.iter().map(|name| Forest((*name).to_owned())).collect()
    }

    fn agent(number: u128, enrolled_for: &[&str]) -> Agent {
        let (id, tenant) = (AgentId(Uuid::from_u128(number)), TenantId(Uuid::nil()));
        let key = SigningKey::generate(&Fixed);
        let certificate = KeyCertificate {
            tenant,
            role: KeyRole::AgentIdentity { agent: id },
            key: key.public(),
            not_before: NOW,
            not_after: NOW,
            sequence: 1,
        };
        Agent {
            id,
            tenant,
            name: String::new(),
            version: String::new(),
            identity_key: key.public(),
            identity: Signed::sign(&certificate, &key),
            next_identity: None,
            former: Vec::new(),
            sealing: None,
            forests: forests(enrolled_for),
            claim: ForestClaim::enrolled(forests(enrolled_for)),
            writeback_on: true,
            epoch: None,
            enrolled_at: NOW,
            revoked_at: None,
            last_seen_at: None,
            health: None,
        }
    }

    /// Agent `index` says hello so much later.
    fn says(all: &mut [Agent], index: usize, said: &[&str], later: u64) {
        let now = NOW.plus(Duration::from_secs(later));
        all[index].claim = after_hello(&all[index], &forests(said), all, now);
    }

    fn served_by(all: &[Agent], index: usize) -> Vec<String> {
        served(&all[index], all).into_iter().map(|forest| forest.0).collect()
    }

    #[test]
    fn a_forest_that_nobody_has_is_taken_up_without_asking_anybody() {
        let mut all = [agent(1, &["contoso.test"]), agent(2, &["contoso.test"])];
        says(&mut all, 0, &["contoso.test", "fabrikam.test"], 1);
        assert_eq!(served_by(&all, 0), ["contoso.test", "fabrikam.test"]);
        // It may be left out for a while.
        says(&mut all, 0, &["contoso.test"], 2);
        assert_eq!(served_by(&all, 0), ["contoso.test"]);
        says(&mut all, 0, &["fabrikam.test"], 3);
        assert_eq!(served_by(&all, 0), ["fabrikam.test"]);
    }

    #[test]
    fn what_another_agent_has_or_had_is_not_taken_over() {
        let mut all = [agent(1, &["contoso.test"]), agent(2, &["fabrikam.test"]), agent(3, &["gone.test"])];
        all[2].revoked_at = Some(NOW);
        says(&mut all, 0, &["contoso.test", "fabrikam.test", "gone.test"], 1);
        assert_eq!(served_by(&all, 0), ["contoso.test"]);
        all[0].forests = served(&all[0], &all);
        assert_eq!(
            waiting(&all[0]).map(|forest| forest.0.as_str()).collect::<Vec<_>>(),
            ["fabrikam.test", "gone.test"]
        );
        // Saying it again and again changes nothing.
        says(&mut all, 0, &["fabrikam.test"], 60);
        assert!(served_by(&all, 0).is_empty());
        all[0].claim.allowed.push(Forest("fabrikam.test".into()));
        assert_eq!(served_by(&all, 0), ["fabrikam.test"]);
        assert_eq!(served_by(&all, 1), ["fabrikam.test"], "allowed to both");
    }

    #[test]
    fn of_two_that_say_the_same_new_forest_the_earlier_has_it() {
        let mut all = [agent(1, &["contoso.test"]), agent(2, &["contoso.test"])];
        says(&mut all, 1, &["new.test"], 1);
        says(&mut all, 0, &["new.test"], 2);
        assert_eq!((served_by(&all, 0).len(), served_by(&all, 1).len()), (0, 1));
        // Two servers that did not see each other's row wrote both: still one has it.
        let forest = Forest("new.test".into());
        all[0].claim.taken = vec![TakenForest { forest, at: NOW.plus(Duration::from_secs(1)) }];
        assert_eq!((served_by(&all, 0).len(), served_by(&all, 1).len()), (1, 0));
    }

    #[test]
    fn who_was_enrolled_for_a_forest_takes_it_from_who_only_took_it_up() {
        let mut all = [agent(1, &["contoso.test"]), agent(2, &["contoso.test"])];
        says(&mut all, 0, &["fabrikam.test"], 1);
        assert_eq!(served_by(&all, 0), ["fabrikam.test"]);
        all[1] = agent(2, &["fabrikam.test"]);
        assert!(served_by(&all, 0).is_empty());
        assert_eq!(served_by(&all, 1), ["fabrikam.test"]);
    }

    #[test]
    fn names_that_can_be_none_and_too_many_are_passed_over() {
        let mut all = [agent(1, &["contoso.test"])];
        says(&mut all, 0, &["", "Upper.test", "a\nb", "fine.test", "fine.test"], 1);
        assert_eq!(served_by(&all, 0), ["fine.test"]);
        for round in 0..30 {
            says(&mut all, 0, &[&format!("f{round}.test")], round);
        }
        assert!(all[0].claim.taken.len() < MAXIMUM_FORESTS, "{}", all[0].claim.taken.len());
    }
}
