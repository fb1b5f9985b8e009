//! Signing in: the agent itself on its connections, and a person's password where Kerberos has to prove it.

use std::time::Duration;

use ritorno_protocol::outcome::Fault;
use ritorno_protocol::secret::Password;
use tokio::time::Instant;

use crate::error::DirectoryError;
use crate::forest::{CONNECT_WITHIN, Directory, Inner};
use crate::kerberos::{KerberosError, Proof, realm};
use crate::ldap::{Connection, LdapError};
use crate::own_password::may_have_counted;
use crate::root_dse::RootDse;

/// Longest wait for a sign-in by Kerberos, which asks the realm for two tickets first.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(5);
/// What the operator is told of a certificate that Kerberos can't be bound to.
const NO_BINDING: &str = "the sign-in by Kerberos was not bound to the TLS channel, since the controller's certificate is signed in a \
                          way (Ed25519) for which RFC 5929 defines no binding: a controller that demands one refuses; a certificate \
                          signed with RSA or ECDSA mends it, or transport = \"kerberos\"";
/// What the operator is told where a password can't be tried.
const NEEDS_A_KEY: &str = "over transport = \"kerberos\" a person's password can be tried only where the agent signs in by a keytab, whose key \
                           proves the answer, and passwords_by_kerberos allows it: name a keytab_file and read what that setting says, or use \"ldaps\" or \"starttls\"";

impl Inner {
    /// Signs in with what the account's file holds now, unless just that was refused before.
    pub(crate) async fn sign_in(&self, mut connection: Connection) -> Result<Connection, DirectoryError> {
        let host = connection.host().to_owned();
        let (account, by_keytab) = (&self.config.account, self.config.by_keytab);
        let _turn = self.own.turn(&host).await?;
        let password = if by_keytab { Ok(None) } else { self.config.password.password().map(Some) };
        let password = password.map_err(|error| {
            let detail = format!("the password of {account} can't be read: {error}");
            DirectoryError::fault(Fault::DirectoryUnavailable, &host, detail)
        })?;
        let content = match (&password, &self.principal) {
            (None, Some((kerberos, _))) => kerberos.keytab_content(),
            (password, _) => password.as_ref().map_or(&[][..], |own| own.expose().as_bytes()).to_vec().into(),
        };
        self.own.may_be_tried(&content, Instant::now()).map_err(|words| {
            let mut error = DirectoryError::fault(Fault::DirectoryUnavailable, &host, words);
            error.operator_mut().ldap_code = Some(49);
            error
        })?;
        let bound = match (password, &self.principal) {
            (Some(password), None) => connection.bind(account, password.expose(), CONNECT_WITHIN).await,
            (password, Some((kerberos, name))) => {
                let proof = password.map_or(Proof::Keytab, Proof::Password);
                connection.bind_by_kerberos(kerberos, name, proof, SIGN_IN_WITHIN).await
            }
            (None, None) => {
                let detail = "a keytab is of use with Kerberos only".to_owned();
                Err(LdapError::NotSent { host: host.clone(), detail })
            }
        };
        let unbound = connection.lacks_binding();
        let outcome = bound.map_err(|error| {
            let counted = may_have_counted(&error);
            let mut error = DirectoryError::read(&error);
            let why = if unbound { format!("; {NO_BINDING}") } else { String::new() };
            error.operator_mut().detail =
                format!("{account} can't sign in: {}{why}", error.operator().detail);
            (counted, error)
        });
        self.own.note(&content, outcome, Instant::now())?;
        if connection.lacks_binding() && self.known().unbound.insert(host.to_lowercase()) {
            tracing::warn!(forest = %self.config.forest, dc = %host, "{NO_BINDING}");
        }
        Ok(connection)
    }
}

impl Directory {
    /// Tries a person's password by Kerberos at the PDC emulator, where connections are under no TLS: the answer is proved by the agent's
    /// own key ([`Kerberos::prove`]), so that it needs the account's keytab. What kept the password from being proved is in the second
    /// place.
    ///
    /// # Errors
    /// What kept us from asking.
    pub(crate) async fn try_by_kerberos(
        &self,
        pdc: &RootDse,
        account_name: &str,
        password: &Password,
    ) -> Result<Result<(), KerberosError>, DirectoryError> {
        let refused = |detail: &str| DirectoryError::fault(Fault::DirectoryUnavailable, &pdc.host, detail);
        let Some((kerberos, name)) = self
            .inner
            .principal
            .as_ref()
            .filter(|_| self.inner.config.by_keytab && self.inner.config.passwords_by_kerberos)
        else {
            return Err(refused(NEEDS_A_KEY));
        };
        // What means something in a principal's text; sAMAccountName holds none of it (MS-SAMR 3.1.1.6).
        if account_name.contains(['@', '/', '\\']) {
            return Err(refused("the account's name is none that Kerberos can carry"));
        }
        let connection = self.fresh_connection(pdc).await?;
        let address = connection.address();
        connection.close().await;
        let person = format!("{account_name}@{}", realm(self.forest()));
        Ok(kerberos.prove(person, password.clone(), name.clone(), address, SIGN_IN_WITHIN).await)
    }
}
