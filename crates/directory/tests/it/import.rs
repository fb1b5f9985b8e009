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
