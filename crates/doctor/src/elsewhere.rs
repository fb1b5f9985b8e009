//! Rows of the troubleshooting tables that no check covers, since what they describe can't happen here; and all rows there are.

use std::fmt::Write as _;

/// A row that does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The row, such as `T8`.
    pub row: &'static str,
    /// What goes wrong elsewhere.
    pub what: &'static str,
    /// Why it can't here, or what tells it.
    pub because: &'static str,
}

/// The tables: their letter, and how many rows each has.
const TABLES: [(char, u32); 5] = [('T', 17), ('N', 16), ('D', 13), ('P', 17), ('Y', 7)];

/// Every row there is, in its order.
pub fn all_rows() -> impl Iterator<Item = String> {
    TABLES.into_iter().flat_map(|(table, rows)| (1..=rows).map(move |row| format!("{table}{row}")))
}

macro_rules! elsewhere {
    ($($row:literal, $what:literal, $because:literal;)*) => {
        /// Every row that does not apply.
        pub const ELSEWHERE: &[Elsewhere] = &[$(Elsewhere { row: $row, what: $what, because: $because }),*];
    };
}

elsewhere! {
    "T5", "the portal has no page for the directories until an agent is set up",
        "the console's pages are there from the beginning; *Overview* says that no agent is enrolled";
    "T7", "an administrator's reset is refused by a second switch of the tenant (allowedToUseSSPR)",
        "there is one switch for self-service reset, and the check `writeback-switches` looks at it";
    "T8", "a reset in another portal is never written back",
        "there is one way to reset, and it ends in the directory or fails";
    "T9", "the set-up program can't sign in: a federated account, a role held through a group, a page that a zone blocks",
        "the agent never signs in as a person: a code is confirmed in the console, every administrator is made cloud-only by \
         `ritorno admin add`, and the last global one can't be removed";
    "T12", "the browser refuses cookies, or the session ended",
        "it is between the person's browser and the page, which says so in its own words (the reset has ended); no host of the \
         organisation sees it, so neither can a check";
    "T13", "a password is refused because of a banned word",
        "the doctor never has a password; the page names the rule while it is typed, and event 33008 names it afterwards";
    "T15", "the e-mail gate fails because the sign-in name is not the mailbox's primary address",
        "codes go to the registered address and to that of the directory, never to one that is derived from the sign-in name; which of \
         them the person has, the check `person-tenant` says";
    "T16", "nothing is in the audit until somebody has opened its page once",
        "every fact is written down from the first, with what it is about; `ritorno audit verify` goes through all \
         of it";
    "N4", "of two sockets to the relay only one is held",
        "an agent holds one, for both directions; whether it is held, the check `writeback-switches` says";
    "D8", "LDAP is neither signed nor encrypted (0x8023062C)",
        "the agent speaks LDAPS, StartTLS or LDAP sealed by Kerberos; no setting takes the protection away";
    "D10", "the password of the agent's account is too long (0x800700CE)",
        "it is read from a file whatever its length, or there is a keytab in its place";
}

/// The table of what does not apply, as Markdown.
pub fn elsewhere_table() -> String {
    let mut text = String::from(
        "## What goes wrong elsewhere and not here\n\nRows of the troubleshooting tables that no check covers.\n\n\
         | row | elsewhere | here |\n|---|---|---|\n",
    );
    for Elsewhere { row, what, because } in ELSEWHERE {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {row} | {what} | {because} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_one_that_exists_and_has_its_line() {
        let all: Vec<String> = all_rows().collect();
        assert_eq!(all.len(), 70);
        let table = elsewhere_table();
        for one in ELSEWHERE {
            assert!(all.iter().any(|row| row == one.row), "{}", one.row);
            assert!(table.contains(&format!("| {} | {}", one.row, one.what)));
        }
    }
}
