//! `ritorno-agent topology`: the forests' domains and controllers as they are now, for people.

use std::io::Write as _;
use std::process::ExitCode;

use comfy_table::Table;
use ritorno_directory::{Answer, Controller, PdcRole, Topology, level_name};
use ritorno_protocol::ids::Forest;

use crate::config::Config;
use crate::forests::Forests;
use crate::output::say;
use crate::system;

/// Prints it. Exit code 1 if a forest could not be read.
///
/// # Errors
/// When the configuration names what can't be used.
pub(crate) async fn run(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let forests = Forests::open(&config.forests, &system::clock())?;
    let mut read: Vec<Topology> = Vec::new();
    let served = config.forest_names();
    let mut code = ExitCode::SUCCESS;
    for directory in forests.all() {
        match directory.topology().await {
            // Several domains of one forest show the same.
            Ok(topology) => {
                let root = |one: &Topology| one.domains.first().map(|domain| domain.dn.to_lowercase());
                if !read.iter().any(|shown| root(shown) == root(&topology)) {
                    read.push(topology);
                }
            }
            Err(error) => {
                code = ExitCode::FAILURE;
                let dc = error.operator().dc.clone().unwrap_or_default();
                // If standard error is closed, nobody can be told.
                let _ = writeln!(
                    std::io::stderr().lock(),
                    "ritorno-agent: forest {}: {dc}: {error}",
                    directory.forest()
                );
            }
        }
    }
    if json {
        say(serde_json::to_string_pretty(&read)?)?;
    } else {
        for topology in &read {
            say(text(topology, &served).trim_end())?;
        }
    }
    Ok(code)
}

/// Beside the domains' own names, which the table has.
fn add_suffixes(out: &mut String, topology: &Topology) {
    let domains: Vec<&str> = topology.domains.iter().map(|domain| domain.dns_name.as_str()).collect();
    let added: Vec<&str> =
        topology.upn_suffixes.iter().map(String::as_str).filter(|name| !domains.contains(name)).collect();
    if !added.is_empty() {
        out.push_str(&format!("further UPN suffixes: {}\n", added.join(", ")));
    }
}

fn text(topology: &Topology, served: &[Forest]) -> String {
    let level = topology.level.map_or_else(|| "unknown".to_owned(), level_name);
    let site = topology.own_site.as_deref().unwrap_or("in no site's subnets");
    let mut out = format!(
        "forest {}: functional level {level}, read from {}; this machine: {site}\n",
        topology.forest, topology.read_from
    );
    add_suffixes(&mut out, topology);
    let mut domains = table(&["domain", "NetBIOS name", "served", "level", "PDC emulator"]);
    for domain in &topology.domains {
        let pdc = match &domain.pdc {
            PdcRole::Confirmed { host } => host.clone(),
            PdcRole::Unconfirmed { host, why } => format!("{host}, not confirmed: {why}"),
            PdcRole::Unknown { why } => format!("unknown: {why}"),
        };
        let level = domain.level.map_or_else(|| "unknown".to_owned(), level_name);
        let is_served = served.iter().any(|name| name.0.eq_ignore_ascii_case(&domain.dns_name));
        let is_served = if is_served { "yes" } else { "no" }.to_owned();
        domains.add_row([&domain.dns_name, &domain.netbios_name, &is_served, &level, &pdc]);
    }
    let mut controllers = table(&["controller", "site", "kind", "level", "system", "in DNS", "answers"]);
    for controller in &topology.controllers {
        controllers.add_row(row(controller));
    }
    for part in [domains.to_string(), controllers.to_string()] {
        out.push_str(&part);
        out.push('\n');
    }
    for stranger in &topology.strangers {
        out.push_str(&format!("DNS names {stranger}, which the forest does not know: it is sent nothing\n"));
    }
    for gap in &topology.gaps {
        out.push_str(&format!("not read: {gap}\n"));
    }
    out
}

fn row(controller: &Controller) -> [String; 7] {
    let kind = if controller.writable { "writable" } else { "read-only" };
    let catalog = if controller.global_catalog { ", GC" } else { "" };
    let answer = match &controller.answer {
        Answer::Here { milliseconds, .. } => format!("in {milliseconds} ms"),
        Answer::Silent { why } => format!("no: {why}"),
    };
    [
        controller.host.clone(),
        controller.site.clone(),
        format!("{kind}{catalog}"),
        controller.level.map_or_else(|| "unknown".to_owned(), level_name),
        controller.system.clone().unwrap_or_else(|| "unknown".to_owned()),
        if controller.in_dns { "yes" } else { "no" }.to_owned(),
        answer,
    ]
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.set_header(header.iter().copied());
    table
}

#[cfg(test)]
mod tests {
    use ritorno_directory::Domain;

    use super::*;

    #[test]
    fn what_an_administrator_must_see_is_there() {
        let topology = Topology {
            forest: Forest("contoso.test".into()),
            read_from: "dc1.contoso.test".into(),
            level: Some(4),
            own_site: None,
            upn_suffixes: vec!["contoso.test".into(), "contoso.example".into()],
            domains: vec![
                Domain {
                    dn: "DC=contoso,DC=test".into(),
                    dns_name: "contoso.test".into(),
                    netbios_name: "CONTOSO".into(),
                    level: Some(7),
                    pdc: PdcRole::Unconfirmed { host: "dc2.contoso.test".into(), why: "it is dead".into() },
                },
                Domain {
                    dn: "DC=emea,DC=contoso,DC=test".into(),
                    dns_name: "emea.contoso.test".into(),
                    netbios_name: "EMEA".into(),
                    level: Some(7),
                    pdc: PdcRole::Unknown { why: "nobody was asked".into() },
                },
            ],
            controllers: vec![Controller {
                host: "rodc1.contoso.test".into(),
                domain: "DC=contoso,DC=test".into(),
                site: "Filiale".into(),
                writable: false,
                global_catalog: true,
                level: None,
                system: Some("Samba-4.24".into()),
                in_dns: false,
                answer: Answer::Here { milliseconds: 12, is_pdc: Some(false) },
            }],
            strangers: vec!["trap.contoso.test".into()],
            gaps: vec!["DNS: no answer".into()],
        };
        let text = text(&topology, &[Forest("contoso.test".into())]);
        for part in [
            "functional level 2008 R2",
            "in no site's subnets",
            "further UPN suffixes: contoso.example\n",
            "dc2.contoso.test, not confirmed: it is dead",
            "read-only, GC",
            "Filiale",
            "Samba-4.24",
            "in 12 ms",
            "trap.contoso.test, which the forest does not know",
            "not read: DNS: no answer",
        ] {
            assert!(text.contains(part), "'{part}' is missing in\n{text}");
        }
        let row = |name: &str| {
            let line = text.lines().find(|line| line.contains(name)).unwrap();
            line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((&*row("| contoso.test")[3], &*row("emea.contoso.test")[3]), ("yes", "no"), "{text}");
    }
}
