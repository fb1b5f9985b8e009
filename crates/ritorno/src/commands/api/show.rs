//! A list as a table.

use std::collections::BTreeSet;

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde_json::Value;

use crate::output::say;

/// What comes first, where it is there; the rest follows by name.
const FIRST: [&str; 2] = ["id", "name"];
/// The column of a list of plain values.
const PLAIN: &str = "value";

/// Prints it.
///
/// # Errors
/// When nobody reads it.
pub(super) fn table(rows: &[Value]) -> anyhow::Result<()> {
    say(made(rows))
}

fn made(rows: &[Value]) -> Table {
    let columns = columns(rows);
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(&columns);
    for row in rows {
        table.add_row(columns.iter().map(|column| cell(value(row, column))));
    }
    for (index, column) in columns.iter().enumerate() {
        let is_number =
            |row: &Value| matches!(value(row, column), Some(Value::Number(_) | Value::Null) | None);
        if rows.iter().all(is_number)
            && let Some(column) = table.column_mut(index)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// What has one value in each row; what has several is for JSON.
fn columns(rows: &[Value]) -> Vec<String> {
    let (mut named, mut several) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        match row.as_object() {
            None => drop(named.insert(PLAIN.to_owned())),
            Some(object) => {
                for (name, value) in object {
                    named.insert(name.clone());
                    if value.is_array() || value.is_object() {
                        several.insert(name.clone());
                    }
                }
            }
        }
    }
    let first = FIRST.iter().filter(|first| named.contains(**first)).map(|first| (*first).to_owned());
    let rest = named.iter().filter(|name| !FIRST.contains(&name.as_str())).cloned();
    first.chain(rest).filter(|name| !several.contains(name)).collect()
}

fn value<'a>(row: &'a Value, column: &str) -> Option<&'a Value> {
    match row.as_object() {
        Some(object) => object.get(column),
        None => (column == PLAIN).then_some(row),
    }
}

fn cell(value: Option<&Value>) -> Cell {
    let text = match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Cell::new(text.replace(char::is_control, " "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_what_is_several_is_left_out() {
        let rows = [
            json!({ "units": 5, "name": "A", "of": [1], "since": null }),
            json!({ "units": 1234, "name": "Long one\u{1b}", "of": [], "since": "2026" }),
        ];
        let shown = made(&rows).to_string();
        let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
        assert_eq!(lines.len(), 3, "{shown}");
        assert!(lines[0].trim_start().starts_with("name") && !lines[0].contains("of"), "{shown}");
        assert!(lines[1].ends_with(" 5") && lines[2].ends_with(" 1234"), "{shown}");
        assert_eq!(lines[1].chars().count(), lines[2].chars().count(), "both end in one column: {shown}");
        assert!(!shown.contains('\u{1b}'));
        assert!(made(&[json!("anna"), json!("ugo")]).to_string().contains("ugo"));
    }
}
