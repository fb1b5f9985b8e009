//! One organisation on the cloud side.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{GroupId, TenantId};
use ritorno_protocol::key::PublicKey;
use serde::{Deserialize, Serialize};

use crate::brand::Brand;
use crate::expiry;
use crate::gates::GatePolicy;
use crate::language::Language;
use crate::licence::Licensing;
use crate::question::QuestionPolicy;
use crate::removal_guard::RemovalGuard;
use crate::sspr::ReconfirmAfter;
use crate::user::User;

/// Whether somebody who comes out of a directory may become a person whom the tenant has already, by what both are called. It is never
/// done with an administrator, nor with anybody who comes from a directory already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoftMatch {
    /// Never: whose name is taken is refused.
    #[default]
    Off,
    /// By the user principal name.
    UserName,
    /// By the user principal name, else by the address at work.
    UserNameOrMail,
}

/// One organisation, and what holds for all of its people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name, shown on every page.
    pub name: String,
    /// The public half of its root key. The private half is never in the database.
    pub root: PublicKey,
    /// The languages that its pages offer, the first one being the default.
    pub languages: Vec<Language>,
    /// Whether people may reset their password by themselves.
    pub sspr_enabled: bool,
    /// The groups whose people may, also by way of other groups, each of them once and at most
    /// [`GROUPS_AT_MOST`](crate::sspr::GROUPS_AT_MOST); empty for everybody. A group that is gone has nobody.
    pub sspr_groups: Vec<GroupId>,
    /// Whether passwords are written back to the directories on premises.
    pub writeback_enabled: bool,
    /// Whether people may unlock their account without a new password.
    pub unlock_enabled: bool,
    /// What opens the gates before a reset, and how many there are.
    pub gate_policy: GatePolicy,
    /// Which security questions people register, and how many they are asked, if that is a method of theirs.
    pub questions: QuestionPolicy,
    /// After how long people are asked to look through what they registered.
    pub reconfirm_after: ReconfirmAfter,
    /// Whether account and display name are forbidden in passwords everywhere, whatever the directory does.
    pub forbid_names: bool,
    /// Words that are banned from passwords everywhere ([`crate::banned_word`]).
    pub banned_words: Vec<String>,
    /// How many days before a password expires its owner is told by mail ([`crate::expiry`]), the most first; empty for never.
    pub expiry_days: Vec<u16>,
    /// How its pages look.
    pub brand: Brand,
    /// Where the pages send people who need help: an `https:` or `mailto:` address.
    pub helpdesk_url: Option<String>,
    /// Domains that the masked addresses of decoys seem to be of. They should look like those of the tenant's people.
    pub decoy_domains: Vec<String>,
    /// Domains, with all below them, that nobody may register an address of: those whose mailboxes the forgotten
    /// password locks.
    pub forbidden_mail_domains: Vec<String>,
    /// Domains of sign-in names whose people have no other directory than the tenant itself ([`crate::realm`]).
    pub cloud_domains: Vec<String>,
    /// Whether people who lack something of what opens their gates, or whose time to look through it has come, are led there when they
    /// sign in.
    pub require_registration: bool,
    /// Whether people who lack something of what opens their gates, or whose time to look through it has come, are told by mail.
    pub registration_mails: bool,
    /// Whether administrators are told by mail when the password of another one is reset.
    pub notify_administrators: bool,
    /// Whether people need a licence.
    pub licensing: Licensing,
    /// The country in which products are used ([`crate::licence::usage_location`]), where it is not said for a person.
    pub usage_location: Option<String>,
    /// Whether administrators show an authenticator app beside their password. Only a laboratory goes without.
    pub second_factor: bool,
    /// Whether people of a directory may become cloud-only people of the same name.
    pub soft_match: SoftMatch,
    /// How many removals of one provisioner go through without an approval.
    pub removal_guard: RemovalGuard,
    /// Where people and agents reach it: its host is what tells its requests from those of others. `None` for the first one, whose address
    /// stands in the configuration.
    pub public_url: Option<String>,
    /// Since when it is not served.
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Decoy domains of a new tenant: where most people have their private mail.
pub const DEFAULT_DECOY_DOMAINS: [&str; 4] = ["gmail.com", "outlook.com", "libero.it", "icloud.com"];

impl Tenant {
    /// A tenant as `init` makes it: both languages, SSPR on, mails before a password expires, writeback off until a cloud-only administrator enables it.
    pub fn new(id: TenantId, name: String, root: PublicKey, now: Timestamp) -> Self {
        Self {
            id,
            name,
            root,
            languages: Language::ALL.to_vec(),
            sspr_enabled: true,
            sspr_groups: Vec::new(),
            writeback_enabled: false,
            unlock_enabled: false,
            gate_policy: GatePolicy::of_new_tenant(),
            questions: QuestionPolicy::default(),
            reconfirm_after: ReconfirmAfter::OF_NEW_TENANT,
            forbid_names: false,
            banned_words: Vec::new(),
            expiry_days: expiry::PROPOSED.to_vec(),
            brand: Brand::default(),
            helpdesk_url: None,
            decoy_domains: DEFAULT_DECOY_DOMAINS.map(str::to_owned).to_vec(),
            forbidden_mail_domains: Vec::new(),
            cloud_domains: Vec::new(),
            require_registration: false,
            registration_mails: false,
            notify_administrators: true,
            licensing: Licensing::Community,
            usage_location: None,
            second_factor: true,
            soft_match: SoftMatch::Off,
            removal_guard: RemovalGuard::default(),
            public_url: None,
            disabled_at: None,
            created_at: now,
        }
    }

    /// The language that mail to a person is written in: their own, else what the tenant's pages begin with.
    pub fn language_of(&self, user: &User) -> Language {
        user.language.unwrap_or_else(|| self.language_for([]))
    }

    /// The best language for a reader who asks for `wanted` in order of preference (the tags of `Accept-Language`).
    pub fn language_for<'a>(&self, wanted: impl IntoIterator<Item = &'a str>) -> Language {
        wanted
            .into_iter()
            .filter_map(Language::from_tag)
            .find(|language| self.languages.contains(language))
            .or_else(|| self.languages.first().copied())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::key::SigningKey;

    use super::*;

    #[test]
    fn reader_gets_an_offered_language() {
        let root = SigningKey::from_bytes(&[7; 32]).unwrap().public();
        let id = TenantId(uuid::Uuid::nil());
        let mut tenant = Tenant::new(id, "Contoso".into(), root, Timestamp::from_unix_ms(0));
        assert_eq!(tenant.language_for(["de", "it-IT", "en"]), Language::Italian);
        assert_eq!(tenant.language_for(["de"]), Language::English);
        tenant.languages = vec![Language::Italian];
        assert_eq!(tenant.language_for(["en"]), Language::Italian);
        let anna = crate::flow::tests::person();
        assert_eq!(tenant.language_of(&anna), Language::Italian, "she has none of her own");
        let english = User { language: Some(Language::English), ..anna };
        assert_eq!(tenant.language_of(&english), Language::English);
        assert!(!tenant.writeback_enabled);
    }
}
