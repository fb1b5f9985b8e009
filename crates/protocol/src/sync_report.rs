//! Where an agent's synchronisation stands, told to the cloud side: `POST /agent/v1/sync`. What it decides stands in the agent's own
//! files; the cloud side only shows it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::cut::cut;

/// Most connectors of one report.
pub const MAXIMUM_CONNECTORS: usize = 32;
/// Most runs, and most lines of each other kind, of one connector.
pub const MAXIMUM_LINES: usize = 20;
/// Most removals that the held lists of a report name, of all connectors together.
pub const MAXIMUM_REMOVALS: usize = 2_000;
/// Most bytes of their names, of all connectors together, with what is written around each.
pub const MAXIMUM_REMOVALS_BYTES: usize = 192 * 1024;
/// What is written around a name, in bytes.
const AROUND_A_NAME: usize = 32;
/// Largest report that an agent sends, in bytes: well below what the cloud side takes.
pub const MAXIMUM_BYTES: usize = 400 * 1024;
/// After this long without a cycle that came to its end, the tenant has been without what changed for too long.
pub const OVERDUE_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Longest text of a line, in characters.
pub const MAXIMUM_TEXT: usize = 400;
/// Longest text of the rules, in characters.
pub const MAXIMUM_RULES: usize = 32_000;
/// How long an approval of a held export lasts, in seconds, from the moment at which it is given: a day, as one that is given at the agent.
pub const APPROVED_SECONDS: u64 = 24 * 3_600;

/// What an agent is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Imports, exports, writes back.
    Active,
    /// Imports and writes back; does not export.
    Standby,
    /// Imports only.
    Staging,
}

/// One agent's synchronisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// The agent's time when it looked.
    pub at: Timestamp,
    /// What the agent is for.
    pub mode: SyncMode,
    /// Whether the scheduler was suspended.
    pub suspended: bool,
    /// Seconds between two delta cycles; none if everything is started by hand.
    pub every_seconds: Option<u64>,
    /// Time of day, in UTC, from which everything is read and compared.
    pub reconcile_at: String,
    /// The organisation's own rules, as their file has them; none if the program's own hold.
    pub rules: Option<String>,
    /// Each connector.
    pub connectors: Vec<ConnectorReport>,
}

/// One connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorReport {
    /// Its name: the domain's.
    pub name: String,
    /// DNs that people have to be below; none for the whole domain.
    pub scope: Vec<String>,
    /// DNs that groups are imported from.
    pub groups: Vec<String>,
    /// How many there are of each kind.
    pub counts: ConnectorCounts,
    /// When the directory was last read to the end; none if it never was, or the agent does not tell, as one of a version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycled_at: Option<Timestamp>,
    /// The latest runs, newest first.
    pub runs: Vec<RunReport>,
    /// What the agent's deletion guard holds; none if nothing.
    pub held: Option<HeldExport>,
}

/// How many objects stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorCounts {
    /// In the connector space.
    pub objects: u64,
    /// Joined to a person.
    pub joined: u64,
    /// Left out by the rules.
    pub out_of_scope: u64,
    /// That could not be carried on.
    pub faulty: u64,
    /// That the next export would make.
    pub adds: u64,
    /// That it would change.
    pub updates: u64,
    /// That it would remove.
    pub deletes: u64,
    /// Members of groups that it would put in or take out.
    pub members: u64,
    /// That the tenant refused.
    pub refused: u64,
}

/// One run of a run profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// Its number at the agent.
    pub id: i64,
    /// Which, such as `delta-import`.
    pub profile: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, if it did.
    pub ended: Option<Timestamp>,
    /// How it ended, such as `succeeded`.
    pub outcome: String,
    /// New objects.
    pub adds: u64,
    /// Changed ones.
    pub updates: u64,
    /// Removed ones.
    pub deletes: u64,
    /// Ones that could not be carried on.
    pub errors: u64,
    /// Anchors that were written into the directory.
    #[serde(default)]
    pub anchors: u64,
    /// Anchors that the directory did not take.
    #[serde(default)]
    pub anchors_refused: u64,
    /// The directory server that was read.
    pub server: Option<String>,
    /// Why it failed, or what else is to be known. It names no object: more people read it than may know who is in a directory.
    pub note: Option<String>,
}

