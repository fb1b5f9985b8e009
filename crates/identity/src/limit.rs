//! Limits that need the database. Each counts a subject for one thing, in a window that slides.

use std::time::Duration;

use crate::mail::Channel;
use crate::method::Method;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// One limit: at most `most` in `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is counted; the counter's name in the database.
    pub name: &'static str,
    /// How many are let through.
    pub most: u32,
    /// How long the window is: in no interval of this length more than `most` are let through.
    pub window: Duration,
}

/// Parts that a window is cut into: what is counted is forgotten by parts.
pub const PARTS: u32 = 6;

impl Limit {
    /// How long after a count it is forgotten at the latest: the window, and a part of it.
    #[must_use]
    pub fn forgotten_after(&self) -> Duration {
        self.window + self.window / PARTS
    }
}

/// Codes asked for by one name, and codes mailed to one address, unasked-for ones above all: each is counted. Beyond it the page
/// goes on as a decoy.
pub const CODES_SENT: Limit = Limit { name: "codes-sent", most: 3, window: HOUR };
/// The same for codes that were asked for in their owner's known browser. They are counted apart, so that whoever
/// uses up [`CODES_SENT`] from elsewhere does not keep the owner from theirs.
pub const CODES_SENT_TO_KNOWN_BROWSER: Limit = Limit { name: "codes-sent-known", most: 6, window: HOUR };
/// Wrong codes of one person by mail. It stops this method only, and the help desk can lift it.
pub const WRONG_CODES_BY_MAIL: Limit = Limit { name: "wrong-codes-mail", most: 20, window: DAY };
/// Codes by text message asked for by one name, and sent to one number: each is counted, as [`CODES_SENT`] is for mail.
pub const SMS_SENT: Limit = Limit { name: "sms-sent", most: 3, window: HOUR };
/// The same in their owner's known browser.
pub const SMS_SENT_TO_KNOWN_BROWSER: Limit = Limit { name: "sms-sent-known", most: 6, window: HOUR };
/// Text messages that a whole tenant asks for, those of strangers too: each costs money, and whoever knows many names must not spend
/// it without an end. Beyond it the pages go on, and nothing is sent.
pub const SMS_OF_TENANT: Limit = Limit { name: "sms-of-tenant", most: 500, window: HOUR };
/// Wrong codes of one person by text message. It stops this method only, and the help desk can lift it.
pub const WRONG_CODES_BY_SMS: Limit = Limit { name: "wrong-codes-sms", most: 20, window: DAY };
/// Tries at a gate in one way through the pages, for what can be tried without a code that was sent: an app's code, a recovery
/// code. It is [`crate::code::TRIES`] for a code that was sent.
pub const TRIES_AT_A_GATE: Limit =
    Limit { name: "tries-at-a-gate", most: crate::code::TRIES, window: crate::flow::VALID };
/// Wrong codes of one person by app. It stops this method only, spares a browser in which they succeeded before, and the help
/// desk can lift it.
pub const WRONG_CODES_BY_APP: Limit = Limit { name: "wrong-codes-app", most: 20, window: DAY };
/// The same in a browser in which the person succeeded before: an app's code has six digits, so that nowhere may anybody go on
/// for ever.
pub const WRONG_CODES_BY_APP_IN_KNOWN_BROWSER: Limit =
    Limit { name: "wrong-codes-app-known", most: 60, window: DAY };
/// Wrong passkeys of one person. They can't be guessed; it keeps anybody from trying for ever.
pub const WRONG_PASSKEYS: Limit = Limit { name: "wrong-passkeys", most: 20, window: DAY };
/// The same in a browser in which the person succeeded before.
pub const WRONG_PASSKEYS_IN_KNOWN_BROWSER: Limit =
    Limit { name: "wrong-passkeys-known", most: 60, window: DAY };
/// Wrong recovery codes of one person. They can't be guessed; it keeps anybody from trying for ever.
pub const WRONG_RECOVERY_CODES: Limit = Limit { name: "wrong-recovery-codes", most: 20, window: DAY };
/// The same in a browser in which the person succeeded before.
pub const WRONG_RECOVERY_CODES_IN_KNOWN_BROWSER: Limit =
    Limit { name: "wrong-recovery-codes-known", most: 60, window: DAY };
