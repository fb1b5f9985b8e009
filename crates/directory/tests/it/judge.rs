//! Protected accounts, and accounts out of scope.

use std::sync::Arc;

use ritorno_directory::{Directory, Identity};
use ritorno_lab::{Forest, Trait};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::outcome::Fault;

use crate::playground::{Playground, fault};

const DATABASE: &str = "/var/lib/samba/private/sam.ldb";

#[tokio::test]
async fn protected_accounts_are_refused() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "protected");
        play.add("plain", &[]);
        play.add("marked", &[("adminCount", "1")]);
        play.add("nested", &[]);
        let directory = play.directory();
        let plain = play.locate(&directory, "plain").await;
        assert_eq!(directory.judge(&plain).await, Ok(()));
        assert_eq!(fault(directory.judge(&play.locate(&directory, "marked").await).await), Fault::Protected);

        // A group in a group in Account Operators.
        let nested = play.locate(&directory, "nested").await;
        let (inner, outer) = (format!("CN=inner,{}", play.ou), format!("CN=outer,{}", play.ou));
        let group = |dn: &str, member: &str| {
            let sam = play.account(&dn[3..8]);
            format!(
                "dn: {dn}\nchangetype: add\nobjectClass: group\nsAMAccountName: {sam}\nmember: {member}\n"
            )
        };
        play.forest.modify(&group(&inner, &nested.dn)).unwrap();
        play.forest.modify(&group(&outer, &inner)).unwrap();
        assert_eq!(directory.judge(&nested).await, Ok(()));
        let operators = format!("CN=Account Operators,CN=Builtin,{}", play.forest.base_dn);
        play.forest
            .modify(&format!("dn: {operators}\nchangetype: modify\nadd: member\nmember: {outer}\n"))
            .unwrap();
        let nested = play.locate(&directory, "nested").await;
        assert_eq!(fault(directory.judge(&nested).await), Fault::Protected);

        // A member by the primary group alone, which `member` does not show.
        play.add("primary", &[]);
        let primary = play.locate(&directory, "primary").await;
        assert_eq!(directory.judge(&primary).await, Ok(()));
        let admins = format!("CN=Domain Admins,CN=Users,{}", play.forest.base_dn);
        play.forest
            .modify(&format!("dn: {admins}\nchangetype: modify\nadd: member\nmember: {}\n", primary.dn))
            .unwrap();
        play.set(&primary.dn, "primaryGroupID", "512");
        let members =
            play.forest.dc_exec(&["ldbsearch", "-H", DATABASE, "-s", "base", "-b", &admins, "member"]);
        assert!(!members.unwrap().contains(&primary.dn), "it is the primary group now");
        let primary = play.locate(&directory, "primary").await;
        assert_eq!(fault(directory.judge(&primary).await), Fault::Protected);

        // A group managed service account, where the domain's level knows them.
        if forest == Forest::Contoso {
            let name = format!("{}$", play.account("gmsa"));
            let ldif = format!(
                "dn: CN=gmsa,{}\nchangetype: add\nobjectClass: msDS-GroupManagedServiceAccount\nsAMAccountName: {name}\n\
                 msDS-ManagedPasswordInterval: 30\nuserAccountControl: 4096\n",
                play.ou
            );
            play.forest.modify(&ldif).unwrap();
            let gmsa = directory.locate(&Identity::AccountName(name)).await.unwrap();
            assert_eq!(fault(directory.judge(&gmsa).await), Fault::Protected);
        }

        let admin =
            play.forest.people.iter().find(|person| person.traits.contains(&Trait::DomainAdmin)).unwrap();
        for name in ["Administrator", "krbtgt", "DC1$", "svc-ritorno", admin.sam.as_str()] {
            let person = directory.locate(&Identity::AccountName(name.to_owned())).await.unwrap();
            assert_eq!(fault(directory.judge(&person).await), Fault::Protected, "{name}");
        }
    }
}

#[tokio::test]
async fn accounts_out_of_scope_are_refused() {
    let play = Playground::new(Forest::Contoso, "scope");
    play.add("ada", &[]);
    let inside = play.directory();
    let person = play.locate(&inside, "ada").await;
    let mut config = play.config();
    config.scope = vec![format!("ou=elsewhere,{}", play.ou), play.forest.people_ou.to_lowercase()];
    let directory = Directory::new(config.clone(), Arc::new(SystemClock)).unwrap();
    assert_eq!(fault(directory.judge(&person).await), Fault::OutOfScope);
    config.scope.push(play.ou.to_uppercase());
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    assert_eq!(directory.judge(&person).await, Ok(()));
}

#[tokio::test]
async fn one_anchor_is_one_person() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "anchor");
        play.add("ada", &[]);
        play.add("bob", &[]);
        let directory = play.directory();
        let ada = play.locate(&directory, "ada").await;
        let authorised = |anchor: &SourceAnchor, sid: &[u8]| Identity::Authorised {
            anchor: anchor.clone(),
            object_guid: ada.object_guid.to_vec(),
            object_sid: sid.to_vec(),
        };
        let sid = ada.object_sid.as_bytes();
        assert_eq!(directory.locate(&authorised(&ada.anchor, sid)).await.as_ref(), Ok(&ada));
        assert_eq!(directory.locate(&Identity::Guid(ada.object_guid)).await.as_ref(), Ok(&ada));
        assert_eq!(fault(directory.locate(&authorised(&ada.anchor, &[1, 0])).await), Fault::IdentityMismatch);
        let bob = play.locate(&directory, "bob").await;
        assert_eq!(fault(directory.locate(&authorised(&bob.anchor, sid)).await), Fault::IdentityMismatch);
        for nothing in ["AAAAAAAAAAAAAAAAAAAAAA==", "AAAA", "*", ""] {
            let anchor = Identity::Anchor(SourceAnchor(nothing.to_owned()));
            assert_eq!(fault(directory.locate(&anchor).await), Fault::NotFound, "{nothing}");
        }

        // Bob gets Ada's GUID as his anchor: now it names two.
        let ldif = format!(
            "dn: {}\nchangetype: modify\nadd: mS-DS-ConsistencyGuid\nmS-DS-ConsistencyGuid:: {}\n",
            bob.dn, ada.anchor
        );
        play.forest.modify(&ldif).unwrap();
        assert_eq!(play.locate(&directory, "bob").await.anchor, ada.anchor);
        assert_eq!(
            fault(directory.locate(&Identity::Anchor(ada.anchor.clone())).await),
            Fault::MultipleMatches
        );
        // The lab's schema has no index on it, so an authorised identity is not held against the whole domain; it still is Ada.
        assert!(!directory.root_dse().await.unwrap().anchor_indexed);
        assert_eq!(directory.locate(&authorised(&ada.anchor, sid)).await.unwrap().dn, ada.dn);
    }
}
