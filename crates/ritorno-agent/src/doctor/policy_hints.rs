//! Does the PDC emulator enforce history and minimum age on a reset?

use async_trait::async_trait;
use ritorno_directory::Directory;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::policy::Vendor;

use super::{Context, worst_of};

/// The check.
pub(super) struct PolicyHints;

#[async_trait]
impl Check<Context> for PolicyHints {
    fn description(&self) -> &'static Description {
        &Description {
            id: "policy-hints",
            title: "The PDC emulator enforces history and minimum age on a reset",
            proves: "Its rootDSE lists the policy-hints control (1.2.840.113556.1.4.2239). With it a reset obeys the password \
                     history and the minimum age, like a change by the person.",
            article: Some("The domain controllers have a version that writeback supports"),
            rows: &["D7"],
            fault_test: const { FaultTest::real("doctor::controller_without_the_policy_hints_is_a_warning") },
            manual: "troubleshooting.html#policy-hints",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let mut findings = Vec::new();
        for directory in &context.forests {
            findings.push(one(directory).await);
        }
        worst_of(findings)
    }

    fn examples(&self) -> Vec<Finding> {
        vec![
            missing("contoso.test", "dc1.contoso.test", Vendor::Windows),
            missing("fabrikam.test", "dc1.fabrikam.test", Vendor::Samba),
        ]
    }
}

async fn one(directory: &Directory) -> Finding {
    let forest = directory.forest();
    let dse = match directory.root_dse().await {
        Ok(dse) => dse,
        Err(error) => return Finding::could_not_tell(format!("{forest}: {}", error.operator().detail)),
    };
    if let Some(control) = dse.hints() {
        return Finding::pass(format!("{forest}: {} lists {}", dse.host, control.oid));
    }
    missing(&forest.0, &dse.host, dse.vendor)
}

fn missing(forest: &str, host: &str, vendor: Vendor) -> Finding {
    let evidence = format!("{forest}: supportedControl of {host} has no policy-hints control");
    let meaning = "so a reset ignores the password history and the minimum age: people can set a password that they had before";
    match vendor {
        Vendor::Samba => Finding::warning(evidence, format!("Samba has the control since 4.24; {meaning}"))
            .fix(
                System::Samba,
                ["samba --version", "# upgrade every domain controller to Samba 4.24 or later"],
            ),
        // A rootDSE of Active Directory tells one of the two.
        Vendor::Windows | Vendor::OpenLdap => {
            Finding::warning(evidence, format!("Windows Server has it since 2012 R2; {meaning}")).fix(
                System::Windows,
                [
                    "Get-ADDomainController -Filter * | Format-Table HostName,OperatingSystem",
                    "# upgrade the PDC emulator to Windows Server 2016 or later",
                ],
            )
        }
    }
}
