//! The stream of people.

use std::sync::Arc;

use ritorno_directory::{Directory, ImportedObject};
use ritorno_lab::Forest;
use ritorno_protocol::clock::SystemClock;

use crate::playground::Playground;

async fn import(directory: &Directory) -> Vec<ImportedObject> {
    let attributes = ["sAMAccountName", "givenName", "objectSid", "otherMailbox"].map(str::to_owned);
    let mut stream = directory.users(attributes.into());
    let mut all = Vec::new();
    while let Some(object) = stream.recv().await {
        all.push(object.unwrap());
    }
    all
}

#[tokio::test]
async fn everybody_in_scope_comes_once_over_many_pages() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "import");
        let mut config = play.config();
        config.scope = vec![play.forest.people_ou.clone()];
        config.page = 7;
        let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
        let all = import(&directory).await;
        assert_eq!(directory.count().await.unwrap(), all.len() as u64, "nobody need be read to be counted");
        assert!(all.iter().all(|object| object.attributes["objectsid"][0].len() == 28));
        let mut names: Vec<_> = all
            .into_iter()
            .map(|object| String::from_utf8(object.attributes["samaccountname"][0].clone()).unwrap())
            .collect();
        names.sort();
        let mut expected: Vec<_> = play.forest.people.iter().map(|person| person.sam.clone()).collect();
        expected.sort();
        assert_eq!(names, expected);
    }
}

/// What a domain controller computes comes with everything else: of a policy whose passwords grow old, of one whose passwords don't, and
/// of an account whose password never does.
#[tokio::test]
async fn when_passwords_expire_is_computed_by_the_domain_controller() {
    const NEVER: i64 = i64::MAX;
    const DAYS: i64 = 30 * 86_400 * 10_000_000;
    for forest in Forest::ALL {
        let play = Playground::new(forest, "expiry");
        for sam in ["ageing", "lasting", "kept"] {
            play.add(sam, &[]);
        }
        let pso = format!("CN=expiry,CN=Password Settings Container,CN=System,{}", play.forest.base_dn);
        let person = |sam: &str| format!("CN={sam},{}", play.ou);
        play.pso(&pso, &person("ageing"));
        play.set(&pso, "msDS-MaximumPasswordAge", &(-DAYS).to_string());
        // NORMAL_ACCOUNT and DONT_EXPIRE_PASSWORD.
        play.set(&person("kept"), "userAccountControl", "66048");
        let mut config = play.config();
        config.scope = vec![play.ou.clone()];
        let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
        let attributes = ["sAMAccountName", "pwdLastSet", "msDS-UserPasswordExpiryTimeComputed"];
        let mut stream = directory.users(attributes.map(str::to_owned).into());
        let mut seen = std::collections::BTreeMap::new();
        while let Some(object) = stream.recv().await {
            let object = object.unwrap();
            let text = |name: &str| String::from_utf8(object.attributes[name][0].clone()).unwrap();
            let number = |name: &str| text(name).parse::<i64>().unwrap();
            let computed = number("msds-userpasswordexpirytimecomputed");
            seen.insert(text("samaccountname"), (number("pwdlastset"), computed));
        }
        let of = |sam: &str| seen[&play.account(sam)];
        let (set, expires) = of("ageing");
        assert_eq!(expires - set, DAYS, "{forest:?}");
        assert_eq!((of("lasting").1, of("kept").1), (NEVER, NEVER), "{forest:?}");
        drop(play.forest.dc_exec(&["ldbdel", "-H", "/var/lib/samba/private/sam.ldb", &pso]));
    }
}

#[tokio::test]
async fn a_base_that_is_not_there_breaks_the_import_off() {
    let play = Playground::new(Forest::Contoso, "broken");
    let mut config = play.config();
    config.scope = vec![play.ou.clone(), format!("OU=gone,{}", play.ou)];
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    let mut stream = directory.users(Vec::new());
    let mut last = None;
    while let Some(object) = stream.recv().await {
        last = Some(object);
    }
    assert!(last.expect("an import that breaks off says so").is_err());
}
