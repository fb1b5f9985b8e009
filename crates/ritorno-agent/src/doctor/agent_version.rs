//! Is the agent the version that the server offers?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::release::Version;

use super::Context;
use crate::update;

/// The check.
pub(super) struct AgentVersion;

#[async_trait]
impl Check<Context> for AgentVersion {
    fn description(&self) -> &'static Description {
        &Description {
            id: "agent-version",
            title: "The agent is the version that the server offers",
            proves: "No later package of the agent, signed by the key that came with the installed one, is offered for download.",
            article: Some("The agent is the latest version"),
            rows: &["N14"],
            fault_test: const {
                FaultTest::real("dist::packages_are_installed_used_upgraded_and_purged_without_a_trace")
            },
            manual: "troubleshooting.html#agent-version",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let Some(client) = &context.client else {
            return Finding::could_not_tell("the agent is not enrolled");
        };
        let Ok(key) = update::read_key(update::RELEASE_KEY.as_ref()) else {
            return Finding::not_applicable(
                "this agent was not installed as a package, so none takes its place",
            );
        };
        let installed = match update::installed() {
            Ok(installed) => installed,
            Err(error) => return Finding::could_not_tell(format!("{error:#}")),
        };
        match update::offered(client, &key).await {
            Ok(Some(release)) => judge(installed, release.version),
            Ok(None) => Finding::not_applicable("the server offers no package"),
            Err(error) => Finding::warning(
                format!("{error:#}"),
                "what the server offers can't be installed: it is not what the makers of this agent released",
            )
            .fix(
                System::Cloud,
                ["# look into the folder that `packages` of the server's configuration names"],
            ),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let version = |text: &str| text.parse().ok();
        version("0.1.0").zip(version("0.2.0")).map(|(old, new)| judge(old, new)).into_iter().collect()
    }
}

fn judge(installed: Version, offered: Version) -> Finding {
    if offered <= installed {
        return Finding::pass(format!("{installed}; the server offers {offered}"));
    }
    Finding::warning(
        format!("{installed} is installed, and the server offers {offered}"),
        "the agent is out of date; it works with a server that is one version ahead, and not with a later one",
    )
    .fix(System::Agent, ["ritorno-agent update"])
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn only_a_later_one_is_news() {
        let verdict = |installed: &str, offered: &str| {
            judge(installed.parse().unwrap(), offered.parse().unwrap()).verdict
        };
        assert_eq!(verdict("0.2.0", "0.1.0"), Verdict::Pass);
        assert_eq!(verdict("0.2.0", "0.2.0"), Verdict::Pass);
        assert_eq!(verdict("0.2.0", "0.10.0"), Verdict::Warning);
    }
}
