//! Does the agent's account have its rights in every container that has people?

use async_trait::async_trait;
use ritorno_directory::{Directory, DirectoryError, Identity, Rights as Held};
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::outcome::Fault;

use super::{Context, worst_of};

/// Containers that are looked into, of each forest.
pub(super) const CONTAINERS: usize = 40;
/// The rights, in the order of [`Held::all`].
const NAMES: [&str; 4] = ["Reset Password", "write lockoutTime", "write pwdLastSet", "Unexpire Password"];

/// The one that is asked for only where the agent gives people their source anchor.
pub(super) const ANCHOR: &str = "write mS-DS-ConsistencyGuid";

/// The check.
pub(super) struct Rights;

#[async_trait]
impl Check<Context> for Rights {
    fn description(&self) -> &'static Description {
        &Description {
            id: "rights",
            title: "The agent's account has its rights wherever there are people",
            proves: "On one person of each container that has synchronised people, the account may reset the password, unlock, and demand \
                     a change, and write the source anchor where it is to; on the domain it holds Unexpire Password: so the delegation stands at each domain's root and is \
                     inherited down to the people.",
            article: Some("The agent's account has the rights that writeback needs"),
            rows: &["P1", "P2", "P3", "P4"],
            fault_test: const { FaultTest::real("doctor_directory::each_fault_of_a_directory_fails_its_check") },
            manual: "troubleshooting.html#rights",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let mut findings = Vec::new();
        for directory in &context.forests {
            findings.push(one(context, directory).await);
        }
        worst_of(findings)
    }

    fn examples(&self) -> Vec<Finding> {
        let person = "CN=Anna Rossi,OU=Vertrieb,DC=contoso,DC=test";
        vec![
            lacking("svc-ritorno@contoso.test", &[(person.to_owned(), vec![NAMES[0]], false)], 1, false),
            lacking("svc-ritorno@contoso.test", &[(person.to_owned(), vec![NAMES[0]], true)], 5, false),
            lacking("svc-ritorno@contoso.test", &[(person.to_owned(), vec![NAMES[3]], false)], 1, true),
        ]
    }
}

/// A person's DN, what the account lacks there, and whether the object inherits nothing.
type Lack = (String, Vec<&'static str>, bool);

async fn one(context: &Context, directory: &Directory) -> Finding {
    let forest = directory.forest();
    let people = match context.sync().await {
        Ok(seen) => seen.people.get(&forest.0).cloned().unwrap_or_default(),
        Err(reason) => return Finding::could_not_tell(format!("{forest}: {reason}")),
    };
    let (mut lacks, mut looked_at, mut remedy) = (Vec::new(), 0, None);
    for guid in people {
        let located = directory.locate(&Identity::Guid(guid)).await;
        let person = match located {
            Ok(person) => person,
            // Moved or deleted since the last import.
            Err(DirectoryError::NotApplied { fault: Fault::NotFound, .. }) => continue,
            Err(error) => return Finding::could_not_tell(format!("{forest}: {error}")),
        };
        // Nobody resets these through the agent, whatever the rights.
        if directory.judge(&person).await.is_err() {
            continue;
        }
        let rights = match directory.rights(&person).await {
            Ok(rights) => rights,
            Err(error) => return Finding::could_not_tell(format!("{forest}: {}: {error}", person.dn)),
        };
        looked_at += 1;
        let missing = missing(&rights);
        if !missing.is_empty() {
            if remedy.is_none() {
                remedy = directory.remedy(&person, &rights).await.ok();
            }
            lacks.push((person.dn.clone(), missing, rights.inheritance_broken));
        }
    }
    if looked_at == 0 {
        return Finding::not_applicable(format!(
            "{forest}: nobody is synchronised yet whose rights could be read"
        ));
    }
    if lacks.is_empty() {
        let account = directory.account();
        return Finding::pass(format!("{forest}: {account} has all of its rights in {looked_at} containers"));
    }
    let reset_stands = lacks.iter().all(|(_, missing, _)| !missing.contains(&NAMES[0]));
    let finding = lacking(directory.account(), &lacks, looked_at, reset_stands);
    match remedy {
        Some(remedy) => {
            let finding = remedy.notes.into_iter().fold(finding, Finding::and);
            finding.fix(System::Samba, remedy.samba).fix(System::Windows, remedy.windows)
        }
        None => finding,
    }
}

fn missing(rights: &Held) -> Vec<&'static str> {
    let anchor = rights.anchor.iter().map(|right| (&ANCHOR, right));
    let all = NAMES.iter().zip(rights.all()).chain(anchor);
    all.filter(|(_, right)| !right.is_granted()).map(|(name, _)| *name).collect()
}

fn lacking(account: &str, lacks: &[Lack], looked_at: usize, reset_stands: bool) -> Finding {
    let (dn, missing, broken) = &lacks[0];
    let evidence = format!("{account} lacks {} on {dn}", missing.join(", "));
    let others = lacks[1..].iter().map(|(dn, missing, _)| format!("lacks {} on {dn}", missing.join(", ")));
    let cause = if lacks.len() == looked_at {
        "the delegation at the domain's root is missing, or a recent one is not replicated to this controller yet"
    } else if *broken {
        "these objects inherit nothing from above: what is delegated at the domain's root does not reach them"
    } else {
        "the delegation does not reach these containers: it was given on another one, or something denies it there"
    };
    let finding = if reset_stands {
        Finding::warning(
            evidence,
            "passwords can be reset, but not everything else works that the agent is to do",
        )
    } else {
        Finding::fail(evidence, cause)
    };
    others.fold(finding, Finding::and).fix(
        System::Agent,
        [
            "# of one person, with the lines that mend it:",
            "ritorno-agent rights ACCOUNT",
            "# all lines of a delegation:",
            "ritorno-agent prepare",
        ],
    )
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn some_containers_and_all_have_different_causes() {
        let lack = |broken| ("CN=a,OU=b,DC=c".to_owned(), vec![NAMES[0]], broken);
        let all = lacking("svc", &[lack(false)], 1, false);
        assert_eq!(all.verdict, Verdict::Fail);
        assert!(all.cause.unwrap().contains("root is missing"));
        assert!(lacking("svc", &[lack(true)], 2, false).cause.unwrap().contains("inherit nothing"));
        assert!(lacking("svc", &[lack(false)], 2, false).cause.unwrap().contains("another one"));
        assert_eq!(lacking("svc", &[lack(false)], 1, true).verdict, Verdict::Warning);
    }
}
