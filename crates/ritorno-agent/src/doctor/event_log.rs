//! Can the event log be written?

use std::fs::File;
use std::path::Path;

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Context;

/// The check.
pub(super) struct EventLog;

#[async_trait]
impl Check<Context> for EventLog {
    fn description(&self) -> &'static Description {
        &Description {
            id: "event-log",
            title: "The event log can be written",
            proves: "The file that `events_file` names can be opened for appending. Without one, events go to standard error alone, where \
                     the journal keeps them.",
            article: None,
            rows: &[],
            fault_test: const {
                FaultTest::real("doctor_agent::each_fault_of_the_agents_own_things_fails_its_check")
            },
            manual: "troubleshooting.html#event-log",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let Some(path) = &context.config.log.events_file else {
            return Finding::pass("events go to standard error, and so to the journal");
        };
        if !path.exists() && path.parent().is_some_and(Path::is_dir) {
            return Finding::pass(format!("{}: made with the first event", path.display()));
        }
        match File::options().append(true).open(path) {
            Ok(_) => Finding::pass(path.display().to_string()),
            Err(error) => unwritable(path, &error.to_string()),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        vec![unwritable(Path::new("/var/log/ritorno-agent/events.json"), "Permission denied (os error 13)")]
    }
}

fn unwritable(path: &Path, why: &str) -> Finding {
    let folder = path.parent().unwrap_or(path).display();
    Finding::fail(
        format!("{}: {why}", path.display()),
        "events are lost to whoever reads that file, and the agent does not start again",
    )
    .fix(
        System::Agent,
        [
            format!("ls -ld {folder} {}", path.display()),
            format!("chown ritorno-agent: {folder}"),
            "systemctl reload ritorno-agent".to_owned(),
        ],
    )
}
