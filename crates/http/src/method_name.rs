//! What the ways to pass a gate are called.

use ritorno_identity::method::Method;

use crate::i18n::key;

/// The key of a method's name.
pub(crate) const fn method_name(method: Method) -> &'static str {
    match method {
        Method::Mail => key("method-mail"),
        Method::Sms => key("method-sms"),
        Method::App => key("method-app"),
        Method::Passkey => key("method-passkey"),
        Method::RecoveryCode => key("method-recovery"),
        Method::Questions => key("method-questions"),
        Method::TemporaryPass => key("method-pass"),
    }
}
