//! Are the forest, its domains and its controllers of a kind that writeback works with?

use async_trait::async_trait;
use ritorno_directory::{Controller, Domain, Topology, level_name};
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::{Context, worst_of};

/// The lowest functional level: Windows Server 2003 (MS-ADTS 6.1.4.2). Before it, `lockoutTime` and constrained rights differ.
const LOWEST: u32 = 2;

/// The check.
pub(super) struct Domains;

#[async_trait]
impl Check<Context> for Domains {
    fn description(&self) -> &'static Description {
        &Description {
            id: "domains",
            title: "The forest's domains and controllers are of a supported kind",
            proves: "Each configured domain is one of its forest, forest and domain have the functional level of Windows Server 2003 or \
                     later, the NetBIOS name has no dot, the domain has a controller that takes writes, and every controller that the \
                     forest names answers.",
            article: Some("One or more forests, whose domain controllers have a supported version"),
            rows: &["D1", "D5", "D6", "D11"],
            fault_test: const { FaultTest::real("doctor_directory::each_fault_of_a_directory_fails_its_check") },
            manual: "troubleshooting.html#domains",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let mut findings = Vec::new();
        for directory in &context.forests {
            let name = &directory.forest().0;
            findings.push(match context.topology(name).await {
                Ok(topology) => judge(name, topology),
                Err(finding) => finding,
            });
        }
        worst_of(findings)
    }

    fn examples(&self) -> Vec<Finding> {
        let domain = |level, netbios_name: &str| Domain {
            dn: "DC=contoso,DC=test".into(),
            dns_name: "contoso.test".into(),
            netbios_name: netbios_name.into(),
            level: Some(level),
            pdc: ritorno_directory::PdcRole::Confirmed { host: "dc1.contoso.test".into() },
        };
        vec![
            too_low("contoso.test", 0),
            forest_too_low("contoso.test", 0),
            dotted(&domain(7, "CONTOSO.OLD")),
            read_only("contoso.test"),
            silent("contoso.test", &[("dc2.contoso.test", "no answer within 2 s")]),
        ]
    }
}

fn judge(name: &str, topology: &Topology) -> Finding {
    let Some(domain) = topology.domains.iter().find(|domain| domain.dns_name.eq_ignore_ascii_case(name))
    else {
        return Finding::fail(
            format!("{name}: the forest that {} belongs to has no such domain", topology.read_from),
            "the name in the [[forest]] table is not the DNS name of a domain",
        )
        .fix(System::Agent, ["ritorno-agent topology"]);
    };
    if let Some(level) = topology.level.filter(|level| *level < LOWEST) {
        let root = topology.domains.first().map_or(name, |root| root.dns_name.as_str());
        return forest_too_low(root, level);
    }
    if let Some(level) = domain.level.filter(|level| *level < LOWEST) {
        return too_low(name, level);
    }
    if domain.netbios_name.contains('.') {
        return dotted(domain);
    }
    let own: Vec<&Controller> =
        topology.controllers.iter().filter(|one| one.domain.eq_ignore_ascii_case(&domain.dn)).collect();
    if !own.iter().any(|controller| controller.writable) {
        return read_only(name);
    }
    let quiet: Vec<(&str, &str)> = own
        .iter()
        .filter_map(|controller| match &controller.answer {
            ritorno_directory::Answer::Silent { why } => Some((controller.host.as_str(), why.as_str())),
            ritorno_directory::Answer::Here { .. } => None,
        })
        .collect();
    // A controller alone that is silent is the PDC emulator, which has a check of its own.
    let pdc = domain.pdc.host();
    if quiet.iter().any(|(host, _)| Some(*host) != pdc) {
        return silent(name, &quiet);
    }
    let level = domain.level.map_or_else(|| "unknown".to_owned(), level_name);
    let systems: Vec<String> = own
        .iter()
        .map(|controller| {
            format!("{} ({})", controller.host, controller.system.as_deref().unwrap_or("unknown"))
        })
        .collect();
    Finding::pass(format!("{name}: functional level {level}; {}", systems.join(", ")))
}

/// Before what can't be taken back.
const RAISING: &str = "# can't be undone, and every domain controller has to be able to do it: see `ritorno-agent topology` first";

fn too_low(name: &str, level: u32) -> Finding {
    Finding::fail(
        format!("{name}: the functional level of the domain is {}", level_name(level)),
        "writeback needs the functional level of Windows Server 2003 or later in forest and domain",
    )
    .fix(
        System::Samba,
        [RAISING, "samba-tool domain level show", "samba-tool domain level raise --domain-level=2008_R2"],
    )
    .fix(
        System::Windows,
        [RAISING.to_owned(), format!("Set-ADDomainMode -Identity {name} -DomainMode Windows2008R2Domain")],
    )
}

