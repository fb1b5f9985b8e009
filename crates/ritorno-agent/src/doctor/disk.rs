//! Is there room on the disk for the journal?

use std::path::Path;

use async_trait::async_trait;
use nix::sys::statvfs::statvfs;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Context;

/// Less than this, in bytes, is a warning: a full import of 100,000 people writes about as much.
const LITTLE: u64 = 500_000_000;
/// Less than this, in bytes, is a failure: the journal has to be written before every reset.
const TOO_LITTLE: u64 = 20_000_000;

/// The check.
pub(super) struct Disk;

#[async_trait]
impl Check<Context> for Disk {
    fn description(&self) -> &'static Description {
        &Description {
            id: "disk",
            title: "The agent's disk has room",
            proves: "The file system of the state folder takes writes and has room for the journal, without which no reset is begun, and \
                     for the connector space.",
            article: None,
            rows: &[],
            fault_test: const {
                FaultTest::real("doctor_agent::each_fault_of_the_agents_own_things_fails_its_check")
            },
            manual: "troubleshooting.html#disk",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let folder = context.config.state_dir.clone();
        match statvfs(&folder) {
            Ok(system) => {
                // Widths differ between systems.
                #[allow(clippy::useless_conversion)]
                let free =
                    u64::from(system.blocks_available()).saturating_mul(u64::from(system.fragment_size()));
                let read_only = system.flags().contains(nix::sys::statvfs::FsFlags::ST_RDONLY);
                judge(&folder, free, read_only)
            }
            Err(error) => Finding::could_not_tell(format!("{}: {error}", folder.display())),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let folder = Path::new("/var/lib/ritorno-agent");
        vec![judge(folder, 3_000_000, false), judge(folder, LITTLE - 1, false), judge(folder, LITTLE, true)]
    }
}

fn judge(folder: &Path, free: u64, read_only: bool) -> Finding {
    let evidence = format!("{}: {} MB free", folder.display(), free / 1_000_000);
    let lines = [format!("df --human-readable {}", folder.display()), "journalctl --disk-usage".to_owned()];
    if read_only {
        return Finding::fail(
            format!("{}: mounted read-only", folder.display()),
            "the file system takes no writes: the journal can't be written, so every reset is declined",
        )
        .fix(System::Agent, [format!("findmnt --target {}", folder.display())]);
    }
    match free {
        0..TOO_LITTLE => Finding::fail(
            evidence,
            "the journal is written before every reset; when that fails, the reset is declined before it begins",
        )
        .fix(System::Agent, lines),
        TOO_LITTLE..LITTLE => {
            Finding::warning(evidence, "the next full import may not fit").fix(System::Agent, lines)
        }
        _ => Finding::pass(evidence),
    }
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn bounds_are_where_they_are_said_to_be() {
        let verdict = |free| judge(Path::new("/x"), free, false).verdict;
        assert_eq!(verdict(TOO_LITTLE - 1), Verdict::Fail);
        assert_eq!(verdict(TOO_LITTLE), Verdict::Warning);
        assert_eq!(verdict(LITTLE), Verdict::Pass);
        assert_eq!(judge(Path::new("/x"), LITTLE, true).verdict, Verdict::Fail);
    }
}
