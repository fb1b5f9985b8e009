//! Has the tenant the licences that its people need?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::enrolment::LicenceStanding;

use super::Context;

/// The check.
pub(super) struct Licences;

/// Lines that show what there is.
const LOOK: [&str; 2] = ["ritorno licence show", "ritorno licence refused"];

#[async_trait]
impl Check<Context> for Licences {
    fn description(&self) -> &'static Description {
        &Description {
            id: "licences",
            title: "Whoever is to reset a password has the licence that it takes",
            proves: "The tenant's people need no licence; or at least one that grants writeback is assigned, everybody in the \
                     directories has one, no more are in use than were bought, and administrators have one too.",
            article: Some(
                "At least one licence is assigned, and the right one for cloud-only and for hybrid people",
            ),
            rows: &["T1", "T2", "T3"],
            fault_test: const { FaultTest::real("doctor_licences::what_is_missing_is_named_and_the_fix_mends_it") },
            manual: "troubleshooting.html#licences",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        match &context.standing {
            Err(reason) => Finding::could_not_tell(reason.clone()),
            Ok(answered) => answered.standing.licences.as_ref().map_or_else(
                || Finding::could_not_tell("the server is of a version that does not say"),
                judge,
            ),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let fine = LicenceStanding { needed: true, any_writeback: true, ..LicenceStanding::default() };
        [
            LicenceStanding { any_writeback: false, refused: 120, ..fine },
            LicenceStanding { refused: 3, ..fine },
            LicenceStanding { administrators_without: 1, ..fine },
            LicenceStanding { over: 2, ..fine },
        ]
        .iter()
        .map(judge)
        .collect()
    }
}

fn judge(licences: &LicenceStanding) -> Finding {
    let LicenceStanding { needed, any_writeback, refused, over, administrators_without } = *licences;
    if !needed {
        return Finding::pass("the tenant's people need no licence (Ritorno Community)");
    }
    if !any_writeback {
        return Finding::fail(
            format!("no licence that grants writeback is assigned to anybody; {refused} people of the directories need one"),
            "licences are needed in this tenant, and password writeback is part of Entra ID P1 and P2 and of what contains them",
        )
        .fix(
            System::Cloud,
            [
                "ritorno licence products",
                "ritorno licence location IT",
                "ritorno licence buy PRODUCT UNITS",
                "ritorno licence assign PRODUCT --group GROUP",
                "# or, for an organisation that hosts this for itself:",
                "ritorno licence require off",
            ],
        );
    }
    if refused > 0 {
        return Finding::warning(
            format!("{refused} people of the directories have no licence that grants writeback"),
            "they are refused with SSPR_0012 when they reset, change or unlock",
        )
        .fix(System::Cloud, LOOK)
        .fix(System::Cloud, ["ritorno licence assign PRODUCT --group GROUP"]);
    }
    if administrators_without > 0 {
        return Finding::warning(
            format!("{administrators_without} administrators have no licence that grants writeback"),
            "they can't reset their own password, nor show that it works",
        )
        .fix(System::Cloud, ["ritorno admin list", "ritorno licence assign PRODUCT --person NAME"]);
    }
    if over > 0 {
        return Finding::warning(
            format!("{over} more people have a product than it was bought for"),
            "a group that it is assigned to has grown, or fewer were bought since; nobody loses it by that",
        )
        .fix(System::Cloud, LOOK);
    }
    Finding::pass("everybody in the directories has a licence that grants writeback")
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn what_stops_everybody_comes_first() {
        let fine = LicenceStanding { needed: true, any_writeback: true, ..LicenceStanding::default() };
        assert_eq!(judge(&LicenceStanding::default()).verdict, Verdict::Pass);
        assert_eq!(judge(&fine).verdict, Verdict::Pass);
        let all =
            LicenceStanding { any_writeback: false, refused: 1, over: 1, administrators_without: 1, ..fine };
        assert_eq!(judge(&all).verdict, Verdict::Fail);
        for some in [
            LicenceStanding { refused: 1, ..fine },
            LicenceStanding { administrators_without: 1, ..fine },
            LicenceStanding { over: 1, ..fine },
        ] {
            assert_eq!(judge(&some).verdict, Verdict::Warning);
        }
    }
}
