//! How an agent is, in the six states that administrators of the original know.

use crate::agent::Agent;

/// Longest name of an agent, in bytes.
pub const MAXIMUM_NAME: usize = 255;

/// How an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// Up and running: a reset through it can be written now.
    Running,
    /// It works, and there is a newer version.
    OutOfDate,
    /// It is so old that what it reports is not understood.
    TooOld,
    /// It is not connected.
    Away,
    /// It is connected, and nothing can be written through it: a switch is off, or no PDC emulator answers it.
    NotConfigured,
    /// It is not connected, and that may be this side's fault.
    ServerSide,
    /// It was revoked. The original has no such state.
    Revoked,
}

/// What is known beside the agent's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Whether its link is up.
    pub live: bool,
    /// Whether the tenant's passwords are written back at all.
    pub tenant_on: bool,
    /// Whether this side can take links: it has a signing key, and has been up for long enough that agents are back.
    pub server_ready: bool,
    /// The version of this side.
    pub version: &'a str,
    /// The latest version that this side offers for download, or its own.
    pub latest: &'a str,
}

impl Seen<'_> {
    /// Whether there is a later version than `agent`.
    pub fn is_out_of_date(&self, agent: &str) -> bool {
        [self.version, self.latest].into_iter().any(|later| Age::of(agent, later) != Age::Current)
    }
}

impl AgentState {
    /// The state of `agent`.
    pub fn of(agent: &Agent, seen: Seen<'_>) -> Self {
        if agent.revoked_at.is_some() {
            return Self::Revoked;
        }
        if !seen.live {
            return if seen.server_ready { Self::Away } else { Self::ServerSide };
        }
        let age = Age::of(&agent.version, seen.version);
        let Some(health) = agent.health.as_ref().filter(|_| age != Age::TooOld) else {
            return Self::TooOld;
        };
        let on = seen.tenant_on && agent.writeback_on && health.writeback_on;
        if !on || !health.forests.iter().any(|forest| forest.reachable) {
            return Self::NotConfigured;
        }
        if seen.is_out_of_date(&agent.version) { Self::OutOfDate } else { Self::Running }
    }

    /// The state in a word or two, for the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::OutOfDate => "out of date",
            Self::TooOld => "too old to tell",
            Self::Away => "not connected",
            Self::NotConfigured => "not configured",
            Self::ServerSide => "not connected (server)",
            Self::Revoked => "revoked",
        }
    }
}

/// An agent's version beside that of this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// The same, or newer.
    Current,
    /// Older, by one minor version at most: they work together.
    OutOfDate,
    /// Older than that, or no version at all.
    TooOld,
}

impl Age {
    /// How old `agent` is beside `server`.
    pub fn of(agent: &str, server: &str) -> Self {
        let (Some(theirs), Some(ours)) = (parts(agent), parts(server)) else { return Self::TooOld };
        if theirs >= ours {
            return Self::Current;
        }
        let near = theirs[0] == ours[0] && theirs[1].saturating_add(1) >= ours[1];
        if near { Self::OutOfDate } else { Self::TooOld }
    }
}

/// Major, minor and patch of a version (semver.org); what follows a `-` or `+` does not count.
fn parts(version: &str) -> Option<[u64; 3]> {
    let mut numbers = version.split(['-', '+']).next()?.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    let found = [next()?, next()?, next()?];
    numbers.next().is_none().then_some(found)
}

/// Whether an agent may be called so.
pub fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= MAXIMUM_NAME && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_minor_version_apart_works_together() {
        for (agent, expected) in [
            ("1.3.0", Age::Current),
            ("1.3.1", Age::Current),
            ("2.0.0", Age::Current),
            ("1.2.9", Age::OutOfDate),
            ("1.2.9-rc.1", Age::OutOfDate),
            ("1.1.9", Age::TooOld),
            ("0.3.0", Age::TooOld),
            ("", Age::TooOld),
            ("1.3", Age::TooOld),
            ("1.3.0.1", Age::TooOld),
        ] {
            assert_eq!(Age::of(agent, "1.3.0"), expected, "{agent}");
        }
    }
}
