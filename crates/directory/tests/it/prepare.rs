//! The lines that make the service account are run as they are printed, and the account does its work, and no more.

use std::path::Path;
use std::sync::Arc;

use ritorno_directory::{AnchorFilled, Directory, Identity, Preparation};
use ritorno_lab::{Forest, Lab};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::outcome::Fault;

use crate::playground::{config, fault, password, reset};

#[tokio::test]
async fn the_printed_lines_make_an_account_that_can_work() {
    let private = Lab::open().unwrap().private("directory-prepare").unwrap();
    for forest in Forest::ALL {
        let forest = private.forest(forest).unwrap();
        forest.up().unwrap();
        let (account, secret) = (format!("svc-new@{}", forest.dns_domain), "Chosen-Passw0rd-3!");
        let scope = [forest.people_ou.clone()];
        let name = ritorno_protocol::ids::Forest(forest.dns_domain.clone());
        let file = Some(Path::new("/etc/ritorno-agent/password"));
        let lines = Preparation {
            forest: &name,
            account: &account,
            scope: &scope,
            fill_anchors: true,
            password_file: file,
            keytab_file: None,
        };
        let lines = lines.lines().unwrap();
        // As somebody who pastes them into a shell, and types the password twice.
        let script = format!("set -eu\n{}\n", lines.samba.join("\n"));
        let typed = format!("cd /tmp; printf '%s\\n%s\\n' '{secret}' '{secret}' | bash -c \"$1\"");
        forest.dc_exec(&["bash", "-c", &typed, "prepare", &script]).unwrap();

        let mut settings = config(&forest);
        (settings.account, settings.scope) = (account, scope.to_vec());
        settings.fill_anchors = true;
        settings.password = Arc::new(password(secret));
        let directory = Directory::new(settings, Arc::new(SystemClock)).unwrap();
        let locate =
            async |sam: &str| directory.locate(&Identity::AccountName(sam.to_owned())).await.unwrap();
        let person = locate(&forest.people[0].sam).await;
        let rights = directory.rights(&person).await.unwrap();
        assert!(rights.is_complete() && rights.anchor.is_some(), "{rights:?}");
        assert_eq!(directory.fill_anchor(&person.object_guid).await.unwrap(), AnchorFilled::Written);
        assert_eq!(locate(&forest.people[0].sam).await.anchor, person.anchor, "it is who it was");
        reset(&directory, &person, "Entirely-New-7!").await.unwrap();
        assert!(forest.kinit(&forest.people[0].sam, "Entirely-New-7!").unwrap());
        // It can read the policy that holds for somebody, and is nobody out of its scope.
        let strict = directory.effective_policy(&locate("paolo.bianchi").await).await.unwrap();
        assert_eq!(strict.minimum_length, 14);
        let guest = locate("Guest").await;
        assert_eq!(fault(reset(&directory, &guest, "Entirely-New-7!").await), Fault::NoPermission);
        assert!(
            directory.rights(&guest).await.unwrap().all()[..3].iter().all(|verdict| !verdict.is_granted())
        );
        forest.down().unwrap();
    }
}
