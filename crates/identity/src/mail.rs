//! Mails and text messages that wait to be sent.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::random::Random;
use serde::{Deserialize, Serialize};

use crate::ids::MailId;
use crate::language::Language;
use crate::method::Method;
use crate::registration::AddressChange;
use crate::user::User;

/// How a message goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// By mail.
    Mail,
    /// As a text message, through a gateway.
    Sms,
}

impl Channel {
    /// The method whose codes go out by it.
    pub const fn method(self) -> Method {
        match self {
            Self::Mail => Method::Mail,
            Self::Sms => Method::Sms,
        }
    }
}

/// One mail, or text message, in the outbox. Its letter is encrypted in the database, for it can carry a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// The tenant.
    pub tenant: TenantId,
    /// How it goes out.
    pub channel: Channel,
    /// What it says and to whom.
    pub letter: Letter,
    /// Not to be sent after this: a code that has expired helps nobody.
    pub expires_at: Timestamp,
    /// When it was queued.
    pub created_at: Timestamp,
    /// How often sending was begun.
    pub tries: u32,
}

/// How long a notice may wait for a mail server that is down.
pub const NOTICE_VALID: Duration = Duration::from_secs(24 * 3_600);

impl Mail {
    /// A mail that is of use for `valid`, and that nobody has tried to send.
    pub fn new(
        tenant: TenantId,
        letter: Letter,
        valid: Duration,
        now: Timestamp,
        random: &dyn Random,
    ) -> Self {
        let (id, channel) = (MailId::random(random), Channel::Mail);
        Self { id, tenant, channel, letter, expires_at: now.plus(valid), created_at: now, tries: 0 }
    }
}

/// A notice to a person, at every address that is on file.
pub fn notices(
    user: &User,
    language: Language,
    template: &Template,
    now: Timestamp,
    random: &dyn Random,
) -> Vec<Mail> {
    let to_address = |address: &str| {
        let letter = Letter { to: Some(address.to_owned()), language, template: template.clone() };
        Mail::new(user.tenant, letter, NOTICE_VALID, now, random)
    };
    user.addresses().into_iter().map(to_address).collect()
}

/// A mail's content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The address, or the number. `None` for a decoy's mail: queued like every other, and dropped instead of sent.
    pub to: Option<String>,
    /// The reader's language.
    pub language: Language,
    /// Which template, and what goes into it.
    pub template: Template,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letter")
    }
}

/// The templates, each with what goes into it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", rename_all = "snake_case")]
pub enum Template {
    /// The one-time code.
    Code {
        /// The eight digits.
        code: String,
        /// For the help desk.
        support_code: String,
    },
    /// Your password was changed.
    PasswordChanged {
        /// The person's name.
        display_name: String,
        /// Whether it was reset in a browser in which the person had passed no gate before.
        #[serde(default)]
        unusual: bool,
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
        /// For the help desk.
        support_code: String,
    },
    /// An administrator gave you a generated password, which you have to change.
    PasswordGiven {
        /// The person's name.
        display_name: String,
        /// The administrator's name.
        operator: String,
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
        /// For the help desk.
        support_code: String,
    },
    /// Your password was not changed, though you were told that it was.
    PasswordNotChanged {
        /// The person's name.
        display_name: String,
        /// When that was known, in milliseconds since the Unix epoch.
        at_ms: i64,
        /// For the help desk.
        support_code: String,
    },
    /// The one-time code that proves a new address.
    AddressCode {
        /// The eight digits.
        code: String,
        /// For the help desk.
        support_code: String,
    },
    /// An address for codes was registered, replaced or removed.
    AddressChanged {
        /// The person's name.
        display_name: String,
        /// What was done.
        change: AddressChange,
        /// Masked: the address that is registered now, or the one that was removed.
        address: String,
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
        /// For the help desk.
        support_code: String,
    },
    /// A method beside the addresses was registered, replaced or removed.
    MethodChanged {
        /// The person's name.
        display_name: String,
        /// Which.
        method: Method,
        /// What was done.
        change: AddressChange,
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
        /// For the help desk.
        support_code: String,
    },
    /// The code to read out to the help desk, who asks for it, and why.
    HelpDeskCode {
        /// Two groups of four letters.
        code: String,
        /// The operator's name.
        operator: String,
        /// The operator's words.
        reason: String,
    },
    /// The help desk made a temporary pass for you.
    PassMade {
        /// The person's name.
        display_name: String,
        /// The operator's name.
        operator: String,
        /// The operator's words.
        reason: String,
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
    },
    /// Your password will expire.
    PasswordExpires {
        /// The person's name.
        display_name: String,
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
        /// The address of the page on which it is changed.
        page: String,
    },
    /// The password of another administrator was reset.
    AdministratorReset {
        /// Whose: the person's name, or that of the account in the console.
        name: String,
        /// Whether it is the console's password, replaced on the server's command line; else the person reset theirs at the portal.
        console: bool,
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
        /// What the audit has it under, if there is a code.
        support_code: Option<String>,
    },
    /// A passkey of an administrator's account was registered or removed.
    AdministratorPasskey {
        /// The name of the account in the console.
        name: String,
        /// What its owner calls the passkey.
        passkey: String,
        /// What was done.
        change: AddressChange,
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
    },
    /// It is time to register what opens your gates, or to look through it.
    RegistrationDue {
        /// The person's name.
        display_name: String,
        /// Whether it is to be looked through; else something is lacking.
        confirm: bool,
        /// The address of the page on which it is done.
        page: String,
    },
    /// You asked for a reset, and can't have one by yourself.
    Withheld {
        /// The stable code, such as `SSPR_0014`.
        sspr_code: String,
        /// For the help desk.
        support_code: String,
    },
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Code { .. } => "Code",
            Self::PasswordChanged { .. } => "PasswordChanged",
            Self::PasswordGiven { .. } => "PasswordGiven",
            Self::PasswordNotChanged { .. } => "PasswordNotChanged",
            Self::AddressCode { .. } => "AddressCode",
            Self::AddressChanged { .. } => "AddressChanged",
            Self::MethodChanged { .. } => "MethodChanged",
            Self::HelpDeskCode { .. } => "HelpDeskCode",
            Self::PassMade { .. } => "PassMade",
            Self::PasswordExpires { .. } => "PasswordExpires",
            Self::AdministratorReset { .. } => "AdministratorReset",
            Self::AdministratorPasskey { .. } => "AdministratorPasskey",
            Self::RegistrationDue { .. } => "RegistrationDue",
            Self::Withheld { .. } => "Withheld",
        })
    }
}
