//! Are both switches on, and is the link up?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::enrolment::Standing;

use super::{Context, OwnSwitch};

/// The check.
pub(super) struct WritebackSwitches;

#[async_trait]
impl Check<Context> for WritebackSwitches {
    fn description(&self) -> &'static Description {
        &Description {
            id: "writeback-switches",
            title: "Writeback is on at both ends, and the link is up",
            proves: "The agent's own switch, the tenant's two switches and the administrator's consent for this agent are on, \
                     and the agent holds its link to the server.",
            article: Some("Password writeback is enabled on both sides"),
            rows: &["T4", "T6", "N5", "N16", "Y5"],
            fault_test: const { FaultTest::real("doctor::each_fault_fails_its_check_and_the_fix_mends_it") },
            manual: "troubleshooting.html#writeback-switches",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        judge(context.switch, context.standing.as_ref().map(|answered| &answered.standing))
    }

    fn examples(&self) -> Vec<Finding> {
        let on = Standing {
            sspr: true,
            writeback: true,
            agent_writeback: true,
            linked: true,
            server_time: Timestamp::from_unix_ms(0),
            licences: None,
            tenant: None,
        };
        let off = [
            Standing { sspr: false, ..on.clone() },
            Standing { writeback: false, ..on.clone() },
            Standing { agent_writeback: false, ..on.clone() },
            Standing { linked: false, ..on.clone() },
        ];
        let agent = judge(OwnSwitch::Off, Ok(&on));
        [agent].into_iter().chain(off.iter().map(|standing| judge(OwnSwitch::On, Ok(standing)))).collect()
    }
}

fn judge(switch: OwnSwitch, standing: Result<&Standing, &String>) -> Finding {
    match switch {
        OwnSwitch::Staging => {
            return Finding::not_applicable("the agent is in staging, which writes nothing back");
        }
        OwnSwitch::Off => {
            return Finding::fail(
                "the agent's own switch is off",
                "it was switched off on this host, or never on",
            )
            .fix(System::Agent, ["ritorno-agent writeback enable"]);
        }
        OwnSwitch::On => {}
    }
    let standing = match standing {
        Ok(standing) => standing,
        Err(reason) => {
            return Finding::could_not_tell(reason.clone()).and("the agent's own switch is on");
        }
    };
    let off = |what: &str, cause: &str| Finding::fail(format!("{what} is off"), cause);
    if !standing.sspr {
        off("the tenant's switch for self-service reset", "an administrator switched it off")
            .fix(System::Cloud, ["ritorno tenant set sspr on"])
    } else if !standing.writeback {
        off("the tenant's writeback switch", "an administrator switched it off, or never on")
            .fix(System::Cloud, ["ritorno tenant set writeback on"])
    } else if !standing.agent_writeback {
        off(
            "the server's switch for this agent",
            "no cloud-only administrator has confirmed it, or one took it back",
        )
        .fix(System::Agent, ["ritorno-agent writeback enable"])
    } else if !standing.linked {
        Finding::fail(
            "both switches are on, but the server sees no link of this agent",
            "the service does not run",
        )
        .fix(System::Agent, ["systemctl restart ritorno-agent", "journalctl --unit ritorno-agent --lines 50"])
    } else {
        Finding::pass("on at the agent, on at the tenant, and the link is up")
    }
}
