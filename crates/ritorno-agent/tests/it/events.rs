//! `docs/EVENTS.md` and the code say the same of the event log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ritorno_protocol::event::EventId;

const PAGE: &str = include_str!("../../../../docs/EVENTS.md");

/// Every number that Microsoft's documentation names for its service, and our own above them.
fn documented() -> BTreeSet<u16> {
    let single = [31_034, 31_044];
    (31_001..=31_019)
        .chain(single)
        .chain(32_000..=32_015)
        .chain(33_001..=33_009)
        .chain(34_001..=34_003)
        .chain(35_001..=35_002)
        .collect()
}

/// The rows of a table, by number, of the part of the page below a heading.
fn rows(heading: &str) -> BTreeMap<u16, Vec<&'static str>> {
    let part = PAGE.split("\n## ").find(|part| part.starts_with(heading)).expect("the page has that part");
    let mut rows = BTreeMap::new();
    for line in part.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if let Some(Ok(number)) = cells.first().map(|first| first.parse()) {
            assert!(rows.insert(number, cells).is_none(), "{number} is there twice");
        }
    }
    rows
}

/// A file that the page names, as text.
fn file(named: &str) -> String {
    let below: &Path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = below.ancestors().nth(2).unwrap();
    let path: PathBuf = if named.starts_with("tests/") {
        workspace.join(named)
    } else {
        workspace.join("crates").join(named)
    };
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_page_names_every_number_that_the_code_knows_and_no_other() {
    let (written, left_out) = (rows("Written"), rows("Not written"));
    let known: BTreeMap<u16, &str> =
        EventId::ALL.iter().map(|event| (event.number(), event.name())).collect();
    let named: BTreeMap<u16, &str> = written.iter().map(|(number, cells)| (*number, cells[1])).collect();
    assert_eq!(named, known);
    assert!(left_out.values().all(|cells| cells.len() == 3 && cells[2].len() > 5), "each with a reason");
    let both: BTreeSet<u16> = written.keys().chain(left_out.keys()).copied().collect();
    assert_eq!(both, documented());
    assert_eq!(both.len(), written.len() + left_out.len(), "a number is either written or not");
}

#[test]
fn each_number_is_written_where_the_page_says_and_its_test_exists() {
    let mut before: Vec<&str> = Vec::new();
    for (number, cells) in rows("Written") {
        let event = EventId::try_from(number).unwrap();
        let [place] = quoted(cells[3])[..] else { panic!("{number}: no place") };
        let code = file(place);
        let code = code.split("#[cfg(test)]").next().unwrap();
        assert!(code.contains(&format!("EventId::{event:?}")), "{number} is not written in {place}");
        let test = match quoted(cells[4])[..] {
            [] if cells[4] == "the same" => before.clone(),
            [_, _] => quoted(cells[4]),
            _ => panic!("{number}: no test"),
        };
        assert!(file(test[0]).contains(&format!("fn {}(", test[1])), "{number}: {test:?} is not there");
        before = test;
    }
}

/// Numbers are written by name everywhere: whichever is not in a row above would be found here.
#[test]
fn no_number_is_known_and_never_written() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut code = String::new();
    let mut folders = vec![workspace.join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("protocol/src/event.rs")
            {
                let text = std::fs::read_to_string(path).unwrap();
                code.push_str(text.split("#[cfg(test)]").next().unwrap());
            }
        }
    }
    for event in EventId::ALL {
        assert!(code.contains(&format!("EventId::{event:?}")), "{} is never written", event.number());
    }
}
