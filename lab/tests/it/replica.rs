//! Further controllers: what is changed at one is at the others, the PDC emulator's role moves, and a restore forgets them.

use std::time::{Duration, Instant};

use ritorno_lab::forest::State;
use ritorno_lab::{Forest, Lab};

const DATABASE: &str = "/var/lib/samba/private/sam.ldb";

#[test]
fn controllers_join_replicate_hand_over_the_role_and_are_forgotten() {
    let lab = Lab::open().unwrap();
    let private = lab.private("replicas").unwrap();
    let forest = private.forest(Forest::Contoso).unwrap();
    let (second, read_only) = (forest.second_dc(), forest.read_only_dc());
    assert_eq!(second.state(), State::Absent);
    second.up().unwrap();
    read_only.up().unwrap();

    let dn = &forest.people[0].dn;
    let change = format!("dn: {dn}\nchangetype: modify\nreplace: description\ndescription: from dc2\n");
    second.exec_with(&["ldbmodify", "-H", DATABASE], &change).unwrap();
    let read = ["ldbsearch", "-H", DATABASE, "-s", "base", "-b", dn, "description"];
    let since = Instant::now();
    while !(forest.dc_exec(&read).unwrap().contains("from dc2")
        && read_only.exec(&read).unwrap().contains("from dc2"))
    {
        assert!(since.elapsed() < Duration::from_secs(60), "not replicated");
    }

    let owner = || {
        forest
            .dc_exec(&["ldbsearch", "-H", DATABASE, "-s", "base", "-b", &forest.base_dn, "fSMORoleOwner"])
            .unwrap()
    };
    assert!(owner().contains("CN=DC1,CN=Servers"));
    second.take_pdc_role().unwrap();
    assert!(owner().contains("CN=DC2,CN=Servers"));
    forest.take_pdc_role().unwrap();
    assert!(owner().contains("CN=DC1,CN=Servers"));

    second.kill().unwrap();
    assert_eq!(second.state(), State::Stopped);
    second.up().unwrap();
    assert!(matches!(second.state(), State::Running(_)));

    forest.restore().unwrap();
    assert_eq!((second.state(), read_only.state()), (State::Absent, State::Absent));
    assert!(!forest.dc_exec(&read).unwrap().contains("from dc2"));
}
