//! The forest that everybody shares: up, and what its people and its service account look like from outside.

use ritorno_lab::{Forest, Lab, Trait};

#[test]
fn kerberos_takes_the_right_password_only() {
    let forest = Lab::open().unwrap().forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let person = forest.person("jan.vanderberg").unwrap();
    assert!(forest.kinit(&person.sam, &person.password).unwrap());
    assert!(!forest.kinit(&person.sam, "Wrong-Passw0rd!").unwrap());
}

#[test]
fn a_disabled_person_is_refused_for_another_reason() {
    let forest = Lab::open().unwrap().forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let person = forest.person("bruno.gallo").unwrap();
    assert!(person.traits.contains(&Trait::Disabled));
    let error = forest.kinit(&person.sam, &person.password).unwrap_err();
    assert!(error.to_string().contains("revoked"), "{error:#}");
}
