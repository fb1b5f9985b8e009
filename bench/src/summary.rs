//! `bench/results/summary.json`: one row for each thing that is measured.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// The smallest and the largest of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The median of the runs.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: String,
    /// Which way is good.
    pub(crate) better: Better,
    /// What is aimed at; none where there is no aim.
    pub(crate) goal: Option<f64>,
    /// How far the runs lie apart.
    pub(crate) spread: Spread,
    /// How it was measured, in a sentence; the whole of it is in `bench/README.md`.
    pub(crate) method: String,
    /// The day of the measurement.
    pub(crate) date: String,
}

/// What a row is, apart from any measurement of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    pub(crate) goal: Option<f64>,
}

/// Rows by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows(BTreeMap<String, Row>);

impl Rows {
    /// Adds the median of `runs`.
    ///
    /// # Errors
    /// When there was no run.
    pub(crate) fn add(&mut self, measure: Measure, runs: &[f64], method: String, date: &str) -> Result<()> {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        ensure!(!sorted.is_empty(), "{}: nothing was measured", measure.name);
        let row = Row {
            value: round(median(&sorted)),
            unit: measure.unit.to_owned(),
            better: measure.better,
            goal: measure.goal,
            spread: Spread { min: round(sorted[0]), max: round(sorted[sorted.len() - 1]) },
            method,
            date: date.to_owned(),
        };
        self.0.insert(measure.name.to_owned(), row);
        Ok(())
    }

    /// Puts these rows in place of those of the same names in a file; the others stay.
    ///
    /// # Errors
    /// When the file is not of this shape, or can't be written.
    pub(crate) fn merge_into(&self, path: &Path) -> Result<()> {
        let mut all: BTreeMap<String, Row> = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        all.extend(self.0.clone());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string_pretty(&all)? + "\n";
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// The rows for a terminal, with whether each reaches its goal.
    pub(crate) fn to_text(&self) -> String {
        let line = |(name, row): (&String, &Row)| {
            let reached = row.goal.map(|goal| match row.better {
                Better::Higher => row.value >= goal,
                Better::Lower => row.value <= goal,
            });
            let goal = row.goal.map_or_else(String::new, |goal| format!("  goal {goal}"));
            let mark = match reached {
                Some(true) => "  reached",
                Some(false) => "  MISSED",
                None => "",
            };
            let Spread { min, max } = row.spread;
            format!("{name:32} {:>9} {:12} ({min} to {max}){goal}{mark}\n", row.value, row.unit)
        };
        self.0.iter().map(line).collect()
    }
}

/// The middle of sorted numbers, or the mean of the two middle ones; of none, NaN.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// The median of numbers in any order.
pub(crate) fn middle(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    median(&sorted)
}

fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEED: Measure = Measure { name: "speed", unit: "1/s", better: Better::Higher, goal: Some(3.0) };

    #[test]
    fn row_is_median_and_spread() {
        let mut rows = Rows::default();
        rows.add(SPEED, &[4.0, 1.0, 2.0], "by hand".into(), "2026-01-01").unwrap();
        assert_eq!(rows.0["speed"].value, 2.0);
        assert_eq!(rows.0["speed"].spread, Spread { min: 1.0, max: 4.0 });
        assert!(rows.to_text().contains("MISSED"));
        assert!(rows.add(SPEED, &[], "by hand".into(), "2026-01-01").is_err());
        assert_eq!(middle(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn rows_of_other_names_stay() {
        let folder = std::env::temp_dir().join(format!("ritorno-summary-{}", std::process::id()));
        let path = folder.join("results/summary.json");
        for (name, value) in [("speed", 1.0), ("weight", 2.0), ("speed", 5.0)] {
            let mut rows = Rows::default();
            rows.add(Measure { name, ..SPEED }, &[value], "by hand".into(), "2026-01-01").unwrap();
            rows.merge_into(&path).unwrap();
        }
        let read: BTreeMap<String, Row> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read["speed"].value, 5.0);
    }
}
