//! Does the agent's account have its rights on this very object?

use async_trait::async_trait;
use ritorno_directory::Verdict as Right;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::About;
use crate::doctor::rights::ANCHOR;

/// The rights, in the order in which the directory tells them.
const NAMES: [&str; 4] = ["Reset Password", "write lockoutTime", "write pwdLastSet", "Unexpire Password"];

/// The check.
pub(super) struct PersonPermissions;

#[async_trait]
impl Check<About> for PersonPermissions {
    fn description(&self) -> &'static Description {
        &Description {
            id: "person-permissions",
            title: "The agent's account may reset and unlock this very object",
            proves: "Reset Password, writes to lockoutTime and pwdLastSet are granted on the person's object, and Unexpire Password on \
                     the domain; writes to mS-DS-ConsistencyGuid too, where the agent is to fill it; by the object's own descriptor and the account's own groups.",
            article: Some("The agent's account has the rights that writeback needs"),
            rows: &["P1", "P2", "P3", "P4"],
            fault_test: const {
                FaultTest::real("doctor_person::each_fault_of_a_person_is_the_first_thing_that_stops_them")
            },
            manual: "troubleshooting.html#person-permissions",
        }
    }

    async fn look(&self, about: &About) -> Finding {
        let Some((directory, person)) = about.person() else {
            return Finding::could_not_tell("nobody was found");
        };
        let rights = match directory.rights(person).await {
            Ok(rights) => rights,
            Err(error) => return Finding::could_not_tell(error.to_string()),
        };
        let told = |right: &Right| match right {
            Right::Granted { to } => format!("granted to {to}"),
            Right::Denied { to, .. } => format!("denied to {to}"),
            Right::Missing => "granted by nothing".to_owned(),
        };
        let anchor = rights.anchor.iter().map(|right| (&ANCHOR, right));
        let all: Vec<(&&str, &Right)> = NAMES.iter().zip(rights.all()).chain(anchor).collect();
        let evidence = |finding: Finding| {
            all.iter().fold(finding, |finding, (name, right)| finding.and(format!("{name}: {}", told(right))))
        };
        let missing: Vec<&str> =
            all.iter().filter(|(_, right)| !right.is_granted()).map(|(name, _)| **name).collect();
        if missing.is_empty() {
            return evidence(Finding::pass(format!("all of them, for {}", directory.account())));
        }
        let why = Why { broken: rights.inheritance_broken, protected: rights.admin_count };
        let finding = evidence(lacking(directory.account(), &missing, rights.reset.is_granted(), why));
        match directory.remedy(person, &rights).await {
            Ok(remedy) => {
                let finding = remedy.notes.into_iter().fold(finding, Finding::and);
                finding.fix(System::Samba, remedy.samba).fix(System::Windows, remedy.windows)
            }
            Err(error) => finding.and(format!("what would mend it can't be worked out: {error}")),
        }
    }
    fn examples(&self) -> Vec<Finding> {
        let account = "svc-ritorno@contoso.test";
        let prepare = |finding: Finding| {
            finding.fix(
                System::Agent,
                [
                    "# the lines for this very person; all lines of a delegation: ritorno-agent prepare",
                    "ritorno-agent rights anna.rossi",
                ],
            )
        };
        let (here, protected) =
            (Why { broken: true, protected: false }, Why { broken: false, protected: true });
        vec![
            prepare(lacking(account, &NAMES[..1], false, here)),
            prepare(lacking(account, &NAMES[1..2], true, protected)),
        ]
    }
}

/// What keeps inherited rights from an object.
#[derive(Clone, Copy)]
struct Why {
    /// It inherits nothing.
    broken: bool,
    /// `adminCount` is set.
    protected: bool,
}

fn lacking(account: &str, missing: &[&str], resets: bool, why: Why) -> Finding {
    let lacks = format!("{account} lacks {}", missing.join(", "));
    let mut finding = if resets {
        Finding::warning(lacks, "the password can be reset, but not all that belongs to it")
    } else {
        Finding::fail(lacks, "the directory will refuse the reset")
    };
    if why.broken {
        finding = finding.and("the object inherits nothing: what is delegated above does not reach it");
    }
    if why.protected {
        finding = finding
            .and("adminCount is set: AdminSDHolder puts its own rights in place of the inherited ones");
    }
    finding
}