/// Wrong answers of one person to their security questions, all that are asked at once being one. It stops this method only, spares a
/// browser in which they succeeded before, and the help desk can lift it.
pub const WRONG_ANSWERS: Limit = Limit { name: "wrong-answers", most: 20, window: DAY };
/// The same in a browser in which the person succeeded before.
pub const WRONG_ANSWERS_IN_KNOWN_BROWSER: Limit =
    Limit { name: "wrong-answers-known", most: 60, window: DAY };
/// Wrong guesses at one temporary pass that was made ([`crate::subject::Subject::of_case`]): what is guessed before counts against
/// none. When they are used up nothing shows, since a stop would tell that there is a pass.
pub const WRONG_PASSES: Limit = Limit { name: "wrong-passes", most: 20, window: DAY };
/// The same in a browser in which the person succeeded before.
pub const WRONG_PASSES_IN_KNOWN_BROWSER: Limit = Limit { name: "wrong-passes-known", most: 60, window: DAY };
/// Cases that one operator of the help desk may open.
pub const HELP_DESK_CASES: Limit = Limit { name: "help-desk-cases", most: 30, window: DAY };
/// Codes for the help desk that go to one person.
pub const HELP_DESK_CODES: Limit = Limit { name: "help-desk-codes", most: 3, window: HOUR };
/// Names that one network may try.
pub const NAMES_TRIED: Limit = Limit { name: "names-tried", most: 60, window: HOUR };
/// How often a name was given, whatever for: counted for the name, known or not, for the network that it came from, and for the tenant.
/// It stops nobody; beyond the three numbers below it costs work ([`crate::work`]). What is asked for and not done is not counted.
pub const STARTS: Limit = Limit { name: "starts", most: u32::MAX, window: HOUR };
/// Of these, for one name, what costs nothing: more than somebody in earnest needs, who gets three codes.
pub const FREE_STARTS_OF_NAME: u32 = 5;
/// The same for one network, which may be a whole office.
pub const FREE_STARTS_FROM_NETWORK: u32 = 30;
/// The same for the whole tenant.
pub const FREE_STARTS_OF_TENANT: u32 = 500;
/// Challenges that were asked for and are not answered yet, of one name from one network, and from one network: a store of them that
/// is laid in grows dearer with each. It stops nobody.
pub const CHALLENGES_OPEN: Limit = Limit { name: "challenges-open", most: u32::MAX, window: HOUR };
/// Times that one name from one network is given by whoever waited rather than computed: waiting costs a program nothing.
pub const WAITED: Limit = Limit { name: "waited", most: 3, window: HOUR };
/// Wrong passwords for one name from one network, in front of the registration of an address.
pub const PASSWORDS_TRIED: Limit = Limit { name: "passwords-tried", most: 5, window: HOUR };
/// Wrong passwords of one person in one browser in which they succeeded before: what is tried
/// elsewhere does not count there, nor what is tried there elsewhere. Beyond it [`PASSWORDS_TRIED`] counts.
pub const PASSWORDS_TRIED_IN_KNOWN_BROWSER: Limit =
    Limit { name: "passwords-tried-known", most: 10, window: HOUR };
/// Passwords, right or wrong, for one name of the tenant's own from anywhere. Beyond it an answer takes longer, and nobody is stopped.
pub const PASSWORDS_TRIED_ANYWHERE: Limit =
    Limit { name: "passwords-tried-anywhere", most: 20, window: HOUR };
/// How often the help desk lifted the stops on somebody's passwords. It stops nobody: what is counted begins anew with each.
pub const PASSWORDS_LIFTED: Limit = Limit { name: "passwords-lifted", most: u32::MAX, window: DAY };
/// Passwords of the whole tenant that are taken to its directories before any gate. It is below what an agent takes in a
/// minute, so that whoever tries passwords keeps nobody from a reset.
pub const PASSWORDS_CARRIED: Limit =
    Limit { name: "passwords-carried", most: 20, window: Duration::from_secs(60) };
/// The same for browsers in which their owners succeeded before: whoever uses up [`PASSWORDS_CARRIED`] keeps none of them from signing in.
/// Both together are below what an agent takes.
pub const PASSWORDS_CARRIED_FROM_KNOWN_BROWSERS: Limit =
    Limit { name: "passwords-carried-known", most: 20, window: Duration::from_secs(60) };
/// Passwords of one person, or one name, that are looked at at the same time, whatever the network: agents count an account's
/// wrong passwords each for itself, and together they must not come near to locking it. Given back with the answer.
pub const PASSWORDS_AT_ONCE: Limit =
    Limit { name: "passwords-at-once", most: 1, window: Duration::from_secs(60) };
