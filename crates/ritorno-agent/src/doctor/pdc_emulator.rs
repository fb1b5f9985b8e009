//! Is the PDC emulator found by its role, and does it answer?

use async_trait::async_trait;
use ritorno_directory::{Directory, DirectoryError, PdcHealth, Transport};
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
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
            proves: "The owner of the PDC emulator's role, read from fSMORoleOwner, takes a protected connection and a sign-in \
                     of the agent's account. Every writeback goes to it.",
            article: Some("The agent reaches the domain controller with the PDC emulator's role"),
            rows: &["D2", "D3"],
            fault_test: const { FaultTest::real("doctor::each_fault_fails_its_check_and_the_fix_mends_it") },
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

    fn examples(&self) -> Vec<Finding> {
        let (evidence, host) = ("contoso.test: dc1.contoso.test: no answer within 5 s", "dc1.contoso.test");
        vec![
            unreachable(evidence.to_owned(), host, Transport::Ldaps),
            signed_out("contoso.test: dc1.contoso.test: the account is refused".to_owned(), host),
        ]
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
                    unreachable(evidence, &name, directory.transport())
                }
                _ => signed_out(evidence, &name),
            }
        }
    }
}

fn unreachable(evidence: String, host: &str, transport: Transport) -> Finding {
    let s_client = |rest: &str| format!("openssl s_client {rest} -servername {host} </dev/null");
    let (how, tries) = match transport {
        Transport::Ldaps => ("LDAPS (TCP 636)", vec![s_client(&format!("-connect {host}:636"))]),
        Transport::StartTls => {
            ("StartTLS (TCP 389)", vec![s_client(&format!("-starttls ldap -connect {host}:389"))])
        }
        Transport::Kerberos => {
            let tries = [389, 88]
                .map(|port| format!("timeout 5 bash -c 'echo >/dev/tcp/{host}/{port}' && echo open"));
            ("LDAP and Kerberos (TCP 389 and 88)", tries.to_vec())
        }
    };
    let mut lines = vec![format!("getent hosts {host}")];
    lines.extend(tries);
    lines.push(format!("# no connection: open {how} from this host to it, and see that it runs"));
    if transport != Transport::Kerberos {
        lines.extend([
            "# a certificate error: name the authority's PEM file in ca_file of the [[forest]]".to_owned(),
            "# no certificate, or no cipher suite in common: transport = \"kerberos\" in the [[forest]]"
                .to_owned(),
        ]);
    }
    Finding::fail(evidence, format!("{host} can't be reached by {how} from this host"))
        .fix(System::Agent, lines)
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
            ["# put the account's password into the password_file of the [[forest]], or its key into the keytab_file; it is read at the next try"],
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_try_is_what_the_agent_does() {
        let told = |transport| {
            let finding = unreachable("evidence".to_owned(), "dc1.contoso.test", transport);
            finding.fixes[0].lines.join("\n")
        };
        assert!(told(Transport::Ldaps).contains("-connect dc1.contoso.test:636 -servername"));
        assert!(told(Transport::StartTls).contains("-starttls ldap -connect dc1.contoso.test:389"));
        let sealed = told(Transport::Kerberos);
        assert!(sealed.contains("/dev/tcp/dc1.contoso.test/88") && !sealed.contains("certificate"));
    }
}
