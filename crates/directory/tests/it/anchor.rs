//! The source anchor written at a real controller: added once, replaced never, refused without the right, and mended by the printed line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_directory::{AnchorFilled, Directory, Verdict};
use ritorno_lab::Forest;
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::outcome::Fault;
use std::sync::Arc;

use crate::playground::{Playground, fault};

/// The `schemaIDGUID` that the printed lines have is the forest's own.
fn schema_guid(play: &Playground) -> String {
    let base = format!("CN=ms-DS-Consistency-Guid,CN=Schema,CN=Configuration,{}", play.forest.base_dn);
    let search =
        ["ldbsearch", "-H", "/var/lib/samba/private/sam.ldb", "-s", "base", "-b", &base, "schemaIDGUID"];
    let found = play.forest.dc_exec(&search).unwrap();
    found.split("schemaIDGUID: ").nth(1).and_then(|rest| rest.lines().next()).unwrap().to_owned()
}

async fn each_value_wins_over_ours(forest: Forest, name: &str) {
    let play = Playground::new(forest, name);
    let mut config = play.config();
    (config.fill_anchors, config.scope) = (true, vec![play.ou.clone()]);
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    for sam in ["anna", "bruno", "carla"] {
        play.add(sam, &[]);
    }
    let (anna, bruno) = (play.locate(&directory, "anna").await, play.locate(&directory, "bruno").await);
    assert_eq!(schema_guid(&play), "23773dc2-b63a-11d2-90e1-00c04fd91ab1");

    // Without the right: refused, foretold, and the line that gives it is printed and does.
    let refused = directory.fill_anchor(&anna.object_guid).await.unwrap();
    let AnchorFilled::Refused(refused) = refused else { panic!("{refused:?}") };
    assert_eq!(fault::<()>(Err(refused)), Fault::NoPermission);
    let rights = directory.rights(&anna).await.unwrap();
    assert!(rights.all().iter().all(|verdict| verdict.is_granted()), "{rights:?}");
    assert_eq!((&rights.anchor, rights.is_complete()), (&Some(Verdict::Missing), false));
    let remedy = directory.remedy(&anna, &rights).await.unwrap();
    assert!(remedy.windows.len() == 1 && remedy.windows[0].contains(":RPWP;mS-DS-ConsistencyGuid;user"));
    play.forest.dc_exec(&["sh", "-c", &remedy.samba[0]]).unwrap();
    let rights = directory.rights(&anna).await.unwrap();
    assert!(rights.is_complete(), "{rights:?}");

    // Added, with nobody's anchor changed by it; a second time it is met again.
    assert_eq!(directory.fill_anchor(&anna.object_guid).await.unwrap(), AnchorFilled::Written);
    let now = play.locate(&directory, "anna").await;
    assert_eq!((&now.anchor, now.object_guid), (&anna.anchor, anna.object_guid));
    let stored = || {
        let show = ["ldbsearch", "-H", "/var/lib/samba/private/sam.ldb", "-s", "base", "-b", &anna.dn];
        play.forest.dc_exec(&[&show[..], &["mS-DS-ConsistencyGuid"]].concat()).unwrap()
    };
    assert!(stored().contains(&format!("mS-DS-ConsistencyGuid:: {}", STANDARD.encode(anna.object_guid))));
    assert_eq!(directory.fill_anchor(&anna.object_guid).await.unwrap(), AnchorFilled::AlreadyThere);

    // Somebody else's value stays, whether one of 16 bytes or not.
    for value in ["c2l4dGVlbiBieXRlcyBvaw==", "c2hvcnQ="] {
        play.forest
            .modify(&format!(
                "dn: {}\nchangetype: modify\nreplace: mS-DS-ConsistencyGuid\nmS-DS-ConsistencyGuid:: {value}\n",
                bruno.dn
            ))
            .unwrap();
        assert_eq!(directory.fill_anchor(&bruno.object_guid).await.unwrap(), AnchorFilled::Another);
    }
    let carla = play.locate(&directory, "carla").await;
    play.forest.modify(&format!("dn: {}\nchangetype: delete\n", carla.dn)).unwrap();
    assert_eq!(directory.fill_anchor(&carla.object_guid).await.unwrap(), AnchorFilled::Gone);
    // Whom an import had in scope and unprotected, and who is neither now: nothing is written to them, with the right to do so.
    let alone = async |guid: &[u8; 16]| match directory.fill_anchor(guid).await.unwrap() {
        AnchorFilled::LeftAlone(error) => fault::<()>(Err(error)),
        other => panic!("{other:?}"),
    };
    for (sam, adminwards) in [("dora", "adminCount: 1"), ("emma", "")] {
        play.add(sam, &[]);
        let person = play.locate(&directory, sam).await;
        if adminwards.is_empty() {
            let members = format!("CN=Administrators,CN=Builtin,{}", play.forest.base_dn);
            play.forest
                .modify(&format!("dn: {members}\nchangetype: modify\nadd: member\nmember: {}\n", person.dn))
                .unwrap();
        } else {
            play.forest
                .modify(&format!(
                    "dn: {}\nchangetype: modify\nreplace: adminCount\n{adminwards}\n",
                    person.dn
                ))
                .unwrap();
        }
        assert_eq!(alone(&person.object_guid).await, Fault::Protected, "{sam}");
    }
    play.add("fabia", &[]);
    let fabia = play.locate(&directory, "fabia").await;
    let moved = format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: CN=fabia moved\ndeleteoldrdn: 1\nnewsuperior: CN=Users,{}\n",
        fabia.dn, play.forest.base_dn
    );
    play.forest.modify(&moved).unwrap();
    assert!(matches!(alone(&fabia.object_guid).await, Fault::OutOfScope | Fault::NoPermission));
    let gone = format!("dn: CN=fabia moved,CN=Users,{}\nchangetype: delete\n", play.forest.base_dn);
    play.forest.modify(&gone).unwrap();
    // Nobody is asked for that right who does not use it.
    let plain = play.directory();
    assert_eq!(plain.rights(&play.locate(&plain, "anna").await).await.unwrap().anchor, None);
}

#[tokio::test]
async fn an_anchor_is_added_and_never_replaced() {
    each_value_wins_over_ours(Forest::Contoso, "anchor").await;
}

#[tokio::test]
async fn an_anchor_is_added_and_never_replaced_on_samba_4_17() {
    each_value_wins_over_ours(Forest::Fabrikam, "anchor417").await;
}
