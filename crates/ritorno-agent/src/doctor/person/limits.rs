//! Does a limit stop the person now?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::clock::Timestamp;

use super::About;
use crate::output::moment;

/// The check.
pub(super) struct PersonLimits;

#[async_trait]
impl Check<About> for PersonLimits {
    fn description(&self) -> &'static Description {
        &Description {
            id: "person-limits",
            title: "No limit stops the person now",
            proves: "Neither codes that were sent nor wrong codes of the last hours have reached what one person may have. Nothing of it \
                     shows to whoever stands in front of the page.",
            article: None,
            rows: &["T11"],
            fault_test: const { FaultTest::real("doctor_person::too_many_codes_are_told") },
            manual: "troubleshooting.html#person-limits",
        }
    }

    async fn look(&self, about: &About) -> Finding {
        match &about.tenant {
            Ok(standing) => judge(standing.stopped_until, &about.name),
            Err(reason) => Finding::could_not_tell(reason.clone()),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        vec![judge(Some(Some(Timestamp::from_unix_ms(1_800_000_000_000))), "anna.rossi@contoso.test")]
    }
}

fn judge(told: Option<Option<Timestamp>>, name: &str) -> Finding {
    let Some(until) = told else {
        return Finding::could_not_tell("the server is of a version that does not say");
    };
    let Some(until) = until else { return Finding::pass("none does") };
    Finding::fail(
        format!("{name} is stopped until {}", moment(Some(until))),
        "too many codes were asked for, or too many wrong ones typed: no further code comes, or none is right, and the page does not say so",
    )
    .fix(
        System::Cloud,
        ["# wait; or in the console, People, the person's sign-in name: 'Lift the stop on codes'"],
    )
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn a_server_that_does_not_say_is_no_all_clear() {
        assert_eq!(judge(None, "anna").verdict, Verdict::CouldNotTell);
        assert_eq!(judge(Some(None), "anna").verdict, Verdict::Pass);
        assert_eq!(judge(Some(Some(Timestamp::from_unix_ms(1))), "anna").verdict, Verdict::Fail);
    }
}
