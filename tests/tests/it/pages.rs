//! The pages that there are, and which of the browser's suites meets each of them in every language: looked at by axe, on a phone's width, and
//! kept as a picture (`tests/browser/walk.mjs`, `sound`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::stack::Stack;

/// A test of this crate that drives a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    Account,
    Browser,
    Methods,
    Register,
    Ways,
}

/// Each page by its template, and who meets it.
const PAGES: &[(&str, Suite)] = &[
    ("console/app", Suite::Browser),
    ("console/audit", Suite::Browser),
    ("console/doctor", Suite::Browser),
    ("console/doctor-manual", Suite::Browser),
    ("console/give-password", Suite::Methods),
    ("console/licences", Suite::Browser),
    ("console/look", Suite::Browser),
    ("console/onboarding", Suite::Browser),
    ("console/overview", Suite::Browser),
    ("console/pass", Suite::Ways),
    ("console/passkeys", Suite::Browser),
    ("console/people", Suite::Ways),
    ("console/second", Suite::Browser),
    ("console/second-app", Suite::Browser),
    ("console/second-passkey", Suite::Browser),
    ("console/sign-in", Suite::Browser),
    ("console/sspr-policy", Suite::Browser),
    ("console/sync", Suite::Browser),
    ("console/token", Suite::Browser),
    ("portal/account", Suite::Account),
    ("portal/cloud-password", Suite::Account),
    ("portal/code", Suite::Ways),
    ("portal/front", Suite::Ways),
    ("portal/gate", Suite::Ways),
    ("portal/notice", Suite::Browser),
    ("portal/outcome", Suite::Ways),
    ("portal/passkey", Suite::Ways),
    ("portal/password", Suite::Ways),
    ("portal/questions", Suite::Ways),
    ("portal/register/address", Suite::Register),
    ("portal/register/app", Suite::Methods),
    ("portal/register/cloud-password", Suite::Account),
    ("portal/register/code", Suite::Register),
    ("portal/register/done", Suite::Register),
    ("portal/register/front", Suite::Register),
    ("portal/register/methods", Suite::Ways),
    ("portal/register/mobile", Suite::Ways),
    ("portal/register/mobile-code", Suite::Ways),
    ("portal/register/passkey", Suite::Ways),
    ("portal/register/password", Suite::Register),
    ("portal/register/questions", Suite::Ways),
    ("portal/register/recovery-codes", Suite::Ways),
    ("portal/sms", Suite::Ways),
    ("portal/typed", Suite::Ways),
    ("portal/work", Suite::Browser),
];

/// States of pages, as their `data-state` says them, that are met in every language as well.
const STATES: &[(&str, Suite)] = &[
    ("portal/cloud-password: change", Suite::Account),
    ("portal/cloud-password: fault", Suite::Account),
    ("portal/code: code-too-many", Suite::Browser),
    ("portal/code: other", Suite::Ways),
    ("portal/code: resent", Suite::Browser),
    ("portal/front: front-not-a-name", Suite::Browser),
    ("portal/front: stopped", Suite::Browser),
    ("portal/notice: flow-ended-told", Suite::Browser),
    ("portal/notice: problem-missing", Suite::Browser),
    ("portal/outcome: done", Suite::Browser),
    ("portal/outcome: kept", Suite::Account),
    ("portal/password: change", Suite::Methods),
    ("portal/password: not-arrived", Suite::Browser),
    ("portal/register/done: registered-told", Suite::Register),
    ("portal/register/methods: required", Suite::Account),
    ("portal/register/recovery-codes: shown", Suite::Ways),
];

/// Pages that no browser meets, each with the reason. `crates/http/tests/it` has them as text.
const UNMET: &[(&str, &str)] = &[
    ("console/removals", "it takes a sync that would delete more than its guard lets through"),
    ("portal/register/refused", "a person has to lose the right to it between two clicks of their own"),
];

/// The file in which a browser writes down what it meets.
pub(crate) fn met_file(stack: &Stack) -> PathBuf {
    stack.folder().join("pages-met")
}

impl Suite {
    /// Whether the suite has met its pages, and their states, by what is written down in `file`.
    ///
    /// # Errors
    /// With each page or state and language that it has not.
    pub(crate) fn met_its_pages(self, file: &Path) -> Result<()> {
        let met = std::fs::read_to_string(file).context("no page was met")?;
        let met: BTreeSet<&str> = met.lines().collect();
        let languages = languages()?;
        ensure!(languages.len() >= 2, "{languages:?}");
        let mut missing = Vec::new();
        for (page, _) in PAGES.iter().chain(STATES).filter(|(_, suite)| *suite == self) {
            let lines = languages.iter().map(|tag| format!("{tag} {page}"));
            missing.extend(lines.filter(|line| !met.contains(line.as_str())));
        }
        ensure!(missing.is_empty(), "not met by {self:?}: {}", missing.join(", "));
        Ok(())
    }
}

fn web(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web").join(folder)
}

/// The tags of the languages, which are the folders of their catalogues.
fn languages() -> Result<Vec<String>> {
    let folders = std::fs::read_dir(web("locales"))?;
    folders.map(|folder| Ok(folder?.file_name().to_string_lossy().into_owned())).collect()
}

/// The pages below a folder of templates. A part of a page extends nothing, and a frame is no page.
fn pages(folder: &Path, above: &str, found: &mut BTreeSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().context("a template has a name")?.to_string_lossy();
        let name = format!("{above}{name}");
        if path.is_dir() {
            pages(&path, &format!("{name}/"), found)?;
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        if !text.starts_with("{% extends") || name == "console/menu" {
            continue;
        }
        let says = format!("{{% block name %}}{name}{{% endblock %}}");
        ensure!(text.contains(&says), "{name} does not say in its block `name` which page it is");
        found.insert(name);
    }
    Ok(())
}

#[test]
fn every_page_is_met_by_a_browser_or_has_a_reason() -> Result<()> {
    let mut there = BTreeSet::new();
    pages(&web("templates"), "", &mut there)?;
    let listed = PAGES.iter().map(|(page, _)| page).chain(UNMET.iter().map(|(page, _)| page));
    let listed: BTreeSet<String> = listed.map(|page| (*page).to_owned()).collect();
    let new: Vec<_> = there.difference(&listed).collect();
    ensure!(new.is_empty(), "nobody looks at {new:?} in a browser: walk to it, and say in which suite");
    let gone: Vec<_> = listed.difference(&there).collect();
    ensure!(gone.is_empty(), "there is no such page any more: {gone:?}");
    Ok(())
}
