//! Are the agent's two databases whole?

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use ritorno_directory::quoted;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Context, worst_of};

/// Longest wait for one database: the larger one has a page for each few people.
const WITHIN: Duration = Duration::from_secs(10);
/// The two, and whether the agent can fill it anew by itself.
const STORES: [(&str, bool); 2] = [("journal.db", false), ("sync.db", true)];

/// The check.
pub(super) struct Stores;

#[async_trait]
impl Check<Context> for Stores {
    fn description(&self) -> &'static Description {
        &Description {
            id: "stores",
            title: "The agent's databases are whole",
            proves: "The journal of requests passes the database's own check of every page and every index; the connector space, which is \
                     larger, that of every page.",
            article: None,
            rows: &[],
            fault_test: const {
                FaultTest::real("doctor_agent::each_fault_of_the_agents_own_things_fails_its_check")
            },
            manual: "troubleshooting.html#stores",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let mut findings = Vec::new();
        for (name, renewable) in STORES {
            let path = context.state.path(name);
            if !path.exists() {
                continue;
            }
            findings.push(match tokio::time::timeout(WITHIN, check(&path)).await {
                Err(_) => {
                    Finding::could_not_tell(format!("{name}: not read through within {} s", WITHIN.as_secs()))
                }
                Ok(Ok(said)) if said == "ok" => Finding::pass(format!("{name}: whole")),
                Ok(Ok(said)) => damaged(&path, &said, renewable),
                Ok(Err(error)) if is_damage(&error) => damaged(&path, &error.to_string(), renewable),
                // A full disk, a lock, a missing right: nothing is known of the file itself then.
                Ok(Err(error)) => Finding::could_not_tell(format!("{name}: {error}")),
            });
        }
        if findings.is_empty() { Finding::not_applicable("there is none yet") } else { worst_of(findings) }
    }

    fn examples(&self) -> Vec<Finding> {
        let folder = Path::new("/var/lib/ritorno-agent");
        STORES
            .map(|(name, renewable)| {
                damaged(&folder.join(name), "database disk image is malformed", renewable)
            })
            .to_vec()
    }
}

/// What the database says of itself (`PRAGMA integrity_check`, of the larger one `quick_check`); its first complaint, or `ok`.
async fn check(path: &Path) -> Result<String, sqlx::Error> {
    let whole = path.file_name().is_some_and(|name| name == STORES[0].0);
    let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let look = if whole { "PRAGMA integrity_check(1)" } else { "PRAGMA quick_check(1)" };
    sqlx::query_scalar(look).fetch_one(&mut connection).await
}

/// Whether the database itself is damaged, or no database: SQLite's result codes 11 and 26, whatever stands in their higher bits.
fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

fn damaged(path: &Path, said: &str, renewable: bool) -> Finding {
    let evidence = format!("{}: {}", path.display(), said.replace('\n', " "));
    // What is beside it belongs to it, and may hold its newest content.
    let aside = ["", "-wal", "-shm"].map(|suffix| {
        let file = quoted(&format!("{}{suffix}", path.display()));
        format!("test ! -e {file} || mv {file} {}", quoted(&format!("{}.damaged{suffix}", path.display())))
    });
    let mut lines = vec!["systemctl stop ritorno-agent".to_owned()];
    lines.extend(aside);
    if renewable {
        lines.push("systemctl start ritorno-agent".to_owned());
        lines.push("# the next cycle reads everything anew; what the deletion guard counted of the last 24 hours is gone with it".to_owned());
        return Finding::fail(
            evidence,
            "the connector space is damaged; all that it holds of people is in the directory and in the tenant",
        )
        .fix(System::Agent, lines);
    }
    lines.push("ritorno-agent enrol TOKEN".to_owned());
    lines.push("systemctl start ritorno-agent".to_owned());
    Finding::fail(
        evidence,
        "the journal is damaged: which requests were begun can't be told any more. An old copy of it must not be restored: the server \
         would refuse this agent, since a journal that goes back in time may carry a request out twice. Enrolled anew, the agent is \
         another one, and requests under way are settled by reading the directory",
    )
    .fix(System::Agent, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_deleted_and_names_are_one_word() {
        let finding = damaged(Path::new("/var/lib/it's here/journal.db"), "malformed", false);
        let lines = &finding.fixes[0].lines;
        assert!(lines.iter().all(|line| !line.contains("rm ")), "{lines:?}");
        assert!(
            lines.iter().any(|line| line.contains("'/var/lib/it'\\''s here/journal.db-wal'")),
            "{lines:?}"
        );
    }

    #[tokio::test]
    async fn what_can_not_be_opened_is_not_called_damaged() {
        let folder = std::env::temp_dir().join(format!("ritorno-stores-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let error = check(&folder).await.unwrap_err();
        assert!(!is_damage(&error), "a folder is no damaged database: {error}");
        let file = folder.join("journal.db");
        std::fs::write(&file, [b'x'; 4_096]).unwrap();
        let error = check(&file).await.unwrap_err();
        assert!(is_damage(&error), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
