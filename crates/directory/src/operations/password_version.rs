//! The version of a person's password: what tells later whether a write of unknown outcome was applied.

use ritorno_protocol::clock::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::identity::guid_dn;
use crate::ldap::Entry;
use crate::operations::locate::Person;

/// `unicodePwd` in replication metadata (MS-ADTS 3.1.1.1.3; attribute 1.2.840.113556.1.4.90).
const UNICODE_PWD: u32 = 0x9005a;
/// Seconds from 1601 to 1970.
const EPOCH_DIFFERENCE: i64 = 11_644_473_600;

/// A password's version. Two that are equal were the same password; after exactly one write the version is higher by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordVersion {
    /// How often `unicodePwd` has been written, if the directory tells.
    pub version: Option<u32>,
    /// The DC that wrote it last (its invocation id).
    pub originating: Option<Uuid>,
    /// That DC's update sequence number of the write.
    pub usn: Option<i64>,
    /// When it was written, to the second, by that DC's clock.
    pub changed: Option<Timestamp>,
    /// `pwdLastSet` as stored: 100 ns since 1601, or 0 for 'must change'.
    pub pwd_last_set: i64,
    /// The DC's database that all this was read from (its invocation id), if it told.
    pub read_from: Option<Uuid>,
}

impl PasswordVersion {
    /// Whether another password was replaced by this one after `moment`, as far as that can be excluded. The first one of an account
    /// replaces none. That it must be changed takes the time out of `pwdLastSet`; metadata keep it.
    pub(crate) fn may_have_replaced(&self, moment: Timestamp) -> bool {
        let set = Timestamp::from_filetime(self.pwd_last_set).or(self.changed);
        set.is_none_or(|set| set > moment) && self.version != Some(1)
    }
}

impl Person {
    /// The version when the person was located; without a number if replication metadata was not to be had with the rest.
    pub fn password_version(&self) -> PasswordVersion {
        version(&self.entry, self.read_from)
    }
}

impl Directory {
    /// Reads the version at the PDC emulator.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn password_version(&self, person: &Person) -> Result<PasswordVersion, DirectoryError> {
        let mut lease = self.lease().await?;
        let attributes = ["msDS-ReplAttributeMetaData", "replPropertyMetaData", "pwdLastSet"];
        let entry = lease.read(&guid_dn(&person.object_guid), &attributes).await?;
        let read_from = lease.pdc.invocation_id;
        lease.finish().await;
        Ok(version(&entry, read_from))
    }
}

fn version(entry: &Entry, read_from: Option<Uuid>) -> PasswordVersion {
    let told = entry
        .values("msDS-ReplAttributeMetaData")
        .iter()
        .filter_map(|value| std::str::from_utf8(value).ok())
        .find_map(from_xml)
        .or_else(|| entry.first("replPropertyMetaData").and_then(from_blob));
    PasswordVersion {
        pwd_last_set: entry.integer("pwdLastSet").unwrap_or(0),
        read_from,
        ..told.unwrap_or(PasswordVersion {
            version: None,
            originating: None,
            usn: None,
            changed: None,
            pwd_last_set: 0,
            read_from: None,
        })
    }
}

/// One `DS_REPL_ATTR_META_DATA` element (MS-ADTS 3.1.1.4.5.31), if it is about `unicodePwd`.
fn from_xml(text: &str) -> Option<PasswordVersion> {
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once('<').map(|(value, _)| value.trim())
    };
    field("pszAttributeName").filter(|name| name.eq_ignore_ascii_case("unicodePwd"))?;
    let changed = field("ftimeLastOriginatingChange").and_then(|text| {
        let format = &time::format_description::well_known::Rfc3339;
        let moment = time::OffsetDateTime::parse(text, format).ok()?;
        Some(Timestamp::from_unix_ms(moment.unix_timestamp().checked_mul(1000)?))
    });
    Some(PasswordVersion {
        version: Some(field("dwVersion")?.parse().ok()?),
        originating: field("uuidLastOriginatingDsaInvocationID").and_then(|id| id.parse().ok()),
        usn: field("usnOriginatingChange").and_then(|usn| usn.parse().ok()),
        changed,
        pwd_last_set: 0,
        read_from: None,
    })
}

