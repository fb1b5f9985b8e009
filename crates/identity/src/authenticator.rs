//! Authenticator apps: codes that follow from a secret and the time (TOTP, RFC 6238), with what every app takes: SHA-1, six
//! digits, 30 seconds.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::random::{Random, array};
use totp_rs::{Builder, Secret, Totp, TotpError};
use zeroize::Zeroizing;

/// Digits of a code.
pub const DIGITS: usize = 6;
/// Bytes of a secret (RFC 4226 section 4, R6: 160 bits are recommended).
pub const SECRET_SIZE: usize = 20;
/// Steps of 30 seconds that a phone's clock may be ahead or behind.
const TOLERANCE: u16 = 1;

/// What an app and the server share. The database holds it wrapped.
#[derive(Clone)]
pub struct AppSecret(Zeroizing<[u8; SECRET_SIZE]>);

/// A code as it was typed: six digits.
#[derive(Clone)]
pub struct AppCode(Zeroizing<String>);

/// The step of 30 seconds that a code belongs to, counted since 1970. A step is used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step(pub i64);

impl AppSecret {
    /// A new secret.
    pub fn random(random: &dyn Random) -> Self {
        Self(Zeroizing::new(array(random)))
    }

    /// Takes over stored bytes; `None` if there are not [`SECRET_SIZE`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// The bytes, to be wrapped.
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The secret as a person types it: base32 (RFC 4648) in groups of four.
    pub fn text(&self) -> Zeroizing<String> {
        let plain = Zeroizing::new(Secret::new_stack(*self.0).to_base32());
        let mut grouped = Zeroizing::new(String::with_capacity(plain.len() * 5 / 4));
        for (at, letter) in plain.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                grouped.push(' ');
            }
            grouped.push(letter);
        }
        grouped
    }

    /// The address that a QR code holds for apps: whose it is, and where.
    ///
    /// # Errors
    /// [`TotpError`]: the account's name is empty.
    pub fn address(&self, organisation: &str, account: &str) -> Result<Zeroizing<String>, TotpError> {
        // A colon parts the two names in it.
        let [issuer, account] = [organisation, account].map(|name| name.replace(':', " ").trim().to_owned());
        let named = self.builder().with_issuer(Some(issuer).filter(|issuer| !issuer.is_empty()));
        named.with_account_name(account).build()?.to_url().map(Zeroizing::new)
    }

    /// The step of the code, if it is the one of now or of the step before or after.
    pub fn step_of(&self, code: &AppCode, now: Timestamp) -> Option<Step> {
        let seconds = u64::try_from(now.unix_ms().div_euclid(1_000)).ok()?;
        let step = self.totp()?.check(&code.0, seconds)?;
        i64::try_from(step).ok().map(Step)
    }

    fn builder(&self) -> Builder {
        Builder::new().with_secret(Secret::new_stack(*self.0)).with_skew(TOLERANCE)
    }

    fn totp(&self) -> Option<Totp> {
        self.builder().build().ok()
    }
}

impl AppCode {
    /// Reads what was typed; spaces and dashes do not matter. `None` if it is not six digits.
    pub fn parse(typed: &str) -> Option<Self> {
        let digits: Zeroizing<String> =
            Zeroizing::new(typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect());
        (digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then_some(Self(digits))
    }
}

impl std::fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppSecret")
    }
}

impl std::fmt::Debug for AppCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppCode")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> AppSecret {
        AppSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(seconds * 1_000)
    }

    /// RFC 6238 appendix B, the last six of its eight digits.
    #[test]
    fn known_answers_of_the_rfc() {
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let code = AppCode::parse(code).unwrap();
            assert_eq!(secret().step_of(&code, at(seconds)), Some(Step(seconds / 30)), "{seconds}");
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off_and_no_more() {
        let code = AppCode::parse("005924").unwrap();
        let step = 1_234_567_890 / 30;
        for (seconds, taken) in
            [(step - 2, false), (step - 1, true), (step, true), (step + 1, true), (step + 2, false)]
        {
            let found = secret().step_of(&code, at(seconds * 30));
            assert_eq!(found, taken.then_some(Step(step)), "{seconds}");
        }
        assert_eq!(secret().step_of(&code, at(-1)), None);
    }

    #[test]
    fn typed_code_is_six_digits() {
        assert!(AppCode::parse(" 005 924 ").is_some() && AppCode::parse("005-924").is_some());
        for typed in ["00592", "0059244", "00592a", "", "٠٠٥٩٢٤"] {
            assert!(AppCode::parse(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn key_and_address_are_what_apps_read() {
        assert_eq!(secret().text().as_str(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let address = secret().address("Contoso: Italia", "anna@contoso.test").unwrap();
        assert!(address.starts_with("otpauth://totp/Contoso"), "{}", *address);
        assert!(address.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{}", *address);
        assert_eq!(address.matches(':').count(), 2, "{}", *address);
        assert!(secret().address("", "anna").is_ok());
        assert!(secret().address("Contoso", "").is_err());
        assert_eq!(format!("{:?} {:?}", secret(), AppCode::parse("123456")), "AppSecret Some(AppCode)");
    }
}
