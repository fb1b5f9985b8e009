//! Has the sync carried the person to the tenant?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_sync::{Judged, NextExport, Standing};

use super::About;

/// The check.
pub(super) struct PersonSynced;

#[async_trait]
impl Check<About> for PersonSynced {
    fn description(&self) -> &'static Description {
        &Description {
            id: "person-synced",
            title: "The sync has carried the person to the tenant",
            proves: "The person's object is staged, the rules make a person of it, and nothing waits to be exported.",
            article: None,
            rows: &["P14", "P15", "T14"],
            fault_test: const {
                FaultTest::real("doctor_person::each_fault_of_a_person_is_the_first_thing_that_stops_them")
            },
            manual: "troubleshooting.html#person-synced",
        }
    }

    async fn look(&self, about: &About) -> Finding {
        let Some((directory, person)) = about.person() else {
            return Finding::could_not_tell("nobody was found");
        };
        let forest = directory.forest();
        let (found, preview) = match &about.staged {
            Ok(Some((found, preview))) => (found, preview),
            Ok(None) => {
                return unseen(&forest.0);
            }
            Err(reason) => return Finding::could_not_tell(reason.clone()),
        };
        let look = format!("ritorno-agent sync preview {}", person.account_name);
        match &preview.judged {
            Judged::LeftOut(rule) => {
                return left_out(&rule.to_string(), look);
            }
            Judged::Faulty(fault) => {
                return Finding::fail(fault.to_string(), "the object can't be carried on as it is")
                    .fix(System::Agent, [look, "ritorno-agent sync history".to_owned()]);
            }
            Judged::Person | Judged::Group => {}
        }
        match (&found.standing, preview.export) {
            (Standing::Joined, NextExport::Nothing) => {
                Finding::pass("staged, joined, and in the tenant as it should be")
            }
            (Standing::Gone, _) | (_, NextExport::Remove) => Finding::fail(
                "the next export would remove the person",
                "the directory had the person no more when it was read last",
            )
            .fix(System::Agent, everything(&forest.0)),
            (_, NextExport::Add) => not_yet(&forest.0),
            (_, NextExport::Update) => Finding::warning(
                "in the tenant, with something that waits to be exported",
                "an export is due",
            )
            .fix(System::Agent, [format!("ritorno-agent sync run {forest} export")]),
            (standing, NextExport::Nothing) => {
                Finding::warning(format!("staged: {standing:?}"), "a sync is due")
                    .fix(System::Agent, everything(&forest.0))
            }
        }
    }
    fn examples(&self) -> Vec<Finding> {
        let look = "ritorno-agent sync preview anna.rossi".to_owned();
        vec![unseen("contoso.test"), left_out("guests", look), not_yet("contoso.test")]
    }
}

/// The runs that carry everybody.
fn everything(forest: &str) -> [String; 3] {
    ["full-import", "full-sync", "export"].map(|profile| format!("ritorno-agent sync run {forest} {profile}"))
}

fn unseen(forest: &str) -> Finding {
    Finding::fail(
        "the sync has no object with this source anchor",
        "no full import has seen the person: out of its scope, or newer than the last one",
    )
    .fix(System::Agent, everything(forest))
}

fn left_out(rule: &str, look: String) -> Finding {
    Finding::fail(
        format!("the rule '{rule}' leaves the person out"),
        "the sync's rules keep the person from the tenant",
    )
    .fix(System::Agent, [look, "ritorno-agent sync rules show".to_owned()])
}

fn not_yet(forest: &str) -> Finding {
    Finding::fail(
        "staged, and not yet in the tenant",
        "no export has carried the person yet, or the tenant refused",
    )
    .fix(System::Agent, everything(forest))
}
