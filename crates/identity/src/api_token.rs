//! Tokens for programs: an administrator's rights, or a part of them, for some time, without the administrator.
//!
//! A token is never more than the account it belongs to: the role and the people that account is for are asked at each request, and
//! who removes the account takes its tokens with it. And it is no fresh proof: what takes one in the console
//! ([`Action::takes_fresh_proof`]), or a second pair of eyes, no token does.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use zeroize::Zeroizing;

use crate::administrator::{Action, Administrator, Forbidden};
use crate::ids::{AdministratorId, ApiTokenId};
use crate::token::Token;

/// How long a token may hold at most.
pub const VALID_AT_MOST: Duration = Duration::from_secs(366 * 24 * 3_600);
/// How long a token holds at least.
pub const VALID_AT_LEAST: Duration = Duration::from_secs(60);
/// Longest name of a token, in bytes.
pub const MAXIMUM_NAME: usize = 64;
/// What every token's text begins with, so that whoever finds one in a file knows it.
const PREFIX: &str = "rit_";

/// A token as it is stored. What it is called by a program is only a digest there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: ApiTokenId,
    /// The tenant.
    pub tenant: TenantId,
    /// Whose rights it has a part of.
    pub administrator: AdministratorId,
    /// What it is for, in a word or two.
    pub name: String,
    /// What may be done by it, as far as the administrator may.
    pub scopes: Vec<Action>,
    /// When it was made.
    pub created_at: Timestamp,
    /// First moment at which it does not hold any more.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// Why something is not done by a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The administrator may not do it either.
    #[error("{0}")]
    Forbidden(Forbidden),
    /// No token may: it takes an administrator who has shown the second factor a moment ago, or another one's own eyes.
    #[error("no token does this: it takes an administrator in the console, who has just shown who they are")]
    InPerson,
    /// The token was not made for it.
    #[error("the token was made without the scope '{0}'")]
    Scope(&'static str),
}

impl ApiToken {
    /// Whether `administrator`, whose token it is, may do that by it.
    ///
    /// # Errors
    /// [`Refused`], by what is missing.
    pub fn may(&self, administrator: &Administrator, action: Action) -> Result<(), Refused> {
        administrator.may(action).map_err(Refused::Forbidden)?;
        let scope = action.scope().ok_or(Refused::InPerson)?;
        if self.scopes.contains(&action) { Ok(()) } else { Err(Refused::Scope(scope)) }
    }

    /// How it holds now.
    pub fn holds(&self, now: Timestamp) -> Holds {
        if self.revoked_at.is_some() {
            Holds::Revoked
        } else if self.expires_at <= now {
            Holds::Expired
        } else {
            Holds::Yes
        }
    }
}

/// Whether a token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    Yes,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

/// Whether a token may be called so: something that can be seen, on one line.
pub fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= MAXIMUM_NAME && !name.chars().any(char::is_control)
}

/// The text of a token, which is shown once.
pub fn to_text(token: &Token) -> Zeroizing<String> {
    Zeroizing::new(format!("{PREFIX}{}", *token.to_text()))
}

/// Reads the text; `None` if it is none of these tokens.
pub fn from_text(text: &str) -> Option<Token> {
    Token::from_text(text.trim().strip_prefix(PREFIX)?)
}

/// Reads how long a token is to hold: `90d`, `12h`, `30m`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn valid_for(text: &str) -> Result<Duration, String> {
    let told = || format!("'{text}' is no time: say 90d, 12h or 30m");
    let (at, unit) = text.char_indices().next_back().ok_or_else(told)?;
    let seconds = match unit {
        'd' => 24 * 3_600,
        'h' => 3_600,
        'm' => 60,
        _ => return Err(told()),
    };
    let number: u32 = text[..at].parse().map_err(|_| told())?;
    let valid = Duration::from_secs(u64::from(number) * seconds);
    if (VALID_AT_LEAST..=VALID_AT_MOST).contains(&valid) {
        Ok(valid)
    } else {
        Err("a token holds for a minute at least, and for 366 days at most".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::ids::TenantId;
    use uuid::Uuid;

    use super::*;
    use crate::administrator::Role;

    fn token(scopes: Vec<Action>) -> ApiToken {
        ApiToken {
            id: ApiTokenId(Uuid::nil()),
            tenant: TenantId(Uuid::nil()),
            administrator: AdministratorId(Uuid::nil()),
            name: "monitoring".into(),
            scopes,
            created_at: Timestamp::from_unix_ms(0),
            expires_at: Timestamp::from_unix_ms(10),
            revoked_at: None,
            last_used_at: None,
        }
    }

    #[test]
    fn a_token_is_never_more_than_its_owner_nor_than_its_scopes() {
        let desk = crate::administrator::tests::called("desk");
        let all = token(Action::ALL.to_vec());
        for action in Action::ALL {
            let (owner, by_token) = (desk.may(action), all.may(&desk, action));
            match action.scope() {
                _ if owner.is_err() => assert_eq!(by_token, owner.map_err(Refused::Forbidden), "{action:?}"),
                None => assert_eq!(by_token, Err(Refused::InPerson), "{action:?}"),
                Some(scope) => {
                    assert_eq!(by_token, Ok(()), "{action:?}");
                    assert_eq!(token(Vec::new()).may(&desk, action), Err(Refused::Scope(scope)));
                }
            }
        }
    }

    #[test]
    fn what_takes_a_fresh_proof_no_token_does() {
        let global = Administrator { role: Role::Global, ..crate::administrator::tests::called("root") };
        let all = token(Action::ALL.to_vec());
        for action in Action::ALL {
            if action.takes_fresh_proof() {
                assert_eq!(all.may(&global, action), Err(Refused::InPerson), "{action:?}");
            }
        }
        assert_eq!(all.may(&global, Action::ApproveCase), Err(Refused::InPerson));
    }

    #[test]
    fn its_time_and_its_text_are_read() {
        let day = Duration::from_secs(24 * 3_600);
        assert_eq!(valid_for("90d"), Ok(day * 90));
        assert_eq!(valid_for("12h"), Ok(day / 2));
        for wrong in ["", "d", "90", "90x", "-1d", "367d", "0m", "9999999999d", "90δ"] {
            assert!(valid_for(wrong).is_err(), "{wrong}");
        }
        let secret = Token::from_text(&"A".repeat(43)).unwrap();
        let text = to_text(&secret);
        assert!(text.starts_with("rit_"));
        assert_eq!(from_text(&text).unwrap().digest(), secret.digest());
        assert!(from_text(&secret.to_text()).is_none(), "an agent's token is none of these");
        let one = token(Vec::new());
        assert_eq!(one.holds(Timestamp::from_unix_ms(9)), Holds::Yes);
        assert_eq!(one.holds(Timestamp::from_unix_ms(10)), Holds::Expired);
        let revoked = ApiToken { revoked_at: Some(Timestamp::from_unix_ms(1)), ..one };
        assert_eq!(revoked.holds(Timestamp::from_unix_ms(2)), Holds::Revoked);
        assert!(is_name("ticket system") && !is_name(" ") && !is_name("a\nb") && !is_name(&"a".repeat(65)));
    }
}
