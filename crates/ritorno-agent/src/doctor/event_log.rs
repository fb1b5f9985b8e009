//! Can the event log be written?

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
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
            proves: "The file that `events_file` names can be opened for appending, by whom the service runs as. Without one, events go to standard error alone, where \
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
        look(path, &context.config.state_dir)
    }

    fn examples(&self) -> Vec<Finding> {
        vec![unwritable(Path::new("/var/log/ritorno-agent/events.json"), "Permission denied (os error 13)")]
    }
}

fn look(path: &Path, state: &Path) -> Finding {
    if let Err(error) = File::options().append(true).open(path)
        && (path.exists() || !path.parent().is_some_and(Path::is_dir))
    {
        return unwritable(path, &error.to_string());
    }
    // Root may write everywhere: what counts is whom the service runs as, which is who the state folder belongs to.
    let (Ok(service), Ok(file)) = (std::fs::metadata(state), std::fs::metadata(path)) else {
        return Finding::pass(format!("{}: made with the first event", path.display()));
    };
    let writable = service.uid() == 0
        || (file.uid() == service.uid() && file.mode() & 0o200 != 0)
        || (file.gid() == service.gid() && file.mode() & 0o020 != 0)
        || file.mode() & 0o002 != 0;
    if writable {
        return Finding::pass(path.display().to_string());
    }
    unwritable(
        path,
        "it belongs to somebody else than the agent's state folder does, and only they may write it",
    )
}

fn unwritable(path: &Path, why: &str) -> Finding {
    let own = path.parent().is_some_and(|folder| folder == Path::new("/var/log/ritorno-agent"));
    let finding = Finding::fail(
        format!("{}: {why}", path.display()),
        "events are lost to whoever reads that file, and the agent does not start again",
    );
    if own {
        let file = path.display();
        let lines = [
            format!("ls -l {file}"),
            format!("chown ritorno-agent: {file}"),
            "systemctl reload ritorno-agent".to_owned(),
        ];
        return finding.fix(System::Agent, lines);
    }
    finding.fix(
        System::Agent,
        [
            "# name a file in /var/log/ritorno-agent as events_file in the [log] table: the service may write nowhere else",
            "systemctl restart ritorno-agent",
        ],
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn whose_file_it_is_counts_and_not_who_looks() {
        let folder = std::env::temp_dir().join(format!("ritorno-event-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (state, log) = (folder.join("state"), folder.join("events.json"));
        std::fs::create_dir_all(&state).unwrap();
        assert_eq!(look(&log, &state).verdict, Verdict::Pass);
        std::fs::write(&log, "").unwrap();
        std::fs::set_permissions(&log, std::fs::Permissions::from_mode(0o640)).unwrap();
        // The tests run as root.
        chown(&state, Some(4_711), Some(4_711)).unwrap();
        assert_eq!(look(&log, &state).verdict, Verdict::Fail);
        chown(&log, Some(4_711), Some(4_711)).unwrap();
        assert_eq!(look(&log, &state).verdict, Verdict::Pass);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn no_folder_of_others_is_given_away() {
        for file in ["/var/log/ritorno.json", "/events.json", "events.json"] {
            let finding = unwritable(Path::new(file), "no");
            assert!(finding.fixes[0].lines.iter().all(|line| !line.contains("chown")), "{finding:?}");
        }
    }
}
