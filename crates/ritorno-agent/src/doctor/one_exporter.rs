//! Does another agent export the same forest?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Context;

/// The check.
pub(super) struct OneExporter;

#[async_trait]
impl Check<Context> for OneExporter {
    fn description(&self) -> &'static Description {
        &Description {
            id: "one-exporter",
            title: "No other agent exports the same forest",
            proves: "Of all agents that serve a forest of this one, this is the only one that exports it. Any number of them may write \
                     back: a request goes to one of them, once.",
            article: None,
            rows: &["Y6"],
            fault_test: const { FaultTest::real("doctor_tenant::what_the_tenant_knows_fails_its_check") },
            manual: "troubleshooting.html#one-exporter",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        if !context.exports {
            return Finding::pass("this agent exports nothing");
        }
        match context.tenant() {
            Ok(tenant) => judge(&tenant.also_exporting),
            Err(finding) => finding,
        }
    }

    fn examples(&self) -> Vec<Finding> {
        vec![judge(&["agent2.contoso.test".to_owned()])]
    }
}

fn judge(others: &[String]) -> Finding {
    if others.is_empty() {
        return Finding::pass("no other does");
    }
    Finding::warning(
        format!("also exported by {}", others.join(", ")),
        "two agents bring the same people to the tenant, each with rules, scope and deletion guard of its own: what one removes the other \
         makes again",
    )
    .fix(
        System::Agent,
        [
            "# on all of them but one: mode = \"standby\" in the agent's configuration, which still writes back; then",
            "systemctl restart ritorno-agent",
        ],
    )
}
