//! Do the preferred domain controllers exist, and what do they imply?

use async_trait::async_trait;
use ritorno_directory::{Answer, Topology};
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::{Context, worst_of};
use crate::config::ForestSettings;

/// The check.
pub(super) struct Preferred;

#[async_trait]
impl Check<Context> for Preferred {
    fn description(&self) -> &'static Description {
        &Description {
            id: "preferred-controllers",
            title: "The preferred domain controllers are there",
            proves: "Each name in `preferred` is a controller of the domain that answers. They are where imports read; a password is \
                     written at the PDC emulator all the same, whether it is among them or not.",
            article: Some(
                "Preferred domain controllers, and that the PDC emulator is contacted all the same",
            ),
            rows: &["D4"],
            fault_test: const { FaultTest::real("doctor_directory::each_fault_of_a_directory_fails_its_check") },
            manual: "troubleshooting.html#preferred-controllers",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let mut findings = Vec::new();
        for directory in &context.forests {
            let Some(settings) = context.config.forests.iter().find(|one| one.name == *directory.forest())
            else {
                continue;
            };
            let name = &settings.name;
            findings.push(if settings.preferred.is_empty() {
                Finding::pass(format!("{name}: none is preferred; imports read in the own site"))
            } else {
                match context.topology(&name.0).await {
                    Ok(topology) => judge(settings, topology),
                    Err(finding) => finding,
                }
            });
        }
        worst_of(findings)
    }

    fn examples(&self) -> Vec<Finding> {
        let gone = vec![("dc9.contoso.test".to_owned(), "the forest has no such controller".to_owned())];
        vec![missing("contoso.test", &gone, 2, false), missing("contoso.test", &gone, 1, true)]
    }
}

fn judge(settings: &ForestSettings, topology: &Topology) -> Finding {
    let name = &settings.name.0;
    let gone: Vec<(String, String)> = settings
        .preferred
        .iter()
        .filter_map(|host| {
            let known = topology.controllers.iter().find(|one| one.host.eq_ignore_ascii_case(host));
            let why = match known.map(|one| &one.answer) {
                None => "the forest has no such controller".to_owned(),
                Some(Answer::Silent { why }) => why.clone(),
                Some(Answer::Here { .. }) => return None,
            };
            Some((host.clone(), why))
        })
        .collect();
    if !gone.is_empty() {
        return missing(name, &gone, settings.preferred.len(), settings.only_preferred);
    }
    let pdc = topology
        .domains
        .iter()
        .find(|domain| domain.dns_name.eq_ignore_ascii_case(name))
        .and_then(|domain| domain.pdc.host());
    let among = pdc.is_some_and(|pdc| settings.preferred.iter().any(|host| host.eq_ignore_ascii_case(pdc)));
    let pdc = pdc.unwrap_or("the PDC emulator");
    Finding::pass(if among {
        format!("{name}: {} preferred, the PDC emulator {pdc} among them", settings.preferred.len())
    } else {
        format!("{name}: {} preferred; passwords are written at {pdc} all the same", settings.preferred.len())
    })
}

fn missing(name: &str, gone: &[(String, String)], preferred: usize, only: bool) -> Finding {
    let all: Vec<String> = gone.iter().map(|(host, why)| format!("{host} ({why})")).collect();
    let evidence = format!("{name}: preferred, and not there: {}", all.join(", "));
    let finding = if only && gone.len() == preferred {
        Finding::fail(evidence, "only_preferred is set and none of them answers: nothing can be imported")
    } else if only {
        Finding::warning(evidence, "only_preferred is set: imports stop when the others are gone too")
    } else {
        Finding::warning(evidence, "imports read at another controller instead, perhaps a far one")
    };
    finding.fix(
        System::Agent,
        [
            "ritorno-agent topology".to_owned(),
            "# correct `preferred` in the [[forest]] table, or take only_preferred out; then:".to_owned(),
            "systemctl restart ritorno-agent".to_owned(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn one_of_several_is_a_warning_and_all_a_failure() {
        let gone = vec![("dc9.contoso.test".to_owned(), "silent".to_owned())];
        assert_eq!(missing("contoso.test", &gone, 2, true).verdict, Verdict::Warning);
        assert_eq!(missing("contoso.test", &gone, 1, false).verdict, Verdict::Warning);
        let finding = missing("contoso.test", &gone, 1, true);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.evidence[0].contains("dc9.contoso.test (silent)"));
    }
}
