//! What a test does to a forest as its administrator: change attributes, set passwords, lock people out.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::command::run;
use crate::forest::ForestHandle;

/// More wrong passwords than the domain's threshold of 10.
const WRONG_PASSWORDS: usize = 15;

/// Lets an account list the container of deleted objects.
pub(crate) const SEE_DELETIONS: &str = include_str!("../scripts/see_deletions.py");
/// What the script is told to take it away again.
const NO_MORE: &str = "no-more";

impl ForestHandle {
    /// Lets the service account see what was deleted. A forest that this version of the lab made has it already; one that
    /// an earlier version made is given it.
    ///
    /// # Errors
    /// When the directory refuses, or the controller does not run.
    pub fn let_see_deletions(&self) -> Result<()> {
        self.dc_exec(&["python3", "-c", SEE_DELETIONS, &self.service_account.sam]).map(drop)
    }

    /// Takes that right from the service account again.
    ///
    /// # Errors
    /// When the directory refuses, or the controller does not run.
    pub fn let_see_no_deletions(&self) -> Result<()> {
        self.dc_exec(&["python3", "-c", SEE_DELETIONS, &self.service_account.sam, NO_MORE]).map(drop)
    }

    /// Puts an entry into an object's access list, as SDDL: `(OD;;CR;GUID;;SID)` denies a control right.
    ///
    /// # Errors
    /// When the directory refuses, or the controller does not run.
    pub fn add_access(&self, dn: &str, sddl: &str) -> Result<()> {
        self.dsacl("set", dn, sddl)
    }

    /// Takes an entry out of an object's access list.
    ///
    /// # Errors
    /// When the directory refuses, or the controller does not run.
    pub fn remove_access(&self, dn: &str, sddl: &str) -> Result<()> {
        self.dsacl("delete", dn, sddl)
    }

    fn dsacl(&self, what: &str, dn: &str, sddl: &str) -> Result<()> {
        let (object, sddl) = (format!("--objectdn={dn}"), format!("--sddl={sddl}"));
        let database = "/var/lib/samba/private/sam.ldb";
        self.dc_exec(&["samba-tool", "dsacl", what, &object, &sddl, "-H", database]).map(drop)
    }

    /// Gives an attribute this one value in place of what it had. Any text will do, in the name and in the value.
    ///
    /// # Errors
    /// When the directory refuses, or the controller does not run.
    pub fn set_attribute(&self, dn: &str, attribute: &str, value: &str) -> Result<()> {
        self.modify(&replace(dn, attribute, value.as_bytes()))
    }

    /// Removes all values of an attribute.
    ///
    /// # Errors
    /// When the directory refuses, because it had none, say.
    pub fn remove_attribute(&self, dn: &str, attribute: &str) -> Result<()> {
        let dn = STANDARD.encode(dn);
        self.modify(&format!("dn:: {dn}\nchangetype: modify\ndelete: {attribute}\n"))
    }

    /// Sets a password as an administrator does: the rules for length and complexity hold, history and minimum age don't.
    ///
    /// # Errors
    /// When the directory refuses.
    pub fn set_password(&self, dn: &str, password: &str) -> Result<()> {
        // MS-ADTS section 3.1.1.3.1.5: in quotes, UTF-16LE.
        let quoted = format!("\"{password}\"");
        let value: Vec<u8> = quoted.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.modify(&replace(dn, "unicodePwd", &value))
    }

    /// Takes an object out of the deleted ones, as an administrator does over LDAP (MS-ADTS 3.1.1.5.3.7), to the name `dn`, whose first part
    /// is as it was: of several with this account name the one that was deleted last. Samba brings back tombstones, which keep GUID, SID
    /// and account name and lose most else. Once its recycle bin is enabled, 4.24 brings nothing back: it wants to remove `isRecycled`,
    /// which what is in the bin does not have.
    ///
    /// # Errors
    /// When nothing deleted has this account name, or the directory refuses.
    pub fn undelete(&self, sam: &str, dn: &str) -> Result<()> {
        let database = "/var/lib/samba/private/sam.ldb";
        let filter = format!("(&(isDeleted=TRUE)(sAMAccountName={sam}))");
        let search = ["ldbsearch", "-H", database, "--show-deleted", &filter, "objectGUID", "uSNChanged"];
        let found = self.dc_exec(&search)?;
        let deleted = found.split("\n\n").filter_map(|entry| {
            let of = |name: &str| entry.lines().find_map(|line| line.strip_prefix(name));
            Some((of("uSNChanged: ")?.parse::<u64>().ok()?, of("objectGUID: ")?))
        });
        let (_, guid) = deleted.max().context("no deleted object has this account name")?;
        let (named, _) = dn.split_once(',').context("a DN has a parent")?;
        let gone = format!("{named}\\0ADEL:{guid},CN=Deleted Objects,{}", self.base_dn);
        let ldif = format!(
            "dn: {gone}\ncontrol: 1.2.840.113556.1.4.417 true\nchangetype: modify\ndelete: isDeleted\n-\n\
             replace: distinguishedName\ndistinguishedName: {dn}\n"
        );
        let mut command = Command::new("ldapmodify");
        command
            .args(["-x", "-D", &self.administrator.upn, "-w", &self.administrator.password])
            .args(["-H", &format!("ldaps://{}", self.dc_ip)])
            .env("LDAPTLS_CACERT", &self.ca_pem);
        run(&mut command, ldif.as_bytes()).map(drop)
    }

    /// Locks an account the way it happens in life: by wrong passwords. It stays locked for 30 minutes, or until
    /// `lockoutTime` becomes 0.
    ///
    /// # Errors
    /// When the account does not lock.
    pub fn lock_out(&self, sam: &str) -> Result<()> {
        for _ in 0..WRONG_PASSWORDS {
            match self.kinit(sam, "Wrong-Passw0rd-0!") {
                Ok(false) => {}
                Ok(true) => bail!("{sam}: the wrong password is the right one"),
                // The KDC's word for locked and disabled alike.
                Err(error) if error.to_string().contains("revoked") => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        bail!("{sam} is not locked after {WRONG_PASSWORDS} wrong passwords")
    }
}

fn replace(dn: &str, attribute: &str, value: &[u8]) -> String {
    let (dn, value) = (STANDARD.encode(dn), STANDARD.encode(value));
    format!("dn:: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}:: {value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_may_hold_anything() {
        // RFC 2849: what is not safe in LDIF is base64 after two colons.
        let ldif = replace("CN=Hannah Müller,DC=x", "description", "two\nlines".as_bytes());
        assert_eq!(
            ldif,
            "dn:: Q049SGFubmFoIE3DvGxsZXIsREM9eA==\nchangetype: modify\nreplace: description\n\
             description:: dHdvCmxpbmVz\n"
        );
    }
}
