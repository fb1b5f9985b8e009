//! Every statement names the tenant, for each table that it touches: what is read or changed is the tenant's that asks, whatever id it brings. The
//! statements are those of the sources, a string literal each, or the literals of one `concat!` together.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};

/// What is of all tenants, and why. Nothing of one comes to another by it.
const OF_ALL: [(&str, &str, &str); 6] = [
    ("purge.rs", "delete from ", "what has expired goes, by the time alone"),
    ("purge.rs", "update requests set before_write = null ", "what has expired goes, by the time alone"),
    ("backup.rs", "delete from ", "a restored database forgets what is short-lived, of everybody"),
    (
        "backup.rs",
        "update flows set expires_at = 0 ",
        "a restored database forgets what is short-lived, of everybody",
    ),
    ("tenants.rs", "select * from tenants order by ", "the list of the tenants themselves"),
    ("tenants.rs", "select * from tenants where root_id = $1", "a root key is one tenant's, and names it"),
];
/// Its argument is the condition, which [`statements`] looks at.
const SELECT_USERS: &str = "select_users!";
/// More than that are known to be there: if fewer are found, they are not looked for where they are.
const AT_LEAST: usize = 150;

/// A statement, or the part of one that stands in the source.
struct Statement {
    file: String,
    line: usize,
    text: String,
    /// Whether the condition is added by whoever uses the macro that it is of.
    is_completed: bool,
}

fn sources() -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?.to_owned();
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        all.push((name, text));
    }
    Ok(all)
}

/// Every table of the migrations.
fn tables() -> Result<BTreeSet<String>> {
    let mut tables = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite"))? {
        let text = std::fs::read_to_string(entry?.path())?;
        let names = text.lines().filter_map(|line| line.strip_prefix("create table "));
        tables.extend(names.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned));
    }
    Ok(tables)
}

/// The string literals of a source without its tests, those of one `concat!` as one, and those that complete `select_users!` looked at.
fn statements(file: &str, source: &str) -> Vec<Statement> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = source
        .lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n");
    let characters: Vec<char> = code.chars().collect();
    let (mut at, mut line, mut depth) = (0, 1, 0_usize);
    let mut before = String::new();
    // The depth outside of the outermost `concat!`, and what is in it.
    let mut open: Option<(usize, Statement)> = None;
    let mut found = Vec::new();
    while let Some(&character) = characters.get(at) {
        at += 1;
        match character {
            '\n' => line += 1,
            '\'' if characters.get(at) == Some(&'"') && characters.get(at + 1) == Some(&'\'') => at += 2,
            '(' => {
                if before.trim_end().ends_with("concat!") && open.is_none() {
                    let is_completed = file == "users.rs" && before.contains("macro_rules! select_users");
                    let statement =
                        Statement { file: file.to_owned(), line, text: String::new(), is_completed };
                    open = Some((depth, statement));
                }
                depth += 1;
            }
            ')' => {
                depth = depth.saturating_sub(1);
                if let Some((_, statement)) = open.take_if(|(outside, _)| *outside == depth) {
                    found.push(statement);
                }
            }
            '"' => {
                let mut text = String::new();
                let began = line;
                while let Some(&inside) = characters.get(at) {
                    at += 1;
                    match inside {
                        '"' => break,
                        '\\' => {
                            line += usize::from(characters.get(at) == Some(&'\n'));
                            text.push(if characters.get(at) == Some(&'\n') { ' ' } else { '_' });
                            at += 1;
                        }
                        other => {
                            line += usize::from(other == '\n');
                            text.push(other);
                        }
                    }
                }
                let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
                let spaced: String = before.split_whitespace().collect();
                let completes = [SELECT_USERS.to_owned() + "(", SELECT_USERS.to_owned() + "(concat!("];
                if completes.iter().any(|begin| spaced.ends_with(begin.as_str())) {
                    let named = ["where tenant = $1", "where users.tenant = $1"];
                    assert!(
                        named.iter().any(|begin| words.starts_with(begin)),
                        "{file}:{began}: people are selected without their tenant: {words}"
                    );
                }
                match &mut open {
                    Some((_, statement)) => {
                        statement.text.push(' ');
                        statement.text.push_str(&words);
                    }
                    None => found.push(Statement {
                        file: file.to_owned(),
                        line: began,
                        text: words,
                        is_completed: false,
                    }),
                }
                before.clear();
                continue;
            }
            _ => {}
        }
        before.push(character);
    }
    found
}

fn words(text: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if "(),=<>;".contains(character) {
            spaced.extend([' ', character, ' ']);
        } else {
            spaced.push(character);
        }
    }
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// A table that a statement asks for.
struct Asked {
    table: String,
    /// How the statement calls it.
    called: String,
    /// In which select, by its brackets: 0 is outermost.
    scope: usize,
    is_named: bool,
}

/// What stands after a table's name and is not what it is called.
const NO_NAME: [&str; 19] = [
    "where",
    "set",
    "on",
    "join",
    "left",
    "inner",
    "cross",
    "order",
    "group",
    "limit",
    "returning",
    "values",
    "select",
    "union",
    "default",
    "(",
    ")",
    ";",
    "indexed",
];

