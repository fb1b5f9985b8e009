//! Does the scheduler of the synchronisation go on?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Context;
use crate::state::Mark;

/// The check.
pub(super) struct Scheduler;

#[async_trait]
impl Check<Context> for Scheduler {
    fn description(&self) -> &'static Description {
        &Description {
            id: "scheduler",
            title: "The scheduler of the synchronisation goes on",
            proves: "The scheduler is neither suspended nor off, so that whoever joins, leaves or is renamed is known to the tenant \
                     without anybody's doing.",
            article: None,
            rows: &["Y2", "Y3"],
            fault_test: const {
                FaultTest::real("doctor_agent::each_fault_of_the_agents_own_things_fails_its_check")
            },
            manual: "troubleshooting.html#scheduler",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        judge(
            context.state.is_marked(Mark::SyncSuspended),
            context.config.sync.every.map(|every| every.as_secs()),
        )
    }

    fn examples(&self) -> Vec<Finding> {
        vec![judge(true, Some(30)), judge(false, None)]
    }
}

fn judge(suspended: bool, every: Option<u64>) -> Finding {
    match every {
        _ if suspended => Finding::warning(
            "the scheduler is suspended",
            "an administrator suspended it on this host; nothing is imported or exported until it is resumed",
        )
        .fix(System::Agent, ["ritorno-agent sync resume"]),
        None => Finding::warning(
            "the scheduler is off",
            "every_seconds is 0 in the [sync] table: runs have to be started by hand",
        )
        .fix(
            System::Agent,
            [
                "# set every_seconds to 30 in the [sync] table of the agent's configuration",
                "systemctl restart ritorno-agent",
            ],
        ),
        Some(every) => Finding::pass(format!("a delta cycle every {every} s")),
    }
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn suspended_and_off_are_told_apart() {
        assert_eq!(judge(false, Some(30)).verdict, Verdict::Pass);
        assert!(judge(true, Some(30)).fixes[0].lines[0].ends_with("sync resume"));
        assert!(judge(false, None).cause.unwrap().contains("every_seconds"));
    }
}
