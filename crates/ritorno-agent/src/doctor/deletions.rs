//! May the agent's account see what was deleted?

use async_trait::async_trait;
use ritorno_directory::Directory;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::{Context, worst_of};

/// The check.
pub(super) struct Deletions;

#[async_trait]
impl Check<Context> for Deletions {
    fn description(&self) -> &'static Description {
        &Description {
            id: "deletions",
            title: "The agent's account sees what was deleted",
            proves: "The account may list the container of deleted objects of each forest, so that a delta import tells of \
                     a deletion within seconds and not only the full import of the night.",
            article: None,
            rows: &[],
            fault_test: const { FaultTest::real("doctor::each_fault_fails_its_check_and_the_fix_mends_it") },
            manual: "troubleshooting.html#deletions",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let mut findings = Vec::new();
        for directory in &context.forests {
            findings.push(one(directory).await);
        }
        worst_of(findings)
    }

    fn examples(&self) -> Vec<Finding> {
        vec![unseen("contoso.test", "svc-ritorno@contoso.test")]
    }
}

async fn one(directory: &Directory) -> Finding {
    let forest = directory.forest();
    match directory.sees_deletions().await {
        Ok(true) => Finding::pass(format!("{forest}: the account may list the deleted objects")),
        Ok(false) => unseen(&forest.0, directory.account()),
        Err(error) => Finding::could_not_tell(format!("{forest}: {error}")),
    }
}

fn unseen(forest: &str, account: &str) -> Finding {
    let base: Vec<String> = forest.split('.').map(|label| format!("DC={label}")).collect();
    let container = format!("CN=Deleted Objects,{}", base.join(","));
    Finding::warning(
        format!("{forest}: {account} may not list the deleted objects"),
        "only administrators may, unless it is granted: deletions reach the tenant with the next full import",
    )
    .fix(
        System::Windows,
        [
            format!("dsacls \"{container}\" /takeOwnership"),
            format!("dsacls \"{container}\" /G \"{account}:LCRP\""),
        ],
    )
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn what_mends_it_names_container_and_account() {
        let finding = unseen("corp.contoso.test", "svc@contoso.test");
        assert_eq!(finding.verdict, Verdict::Warning);
        let line = r#"dsacls "CN=Deleted Objects,DC=corp,DC=contoso,DC=test" /G "svc@contoso.test:LCRP""#;
        assert_eq!(finding.fixes[0].lines[1], line);
    }
}
