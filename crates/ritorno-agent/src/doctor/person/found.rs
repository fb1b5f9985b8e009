//! Does the name lead to exactly one account that can be reset?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::About;

/// The check.
pub(super) struct PersonFound;

#[async_trait]
impl Check<About> for PersonFound {
    fn description(&self) -> &'static Description {
        &Description {
            id: "person-found",
            title: "The person is one account at the PDC emulator",
            proves: "The name leads to one account, and no other forest of this agent has an enabled account with the same source \
                     anchor.",
            article: Some("There is a person to test with"),
            rows: &["P13", "P14", "P16"],
            fault_test: const {
                FaultTest::real("doctor_person::each_fault_of_a_person_is_the_first_thing_that_stops_them")
            },
            manual: "troubleshooting.html#person-found",
        }
    }

    async fn look(&self, about: &About) -> Finding {
        let unasked = about.unasked.iter().map(|(forest, why)| format!("{forest} could not be asked: {why}"));
        let Some((directory, person)) = about.person() else {
            if !about.unasked.is_empty() {
                let finding = Finding::could_not_tell("a forest could not be asked");
                return unasked.fold(finding, Finding::and);
            }
            return Finding::fail(
                format!("no forest has '{}'", about.name),
                "the name is mistyped, or the account is not in the agent's forests: give a sAMAccountName or a \
                 userPrincipalName",
            );
        };
        if let Some(twin) = about.twins.first() {
            return Finding::fail(
                format!(
                    "{} of {} and {twin} carry the same source anchor, and both are enabled",
                    person.dn,
                    directory.forest()
                ),
                "one person is enabled in two forests: whose password it is can't be told",
            )
            .fix(System::Samba, ["# disable one of the two", "samba-tool user disable ACCOUNT"])
            .fix(System::Windows, ["# disable one of the two", "Disable-ADAccount ACCOUNT"]);
        }
        let mut finding = Finding::pass(format!("{} in {}", person.dn, directory.forest()))
            .and(format!("source anchor {}", person.anchor.0));
        for (other, person) in about.found.iter().filter(|(other, _)| other.forest() != directory.forest()) {
            finding = finding.and(format!(
                "{} of {} has the same name and another anchor",
                person.dn,
                other.forest()
            ));
        }
        unasked.fold(finding, Finding::and)
    }
}
