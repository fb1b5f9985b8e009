//! Does the tenant's own deletion guard hold removals of this agent?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::ids::AgentId;

use super::Context;

/// The check.
pub(super) struct HeldRemovals;

#[async_trait]
impl Check<Context> for HeldRemovals {
    fn description(&self) -> &'static Description {
        &Description {
            id: "held-removals",
            title: "The tenant's deletion guard holds nothing",
            proves: "No removal that this agent exported waits in the tenant for an administrator. The tenant counts for itself, whatever \
                     limits the agent's own file has.",
            article: None,
            rows: &["Y7"],
            fault_test: const { FaultTest::real("doctor_tenant::removals_that_the_tenant_holds_are_told") },
            manual: "troubleshooting.html#held-removals",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        match context.tenant() {
            Ok(tenant) => judge(tenant.held_removals, context.agent()),
            Err(finding) => finding,
        }
    }

    fn examples(&self) -> Vec<Finding> {
        vec![judge(12, None)]
    }
}

fn judge(held: u32, agent: Option<AgentId>) -> Finding {
    if held == 0 {
        return Finding::pass("nothing is held");
    }
    let agent = agent.map_or_else(|| "AGENT".to_owned(), |id| id.to_string());
    Finding::warning(
        format!("{held} removals of this agent are held by the tenant"),
        "more people or members left in 24 hours than the tenant lets go without being asked: those who are gone can still sign in there",
    )
    .fix(
        System::Cloud,
        [
            format!("ritorno agent removals {agent}"),
            "# if these are to go: the digest that it shows, or the same list in the console".to_owned(),
            format!("ritorno agent approve-removals {agent} DIGEST"),
        ],
    )
    .fix(System::Agent, ["ritorno-agent sync run all export"])
}
