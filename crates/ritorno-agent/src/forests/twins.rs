//! One agent, two real forests, and a person with an enabled account in both.

use ritorno_lab::{Forest as LabForest, ForestHandle, Lab};
use ritorno_protocol::bytes::Bytes;

use super::*;
use crate::config::{Access, Attributes};
use crate::system;

/// A unit of this test's own, made anew.
fn unit(forest: &ForestHandle) -> String {
    let unit = format!("OU=Twins,{}", forest.base_dn);
    // That it is not there is as good.
    let _ = forest.dc_exec(&["ldbdel", "-H", "/var/lib/samba/private/sam.ldb", "-r", &unit]);
    forest.modify(&format!("dn: {unit}\nchangetype: add\nobjectClass: organizationalUnit\n")).unwrap();
    unit
}

fn settings(forest: &ForestHandle, folder: &std::path::Path) -> ForestSettings {
    let password_file = folder.join(&forest.dns_domain);
    std::fs::write(&password_file, &forest.service_account.password).unwrap();
    ForestSettings {
        name: Forest(forest.dns_domain.clone()),
        netbios_name: forest.netbios.clone(),
        hosts: vec![forest.dc_host.clone()],
        preferred: Vec::new(),
        only_preferred: false,
        write_elsewhere: false,
        show_at: Vec::new(),
        dns_servers: vec![(forest.dc_ip, 53).into()],
        account: forest.service_account.upn.clone(),
        access: Access::by_password(password_file, forest.ca_pem.clone()),
        scope: Vec::new(),
        groups: Vec::new(),
        fill_consistency_guid: false,
        attributes: Attributes::default(),
        openldap: None,
    }
}

#[tokio::test]
async fn whoever_is_enabled_in_two_forests_is_refused_with_both_named() {
    let lab = Lab::open().unwrap();
    let folder = std::env::temp_dir().join(format!("ritorno-agent-twins-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let handles = LabForest::ALL.map(|forest| lab.forest(forest).unwrap());
    let [home, away] = &handles;
    for forest in &handles {
        forest.up().unwrap();
        let unit = unit(forest);
        let ldif = format!(
            "dn: CN=Due Volte,{unit}\nchangetype: add\nobjectClass: user\nsAMAccountName: due.volte\nuserAccountControl: 544\n"
        );
        forest.modify(&ldif).unwrap();
    }
    let settings: Vec<_> = handles.iter().map(|forest| settings(forest, &folder)).collect();
    let forests = Forests::open(&settings, &system::clock()).unwrap();
    let directory = forests.get(&Forest(home.dns_domain.clone())).unwrap();
    let person = directory.locate(&Identity::AccountName("due.volte".into())).await.unwrap();
    let target = Target {
        forest: Forest(home.dns_domain.clone()),
        anchor: person.anchor.clone(),
        object_guid: Bytes(person.object_guid.to_vec()),
        object_sid: Bytes(person.object_sid.as_bytes().to_vec()),
    };
    let judged = async || {
        let located = forests.locate(&target).await.unwrap();
        forests.judge(&located).await
    };
    assert_eq!(judged().await, Ok(()), "a name alone is no anchor");

    let other = format!("CN=Due Volte,OU=Twins,{}", away.base_dn);
    let ldif = format!(
        "dn: {other}\nchangetype: modify\nadd: mS-DS-ConsistencyGuid\nmS-DS-ConsistencyGuid:: {}\n",
        person.anchor
    );
    away.modify(&ldif).unwrap();
    let Err(DirectoryError::NotApplied { fault, operator }) = judged().await else { panic!("two of them") };
    assert_eq!((&fault, fault.event().number()), (&Fault::MultipleMatches, 33003));
    for named in [&person.dn, &other, &home.dns_domain, &away.dns_domain] {
        assert!(operator.detail.contains(named.as_str()), "{named}: {}", operator.detail);
    }
    // Disabled in the other one, there is one again.
    away.modify(&format!(
        "dn: {other}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 546\n"
    ))
    .unwrap();
    assert_eq!(judged().await, Ok(()));
    for forest in &handles {
        unit(forest);
    }
    let _ = std::fs::remove_dir_all(&folder);
}
