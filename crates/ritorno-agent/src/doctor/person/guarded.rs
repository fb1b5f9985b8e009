//! Is the account one that the agent may touch at all?

use async_trait::async_trait;
use ritorno_directory::DirectoryError;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::outcome::{Fault, Operator};

use super::About;

/// The check.
pub(super) struct PersonGuarded;

#[async_trait]
impl Check<About> for PersonGuarded {
    fn description(&self) -> &'static Description {
        &Description {
            id: "person-guarded",
            title: "The account is in the agent's scope, and no protected one",
            proves: "The object lies below a container of the agent's scope; it is no administrator, no computer, not the agent's own \
                     account, and adminCount is not set.",
            article: None,
            rows: &["P5", "T14", "T17"],
            fault_test: const {
                FaultTest::real("doctor_person::each_fault_of_a_person_is_the_first_thing_that_stops_them")
            },
            manual: "troubleshooting.html#person-guarded",
        }
    }

    async fn look(&self, about: &About) -> Finding {
        let Some((directory, person)) = about.person() else {
            return Finding::could_not_tell("nobody was found");
        };
        judge(directory.judge(person).await)
    }

    fn examples(&self) -> Vec<Finding> {
        let about = |detail: &str| Operator { detail: detail.to_owned(), ..Operator::default() };
        [
            (
                Fault::OutOfScope,
                "CN=Anna Rossi,OU=Visitors,DC=contoso,DC=test is not below a container of the scope",
            ),
            (Fault::Protected, "adminCount is set"),
        ]
        .into_iter()
        .map(|(fault, detail)| judge(Err(DirectoryError::NotApplied { fault, operator: about(detail) })))
        .collect()
    }
}

fn judge(judged: Result<(), DirectoryError>) -> Finding {
    match judged {
        Ok(()) => Finding::pass("in scope, and not protected"),
        Err(DirectoryError::NotApplied { fault: Fault::OutOfScope, operator }) => {
            Finding::fail(operator.detail, "the agent's own file does not let it touch this object").fix(
                System::Agent,
                ["# add the person's container to `scope` of the [[forest]], then", "systemctl restart ritorno-agent"],
            )
        }
        Err(DirectoryError::NotApplied { fault: Fault::Protected, operator }) => Finding::fail(
            operator.detail,
            "administrators' passwords are not written back, and neither are those of machines",
        )
        .fix(
            System::Windows,
            [
                "# who is no administrator any more keeps the mark until it is taken away",
                "Set-ADUser ACCOUNT -Clear adminCount",
                "# and inherits nothing until this is switched on again: dsa.msc, Security, Advanced, Enable inheritance",
            ],
        ),
        Err(error) => Finding::could_not_tell(error.to_string()),
    }
}
