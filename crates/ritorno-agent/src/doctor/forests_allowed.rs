//! Does the tenant let this agent serve each of its forests?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::ids::{AgentId, Forest};

use super::Context;

/// The check.
pub(super) struct ForestsAllowed;

#[async_trait]
impl Check<Context> for ForestsAllowed {
    fn description(&self) -> &'static Description {
        &Description {
            id: "forests-allowed",
            title: "The tenant lets this agent serve each of its forests",
            proves: "No forest of the configuration waits for an administrator. One that nobody ever had is taken up by itself, with \
                     nothing to be switched off and on again; one that another agent has or had has to be allowed.",
            article: None,
            rows: &["D9"],
            fault_test: const { FaultTest::real("doctor_tenant::what_the_tenant_knows_fails_its_check") },
            manual: "troubleshooting.html#forests-allowed",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let tenant = match context.tenant() {
            Ok(tenant) => tenant,
            Err(finding) => return finding,
        };
        judge(&tenant.waiting_forests, context.agent())
    }

    fn examples(&self) -> Vec<Finding> {
        vec![judge(&[Forest("fabrikam.test".into())], None)]
    }
}

fn judge(waiting: &[Forest], agent: Option<AgentId>) -> Finding {
    if waiting.is_empty() {
        return Finding::pass("none waits to be allowed");
    }
    let names: Vec<String> = waiting.iter().map(ToString::to_string).collect();
    let agent = agent.map_or_else(|| "AGENT".to_owned(), |id| id.to_string());
    let lines = waiting.iter().map(|forest| format!("ritorno agent allow-forest {agent} {forest}"));
    Finding::fail(
        format!("not served: {}", names.join(", ")),
        "another agent of the tenant has the forest, or had it: whoever takes it over would get its people's passwords",
    )
    .fix(System::Cloud, lines)
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn each_waiting_forest_has_its_line() {
        assert_eq!(judge(&[], None).verdict, Verdict::Pass);
        let finding = judge(&[Forest("a.test".into()), Forest("b.test".into())], None);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(finding.fixes[0].lines[1], "ritorno agent allow-forest AGENT b.test");
    }
}
