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
            return nobody(&about.name);
        };
        if let Some(twin) = about.twins.first() {
            return enabled_twice(&format!("{} of {}", person.dn, directory.forest()), twin);
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

    fn examples(&self) -> Vec<Finding> {
        let (one, other) = (
            "CN=Anna Rossi,OU=Milano,DC=contoso,DC=test of contoso.test",
            "CN=Anna Rossi,OU=Roma,DC=fabrikam,DC=test of fabrikam.test",
        );
        vec![nobody("anna.rosi"), enabled_twice(one, other)]
    }
}

fn nobody(name: &str) -> Finding {
    Finding::fail(
        format!("no forest has '{name}'"),
        "the name is mistyped, or the account is not in the agent's forests: give a sAMAccountName or a userPrincipalName",
    )
    .fix(
        System::Agent,
        ["# enough of a name, to see how the account is called:", "ritorno-agent sync search NAME"],
    )
}

fn enabled_twice(one: &str, other: &str) -> Finding {
    Finding::fail(
        format!("{one} and {other} carry the same source anchor, and both are enabled"),
        "one person is enabled in two forests: whose password it is can't be told",
    )
    .fix(System::Samba, ["# disable one of the two", "samba-tool user disable ACCOUNT"])
    .fix(System::Windows, ["# disable one of the two", "Disable-ADAccount ACCOUNT"])
}
