//! Are the keys of agent and server replaced in time?

use std::time::Duration;

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::certificate::ROLLED_AFTER;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::enrolment::Validity;

use super::{Context, worst_of};
use crate::output::moment;

/// A key that is due is replaced within minutes; after this long something keeps it from being.
const LATE: Duration = Duration::from_secs(86_400);
/// A key with less than this left is near its end: both sides replace one long before.
const LEAST_LEFT: Duration = Duration::from_secs(29 * 86_400);

/// The check.
pub(super) struct KeyAges;

/// Whose key.
#[derive(Clone, Copy)]
enum Whose {
    Agent,
    Server,
}

#[async_trait]
impl Check<Context> for KeyAges {
    fn description(&self) -> &'static Description {
        &Description {
            id: "keys",
            title: "The keys of agent and server are replaced in time",
            proves: "This agent's identity key and the server's signing key are certified for a month at least, and neither is past the \
                     age of six months at which it is replaced by itself.",
            article: None,
            rows: &["Y4"],
            fault_test: const { FaultTest::real("doctor_tenant::what_the_tenant_knows_fails_its_check") },
            manual: "troubleshooting.html#keys",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let now = context.clock.now();
        let agent = match context.state.keys() {
            Ok(keys) => match keys.enrolment.identity.verify(&keys.enrolment.root) {
                Ok(content) => {
                    let validity = Validity { not_before: content.not_before, not_after: content.not_after };
                    judge(Whose::Agent, Some(validity), now)
                }
                Err(error) => Finding::could_not_tell(error.to_string()),
            },
            Err(error) => Finding::could_not_tell(error.to_string()),
        };
        let server = match context.tenant() {
            Ok(tenant) => judge(Whose::Server, tenant.signing_key, now),
            Err(finding) => finding,
        };
        worst_of(vec![agent, server])
    }

    fn examples(&self) -> Vec<Finding> {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let old =
            Validity { not_before: now.minus(ROLLED_AFTER + 20 * LATE), not_after: now.plus(ROLLED_AFTER) };
        let ending = Validity { not_after: now.plus(LATE), ..old };
        vec![
            judge(Whose::Server, Some(old), now),
            judge(Whose::Agent, Some(ending), now),
            judge(Whose::Server, None, now),
        ]
    }
}

fn judge(whose: Whose, validity: Option<Validity>, now: Timestamp) -> Finding {
    let name = match whose {
        Whose::Agent => "this agent's identity key",
        Whose::Server => "the server's signing key",
    };
    let mend = |finding: Finding| {
        match whose {
        Whose::Agent => finding.fix(System::Agent, ["ritorno-agent keys roll"]),
        Whose::Server => finding.fix(
            System::Cloud,
            [
                "ritorno keys status",
                "ritorno keys roll",
                "# it says what it lacks: root.key and node.key are in the folder that state_dir names, or in a backup",
            ],
        ),
    }
    };
    let Some(Validity { not_before, not_after }) = validity.filter(|validity| now < validity.not_after)
    else {
        return mend(Finding::fail(
            format!("{name} is not certified any more"),
            "it was not replaced in time: what it signs is refused, so nothing can be written back",
        ));
    };
    let days = |duration: Duration| duration.as_secs() / 86_400;
    let age = now.since(not_before);
    let told = format!("{name}: {} days old, certified until {}", days(age), moment(Some(not_after)));
    if not_after.since(now) < LEAST_LEFT || age > ROLLED_AFTER + LATE {
        return mend(Finding::warning(
            told,
            "keys are replaced by themselves after six months, and something keeps this one from being",
        ));
    }
    Finding::pass(told)
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn age_and_end_are_both_looked_at() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let verdict = |age: Duration, left: Duration| {
            let validity = Validity { not_before: now.minus(age), not_after: now.plus(left) };
            judge(Whose::Agent, Some(validity), now).verdict
        };
        let year = Duration::from_secs(365 * 86_400);
        assert_eq!(verdict(LATE, year), Verdict::Pass);
        assert_eq!(verdict(ROLLED_AFTER, year), Verdict::Pass, "it is replaced within the day");
        assert_eq!(verdict(ROLLED_AFTER + 2 * LATE, year), Verdict::Warning);
        assert_eq!(verdict(LATE, LATE), Verdict::Warning);
        assert_eq!(verdict(LATE, Duration::ZERO), Verdict::Fail);
        assert_eq!(judge(Whose::Server, None, now).verdict, Verdict::Fail);
    }
}
