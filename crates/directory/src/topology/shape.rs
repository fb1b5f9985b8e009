//! From the objects of the configuration naming context to domains and controllers. Nothing here talks to a directory, so shapes that
//! no lab can make (child domains) are tested from recorded ones.

use crate::identity::{leaf_name, parent};
use crate::ldap::Entry;

/// `FLAG_CR_NTDS_DOMAIN` of `systemFlags` (MS-ADTS 2.2.10): the naming context is a domain of this forest.
const IS_DOMAIN: i64 = 0x2;
/// `NTDSDSA_OPT_IS_GC` of `options` (MS-ADTS 6.1.1.2.2.1.2.1.1).
const IS_GLOBAL_CATALOG: i64 = 0x1;

/// What is read of each `crossRef` below `CN=Partitions`.
pub(super) const OF_CROSS_REF: [&str; 5] =
    ["nCName", "dnsRoot", "nETBIOSName", "systemFlags", "msDS-Behavior-Version"];
/// What is read of each object below `CN=Sites`.
pub(super) const OF_SITES: [&str; 8] = [
    "objectClass",
    "dNSHostName",
    "serverReference",
    "options",
    "msDS-HasDomainNCs",
    "hasMasterNCs",
    "msDS-Behavior-Version",
    "msDS-isRODC",
];

/// A domain, as its `crossRef` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DomainShape {
    pub(super) dn: String,
    pub(super) dns_name: String,
    pub(super) netbios_name: String,
    pub(super) level: Option<u32>,
}

/// A controller, as its server object and the `nTDSDSA` object below tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ControllerShape {
    pub(super) host: String,
    /// DN of its `nTDSDSA` object.
    pub(super) service: String,
    pub(super) domain: String,
    pub(super) site: String,
    pub(super) computer: Option<String>,
    pub(super) writable: bool,
    pub(super) global_catalog: bool,
    pub(super) level: Option<u32>,
}

/// All domains, the forest's root first, then by name. Other naming contexts, and domains elsewhere, are no domains of the forest.
pub(super) fn domains(cross_refs: &[Entry], root: &str) -> Vec<DomainShape> {
    let mut domains: Vec<_> = cross_refs
        .iter()
        .filter(|entry| entry.integer("systemFlags").is_some_and(|flags| flags & IS_DOMAIN != 0))
        .filter_map(|entry| {
            Some(DomainShape {
                dn: entry.text("nCName")?.to_owned(),
                dns_name: entry.text("dnsRoot")?.to_lowercase(),
                netbios_name: entry.text("nETBIOSName").unwrap_or_default().to_owned(),
                level: level(entry),
            })
        })
        .collect();
    domains.sort_by(|a, b| {
        let order = |domain: &DomainShape| {
            (!domain.dn.eq_ignore_ascii_case(root), domain.dns_name.split('.').count())
        };
        order(a).cmp(&order(b)).then_with(|| a.dns_name.cmp(&b.dns_name))
    });
    domains
}

/// All controllers, by name. A server object without an `nTDSDSA` object below is none (MS-ADTS 6.1.1.2.2.1.2): it was demoted, or is
/// something else.
pub(super) fn controllers(objects: &[Entry]) -> Vec<ControllerShape> {
    let mut controllers: Vec<_> = objects
        .iter()
        .filter(|entry| entry.has("objectClass", "nTDSDSA"))
        .filter_map(|settings| {
            let server_dn = parent(&settings.dn)?;
            let server = objects.iter().find(|entry| {
                entry.has("objectClass", "server") && entry.dn.eq_ignore_ascii_case(server_dn)
            })?;
            controller(server, settings)
        })
        .collect();
    controllers.sort_by(|a, b| a.host.cmp(&b.host));
    controllers
}

fn controller(server: &Entry, settings: &Entry) -> Option<ControllerShape> {
    // Windows 2000 has `hasMasterNCs` only, which lists configuration and schema too.
    let domain = settings.text("msDS-HasDomainNCs").or_else(|| {
        settings
            .values("hasMasterNCs")
            .iter()
            .filter_map(|value| std::str::from_utf8(value).ok())
            .find(|context| context.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("DC=")))
    });
    Some(ControllerShape {
        host: server.text("dNSHostName")?.to_lowercase(),
        service: settings.dn.clone(),
        domain: domain?.to_owned(),
        // CN=server,CN=Servers,CN=site,CN=Sites,...
        site: parent(&server.dn).and_then(parent).and_then(leaf_name)?,
        computer: server.text("serverReference").map(str::to_owned),
        writable: !is_read_only(settings),
        global_catalog: settings.integer("options").is_some_and(|options| options & IS_GLOBAL_CATALOG != 0),
        level: level(settings),
    })
}