/// `replPropertyMetaData`, version 1 (MS-DRSR 5.162 and 5.166): a header of 16 bytes, then 48 for each attribute.
pub(crate) fn from_blob(blob: &[u8]) -> Option<PasswordVersion> {
    let number = |bytes: &[u8], at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let long = |bytes: &[u8], at: usize| Some(i64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    number(blob, 0).filter(|version| *version == 1)?;
    let stamp = blob.get(16..)?.chunks_exact(48).find(|stamp| number(stamp, 0) == Some(UNICODE_PWD))?;
    let seconds = long(stamp, 8)?.checked_sub(EPOCH_DIFFERENCE);
    Some(PasswordVersion {
        version: number(stamp, 4),
        originating: stamp.get(16..32).and_then(|id| id.try_into().ok()).map(Uuid::from_bytes_le),
        usn: long(stamp, 32),
        changed: seconds.and_then(|seconds| seconds.checked_mul(1000)).map(Timestamp::from_unix_ms),
        pwd_last_set: 0,
        read_from: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        let xml = "<DS_REPL_ATTR_META_DATA>\n\t<pszAttributeName>unicodePwd</pszAttributeName>\n\t<dwVersion>4</dwVersion>\n\t<ftimeLastOriginatingChange>2026-11-22T10:00:00Z</ftimeLastOriginatingChange>\n\t<uuidLastOriginatingDsaInvocationID>04030201-0605-0807-090a-0b0c0d0e0f10</uuidLastOriginatingDsaInvocationID>\n\t<usnOriginatingChange>4711</usnOriginatingChange>\n\t<usnLocalChange>4711</usnLocalChange>\n</DS_REPL_ATTR_META_DATA>\n";
        let from_text = from_xml(xml).unwrap();
        let mut blob = vec![1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        blob.extend_from_slice(&UNICODE_PWD.to_le_bytes());
        blob.extend_from_slice(&4_u32.to_le_bytes());
        blob.extend_from_slice(&(1_795_341_600 + EPOCH_DIFFERENCE).to_le_bytes());
        blob.extend_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
        blob.extend_from_slice(&4711_i64.to_le_bytes());
        blob.extend_from_slice(&4711_i64.to_le_bytes());
        assert_eq!(from_blob(&blob).unwrap(), from_text);
        assert_eq!(from_text.version, Some(4));
        assert_eq!(from_xml(&xml.replace("unicodePwd", "lmPwdHistory")), None);
    }

    #[test]
    fn what_must_be_changed_may_have_been_replaced_as_well() {
        let moment = |ms| Timestamp::from_unix_ms(ms);
        let seen = |pwd_last_set, changed: Option<i64>, version| PasswordVersion {
            version,
            originating: None,
            usn: None,
            changed: changed.map(moment),
            pwd_last_set,
            read_from: None,
        };
        // The Unix epoch, and ten seconds later.
        let (epoch, later) = (116_444_736_000_000_000, 116_444_736_100_000_000);
        for (version, expected) in [
            (seen(epoch, None, Some(2)), false),
            (seen(later, None, Some(2)), true),
            (seen(later, None, Some(1)), false),
            (seen(0, Some(0), Some(2)), false),
            (seen(0, Some(10_000), Some(2)), true),
            (seen(0, None, Some(2)), true),
            (seen(0, None, None), true),
        ] {
            assert_eq!(version.may_have_replaced(moment(5_000)), expected, "{version:?}");
        }
    }

    proptest! {
        #[test]
        fn no_metadata_panics(blob in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
            from_blob(&blob);
            from_xml(&text);
        }
    }
}
