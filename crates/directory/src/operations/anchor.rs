//! Gives a person their source anchor as `mS-DS-ConsistencyGuid`.

use ritorno_protocol::outcome::Fault;
use zeroize::Zeroizing;

use crate::error::DirectoryError;
use crate::forest::{Directory, Lease};
use crate::identity::guid_dn;
use crate::ldap::{Change, ChangeKind, Entry, LdapError, Modify};
use crate::operations::judge::{JUDGED_BY, is_in_scope, judged};

const ATTRIBUTE: &str = "mS-DS-ConsistencyGuid";

/// What a directory says when there is a value already: constraintViolation for a second one of an attribute that has one at most, or
/// attributeOrValueExists (RFC 4511 appendix A.2).
const THERE_IS_ONE: [u32; 2] = [19, 20];

/// invalidCredentials of our own account, busy and unavailable: said whoever is written (RFC 4511 appendix A.2).
const OF_THE_SERVER: [u32; 3] = [49, 51, 52];

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorFilled {
    /// The value was added.
    Written,
    /// The object had this very value.
    AlreadyThere,
    /// The object has another value, which stays.
    Another,
    /// There is no such object, or none that can be read.
    Gone,
    /// It is protected, or outside the agent's scope; nothing was tried.
    LeftAlone(DirectoryError),
    /// What the directory answered about this object. [`Fault::NoPermission`] also where a value is there that can't be read.
    Refused(DirectoryError),
}

impl Directory {
    /// Adds the object's `objectGUID`, as it is stored, as its `mS-DS-ConsistencyGuid`, at the PDC emulator, unless it is protected or out of
    /// scope as it is there now. A value that is there is never replaced, and a write whose answer was lost can be made again.
    ///
    /// # Errors
    /// Where the directory does not answer about this object: [`Fault::PdcUnreachable`], also while another controller is written to in the
    /// PDC emulator's place; [`Fault::DirectoryUnavailable`]; `Unknown` when no answer came.
    pub async fn fill_anchor(&self, object_guid: &[u8; 16]) -> Result<AnchorFilled, DirectoryError> {
        let mut lease = self.lease().await?;
        let filled = lease.fill_anchor(object_guid).await;
        lease.finish().await;
        filled.or_else(about_the_object)
    }
}

impl Lease<'_> {
    async fn fill_anchor(&mut self, object_guid: &[u8; 16]) -> Result<AnchorFilled, DirectoryError> {
        // Of two values that two controllers took, one would be lost.
        if let Some(note) = &self.note {
            let fault = Fault::PdcUnreachable { name: self.pdc.host.clone() };
            return Err(DirectoryError::fault(fault, &self.pdc.host, format!("no anchor is written {note}")));
        }
        let target = guid_dn(object_guid);
        // What the import saw may be some time ago: whom it may be written to is told by what is there now.
        let now = self.read(&target, &[&JUDGED_BY[..], &[ATTRIBUTE]].concat()).await?;
        match judged(&now, self.scope(), &self.pdc) {
            Ok(()) => {}
            // What is out of scope may be hidden from the account as well, and that is as it should be.
            Err(error @ DirectoryError::NotApplied { fault: Fault::NoPermission, .. })
                if is_in_scope(&now.dn, self.scope()) =>
            {
                return Ok(AnchorFilled::Refused(error));
            }
            Err(error) => return Ok(AnchorFilled::LeftAlone(error)),
        }
        if let Some(there) = value(&now, object_guid) {
            return Ok(there);
        }
        let add = Zeroizing::new(object_guid.to_vec());
        let changes = vec![Change { kind: ChangeKind::Add, attribute: ATTRIBUTE, value: add }];
        let limit = self.timeout();
        let written = self.connection.modify(&Modify { dn: target.clone(), changes }, &[], limit).await;
        match &written {
            Ok(()) => return Ok(AnchorFilled::Written),
            Err(LdapError::Refused { answer, .. }) if THERE_IS_ONE.contains(&answer.code) => {}
            Err(error) => return Err(DirectoryError::write(error)),
        }
        let there = self.read(&target, &[ATTRIBUTE]).await?;
        Ok(value(&there, object_guid).unwrap_or_else(|| {
            let detail = format!("{ATTRIBUTE} has a value that can't be read");
            AnchorFilled::Refused(DirectoryError::fault(Fault::NoPermission, &self.pdc.host, detail))
        }))
    }
}

/// The value that is there, if there is one.
fn value(entry: &Entry, own: &[u8; 16]) -> Option<AnchorFilled> {
    let there = entry.first(ATTRIBUTE)?;
    Some(if there == own { AnchorFilled::AlreadyThere } else { AnchorFilled::Another })
}

/// What the directory answered about one object is about that object alone, and keeps nobody else from theirs.
fn about_the_object(error: DirectoryError) -> Result<AnchorFilled, DirectoryError> {
    match (&error, error.operator().ldap_code) {
        (DirectoryError::NotApplied { fault: Fault::NotFound, .. }, Some(_)) => Ok(AnchorFilled::Gone),
        (_, Some(code)) if !OF_THE_SERVER.contains(&code) => Ok(AnchorFilled::Refused(error)),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ldap::Answer;

    fn said(code: u32) -> Result<AnchorFilled, DirectoryError> {
        let answer = Answer { code, text: "as the directory says it".into() };
        about_the_object(DirectoryError::write(&LdapError::Refused { host: "dc1".into(), answer }))
    }

    #[test]
    fn whatever_the_directory_answers_about_one_object_is_about_that_one() {
        assert_eq!(said(32), Ok(AnchorFilled::Gone));
        for code in [1, 11, 16, 21, 50, 53, 64, 65, 80] {
            assert!(matches!(said(code), Ok(AnchorFilled::Refused(_))), "{code}");
        }
        for code in OF_THE_SERVER {
            assert!(said(code).is_err(), "{code}");
        }
        let nobody = DirectoryError::fault(Fault::DirectoryUnavailable, "dc1", "connection lost");
        assert!(about_the_object(nobody).is_err());
    }
}