/// A domain's naming context and its writable controllers, by the domain's DNS name.
///
/// # Errors
/// In words, with what the forest has instead.
pub(super) fn of_domain(
    domains: &[DomainShape],
    controllers: &[ControllerShape],
    dns_name: &str,
) -> Result<(String, Vec<String>), String> {
    let Some(domain) = domains.iter().find(|domain| domain.dns_name.eq_ignore_ascii_case(dns_name)) else {
        let known: Vec<&str> = domains.iter().map(|domain| domain.dns_name.as_str()).collect();
        return Err(format!("its forest has no domain {dns_name}: it has {}", known.join(", ")));
    };
    let own = controllers.iter().filter(|shape| shape.domain.eq_ignore_ascii_case(&domain.dn));
    let hosts: Vec<String> = own.filter(|shape| shape.writable).map(|shape| shape.host.clone()).collect();
    if hosts.is_empty() {
        Err(format!("{dns_name} has no writable controller"))
    } else {
        Ok((domain.dn.clone(), hosts))
    }
}

/// The names of all domains, then what `uPNSuffixes` of the partitions container adds (MS-ADTS 6.1.1.2.1), in lower case, each once.
pub(super) fn upn_suffixes(domains: &[DomainShape], partitions: Option<&Entry>) -> Vec<String> {
    let mut suffixes: Vec<String> = domains.iter().map(|domain| domain.dns_name.clone()).collect();
    let added = partitions.map_or(&[][..], |entry| entry.values("uPNSuffixes"));
    let mut added: Vec<String> =
        added.iter().map(|name| String::from_utf8_lossy(name).to_lowercase()).collect();
    added.sort();
    added.retain(|name| !suffixes.contains(name));
    added.dedup();
    suffixes.extend(added);
    suffixes
}

/// Whether an `nTDSDSA` object, read with `objectClass` and `msDS-isRODC`, is an RODC's.
pub(crate) fn is_read_only(settings: &Entry) -> bool {
    settings.has("objectClass", "nTDSDSARO") || settings.has("msDS-isRODC", "TRUE")
}

