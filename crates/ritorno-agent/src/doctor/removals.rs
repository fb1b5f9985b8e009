//! Does the deletion guard hold an export?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::{Context, worst_of};

/// The check.
pub(super) struct Removals;

#[async_trait]
impl Check<Context> for Removals {
    fn description(&self) -> &'static Description {
        &Description {
            id: "deletion-guard",
            title: "No export is held by the deletion guard",
            proves: "The last export was not stopped because it would have removed more people, or taken more out of groups, than the \
                     limits allow.",
            article: None,
            rows: &["Y7"],
            fault_test: const {
                FaultTest::real("doctor_agent::each_fault_of_the_agents_own_things_fails_its_check")
            },
            manual: "troubleshooting.html#deletion-guard",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let seen = match context.sync().await {
            Ok(seen) => seen,
            Err(reason) => return Finding::could_not_tell(reason),
        };
        let held =
            seen.held.iter().map(|held| self::held(&held.connector, &held.failure, held.count, &held.digest));
        let held: Vec<Finding> = held.collect();
        if held.is_empty() { Finding::pass("nothing is held") } else { worst_of(held) }
    }

    fn examples(&self) -> Vec<Finding> {
        vec![held(
            "contoso.test",
            "612 people would be removed, and the limit is 500 in 24 hours",
            612,
            "9f2c41d0",
        )]
    }
}

fn held(connector: &str, failure: &str, count: usize, digest: &str) -> Finding {
    Finding::fail(
        format!("{connector}: {failure}"),
        "so many people left the directory, or the scope: nothing is exported until somebody has looked at the list",
    )
    .and(format!("{count} removals wait"))
    .fix(
        System::Agent,
        [
            format!("ritorno-agent sync removals {connector}"),
            "# they are to stay: undo what removed them in the directory, or in scope and rules; else let exactly these through:"
                .to_owned(),
            format!("ritorno-agent sync approve {digest}"),
            format!("ritorno-agent sync run {connector} export"),
        ],
    )
}
