//! What the topology says of real controllers: a second one, an RODC, a moved role, a dead holder, a stranger in DNS.

use std::sync::Arc;

use ritorno_directory::{Answer, Directory, DirectoryError, Identity, PdcHealth, PdcRole};
use ritorno_lab::{Forest, Lab};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::outcome::Fault;

use crate::playground::{add_record, config, fault};

#[tokio::test]
async fn domains_controllers_sites_and_the_moved_role_are_told() {
    let lab = Lab::open().unwrap();
    let private = lab.private("directory-topology").unwrap();
    let forest = private.forest(Forest::Contoso).unwrap();
    let (second, read_only) = (forest.second_dc(), forest.read_only_dc());
    second.up().unwrap();
    read_only.up().unwrap();
    // A site of its own for the RODC; our addresses belong to the first site.
    let sites = ["samba-tool", "sites"];
    let in_sites = |arguments: &[&str]| forest.dc_exec(&[&sites, arguments].concat()).unwrap();
    in_sites(&["create", "Filiale"]);
    in_sites(&["subnet", "create", "127.0.0.0/8", "Default-First-Site-Name"]);
    let servers = |site: &str| format!("CN=Servers,CN={site},CN=Sites,CN=Configuration,{}", forest.base_dn);
    let move_server = format!(
        "dn: CN=RODC1,{}\nchangetype: modrdn\nnewrdn: CN=RODC1\ndeleteoldrdn: 1\nnewsuperior: {}\n",
        servers("Default-First-Site-Name"),
        servers("Filiale")
    );
    forest.modify(&move_server).unwrap();

    let suffix = format!(
        "dn: CN=Partitions,CN=Configuration,{}\nchangetype: modify\nadd: uPNSuffixes\nuPNSuffixes: contoso.example\n",
        forest.base_dn
    );
    forest.modify(&suffix).unwrap();

    let mut settings = config(&forest);
    settings.dns_servers.push((second.ip, 53).into());
    let directory = Directory::new(settings, Arc::new(SystemClock)).unwrap();
    assert!(matches!(directory.pdc_health().await, PdcHealth::Reachable { dc, .. } if dc == forest.dc_host));
    let topology = directory.topology().await.unwrap();
    assert_eq!(topology.gaps, Vec::<String>::new());
    assert_eq!(topology.strangers, Vec::<String>::new());
    assert_eq!(topology.level, Some(7));
    assert_eq!(topology.upn_suffixes, ["contoso.test", "contoso.example"]);
    assert_eq!(topology.own_site.as_deref(), Some("Default-First-Site-Name"));
    let [domain] = topology.domains.as_slice() else { panic!("one domain: {:?}", topology.domains) };
    assert_eq!((domain.dns_name.as_str(), domain.netbios_name.as_str()), ("contoso.test", "CONTOSO"));
    assert_eq!((domain.dn.as_str(), domain.level), (forest.base_dn.as_str(), Some(7)));
    assert_eq!(domain.pdc, PdcRole::Confirmed { host: forest.dc_host.clone() });
    let told: Vec<_> = topology
        .controllers
        .iter()
        .map(|dc| {
            let is_pdc = match &dc.answer {
                Answer::Here { is_pdc, .. } => *is_pdc,
                Answer::Silent { why } => panic!("{}: {why}", dc.host),
            };
            (dc.host.as_str(), dc.site.as_str(), dc.writable, dc.in_dns, is_pdc)
        })
        .collect();
    let expected = [
        (forest.dc_host.as_str(), "Default-First-Site-Name", true, true, Some(true)),
        (second.host.as_str(), "Default-First-Site-Name", true, true, Some(false)),
        (read_only.host.as_str(), "Filiale", false, true, Some(false)),
    ];
    assert_eq!(told, expected);
    let first = &topology.controllers[0];
    assert!(first.system.as_deref().is_some_and(|system| system.contains("Samba-4.24")), "{first:?}");
    assert!(first.global_catalog && first.level == Some(7));

    // The role moves; the SRV record goes on naming the old holder, which is still there.
    second.take_pdc_role().unwrap();
    let topology = directory.topology().await.unwrap();
    assert_eq!(topology.domains[0].pdc, PdcRole::Confirmed { host: second.host.clone() });
    assert!(matches!(directory.pdc_health().await, PdcHealth::Reachable { dc, .. } if dc == second.host));

    // DNS names one that the forest doesn't know.
    add_record(&forest, "_msdcs.contoso.test", "_ldap._tcp.dc", "SRV", "stranger.contoso.test 389 0 100");
    second.kill().unwrap();
    let again = Directory::new(config(&forest), Arc::new(SystemClock)).unwrap();
    let topology = again.topology().await.unwrap();
    assert_eq!(topology.strangers, ["stranger.contoso.test"]);
    let PdcRole::Unconfirmed { host, why } = &topology.domains[0].pdc else { panic!("{topology:?}") };
    assert_eq!(host, &second.host);
    assert!(why.contains("refused"), "{why}");
    let PdcHealth::Unreachable { name, .. } = directory.pdc_health().await else { panic!("it is dead") };
    assert_eq!(name, second.host);
    // Where another one may be written to, an RODC is not.
    let mut settings = config(&forest);
    settings.hosts = vec![read_only.host.clone()];
    settings.write_elsewhere = true;
    let last = Directory::new(settings, Arc::new(SystemClock)).unwrap();
    let found = last.locate(&Identity::AccountName("anybody".into())).await;
    let Err(DirectoryError::NotApplied { fault: Fault::PdcUnreachable { name }, operator }) = found else {
        panic!("{found:?}")
    };
    assert_eq!(name, second.host);
    let tried = format!("{}: it is a read-only domain controller", read_only.host);
    assert!(operator.detail.contains(&tried), "{}", operator.detail);
}

/// A child domain is chosen by its name and found through the forest's hosts; this forest has none.
#[tokio::test]
async fn a_domain_that_the_forest_has_not_is_told_with_those_that_it_has() {
    for forest in Forest::ALL {
        let forest = Lab::open().unwrap().forest(forest).unwrap();
        forest.up().unwrap();
        let child = format!("emea.{}", forest.dns_domain);
        let mut settings = config(&forest);
        settings.forest = ritorno_protocol::ids::Forest(child.clone());
        let directory = Directory::new(settings, Arc::new(SystemClock)).unwrap();
        let PdcHealth::Unreachable { reason, .. } = directory.pdc_health().await else {
            panic!("it has none")
        };
        let expected = format!("its forest has no domain {child}: it has {}", forest.dns_domain);
        assert!(reason.contains(&expected), "{reason}");
        // Nobody of another domain is found, imported or written to in its place.
        let located = directory.locate(&Identity::AccountName(forest.people[0].sam.clone())).await;
        assert_eq!(fault(located), Fault::DirectoryUnavailable);
        assert!(directory.users(Vec::new()).recv().await.unwrap().is_err());
        let topology = directory.topology().await.unwrap();
        assert_eq!(topology.domains.len(), 1, "what there is to choose is shown all the same");
    }
}
