//! Are the agent's two databases whole?

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
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
            proves: "The journal of requests and the connector space pass the database's own check of every page and index.",
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
                Ok(Err(error)) => damaged(&path, &error.to_string(), renewable),
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

/// What the database says of itself (`PRAGMA quick_check`); its first complaint, or `ok`.
async fn check(path: &Path) -> Result<String, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut connection).await
}

fn damaged(path: &Path, said: &str, renewable: bool) -> Finding {
    let (path, said) = (path.display(), said.replace('\n', " "));
    let evidence = format!("{path}: {said}");
    if renewable {
        return Finding::fail(
            evidence,
            "the connector space is damaged; it holds nothing that the directory does not have",
        )
        .fix(
            System::Agent,
            [
                "systemctl stop ritorno-agent".to_owned(),
                format!("mv {path} {path}.damaged; rm --force {path}-wal {path}-shm"),
                "systemctl start ritorno-agent".to_owned(),
                "ritorno-agent sync run all full-import".to_owned(),
            ],
        );
    }
    Finding::fail(
        evidence,
        "the journal is damaged: which requests were begun can't be told any more. An old copy of it must not be restored: the server \
         would refuse this agent, since a journal that goes back in time may carry a request out twice",
    )
    .fix(
        System::Agent,
        [
            "# enrol anew; requests under way are settled by reading the directory".to_owned(),
            "systemctl stop ritorno-agent".to_owned(),
            format!("mv {path} {path}.damaged; rm --force {path}-wal {path}-shm"),
            "ritorno-agent enrol TOKEN".to_owned(),
            "systemctl start ritorno-agent".to_owned(),
        ],
    )
}