/// An export that the agent's deletion guard holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldExport {
    /// SHA-256 over the whole list, in hexadecimal: what an approval names.
    pub digest: String,
    /// When the agent's guard held this list first, without a break until now. An approval names that too: of the same people, held once
    /// more at another time, somebody has to decide anew.
    #[serde(default = "unknown")]
    pub since: Timestamp,
    /// How many removals there are in all.
    pub number: u64,
    /// What holds it.
    pub because: String,
    /// They, as far as a report holds them.
    pub removals: Vec<HeldRemoval>,
}

/// One removal that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRemoval {
    /// How.
    pub kind: HeldKind,
    /// Who.
    pub name: String,
}

/// How somebody would be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldKind {
    /// Removed from the tenant.
    Delete,
    /// No longer allowed to sign in.
    Disable,
    /// Taken out of a group.
    Leave,
}

/// What the cloud side answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncAnswer {
    /// Held lists of this report that an administrator approved. Each is told once.
    #[serde(default)]
    pub approved: Vec<Approved>,
}

/// The approval of a held list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The list's digest.
    pub digest: String,
    /// Since when it was held.
    pub since: Timestamp,
    /// How long the approval lasts from now on.
    pub seconds: u64,
}

const fn unknown() -> Timestamp {
    Timestamp::from_unix_ms(0)
}

impl HeldExport {
    /// Whether every removal is named: who approves a list has seen all of it.
    pub fn is_whole(&self) -> bool {
        self.number == self.removals.len() as u64
    }

    fn bytes(&self) -> usize {
        self.removals.iter().map(|one| one.name.len() + AROUND_A_NAME).sum()
    }

    /// Names so many at most. Of members who leave their groups as many as a half stay, however many people come before them.
    fn shorten(&mut self, most: usize) {
        let all = std::mem::take(&mut self.removals);
        let (mut leave, mut go): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|one| one.kind == HeldKind::Leave);
        leave.truncate((most / 2).max(most.saturating_sub(go.len())));
        go.truncate(most - leave.len());
        go.append(&mut leave);
        self.removals = go;
    }
}

impl ConnectorReport {
    /// For how long the directory was not read to the end, if that is too long. Who does not report any more does not cycle either.
    pub fn overdue(&self, now: Timestamp) -> Option<Duration> {
        self.cycled_at.map(|at| now.since(at)).filter(|since| *since >= OVERDUE_AFTER)
    }
}

