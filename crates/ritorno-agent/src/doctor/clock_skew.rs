//! Do the clocks of agent and server agree?

use std::time::Duration;

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::authorisation::MAXIMUM_SKEW;
use ritorno_protocol::clock::Timestamp;

use super::{Answered, Context};

/// The check.
pub(super) struct ClockSkew;

#[async_trait]
impl Check<Context> for ClockSkew {
    fn description(&self) -> &'static Description {
        &Description {
            id: "clock-skew",
            title: "The clocks of agent and server agree",
            proves: "They differ by less than an authorisation allows; beyond that every request is refused as expired.",
            article: None,
            rows: &["N10"],
            fault_test: const { FaultTest::real("doctor::each_fault_fails_its_check_and_the_fix_mends_it") },
            manual: "troubleshooting.html#clock-skew",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        match &context.standing {
            Ok(answered) => judge(answered),
            Err(reason) => match context.server_date {
                Some((server, at)) => by_date(server, at, reason),
                None => Finding::could_not_tell(reason.clone()),
            },
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let server = Timestamp::from_unix_ms(1_800_000_000_000);
        vec![by_date(server, server.plus(2 * MAXIMUM_SKEW), "the signature's time is not now")]
    }
}

/// By the time in the head of an answer, which tells whole seconds and not how long it took: enough to see why the server refuses.
fn by_date(server: Timestamp, at: Timestamp, refused: &str) -> Finding {
    let apart = at.since(server).max(server.since(at));
    if apart <= MAXIMUM_SKEW {
        return Finding::could_not_tell(refused.to_owned());
    }
    let which = if at > server { "ahead of" } else { "behind" };
    synchronise(
        Finding::fail(
            format!("this host is about {} s {which} the server", apart.as_secs()),
            format!(
                "the clocks may differ by {} s at most: every request is refused",
                MAXIMUM_SKEW.as_secs()
            ),
        )
        .and(format!("the server said: {refused}")),
    )
}

fn synchronise(finding: Finding) -> Finding {
    finding
        .fix(System::Agent, ["timedatectl set-ntp true", "timedatectl timesync-status"])
        .fix(System::Cloud, ["timedatectl timesync-status"])
}

fn judge(Answered { standing, at, took }: &Answered) -> Finding {
    let (ahead, behind) = (at.since(standing.server_time), standing.server_time.since(*at));
    let apart = ahead.max(behind);
    let which = if ahead > behind { "ahead of" } else { "behind" };
    let evidence = format!(
        "this host is {} ms {which} the server (give or take {} ms)",
        apart.as_millis(),
        took.as_millis() / 2
    );
    if apart > MAXIMUM_SKEW {
        let cause = format!("the clocks may differ by {} s at most", MAXIMUM_SKEW.as_secs());
        synchronise(Finding::fail(evidence, cause))
    } else if apart > MAXIMUM_SKEW / 2 + Duration::from_millis(500) {
        synchronise(Finding::warning(evidence, "more than half of what is allowed"))
    } else {
        Finding::pass(evidence)
    }
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;
    use ritorno_protocol::enrolment::Standing;

    use super::*;

    const SERVER: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn verdict(at: Timestamp) -> Verdict {
        let standing = Standing {
            sspr: true,
            writeback: true,
            agent_writeback: true,
            linked: true,
            server_time: SERVER,
            licences: None,
            tenant: None,
        };
        judge(&Answered { standing, at, took: Duration::from_millis(20) }).verdict
    }

    #[test]
    fn either_side_may_be_ahead_by_what_is_allowed() {
        assert_eq!(verdict(SERVER), Verdict::Pass);
        let (little, much) = (MAXIMUM_SKEW - Duration::from_secs(5), MAXIMUM_SKEW + Duration::from_secs(5));
        for at in [SERVER.plus(little), SERVER.minus(little)] {
            assert_eq!(verdict(at), Verdict::Warning);
        }
        for at in [SERVER.plus(much), SERVER.minus(much)] {
            assert_eq!(verdict(at), Verdict::Fail);
        }
    }
}
