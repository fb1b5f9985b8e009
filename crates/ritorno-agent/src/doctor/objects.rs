//! Are there objects that the synchronisation could not carry on?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Context;

/// Objects that are named one by one.
const NAMED: usize = 5;

/// The check.
pub(super) struct Objects;

#[async_trait]
impl Check<Context> for Objects {
    fn description(&self) -> &'static Description {
        &Description {
            id: "objects",
            title: "Every person in scope could be carried on",
            proves: "No object is held back: none has the source anchor of another, none changed its anchor, and the tenant refused \
                     none.",
            article: None,
            rows: &["P13", "P14", "P15", "T14"],
            fault_test: const {
                FaultTest::real("doctor_agent::each_fault_of_the_agents_own_things_fails_its_check")
            },
            manual: "troubleshooting.html#objects",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        match context.sync().await {
            Ok(seen) => judge(&seen.faulty, seen.refused),
            Err(reason) => Finding::could_not_tell(reason),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let fault = "another object has the same source anchor: CN=Anna Rossi,OU=Milano,DC=contoso,DC=test";
        vec![
            judge(&[("CN=Anna Rossi,OU=Roma,DC=contoso,DC=test".to_owned(), fault.to_owned())], 0),
            judge(&[], 3),
        ]
    }
}

/// Of each object that was held back the DN and why, and how many the tenant refused.
fn judge(faulty: &[(String, String)], refused: u64) -> Finding {
    if faulty.is_empty() && refused == 0 {
        return Finding::pass("none is held back");
    }
    let finding = if faulty.is_empty() {
        Finding::warning(
            format!("the tenant refused {refused} at the last export"),
            "somebody else in the tenant has one of their unique values, such as the userPrincipalName",
        )
    } else {
        Finding::warning(
            format!("{} objects are held back, {refused} refused by the tenant", faulty.len()),
            "these people are not known to the tenant as the directory has them now: they can't reset a password, or not everybody's \
             details are new",
        )
    };
    let named = faulty.iter().take(NAMED).map(|(dn, fault)| format!("{dn}: {fault}"));
    named.fold(finding, Finding::and).fix(
        System::Agent,
        [
            "ritorno-agent sync history",
            "# the run's number, for all of its errors: ritorno-agent sync history RUN",
            "# two accounts of one person: keep one enabled, or give one an anchor of its own",
            "ritorno-agent sync run all full-import",
            "ritorno-agent sync run all full-sync",
        ],
    )
}
