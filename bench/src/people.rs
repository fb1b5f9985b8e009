//! More people than the lab has: each takes part in few resets, as the portal's limits demand of everybody.

use std::fmt::Write as _;

use anyhow::Result;
use ritorno_lab::ForestHandle;

/// Somebody whose password is reset by the benchmark.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) dn: String,
    pub(crate) upn: String,
    pub(crate) address: String,
}

/// Makes `count` people in an OU of their own below `OU=People`.
///
/// # Errors
/// When the directory refuses.
pub(crate) fn make(forest: &ForestHandle, count: usize) -> Result<Vec<Subject>> {
    let ou = format!("OU=Bench,{}", forest.people_ou);
    let mut ldif = format!("dn: {ou}\nchangetype: add\nobjectClass: organizationalUnit\n\n");
    let mut subjects = Vec::with_capacity(count);
    for number in 1..=count {
        let name = format!("bench-{number:03}");
        let dn = format!("CN={name},{ou}");
        let upn = format!("{name}@{}", forest.dns_domain);
        let address = format!("{name}@mail.test");
        // 544 is an enabled account (MS-ADTS 2.2.16) that needs no password yet: the first reset gives it one.
        writeln!(
            ldif,
            "dn: {dn}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\nuserPrincipalName: {upn}\n\
             displayName: {name}\nmail: {upn}\notherMailbox: {address}\nuserAccountControl: 544\n"
        )?;
        subjects.push(Subject { dn, upn, address });
    }
    forest.modify(&ldif)?;
    Ok(subjects)
}