impl SyncReport {
    /// The same within what a report may hold, and without a held list whose digest is none.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        cut(&mut self.reconcile_at, MAXIMUM_TEXT);
        self.rules.iter_mut().for_each(|rules| cut(rules, MAXIMUM_RULES));
        self.connectors.truncate(MAXIMUM_CONNECTORS);
        for connector in &mut self.connectors {
            cut(&mut connector.name, MAXIMUM_TEXT);
            for lines in [&mut connector.scope, &mut connector.groups] {
                lines.truncate(MAXIMUM_LINES);
                lines.iter_mut().for_each(|line| cut(line, MAXIMUM_TEXT));
            }
            connector.runs.truncate(MAXIMUM_LINES);
            for run in &mut connector.runs {
                let texts = [&mut run.profile, &mut run.outcome].into_iter();
                texts.chain(&mut run.server).chain(&mut run.note).for_each(|text| cut(text, MAXIMUM_TEXT));
            }
            connector.held = connector.held.take().filter(|held| is_digest(&held.digest));
            if let Some(held) = &mut connector.held {
                cut(&mut held.because, MAXIMUM_TEXT);
                held.removals.iter_mut().for_each(|one| cut(&mut one.name, MAXIMUM_TEXT));
            }
        }
        self.bound_removals();
        self
    }

    /// Lets the held lists have what there is room for, the short ones first, so that as many as can be are whole.
    fn bound_removals(&mut self) {
        let mut lists: Vec<_> = self.connectors.iter_mut().filter_map(|one| one.held.as_mut()).collect();
        lists.sort_by_key(|held| held.removals.len());
        let (mut number, mut bytes) = (MAXIMUM_REMOVALS, MAXIMUM_REMOVALS_BYTES);
        for held in lists {
            if held.removals.len() > number {
                held.shorten(number);
            }
            if held.bytes() > bytes {
                let longest = held.removals.iter().map(|one| one.name.len()).max().unwrap_or_default();
                held.shorten((bytes / (longest + AROUND_A_NAME)).min(held.removals.len()));
            }
            number -= held.removals.len();
            bytes -= held.bytes();
        }
    }

    /// The same, bounded, and small enough to be sent: what tells least of the present goes first.
    #[must_use]
    pub fn fitting(self) -> Self {
        let mut report = self.bounded();
        for lines in [10, 5, 2, 1] {
            if report.bytes() <= MAXIMUM_BYTES {
                return report;
            }
            for connector in &mut report.connectors {
                connector.runs.truncate(lines);
                // None would mean the whole domain.
                connector.scope.truncate(lines);
                connector.groups.truncate(lines);
            }
        }
        if report.bytes() > MAXIMUM_BYTES {
            report.rules.iter_mut().for_each(|rules| cut(rules, MAXIMUM_TEXT));
        }
        while report.bytes() > MAXIMUM_BYTES {
            let lists = report.connectors.iter_mut().filter_map(|one| one.held.as_mut());
            let Some(longest) = lists.max_by_key(|held| held.removals.len()) else { break };
            let half = longest.removals.len() / 2;
            if longest.removals.is_empty() {
                break;
            }
            longest.shorten(half);
        }
        report
    }

    fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }

    /// What is held under this digest, and of which connector.
    pub fn held(&self, digest: &str) -> Option<(&ConnectorReport, &HeldExport)> {
        self.connectors.iter().find_map(|connector| {
            let held = connector.held.as_ref()?;
            (held.digest == digest).then_some((connector, held))
        })
    }
}

