//! Gives a person their source anchor as `mS-DS-ConsistencyGuid`.

use ritorno_protocol::outcome::Fault;
use zeroize::Zeroizing;

use crate::error::DirectoryError;
use crate::forest::{Directory, Lease};
use crate::identity::guid_dn;
use crate::ldap::{Change, ChangeKind, LdapError, Modify};

const ATTRIBUTE: &str = "mS-DS-ConsistencyGuid";

/// What a directory says when there is a value already: constraintViolation for a second one of an attribute that has one at most, or
/// attributeOrValueExists (RFC 4511 appendix A.2).
const THERE_IS_ONE: [u32; 2] = [19, 20];

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorFilled {
    /// The value was added.
    Written,
    /// The object had this very value.
    AlreadyThere,
    /// The object has another value, which stays.
    Another,
}

impl Directory {
    /// Adds the object's `objectGUID`, as it is stored, as its `mS-DS-ConsistencyGuid`, at the PDC emulator. A value that is there is never
    /// replaced, and a write whose answer was lost can be made again.
    ///
    /// # Errors
    /// [`Fault::NoPermission`], also where a value is there that can't be read; [`Fault::NotFound`]; [`Fault::PdcUnreachable`] while
    /// another controller is written to in the PDC emulator's place; `Unknown` when no answer came.
    pub async fn fill_anchor(&self, object_guid: &[u8; 16]) -> Result<AnchorFilled, DirectoryError> {
        let mut lease = self.lease().await?;
        let filled = lease.fill_anchor(object_guid).await;
        lease.finish().await;
        filled
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
        let value = Zeroizing::new(object_guid.to_vec());
        let changes = vec![Change { kind: ChangeKind::Add, attribute: ATTRIBUTE, value }];
        let limit = self.timeout();
        let written = self.connection.modify(&Modify { dn: target.clone(), changes }, &[], limit).await;
        match &written {
            Ok(()) => return Ok(AnchorFilled::Written),
            Err(LdapError::Refused { answer, .. }) if THERE_IS_ONE.contains(&answer.code) => {}
            Err(error) => return Err(DirectoryError::write(error)),
        }
        let there = self.read(&target, &[ATTRIBUTE]).await?;
        match there.first(ATTRIBUTE) {
            Some(value) if value == object_guid => Ok(AnchorFilled::AlreadyThere),
            Some(_) => Ok(AnchorFilled::Another),
            None => {
                let detail = format!("{ATTRIBUTE} has a value that can't be read");
                Err(DirectoryError::fault(Fault::NoPermission, &self.pdc.host, detail))
            }
        }
    }
}
