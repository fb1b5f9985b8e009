//! The administrator's helpers, on a person whose name is not ASCII.

use ritorno_lab::{Forest, Lab};

#[test]
fn a_person_is_locked_out_unlocked_and_given_a_new_password() {
    let forest = Lab::open().unwrap().forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let person = forest.person("piotr.wisniewski").unwrap();
    forest.set_password(&person.dn, "Ustawione-Hasło-9!").unwrap();
    forest.lock_out(&person.sam).unwrap();
    let locked = forest.kinit(&person.sam, "Ustawione-Hasło-9!").unwrap_err();
    assert!(locked.to_string().contains("revoked"), "{locked:#}");

    forest.set_attribute(&person.dn, "lockoutTime", "0").unwrap();
    assert!(forest.kinit(&person.sam, "Ustawione-Hasło-9!").unwrap());
    assert!(!forest.kinit(&person.sam, &person.password).unwrap());

    forest.set_attribute(&person.dn, "description", "dwie\nlinie").unwrap();
    forest.remove_attribute(&person.dn, "description").unwrap();
    let none = forest.remove_attribute(&person.dn, "description").unwrap_err();
    assert!(format!("{none:#}").contains("description"), "{none:#}");

    let short = forest.set_password(&person.dn, "Kr0tk!").unwrap_err();
    assert!(format!("{short:#}").contains("too short"), "{short:#}");
}
