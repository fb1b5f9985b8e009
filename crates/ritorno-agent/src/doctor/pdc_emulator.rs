//! Is the PDC emulator found by its role, and does it answer?

use async_trait::async_trait;
use ritorno_directory::{Directory, DirectoryError, PdcHealth};
use ritorno_doctor::{Check, Description, Finding, System};
use ritorno_protocol::outcome::Fault;

use super::{Context, worst_of};

/// The check.
pub(super) struct PdcEmulator;

#[async_trait]
impl Check<Context> for PdcEmulator {
    fn description(&self) -> &'static Description {
        &Description {
            id: "pdc-emulator",
            title: "The PDC emulator of each forest answers",
            proves: "The owner of the PDC emulator's role, read from fSMORoleOwner, takes an LDAPS connection and a sign-in \
                     of the agent's account. Every writeback goes to it.",
            article: Some("The agent reaches the domain controller with the PDC emulator's role"),
            rows: &["D3"],
            manual: "troubleshooting.html#pdc-emulator",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let mut findings = Vec::new();
        for directory in &context.forests {
            findings.push(one(directory).await);
        }
        worst_of(findings)
    }
}

async fn one(directory: &Directory) -> Finding {
    let forest = directory.forest();
    match directory.pdc_health().await {
        PdcHealth::Reachable { dc, milliseconds } => {
            Finding::pass(format!("{forest}: {dc} holds the role and answered in {milliseconds} ms"))
        }
        PdcHealth::Elsewhere { dc, reason } => Finding::warning(
            format!("{forest}: {dc} is written to {reason}"),
            "what is written meanwhile is known to the PDC emulator only when it is back".to_owned(),
        ),
        PdcHealth::Unreachable { name, reason } => {
            let evidence = format!("{forest}: {name}: {reason}");
            match directory.root_dse().await {
                Err(DirectoryError::NotApplied { fault: Fault::PdcUnreachable { name }, .. }) => {
                    unreachable(evidence, &name)
                }
                _ => signed_out(evidence, &name),
            }
        }
    }
}

fn unreachable(evidence: String, host: &str) -> Finding {
    Finding::fail(evidence, format!("{host} can't be reached with LDAPS (TCP 636) from this host"))
        .fix(
            System::Agent,
            [
                format!("getent hosts {host}"),
                format!("openssl s_client -connect {host}:636 -servername {host} </dev/null"),
                "# no connection: open TCP 636 from this host to it, and see that it runs".to_owned(),
                "# a certificate error: name the authority's PEM file in ca_file of the [[forest]]".to_owned(),
            ],
        )
        .fix(System::Samba, ["systemctl start samba-ad-dc", "samba-tool fsmo show"])
        .fix(
            System::Windows,
            [
                "netdom query fsmo",
                "# the holder is gone for good: on another domain controller",
                "Move-ADDirectoryServerOperationMasterRole -Identity OTHER-DC -OperationMasterRole PDCEmulator -Force",
            ],
        )
}

fn signed_out(evidence: String, host: &str) -> Finding {
    Finding::fail(evidence, format!("{host} answers, but not to the agent's account"))
        .fix(
            System::Agent,
            ["# put the account's password into the password_file of the [[forest]]; it is read at the next try"],
        )
        .fix(System::Samba, ["samba-tool user show ACCOUNT", "samba-tool user setpassword ACCOUNT"])
        .fix(
            System::Windows,
            [
                "Get-ADUser ACCOUNT -Properties LockedOut,PasswordExpired,Enabled",
                "Set-ADAccountPassword ACCOUNT -Reset",
            ],
        )
}
