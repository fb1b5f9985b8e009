//! The people of a lab forest: who they are, read from `lab/data/people.csv`.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

const LIST: &str = include_str!("../data/people.csv");

/// One person of a forest, as made when the forest was provisioned.
#[derive(Clone, Serialize, Deserialize)]
pub struct Person {
    /// `sAMAccountName`, given name and surname in ASCII: `anna.rossi`.
    pub sam: String,
    /// `userPrincipalName`: `anna.rossi@contoso.test`.
    pub upn: String,
    /// `givenName`.
    pub given_name: String,
    /// `sn`.
    pub surname: String,
    /// `displayName`, and the object's CN.
    pub display_name: String,
    /// `mail`, equal to the UPN.
    pub mail: String,
    /// `otherMailbox`: an address outside the organisation, where codes go. `anna.rossi@mail.test`.
    pub alternate_mail: String,
    /// `preferredLanguage`: `it` or `en`.
    pub language: String,
    /// The OU below `OU=People`, which is `department` too.
    pub unit: String,
    /// What is special about this person.
    pub traits: Vec<Trait>,
    /// The password that the forest was provisioned with; a restore brings it back.
    pub password: String,
    /// Distinguished name.
    pub dn: String,
}

/// What is special about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trait {
    /// Under the PSO `Strict`: minimum length 14, minimum age one day.
    StrictPolicy,
    /// The account is disabled.
    Disabled,
    /// Member of Domain Admins, although in `OU=People`.
    DomainAdmin,
}

// A password is no business of a log, so it is left out by hand.
impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("upn", &self.upn).field("traits", &self.traits).finish_non_exhaustive()
    }
}

/// The people of a domain, always the same ones in the same order.
///
/// # Errors
/// When a line of `people.csv` cannot be understood.
pub fn people(dns_domain: &str, base_dn: &str) -> Result<Vec<Person>> {
    LIST.lines()
        .skip(1)
        .enumerate()
        .map(|(index, line)| {
            person(line, index + 1, dns_domain, base_dn)
                .with_context(|| format!("lab/data/people.csv, line {}: `{line}`", index + 2))
        })
        .collect()
}

fn person(line: &str, number: usize, dns_domain: &str, base_dn: &str) -> Result<Person> {
    let mut fields = line.split(',');
    let mut field = || fields.next().context("a field is missing");
    let (given_name, surname, unit, language) = (field()?, field()?, field()?, field()?);
    let traits = field()?
        .split_whitespace()
        .map(|word| serde_json::from_value(word.into()).context("unknown trait"))
        .collect::<Result<_>>()?;
    let sam = format!("{}.{}", ascii(given_name), ascii(surname));
    let display_name = format!("{given_name} {surname}");
    Ok(Person {
        upn: format!("{sam}@{dns_domain}"),
        mail: format!("{sam}@{dns_domain}"),
        alternate_mail: format!("{sam}@mail.test"),
        dn: format!("CN={display_name},OU={unit},OU=People,{base_dn}"),
        sam,
        given_name: given_name.to_owned(),
        surname: surname.to_owned(),
        display_name,
        language: language.to_owned(),
        unit: unit.to_owned(),
        traits,
        password: format!("Initial-Passw0rd-{number}!"),
    })
}

/// Lower case, without accents, and nothing but letters.
fn ascii(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            'à' | 'á' | 'ã' | 'ä' => Some('a'),
            'è' | 'é' => Some('e'),
            'í' | 'ì' => Some('i'),
            'ò' | 'ó' | 'ø' => Some('o'),
            'ü' | 'ú' => Some('u'),
            'ś' => Some('s'),
            letter if letter.is_ascii_alphabetic() => Some(letter),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_list_is_whole() {
        let people = people("contoso.test", "DC=contoso,DC=test").unwrap();
        assert_eq!(people.len(), 36);
        let names: HashSet<_> = people.iter().map(|person| &person.sam).collect();
        assert_eq!(names.len(), people.len(), "an account name twice");
        assert_eq!(people[0].upn, "anna.rossi@contoso.test");
        assert_eq!(people[16].sam, "nicolo.lombardi");
        assert_eq!(people[31].sam, "piotr.wisniewski");
        assert_eq!(people[35].sam, "jan.vanderberg");
        // sAMAccountName takes 20 characters.
        assert!(people.iter().all(|person| person.sam.len() <= 20));
        let strict: Vec<_> = people
            .iter()
            .filter(|person| person.traits.contains(&Trait::StrictPolicy))
            .map(|person| person.sam.as_str())
            .collect();
        assert_eq!(strict, ["paolo.bianchi"]);
    }

    #[test]
    fn the_password_is_not_in_the_debug_text() {
        let people = people("contoso.test", "DC=contoso,DC=test").unwrap();
        assert!(!format!("{:?}", people[0]).contains("Passw0rd"));
    }
}
