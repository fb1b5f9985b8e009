//! A person's password, tried at one key distribution centre whose answer is proved.

use std::net::IpAddr;
use std::time::Duration;

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext as _, ServerCtx};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_KRB5_PRINCIPAL, OidSet};
use ritorno_protocol::secret::Password;
use tokio::time::{Instant, timeout_at};

use super::{Kerberos, KerberosError, KerberosFault, busy, realm_of};

impl Kerberos {
    /// Whether `password` is `account`'s (`name@REALM`), as the key distribution centre at `address` says; proved by a ticket for `own`
    /// (`name@REALM`), whose key the keytab has, and no other key of it counts. A centre that only knows what was typed, and stands in the real one's place, can't make such
    /// a ticket: that is what RFC 4120 section 10 warns of. No other centre is asked, so that a wrong password counts at that one and once.
    ///
    /// # Errors
    /// [`KerberosError`]: [`KerberosFault::WrongPassword`], and others, which anybody on the way can make up; [`KerberosFault::NotTrusted`]
    /// when the ticket proves nothing.
    pub(crate) async fn prove(
        &self,
        account: String,
        password: Password,
        own: String,
        address: IpAddr,
        limit: Duration,
    ) -> Result<(), KerberosError> {
        let realm = realm_of(&account).to_owned();
        let turns = self.turns(&realm);
        let alone = timeout_at(Instant::now() + limit, turns.one_centre.write()).await;
        let _alone = alone.map_err(|_| busy())?;
        self.learn_alone(&realm, address).await?;
        self.call(&realm, Instant::now() + limit, move || {
            let principal = |name: &str| Name::new(name.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL));
            let (person, service) = (principal(&account)?, principal(&own)?);
            let mut set = OidSet::new();
            set.add(GSS_MECH_KRB5)?;
            let usage = CredUsage::Initiate;
            let credential =
                Cred::acquire_with_password(Some(&person), password.expose(), None, usage, Some(&set))?;
            let mut ours = ClientCtx::new(
                Some(credential),
                service,
                CtxFlags::GSS_C_INTEG_FLAG,
                Some(GSS_MECH_KRB5),
            );
            let unproved = |words: String| KerberosError::new(KerberosFault::NotTrusted, words);
            let ticket = ours.step(None, None)?.ok_or_else(|| unproved("no ticket came".to_owned()))?;
            let key = Cred::acquire(Some(&principal(&own)?), None, CredUsage::Accept, Some(&set));
            let accepted = key.and_then(|key| {
                let mut other = ServerCtx::new(Some(key));
                other.step(&ticket, None)?;
                other.source_name()?.display_name()
            });
            let of = accepted.map_err(|error| {
                unproved(format!("the ticket is not of the realm's own centre, or the keytab has not the account's latest key: {error}"))
            })?;
            let of = String::from_utf8_lossy(&of);
            if of.eq_ignore_ascii_case(&account) {
                Ok(())
            } else {
                Err(unproved(format!("the ticket is of '{of}'")))
            }
        })
        .await
    }
}
