//! The console's search of people, as an administrator uses it.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::command::run;
use ritorno_lab::stack::Stack;

use crate::summary::{Better, Measure, Rows};

/// How often each kind of search is made.
const SEARCHES: usize = 20;

/// Searches for people by parts of their names: of one, of many, of nobody. All over one kept connection, each to the end of its page.
///
/// # Errors
/// When the console does not answer, or finds others than it should.
pub(crate) fn measure(
    stack: &Stack,
    name: &'static str,
    people: usize,
    date: &str,
    rows: &mut Rows,
) -> Result<()> {
    let jar = stack.folder().join("bench-cookies");
    let curl = || {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "60", "--cacert"]).arg(&stack.ca_pem);
        curl.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar);
        curl.args(["--header", &format!("origin: {}", stack.url)]);
        curl
    };
    let administrator = &stack.administrator;
    let named = format!("name={}", administrator.name);
    let page = format!("{}/console/sign-in", stack.url);
    let form = ["--data-urlencode", &named, "--data-urlencode", "password@-", &page];
    run(curl().args(form), administrator.password.as_bytes())?;

    let searched = |typed: &str| format!("{}/console/people?name={typed}", stack.url);
    let last = format!("nc-{:06}", people - 1);
    let shown = run(curl().arg(searched(&last)), b"")?;
    ensure!(shown.contains(&format!("sync-{:06}", people - 1)), "{last} was not found:\n{shown}");

    let mut many = curl();
    many.args(["--write-out", "%{time_total}\n"]);
    for number in 0..SEARCHES {
        let one = format!("nc-{:06}", (number + 1) * (people / (SEARCHES + 1)));
        for typed in [one, format!("{:03}", number * 7), format!("nobody{number}")] {
            many.args(["--output", "/dev/null"]).arg(searched(&typed));
        }
    }
    let told = run(&mut many, b"")?;
    let times = told.lines().map(|line| line.trim().parse::<f64>().map(|seconds| seconds * 1_000.0));
    let times: Vec<f64> = times.collect::<Result<_, _>>().with_context(|| format!("curl said: {told}"))?;
    ensure!(times.len() == SEARCHES * 3, "{} of {} searches were answered", times.len(), SEARCHES * 3);
    let search = Measure { name, unit: "ms", better: Better::Lower, goal: Some(100.0) };
    let method = format!(
        "the console's people page, searched among {people} people by part of a name, from the request to the end of the page over one kept \
         connection, on SQLite: {SEARCHES} searches each that meet one person, more than a page, nobody; median of all"
    );
    rows.add(search, &times, method, date)
}
