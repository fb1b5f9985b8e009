//! Names with every character that DNs and filters reserve.

use ritorno_directory::{Identity, SignIn};
use ritorno_lab::Forest;

use crate::playground::{Playground, line, password, reset};

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
            assert_eq!(signed_in, Ok(SignIn::Accepted), "{plain}");
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