/// The tables of a statement, each with whether its tenant is named: by a value that is bound, or by another table's whose tenant is.
/// A condition on one table says nothing of another one.
fn count(text: &str, tables: &BTreeSet<String>) -> (usize, usize) {
    let words = words(text);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let mut asked: Vec<Asked> = Vec::new();
    // The brackets that are open, and how many there were.
    let (mut open, mut scopes) = (vec![0], 0);
    let mut same: Vec<(usize, usize)> = Vec::new();
    for at in 0..words.len() {
        match word(at) {
            "(" => {
                scopes += 1;
                open.push(scopes);
            }
            ")" if open.len() > 1 => {
                open.pop();
            }
            "from" | "join" | "update" | "into" if tables.contains(word(at + 1)) => {
                // A list of tables would hide what is asked for.
                assert!(word(at + 2) != "," && word(at + 3) != "," || word(at + 2) == "(", "{text}");
                let table = word(at + 1).to_owned();
                let called = word(at + if word(at + 2) == "as" { 3 } else { 2 });
                let called =
                    if called.is_empty() || NO_NAME.contains(&called) { &table } else { called }.to_owned();
                let mut is_named = false;
                if word(at) == "into" && word(at + 2) == "(" {
                    let own = if table == "tenants" { "id" } else { "tenant" };
                    is_named =
                        words[at + 3..].iter().take_while(|word| *word != ")").any(|column| column == own);
                }
                asked.push(Asked {
                    table,
                    called,
                    scope: open.last().copied().unwrap_or_default(),
                    is_named,
                });
            }
            "=" if at > 0 => {
                let sides = [whose(word(at - 1), &asked, &open), whose(word(at + 1), &asked, &open)];
                match sides {
                    [Some(one), Some(other)] => same.push((one, other)),
                    [Some(one), None] if is_bound(word(at + 1)) => asked[one].is_named = true,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    for _ in 0..same.len() {
        for (one, other) in &same {
            let is_named = asked[*one].is_named || asked[*other].is_named;
            (asked[*one].is_named, asked[*other].is_named) = (is_named, is_named);
        }
    }
    (asked.len(), asked.iter().filter(|one| one.is_named).count())
}

/// A parameter, or the tenant of what is no table: another part of the statement, which is looked at where it stands.
fn is_bound(value: &str) -> bool {
    value.starts_with('$') || value.ends_with(".tenant")
}

/// The table whose tenant a column is: without a name before it, the latest one of the innermost select that has any.
fn whose(column: &str, asked: &[Asked], open: &[usize]) -> Option<usize> {
    // A plus before it keeps SQLite from using its index.
    let column = column.trim_start_matches('+');
    let (called, column) =
        column.rsplit_once('.').map_or((None, column), |(called, column)| (Some(called), column));
    if column != "tenant" && column != "id" {
        return None;
    }
    let found = open.iter().rev().find_map(|scope| {
        asked.iter().rposition(|one| one.scope == *scope && called.is_none_or(|called| one.called == called))
    })?;
    ((column == "id") == (asked[found].table == "tenants")).then_some(found)
}

#[test]
fn every_statement_names_the_tenant_of_each_table() -> Result<()> {
    let tables = tables()?;
    let (mut looked_at, mut used) = (0, BTreeSet::new());
    for (file, source) in sources()? {
        for statement in statements(&file, &source) {
            let (asked, named) = count(&statement.text, &tables);
            if asked == 0 {
                continue;
            }
            looked_at += 1;
            let excepted = OF_ALL.iter().position(|(file, begin, _)| {
                *file == statement.file && statement.text.starts_with(begin) && named == 0
            });
            if let Some(excepted) = excepted {
                used.insert(excepted);
                continue;
            }
            let by_others = usize::from(statement.is_completed);
            assert!(
                named + by_others >= asked,
                "{}:{}: of {asked} tables the tenant is named for {named}: {}",
                statement.file,
                statement.line,
                statement.text
            );
        }
    }
    assert!(looked_at >= AT_LEAST, "only {looked_at} statements were found");
    assert_eq!(used.len(), OF_ALL.len(), "an exception is there for nothing: {used:?}");
    Ok(())
}

#[test]
fn a_statement_that_does_not_name_the_tenant_is_found() -> Result<()> {
    let tables = tables()?;
    let source = r#"
        const ONE: &str = "select * from flows where id = $1";
        const TWO: &str = "select * from flows where tenant = $1 \
             and id in (select flow from codes where digest = $2)";
        const THREE: &str = concat!("select a.id from agents a ", "join links l on l.agent = a.id where a.tenant = $1");
        const FOUR: &str = "insert into flows (id) values ($1)";
        const GOOD: &str = concat!("select * from flows where tenant = $1 ", "and id = $2");
        const TENANT: &str = "update tenants set name = $2 where id = $1";
        const NO_TENANT: &str = "update tenants set name = $1";
        const TWICE: &str = "select * from agents a join links l on l.agent = a.id where a.tenant = $1 and a.tenant = $2";
        const JOINED: &str = "select * from agents as a join links l on l.agent = a.id and l.tenant = a.tenant where a.tenant = $1";
        const NEITHER: &str = "select * from agents a join links l on l.tenant = a.tenant";
        const INNER: &str = "delete from flows where id in (select flow from codes where tenant = $1 and (digest = $2))";
    "#;
    let counted: Vec<_> = statements("made.rs", source).iter().map(|one| count(&one.text, &tables)).collect();
    assert_eq!(
        counted,
        [(1, 0), (2, 1), (2, 1), (1, 0), (1, 1), (1, 1), (1, 0), (2, 1), (2, 2), (2, 0), (2, 1)]
    );
    Ok(())
}