/// The same in browsers in which the person succeeded before: whoever keeps [`PASSWORDS_AT_ONCE`] taken from elsewhere does not keep them
/// out. The second password at the same time can't lock the account, since agents stop those from elsewhere long before.
pub const PASSWORDS_AT_ONCE_IN_KNOWN_BROWSERS: Limit =
    Limit { name: "passwords-at-once-known", most: 1, window: Duration::from_secs(60) };
/// Codes to one new address, whoever asks. They are counted apart from [`CODES_SENT`], so that nobody learns by them whether an
/// address is on somebody's file.
pub const NEW_ADDRESS_CODES_TO: Limit = Limit { name: "new-address-codes-to", most: 3, window: HOUR };
/// Codes to new addresses that one person may ask for: nobody's mailbox is filled through a password that is known.
pub const NEW_ADDRESS_CODES: Limit = Limit { name: "new-address-codes", most: 10, window: DAY };
/// Sign-in tries for one administrator's name from one network.
pub const ADMINISTRATOR_SIGN_INS: Limit = Limit { name: "administrator-sign-ins", most: 10, window: HOUR };
/// Sign-in tries to the console from one network, whatever the names: each costs a hash, and one password may be tried on
/// many names.
pub const SIGN_INS_BY_NETWORK: Limit = Limit { name: "sign-ins-network", most: 60, window: HOUR };
/// How often one network may begin to sign in to the console with a passkey: each leaves a row behind for some minutes.
pub const PASSKEYS_ASKED_FOR: Limit = Limit { name: "passkeys-asked-for", most: 120, window: HOUR };
/// Wrong codes of one administrator's app from one network, and wrong passkeys after the password.
pub const ADMINISTRATOR_CODES: Limit =
    Limit { name: "administrator-codes", most: 5, window: Duration::from_secs(15 * 60) };
/// Wrong codes of one administrator's app from anywhere. Whoever gets that far has the password: six digits must not be tried for
/// ever, and the account is stopped for the day rather.
pub const ADMINISTRATOR_CODES_ANYWHERE: Limit =
    Limit { name: "administrator-codes-anywhere", most: 30, window: DAY };
/// Device codes that one administrator may type.
pub const DEVICE_CODES_TYPED: Limit = Limit { name: "device-codes-typed", most: 10, window: HOUR };
/// Requests to the API by one token.
pub const API_REQUESTS: Limit = Limit { name: "api-requests", most: 600, window: Duration::from_secs(60) };

/// The limit for one more code to an address or a number.
pub const fn codes_sent(channel: Channel, known_browser: bool) -> &'static Limit {
    match (channel, known_browser) {
        (Channel::Mail, false) => &CODES_SENT,
        (Channel::Mail, true) => &CODES_SENT_TO_KNOWN_BROWSER,
        (Channel::Sms, false) => &SMS_SENT,
        (Channel::Sms, true) => &SMS_SENT_TO_KNOWN_BROWSER,
    }
}

/// The limit for wrong tries of one person at a gate, by what was tried, in a browser in which they succeeded before or
/// elsewhere. What is tried elsewhere does not count where they succeeded.
pub const fn wrong_at_a_gate(method: Method, known_browser: bool) -> &'static Limit {
    match (method, known_browser) {
        // The stop of codes that were sent is one for both, and spares a known browser where it is counted.
        (Method::Mail, _) => &WRONG_CODES_BY_MAIL,
        (Method::Sms, _) => &WRONG_CODES_BY_SMS,
        (Method::App, false) => &WRONG_CODES_BY_APP,
        (Method::App, true) => &WRONG_CODES_BY_APP_IN_KNOWN_BROWSER,
        (Method::Passkey, false) => &WRONG_PASSKEYS,
        (Method::Passkey, true) => &WRONG_PASSKEYS_IN_KNOWN_BROWSER,
        (Method::RecoveryCode, false) => &WRONG_RECOVERY_CODES,
        (Method::Questions, false) => &WRONG_ANSWERS,
        (Method::Questions, true) => &WRONG_ANSWERS_IN_KNOWN_BROWSER,
        (Method::TemporaryPass, false) => &WRONG_PASSES,
        (Method::TemporaryPass, true) => &WRONG_PASSES_IN_KNOWN_BROWSER,
        (Method::RecoveryCode, true) => &WRONG_RECOVERY_CODES_IN_KNOWN_BROWSER,
    }
}
