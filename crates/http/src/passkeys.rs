//! The relying party of passkeys (W3C, Web Authentication Level 3): what the pages hand to the browser, and what comes back.
//!
//! A passkey is discoverable and verifies its owner, so that it is a proof by itself, and so that a page need not name any: what it
//! shows is the same for every name.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::StoredPasskey;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// How long a ceremony may take: a person may have to look for their phone.
pub(crate) const VALID: Duration = Duration::from_secs(5 * 60);

/// The relying party of one installation.
pub(crate) struct RelyingParty(Webauthn);

/// Why there are no passkeys here.
#[derive(Debug, thiserror::Error)]
pub enum NoPasskeys {
    /// A passkey belongs to a name.
    #[error("passkeys need a name in public_url, not an address in numbers")]
    NoName,
    /// The library did not take the name.
    #[error("passkeys can't be offered at public_url: {0}")]
    Refused(#[from] webauthn_rs::prelude::WebauthnError),
}

/// Whose passkey is made.
pub(crate) struct Owner<'a> {
    /// What the device keeps with it, and sends back as the user handle.
    pub(crate) id: Uuid,
    /// The name by which they sign in, and what they are called: the device shows them where it has several.
    pub(crate) name: &'a str,
    pub(crate) shown: &'a str,
}

impl<'a> From<&'a User> for Owner<'a> {
    fn from(user: &'a User) -> Self {
        Self { id: user.id.0, name: &user.user_principal_name, shown: &user.display_name }
    }
}

/// What a page hands to the browser, as JSON, and what the server keeps until it comes back.
pub(crate) struct Begun {
    pub(crate) options: String,
    pub(crate) state: String,
}

/// Whether passkeys can be used where browsers find the pages.
///
/// # Errors
/// [`NoPasskeys`].
pub fn available(public_url: &Url) -> Result<(), NoPasskeys> {
    RelyingParty::new(public_url, "Ritorno").map(drop)
}

impl RelyingParty {
    /// Of the pages at `public_url`, called `name`.
    pub(crate) fn new(public_url: &Url, name: &str) -> Result<Self, NoPasskeys> {
        let host = public_url.domain().ok_or(NoPasskeys::NoName)?;
        let builder = WebauthnBuilder::new(host, public_url)?.rp_name(name).timeout(VALID);
        Ok(Self(builder.build()?))
    }

    /// A passkey is to be made for them, on a device that has none of those `there`, by their ids.
    pub(crate) fn begin_registration<'a>(
        &self,
        owner: &Owner<'_>,
        there: impl IntoIterator<Item = &'a str>,
    ) -> Option<Begun> {
        let known = there.into_iter().filter_map(credential_id).collect();
        let Owner { id, name, shown } = *owner;
        let (options, state) = self.0.start_passkey_registration(id, name, shown, Some(known)).ok()?;
        let mut options = public_key(&options)?;
        // The library leaves it open whether a key can be found without being named; here it has to be.
        let selection = options.get_mut("authenticatorSelection")?.as_object_mut()?;
        selection.insert("residentKey".into(), "required".into());
        selection.insert("requireResidentKey".into(), true.into());
        Some(Begun { options: options.to_string(), state: serde_json::to_string(&state).ok()? })
    }

    /// The passkey that was made, if it fits the ceremony.
    pub(crate) fn finish_registration(
        &self,
        credential: &RegisterPublicKeyCredential,
        state: &str,
        now: Timestamp,
    ) -> Option<StoredPasskey> {
        let state: PasskeyRegistration = serde_json::from_str(state).ok()?;
        let passkey = self.0.finish_passkey_registration(credential, &state).ok()?;
        Some(StoredPasskey {
            id: URL_SAFE_NO_PAD.encode(passkey.cred_id()),
            credential: serde_json::to_string(&passkey).ok()?,
            registered_at: now,
        })
    }

    /// Any passkey of this site may answer.
    pub(crate) fn begin_gate(&self) -> Option<Begun> {
        let (options, state) = self.0.start_discoverable_authentication().ok()?;
        let options = public_key(&options)?.to_string();
        Some(Begun { options, state: serde_json::to_string(&state).ok()? })
    }

    /// The credential as it is after it answered right; `None` if it did not.
    pub(crate) fn finish_gate(
        &self,
        answer: &PublicKeyCredential,
        state: &str,
        credential: &str,
    ) -> Option<String> {
        let state: DiscoverableAuthentication = serde_json::from_str(state).ok()?;
        let mut passkey: Passkey = serde_json::from_str(credential).ok()?;
        let result = self.0.finish_discoverable_authentication_v2(answer, state, &passkey).ok()?;
        if !result.user_verified() {
            return None;
        }
        passkey.update_credential(&result)?;
        serde_json::to_string(&passkey).ok()
    }
}

/// The options alone: what stands around them is for another way of asking.
fn public_key(options: &impl serde::Serialize) -> Option<Value> {
    Some(serde_json::to_value(options).ok()?.get_mut("publicKey")?.take())
}

fn credential_id(text: &str) -> Option<CredentialID> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The id of the credential that a browser sent, as it is stored.
pub(crate) fn stored_id(answer: &PublicKeyCredential) -> String {
    URL_SAFE_NO_PAD.encode(answer.get_credential_id())
}

/// Whether the device says that the passkey is of that owner (W3C, Web Authentication Level 3, section 7.2: whoever is not named before has to
/// be named by the answer).
pub(crate) fn is_of(answer: &PublicKeyCredential, owner: Uuid) -> bool {
    answer.get_user_unique_id() == Some(owner.as_bytes().as_slice())
}

/// What a browser sent in a form's field.
pub(crate) fn read<T: DeserializeOwned>(field: &str) -> Option<T> {
    serde_json::from_str(field).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_needs_a_name() {
        for (url, there) in [
            ("https://reset.contoso.test", true),
            ("https://localhost:8443", true),
            ("https://127.0.0.1:8443", false),
            ("https://[::1]", false),
        ] {
            assert_eq!(available(&url.parse().unwrap()).is_ok(), there, "{url}");
        }
    }

    #[test]
    fn the_gate_names_no_passkey_and_asks_for_the_owner() {
        let party = RelyingParty::new(&"https://reset.contoso.test".parse().unwrap(), "Contoso").unwrap();
        let (one, two) = (party.begin_gate().unwrap(), party.begin_gate().unwrap());
        let options: Value = serde_json::from_str(&one.options).unwrap();
        assert_eq!(options["userVerification"], "required");
        assert_eq!(options["rpId"], "reset.contoso.test");
        assert!(options["allowCredentials"].as_array().is_none_or(Vec::is_empty), "{options}");
        assert_ne!(one.options, two.options, "each has a challenge of its own");
    }
}