/// Whether a text is a SHA-256 as the agent writes it.
pub fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_cut_to_what_it_may_hold() {
        let (long, rules) = ("à".repeat(1_000), "à".repeat(100_000));
        let held = |digest: &str| HeldExport {
            digest: digest.to_owned(),
            since: Timestamp::from_unix_ms(7),
            number: 10_000,
            because: long.clone(),
            removals: vec![HeldRemoval { kind: HeldKind::Delete, name: long.clone() }; 1_000],
        };
        let run = RunReport {
            id: 1,
            profile: long.clone(),
            started: Timestamp::from_unix_ms(0),
            ended: None,
            outcome: long.clone(),
            adds: 0,
            updates: 0,
            deletes: 0,
            errors: 0,
            anchors: 0,
            anchors_refused: 0,
            server: Some(long.clone()),
            note: Some(long.clone()),
        };
        let connector = |digest: &str| ConnectorReport {
            cycled_at: None,
            name: long.clone(),
            scope: vec![long.clone(); 100],
            groups: Vec::new(),
            counts: ConnectorCounts::default(),
            runs: vec![run.clone(); 100],
            held: Some(held(digest)),
        };
        let good = "0f".repeat(32);
        let mut connectors = vec![connector(&good), connector("0F"), connector(&good.to_uppercase())];
        connectors.extend((0..40).map(|_| connector(&good)));
        let untidy = SyncReport {
            at: Timestamp::from_unix_ms(0),
            mode: SyncMode::Active,
            suspended: false,
            every_seconds: Some(30),
            reconcile_at: "02:30".into(),
            rules: Some(rules),
            connectors,
        };
        let report = untidy.clone().bounded();
        assert_eq!(report.rules.as_ref().unwrap().chars().count(), MAXIMUM_RULES + 1);
        assert_eq!(report.connectors.len(), MAXIMUM_CONNECTORS);
        let first = &report.connectors[0];
        assert_eq!((first.scope.len(), first.runs.len()), (MAXIMUM_LINES, MAXIMUM_LINES));
        assert_eq!(first.runs[0].note.as_ref().unwrap().chars().count(), MAXIMUM_TEXT + 1);
        let held: Vec<bool> = report.connectors[..4].iter().map(|one| one.held.is_some()).collect();
        assert_eq!(held, [true, false, false, true]);
        let (of, list) = report.held(&good).unwrap();
        assert_eq!(of.name.chars().count(), MAXIMUM_TEXT + 1);
        assert!(!list.is_whole() && !list.removals.is_empty());
        assert!(report.held(&"00".repeat(32)).is_none());
        assert_eq!(report.clone().bounded(), report);
        let fitting = untidy.fitting();
        assert!(serde_json::to_vec(&fitting).unwrap().len() <= MAXIMUM_BYTES);
        assert!(
            fitting.connectors.iter().all(|one| one.scope.len() == 1),
            "none would mean the whole domain"
        );
    }

    fn of_lists(lists: &[&[(HeldKind, usize)]]) -> SyncReport {
        let held = |kinds: &[(HeldKind, usize)]| {
            let name = |(kind, number): &(HeldKind, usize)| {
                let kind = *kind;
                (0..*number).map(move |at| HeldRemoval { kind, name: format!("person.{at}@contoso.test") })
            };
            let removals: Vec<_> = kinds.iter().flat_map(name).collect();
            HeldExport {
                digest: "0f".repeat(32),
                since: Timestamp::from_unix_ms(7),
                number: removals.len() as u64,
                because: String::new(),
                removals,
            }
        };
        let connector = |kinds: &&[(HeldKind, usize)]| ConnectorReport {
            cycled_at: None,
            name: "contoso.test".into(),
            scope: Vec::new(),
            groups: Vec::new(),
            counts: ConnectorCounts::default(),
            runs: Vec::new(),
            held: Some(held(kinds)),
        };
        SyncReport {
            at: Timestamp::from_unix_ms(0),
            mode: SyncMode::Active,
            suspended: false,
            every_seconds: None,
            reconcile_at: "02:30".into(),
            rules: None,
            connectors: lists.iter().map(connector).collect(),
        }
    }

    #[test]
    fn held_lists_are_whole_where_there_is_room_and_tell_of_members_where_there_is_not() {
        let report = of_lists(&[&[(HeldKind::Delete, 1_900)], &[(HeldKind::Disable, 100)]]).fitting();
        assert!(report.connectors.iter().all(|one| one.held.as_ref().unwrap().is_whole()));

        // The short one is whole, whichever comes first.
        let long: &[_] = &[(HeldKind::Delete, 5_000), (HeldKind::Leave, 3_000)];
        let report = of_lists(&[long, &[(HeldKind::Delete, 600)]]).fitting();
        let [first, second] = [0, 1].map(|at| report.connectors[at].held.as_ref().unwrap());
        assert!(second.is_whole() && !first.is_whole());
        let leave = first.removals.iter().filter(|one| one.kind == HeldKind::Leave).count();
        assert_eq!((first.removals.len(), leave), (1_400, 700));
        assert!(first.number == 8_000, "how many there are is told as it is");
        let report = of_lists(&[&[(HeldKind::Delete, 100), (HeldKind::Leave, 3_000)]]).bounded();
        let list = &report.connectors[0].held.as_ref().unwrap().removals;
        assert_eq!(list.iter().filter(|one| one.kind == HeldKind::Leave).count(), 1_900);
    }
}
