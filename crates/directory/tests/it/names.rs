//! Names with every character that DNs and filters reserve.

use std::sync::Arc;

use ritorno_directory::{Directory, Identity, SignIn};
use ritorno_lab::{Forest, Lab};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::outcome::Fault;

use crate::playground::{Playground, config, fault, line, password, reset};

/// The CN as RFC 4514 writes it, and as it is.
const NAMES: [(&str, &str); 8] = [
    (r#"a\, \+ \" \\ \< \> \; \= / \# * ( )"#, r#"a, + " \ < > ; = / # * ( )"#),
    (r"\#hash", "#hash"),
    (r"\ lead and trail\ ", " lead and trail "),
    ("Łukasz Żółć-Ångström", "Łukasz Żółć-Ångström"),
    ("山田 太郎", "山田 太郎"),
    ("Анна 🦀", "Анна 🦀"),
    (r"x\,OU\=People", "x,OU=People"),
    ("*)(objectClass\\=*", "*)(objectClass=*"),
];

#[tokio::test]
async fn people_with_reserved_characters_are_found_and_reset() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "names");
        let directory = play.directory();
        for (number, (escaped, plain)) in NAMES.into_iter().enumerate() {
            let sam = format!("n{number}");
            play.add_named(escaped, &sam, &[("displayName", plain)]);
            let person = play.locate(&directory, &sam).await;
            assert_eq!(person.display_name, plain);
            let by_anchor = directory.locate(&Identity::Anchor(person.anchor.clone())).await.unwrap();
            assert_eq!(by_anchor, person);
            assert_eq!(directory.judge(&person).await, Ok(()));
            reset(&directory, &person, "Entirely-New-7!")
                .await
                .unwrap_or_else(|error| panic!("{plain}: {error}"));
            let signed_in = directory.verify(&person, &password("Entirely-New-7!")).await;
            assert_eq!(signed_in, Ok(SignIn::ReplacedLately), "{plain}");
            assert!(play.kinit(&sam, "Entirely-New-7!"), "{plain}");
        }
        // An account name that a filter text would have to escape.
        let sam = "a)(&b";
        let dn = format!("CN=filter,{}", play.ou);
        play.forest
            .modify(&format!(
                "{}changetype: add\nobjectClass: user\n{}",
                line("dn", &dn),
                line("sAMAccountName", sam)
            ))
            .unwrap();
        let found = directory.locate(&Identity::AccountName(sam.to_owned())).await.unwrap();
        assert_eq!(found.dn, dn);
    }
}

/// Each character that RFC 4514 or RFC 4515 reserves, alone; then what else is awkward at an end.
const AWKWARD: [&str; 20] = [
    "a,b", "a+b", "a\"b", "a\\b", "a<b", "a>b", "a;b", "a=b", "a/b", "a#b", "a*b", "a(b", "a)b", "#a",
    " lead", "trail ", "a\\,b", "山田", "Żółć", "a🦀b",
];

/// A name as RFC 4514 section 2.4 writes it.
fn escaped(name: &str) -> String {
    let last = name.chars().count() - 1;
    let escape = |(index, c): (usize, char)| match c {
        ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => format!("\\{c}"),
        '#' | ' ' if index == 0 => format!("\\{c}"),
        ' ' if index == last => "\\ ".to_owned(),
        plain => plain.to_string(),
    };
    name.chars().enumerate().map(escape).collect()
}

/// The same name with each byte that is no letter in hexadecimal, which RFC 4514 allows as well.
fn in_hexadecimal(name: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("\\{byte:02x}") }
    };
    name.bytes().map(escape).collect()
}

#[tokio::test]
async fn units_with_reserved_characters_hold_a_scope() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "units");
        let mut ldif = String::new();
        for (number, name) in AWKWARD.into_iter().enumerate() {
            let unit = format!("OU={},{}", escaped(name), play.ou);
            ldif += &format!("{}changetype: add\nobjectClass: organizationalUnit\n\n", line("dn", &unit));
            let person = line("dn", &format!("CN={},{unit}", escaped(name)));
            ldif += &format!(
                "{person}changetype: add\nobjectClass: user\nuserAccountControl: 544\n{}\n",
                line("sAMAccountName", &play.account(&format!("u{number}")))
            );
        }
        play.forest.modify(&ldif).unwrap();
        let outside = play.locate(&play.directory(), "u0").await;
        for (number, name) in AWKWARD.into_iter().enumerate() {
            // However the administrator writes it.
            for written in [escaped(name), in_hexadecimal(name)] {
                let mut config = play.config();
                config.scope = vec![format!("OU={written},{}", play.ou)];
                let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
                let mut import = directory.users(vec!["cn".to_owned(), "sAMAccountName".to_owned()]);
                let mut imported = Vec::new();
                while let Some(object) = import.recv().await {
                    imported.push(object.unwrap_or_else(|error| panic!("{written}: {error}")));
                }
                let [object] = imported.as_slice() else { panic!("{written}: {imported:?}") };
                let person = play.locate(&directory, &format!("u{number}")).await;
                assert_eq!(object.object_guid, person.object_guid);
                assert_eq!(object.attributes["cn"], [name.as_bytes()]);
                assert_eq!(directory.judge(&person).await, Ok(()), "{written}");
                if number > 0 {
                    assert_eq!(fault(directory.judge(&outside).await), Fault::OutOfScope, "{written}");
                }
            }
            let directory = play.directory();
            let person = play.locate(&directory, &format!("u{number}")).await;
            reset(&directory, &person, "Entirely-New-7!").await.unwrap_or_else(|e| panic!("{name}: {e}"));
            let signed_in = directory.verify(&person, &password("Entirely-New-7!")).await;
            assert_eq!(signed_in, Ok(SignIn::ReplacedLately), "{name}");
        }
    }
}

/// In a forest of its own, since Samba can't delete a second object of such a name.
#[tokio::test]
async fn a_name_with_a_nul_is_found_and_reset() {
    let private = Lab::open().unwrap().private("directory-nul").unwrap();
    let forest = private.forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let unit = format!(r"OU=nul\00unit,{}", forest.people_ou);
    let person = format!(r"CN=nul\00person,{unit}");
    forest
        .modify(&format!(
            "dn: {unit}\nchangetype: add\nobjectClass: organizationalUnit\n\ndn: {person}\nchangetype: add\n\
             objectClass: user\nsAMAccountName: nul\nuserAccountControl: 544\n"
        ))
        .unwrap();
    let mut settings = config(&forest);
    settings.scope = vec![unit];
    let directory = Directory::new(settings, Arc::new(SystemClock)).unwrap();
    let mut import = directory.users(vec!["cn".to_owned()]);
    let imported = import.recv().await.unwrap().unwrap();
    assert_eq!(imported.attributes["cn"], [b"nul\0person"]);
    assert!(import.recv().await.is_none());
    let person = directory.locate(&Identity::AccountName("nul".to_owned())).await.unwrap();
    assert_eq!(directory.judge(&person).await, Ok(()));
    reset(&directory, &person, "Entirely-New-7!").await.unwrap();
    let signed_in = directory.verify(&person, &password("Entirely-New-7!")).await;
    assert_eq!(signed_in, Ok(SignIn::ReplacedLately));
    let other = directory.locate(&Identity::AccountName(forest.people[0].sam.clone())).await.unwrap();
    assert_eq!(fault(directory.judge(&other).await), Fault::OutOfScope);
}