fn forest_too_low(root: &str, level: u32) -> Finding {
    Finding::fail(
        format!("{root}: the functional level of the forest is {}", level_name(level)),
        "writeback needs the functional level of Windows Server 2003 or later in forest and domain",
    )
    .fix(
        System::Samba,
        [RAISING, "samba-tool domain level show", "samba-tool domain level raise --forest-level=2008_R2"],
    )
    .fix(
        System::Windows,
        [RAISING.to_owned(), format!("Set-ADForestMode -Identity {root} -ForestMode Windows2008R2Forest")],
    )
}

fn dotted(domain: &Domain) -> Finding {
    Finding::warning(
        format!("{}: the NetBIOS name {} has a dot", domain.dns_name, domain.netbios_name),
        "names of the form DOMAIN\\account can't be told from DNS names: people have to sign in with their userPrincipalName",
    )
    .fix(
        System::Windows,
        ["# a domain is renamed with rendom.exe, or its people are moved to one with a name without a dot"],
    )
}

fn read_only(name: &str) -> Finding {
    Finding::fail(
        format!("{name}: no controller of the domain takes writes"),
        "a read-only domain controller writes no password, and Ritorno does not follow where it refers to",
    )
    .fix(System::Agent, ["ritorno-agent topology"])
    .fix(System::Windows, ["Get-ADDomainController -Filter {IsReadOnly -eq $false} | Format-Table HostName"])
}

fn silent(name: &str, hosts: &[(&str, &str)]) -> Finding {
    let all: Vec<String> = hosts.iter().map(|(host, why)| format!("{host} ({why})")).collect();
    let mut lines = vec!["ritorno-agent topology".to_owned()];
    // Names come from the directory, where anything can be written: only what is a host's name goes into a line to paste.
    let is_name = |host: &str| host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    let named = hosts.iter().map(|(host, _)| *host).filter(|host| is_name(host));
    lines.extend(named.map(|host| format!("openssl s_client -connect {host}:636 </dev/null")));
    Finding::warning(
        format!("{name}: no answer from {}", all.join(", ")),
        "writeback goes on through the others; if the PDC emulator's role has to move, these can't take it",
    )
    .fix(System::Agent, lines)
    .fix(System::Samba, ["samba-tool drs showrepl --summary"])
    .fix(System::Windows, ["dcdiag /e /q", "repadmin /replsummary"])
}

#[cfg(test)]
mod tests {
    use ritorno_directory::{Answer, PdcRole};
    use ritorno_doctor::Verdict;
    use ritorno_protocol::ids::Forest;

    use super::*;

    fn controller(host: &str, answer: Answer) -> Controller {
        Controller {
            host: host.into(),
            domain: "DC=contoso,DC=test".into(),
            site: "Milano".into(),
            writable: true,
            global_catalog: true,
            level: Some(7),
            system: Some("Windows Server 2022".into()),
            in_dns: true,
            answer,
        }
    }

    fn good() -> Topology {
        let here = || Answer::Here { milliseconds: 3, is_pdc: None };
        Topology {
            forest: Forest("contoso.test".into()),
            read_from: "dc1.contoso.test".into(),
            level: Some(4),
            own_site: None,
            upn_suffixes: Vec::new(),
            domains: vec![Domain {
                dn: "DC=contoso,DC=test".into(),
                dns_name: "contoso.test".into(),
                netbios_name: "CONTOSO".into(),
                level: Some(4),
                pdc: PdcRole::Confirmed { host: "dc1.contoso.test".into() },
            }],
            controllers: vec![controller("dc1.contoso.test", here()), controller("dc2.contoso.test", here())],
            strangers: Vec::new(),
            gaps: Vec::new(),
        }
    }

    fn verdict(change: impl FnOnce(&mut Topology)) -> Verdict {
        let mut topology = good();
        change(&mut topology);
        judge("contoso.test", &topology).verdict
    }

    #[test]
    fn each_property_is_judged() {
        let silence = || Answer::Silent { why: "no route".into() };
        assert_eq!(verdict(|_| {}), Verdict::Pass);
        assert_eq!(verdict(|topology| topology.level = Some(1)), Verdict::Fail);
        assert_eq!(verdict(|topology| topology.domains[0].level = Some(0)), Verdict::Fail);
        assert_eq!(verdict(|topology| topology.domains[0].dns_name = "other.test".into()), Verdict::Fail);
        assert_eq!(
            verdict(|topology| topology.domains[0].netbios_name = "CON.TOSO".into()),
            Verdict::Warning
        );
        assert_eq!(
            verdict(|topology| topology.controllers.iter_mut().for_each(|one| one.writable = false)),
            Verdict::Fail
        );
        assert_eq!(verdict(|topology| topology.controllers[1].answer = silence()), Verdict::Warning);
        // The PDC emulator alone has its own check.
        assert_eq!(verdict(|topology| topology.controllers[0].answer = silence()), Verdict::Pass);
    }
}
