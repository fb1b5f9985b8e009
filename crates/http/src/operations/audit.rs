//! The names of whoever occurs in facts of the audit, and support codes as they are heard.

use std::collections::{HashMap, HashSet};

use ritorno_identity::audit::{Actor, Fact};
use ritorno_identity::ids::AdministratorId;
use ritorno_protocol::ids::{AgentId, UserId};
use ritorno_storage::StoreError;

use crate::state::AppState;

/// A support code as it was heard on the telephone: any case, with or without the dash, and the letters that the code's
/// alphabet leaves out taken for the digits that they look like.
pub(crate) fn heard(typed: &str) -> String {
    let mut code: String = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    if code.len() == 10 {
        code.insert(5, '-');
    }
    code
}

/// The names of whoever occurs in some facts.
pub(crate) struct Names {
    people: HashMap<String, String>,
    administrators: HashMap<AdministratorId, String>,
    agents: HashMap<AgentId, String>,
}

impl Names {
    pub(crate) async fn of(state: &AppState, facts: &[Fact]) -> Result<Self, StoreError> {
        let (store, tenant) = (&state.store, state.tenant);
        let acted = facts.iter().filter_map(|fact| match fact.actor {
            Actor::User(user) => Some(user),
            _ => None,
        });
        let occurring: HashSet<UserId> = acted.chain(facts.iter().filter_map(|fact| fact.target)).collect();
        let occurring: Vec<String> = occurring.into_iter().map(|id| id.to_string()).collect();
        let people = store.users().principal_names(tenant, &occurring).await?;
        let administrators = store.administrators().list(tenant).await?.into_iter();
        let agents = store.agents().list(tenant).await?.into_iter();
        Ok(Self {
            people,
            administrators: administrators.map(|one| (one.id, one.name)).collect(),
            agents: agents.map(|agent| (agent.id, agent.name)).collect(),
        })
    }

    /// The sign-in name; the id of somebody who is not there any more.
    pub(crate) fn person(&self, id: UserId) -> String {
        let id = id.to_string();
        self.people.get(&id).cloned().unwrap_or(id)
    }

    /// The name of an actor; its id if it is not there any more, nothing of one that has none.
    pub(crate) fn actor(&self, actor: &Actor) -> Option<String> {
        match *actor {
            Actor::User(id) => Some(self.person(id)),
            Actor::Administrator(id) => {
                Some(self.administrators.get(&id).cloned().unwrap_or_else(|| id.to_string()))
            }
            Actor::Agent(id) => Some(self.agents.get(&id).cloned().unwrap_or_else(|| id.to_string())),
            Actor::Anonymous | Actor::System => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_found_as_it_was_heard() {
        assert_eq!(heard(" abcde 01234"), "ABCDE-01234");
        assert_eq!(heard("abcde-o1l34"), "ABCDE-01134");
    }
}
