//! Is the agent's host one that it should be on?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Context;

/// The check.
pub(super) struct Host;

#[async_trait]
impl Check<Context> for Host {
    fn description(&self) -> &'static Description {
        &Description {
            id: "host",
            title: "The agent's host is no domain controller",
            proves: "No forest that the agent serves has a domain controller of this host's name: who conquers the agent's host, which \
                     speaks to the cloud side, has no directory by that.",
            article: None,
            rows: &["N13"],
            fault_test: const { FaultTest::real("doctor_directory::each_fault_of_a_directory_fails_its_check") },
            manual: "troubleshooting.html#host",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let name = match std::fs::read_to_string("/proc/sys/kernel/hostname") {
            Ok(name) => name.trim().to_lowercase(),
            Err(error) => return Finding::could_not_tell(format!("the host's name: {error}")),
        };
        let mut known = 0;
        for directory in &context.forests {
            // What can't be read has a check of its own.
            let Ok(topology) = context.topology(&directory.forest().0).await else { continue };
            known += 1;
            if let Some(own) = topology.controllers.iter().find(|one| is_same(&name, &one.host)) {
                return on_a_controller(&own.host);
            }
        }
        if known == 0 {
            return Finding::could_not_tell("no forest's controllers are known");
        }
        Finding::pass(format!("{name} is none"))
    }

    fn examples(&self) -> Vec<Finding> {
        vec![on_a_controller("dc1.contoso.test")]
    }
}

/// Whether a host's own name, with its domain or without, is that of a controller.
fn is_same(own: &str, controller: &str) -> bool {
    let first = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    if own.contains('.') { own.eq_ignore_ascii_case(controller) } else { own == first(controller) }
}

fn on_a_controller(host: &str) -> Finding {
    Finding::warning(
        format!("this host has the name of the domain controller {host}"),
        "the agent runs on a domain controller: it works, but whoever gets hold of the agent's host has the directory as well",
    )
    .fix(
        System::Agent,
        [
            "# on a host of its own: install the package, then",
            "ritorno-agent config import DOCUMENT",
            "ritorno-agent enrol TOKEN",
            "# and here: apt purge ritorno-agent",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_names_are_told_apart() {
        assert!(is_same("dc1", "DC1.contoso.test"));
        assert!(is_same("dc1.contoso.test", "DC1.contoso.test"));
        assert!(!is_same("dc1.fabrikam.test", "dc1.contoso.test"));
        assert!(!is_same("agent", "dc1.contoso.test"));
    }
}
