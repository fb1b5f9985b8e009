//! Content synchronisation at a real OpenLDAP server: what changed, and who is gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ritorno_directory::openldap::{Config, OpenLdap, Said};
use ritorno_directory::roots_from_pem_file;
use ritorno_lab::{Lab, OpenLdap as Server};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::ids::Forest;

use crate::playground::password;

fn directory(server: &Server, bases: Vec<String>) -> OpenLdap {
    let account = &server.service_account;
    let config = Config {
        name: Forest(server.name.to_owned()),
        hosts: vec![server.address.to_string()],
        port: server.port,
        dns_servers: Vec::new(),
        account: account.dn.clone(),
        password: Arc::new(password(&account.password)),
        roots: Arc::new(roots_from_pem_file(&server.ca_pem).unwrap()),
        bases,
        groups: Vec::new(),
        login: "uid".to_owned(),
        policy: None,
        protected_groups: Vec::new(),
        one_server_per_host: false,
        timeout: Duration::from_secs(10),
        page: 100,
    };
    OpenLdap::new(config, Arc::new(SystemClock)).unwrap()
}

/// What is known of the people, kept up by what the server tells: `uid` by GUID.
#[derive(Default)]
struct Known {
    people: BTreeMap<[u8; 16], String>,
    place: Option<String>,
}

impl Known {
    /// Reads on; how many were told of as there, as before, and gone.
    async fn read(&mut self, directory: &OpenLdap) -> (usize, usize, usize) {
        let mut told = directory.content(vec!["uid".to_owned()], self.place.clone());
        let (mut present, mut unchanged, mut gone) = (Vec::new(), Vec::new(), 0);
        loop {
            match told.recv().await.expect("the stream ends with a word about how").unwrap() {
                Said::Present(person) => {
                    let uid = String::from_utf8(person.attributes["uid"][0].clone()).unwrap();
                    self.people.insert(person.object_guid, uid);
                    present.push(person.object_guid);
                }
                Said::Unchanged(guid) => unchanged.push(guid),
                Said::Gone(guid) => gone += usize::from(self.people.remove(&guid).is_some()),
                Said::End { place, all, .. } => {
                    if all {
                        self.people.retain(|guid, _| present.contains(guid) || unchanged.contains(guid));
                    }
                    self.place = Some(place);
                    assert!(told.recv().await.is_none(), "nothing comes after the last word");
                    return (present.len(), unchanged.len(), gone);
                }
                other @ (Said::Lost(_) | Said::Not) => panic!("{other:?}"),
            }
        }
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.people.values().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

fn add(server: &Server, ou: &str, uid: &str) {
    let ldif =
        format!("dn: uid={uid},{ou}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: {uid}\nsn: {uid}\n");
    server.modify(&ldif).unwrap();
}

#[tokio::test]
async fn what_changed_comes_and_who_went_is_named() {
    let lab = Lab::open().unwrap().private("content").unwrap();
    let server = lab.openldap().unwrap();
    server.start().unwrap();
    let unit = |name: &str| {
        let dn = format!("ou={name},{}", server.people_ou);
        server.modify(&format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n")).unwrap();
        dn
    };
    let (here, too, elsewhere) = (unit("here"), unit("too"), unit("elsewhere"));
    for uid in ["a", "b", "c", "d"] {
        add(&server, &here, uid);
    }
    add(&server, &too, "t");
    let directory = directory(&server, vec![here.clone(), too.clone()]);
    let mut known = Known::default();
    assert_eq!(known.read(&directory).await, (5, 0, 0));
    assert_eq!(known.names(), ["a", "b", "c", "d", "t"]);
    assert_eq!(known.read(&directory).await, (0, 0, 0), "nothing changed, and nothing is told");

    // One is new, one changed, one renamed, one deleted, one moved out of the bases.
    add(&server, &here, "e");
    server.modify(&format!("dn: uid=a,{here}\nchangetype: modify\nreplace: sn\nsn: A\n")).unwrap();
    server
        .modify(&format!("dn: uid=b,{here}\nchangetype: modrdn\nnewrdn: uid=bb\ndeleteoldrdn: 1\n"))
        .unwrap();
    server.delete(&format!("uid=c,{here}")).unwrap();
    let moved = format!(
        "dn: uid=d,{here}\nchangetype: modrdn\nnewrdn: uid=d\ndeleteoldrdn: 0\nnewsuperior: {elsewhere}\n"
    );
    server.modify(&moved).unwrap();
    let (present, _, _) = known.read(&directory).await;
    assert_eq!(known.names(), ["a", "bb", "e", "t"]);
    assert_eq!(present, 3, "the others are not read again");

    // After a restart the server knows no more who went: it tells of everybody who is there.
    server.stop().unwrap();
    server.start().unwrap();
    server.delete(&format!("uid=e,{here}")).unwrap();
    add(&server, &too, "u");
    let (present, _, _) = known.read(&directory).await;
    assert_eq!(known.names(), ["a", "bb", "t", "u"]);
    assert!(present < 4, "who did not change comes without attributes");
    assert_eq!(known.read(&directory).await.0, 0);

    // A place of other bases is no place. One that this server never gave is none to it either: it tells of everybody.
    let mut told = directory.content(vec!["uid".to_owned()], Some("content-sync:YWJj".to_owned()));
    assert!(matches!(told.recv().await.unwrap().unwrap(), Said::Lost(_)));
    known.place = Some("content-sync:YWJj,YWJj,,".to_owned());
    assert_eq!(known.read(&directory).await.0, 4);
    assert_eq!(known.names(), ["a", "bb", "t", "u"]);
    // A server that is not there has not told that everybody is gone.
    server.stop().unwrap();
    let mut told = directory.content(vec!["uid".to_owned()], known.place.clone());
    assert!(told.recv().await.unwrap().is_err());
    assert!(told.recv().await.is_none());
}