fn level(entry: &Entry) -> Option<u32> {
    entry.integer("msDS-Behavior-Version").and_then(|level| u32::try_from(level).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str = "CN=Configuration,DC=contoso,DC=test";

    fn entry(dn: &str, values: &[(&str, &str)]) -> Entry {
        let mut entry = Entry { dn: dn.to_owned(), ..Entry::default() };
        for (name, value) in values {
            entry.attributes.entry(name.to_lowercase()).or_default().push(value.as_bytes().to_vec());
        }
        entry
    }

    fn cross_ref(nc: &str, dns: &str, netbios: Option<&str>, flags: &str) -> Entry {
        let mut values = vec![("nCName", nc), ("dnsRoot", dns), ("systemFlags", flags)];
        values.extend(netbios.map(|name| ("nETBIOSName", name)));
        values.push(("msDS-Behavior-Version", "7"));
        entry(&format!("CN={dns},CN=Partitions,{CONFIGURATION}"), &values)
    }

    /// The shape that MS-ADTS 6.1.1.2.1.1 gives a forest with a child, a grandchild, a second tree, an application partition and a
    /// `crossRef` to a domain outside.
    #[test]
    fn child_domains_and_trees_are_domains_and_nothing_else_is() {
        let cross_refs = [
            cross_ref("DC=eu,DC=emea,DC=contoso,DC=test", "eu.emea.contoso.test", Some("EU"), "3"),
            cross_ref("DC=fabrikam,DC=test", "Fabrikam.test", Some("FABRIKAM"), "3"),
            cross_ref("DC=ForestDnsZones,DC=contoso,DC=test", "ForestDnsZones.contoso.test", None, "5"),
            cross_ref(CONFIGURATION, "contoso.test", None, "1"),
            cross_ref("DC=emea,DC=contoso,DC=test", "emea.contoso.test", Some("EMEA"), "3"),
            cross_ref("DC=contoso,DC=test", "contoso.test", Some("CONTOSO"), "3"),
            cross_ref("DC=elsewhere,DC=test", "elsewhere.test", None, "0"),
        ];
        let found: Vec<_> = domains(&cross_refs, "dc=contoso,dc=test")
            .into_iter()
            .map(|domain| (domain.dns_name, domain.netbios_name, domain.level))
            .collect();
        let expected = [
            ("contoso.test", "CONTOSO"),
            ("fabrikam.test", "FABRIKAM"),
            ("emea.contoso.test", "EMEA"),
            ("eu.emea.contoso.test", "EU"),
        ];
        let expected: Vec<_> =
            expected.map(|(dns, netbios)| (dns.to_owned(), netbios.to_owned(), Some(7))).to_vec();
        assert_eq!(found, expected);
    }

    #[test]
    fn suffixes_are_the_domains_and_what_the_forest_adds() {
        let cross_refs = [
            cross_ref("DC=emea,DC=contoso,DC=test", "emea.contoso.test", Some("EMEA"), "3"),
            cross_ref("DC=contoso,DC=test", "contoso.test", Some("CONTOSO"), "3"),
        ];
        let domains = domains(&cross_refs, "DC=contoso,DC=test");
        let added = [
            ("uPNSuffixes", "Contoso.example"),
            ("uPNSuffixes", "CONTOSO.test"),
            ("uPNSuffixes", "a.example"),
        ];
        let partitions = entry(&format!("CN=Partitions,{CONFIGURATION}"), &added);
        let expected = ["contoso.test", "emea.contoso.test", "a.example", "contoso.example"];
        assert_eq!(upn_suffixes(&domains, Some(&partitions)), expected);
        assert_eq!(upn_suffixes(&domains, None), expected[..2]);
    }

    #[test]
    fn controllers_are_servers_with_settings_below() {
        let server = |name: &str, site: &str| {
            let dn = format!("CN={name},CN=Servers,CN={site},CN=Sites,{CONFIGURATION}");
            let host = format!("{name}.emea.contoso.test");
            let computer = format!("CN={name},OU=Domain Controllers,DC=emea,DC=contoso,DC=test");
            let values =
                [("objectClass", "server"), ("dNSHostName", &*host), ("serverReference", &*computer)];
            entry(&dn, &values)
        };
        let settings = |server: &Entry, values: &[(&str, &str)]| {
            let mut all = vec![("objectClass", "applicationSettings"), ("objectClass", "nTDSDSA")];
            all.extend_from_slice(values);
            entry(&format!("CN=NTDS Settings,{}", server.dn), &all)
        };
        let (full, old, read_only, demoted) = (
            server("DC1", "Milano"),
            server("OLD", "Roma"),
            server("RODC1", r"Filiale\, Bari"),
            server("GONE", "Roma"),
        );
        let nameless = entry(
            "CN=NEW,CN=Servers,CN=Roma,CN=Sites,CN=Configuration,DC=contoso,DC=test",
            &[("objectClass", "server")],
        );
        let objects = [
            settings(
                &full,
                &[
                    ("msDS-HasDomainNCs", "DC=emea,DC=contoso,DC=test"),
                    ("options", "1"),
                    ("msDS-Behavior-Version", "7"),
                ],
            ),
            settings(
                &old,
                &[("hasMasterNCs", CONFIGURATION), ("hasMasterNCs", "DC=emea,DC=contoso,DC=test")],
            ),
            settings(
                &read_only,
                &[
                    ("objectClass", "nTDSDSARO"),
                    ("msDS-HasDomainNCs", "DC=emea,DC=contoso,DC=test"),
                    ("options", "37"),
                ],
            ),
            settings(&nameless, &[("msDS-HasDomainNCs", "DC=emea,DC=contoso,DC=test")]),
            full,
            old,
            read_only,
            demoted,
            nameless,
        ];
        let found = controllers(&objects);
        let domains = domains(
            &[
                cross_ref("DC=emea,DC=contoso,DC=test", "emea.contoso.test", Some("EMEA"), "3"),
                cross_ref("DC=apac,DC=contoso,DC=test", "apac.contoso.test", Some("APAC"), "3"),
            ],
            "DC=contoso,DC=test",
        );
        let chosen = |name: &str| of_domain(&domains, &found, name);
        let hosts = ["dc1.emea.contoso.test", "old.emea.contoso.test"].map(str::to_owned).to_vec();
        assert_eq!(chosen("EMEA.contoso.test"), Ok(("DC=emea,DC=contoso,DC=test".to_owned(), hosts)));
        assert_eq!(
            chosen("apac.contoso.test"),
            Err("apac.contoso.test has no writable controller".to_owned())
        );
        let unknown = chosen("contoso.test").unwrap_err();
        assert!(unknown.ends_with("it has apac.contoso.test, emea.contoso.test"), "{unknown}");
        let brief: Vec<_> = found
            .iter()
            .map(|dc| (dc.host.as_str(), dc.site.as_str(), dc.writable, dc.global_catalog, dc.level))
            .collect();
        let expected = [
            ("dc1.emea.contoso.test", "Milano", true, true, Some(7)),
            ("old.emea.contoso.test", "Roma", true, false, None),
            ("rodc1.emea.contoso.test", "Filiale, Bari", false, true, None),
        ];
        assert_eq!(brief, expected);
        assert!(found.iter().all(|dc| dc.domain == "DC=emea,DC=contoso,DC=test" && dc.computer.is_some()));
    }
}
