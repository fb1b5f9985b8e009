//! Answers to security questions, hashed and compared.

use ritorno_identity::password::{PasswordError, PasswordHash};
use ritorno_identity::question::Question;
use ritorno_protocol::secret::Password;

use crate::hashing::Hashing;
use crate::page::PageError;
use crate::state::AppState;

/// Where answers are compared and made.
static HASHING: Hashing = Hashing::new();

/// Hashes what was answered, to be stored.
pub(crate) async fn hash(
    state: &AppState,
    answered: Vec<(Question, Password)>,
) -> Result<Vec<(Question, PasswordHash)>, PageError> {
    let random = state.random.clone();
    let hashing = HASHING.compute(move || {
        let hash = |(question, digest): (Question, Password)| {
            Ok::<_, PasswordError>((question, PasswordHash::new(&digest, &*random)?))
        };
        answered.into_iter().map(hash).collect::<Result<Vec<_>, _>>()
    });
    hashing.await?.map_err(PageError::behind)
}

/// Whether every one is the hashed one. All are compared, whatever comes of the first, and those without a hash with one that nothing
/// matches.
pub(crate) async fn are_right(typed: Vec<Password>, hashes: Vec<Option<PasswordHash>>) -> bool {
    let comparing = HASHING.compute(move || compared(&typed, hashes, |hash, typed| hash.matches(typed)));
    // A comparison that failed proves nothing.
    comparing.await.unwrap_or(false)
}

fn compared(
    typed: &[Password],
    hashes: Vec<Option<PasswordHash>>,
    mut matches: impl FnMut(&PasswordHash, &Password) -> bool,
) -> bool {
    let whole = !typed.is_empty() && typed.len() == hashes.len();
    typed.iter().zip(hashes).fold(whole, |right, (typed, hash)| {
        let known = hash.is_some();
        matches(&hash.unwrap_or_else(PasswordHash::of_nobody), typed) && known && right
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;
    impl ritorno_protocol::random::Random for Zeros {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0);
        }
    }

    #[tokio::test]
    async fn all_have_to_be_right() {
        let password = |text: &str| Password::new(format!("a digest of the answer {text}"));
        let hash = |text: &str| Some(PasswordHash::new(&password(text), &Zeros).unwrap());
        let typed = || vec![password("a"), password("b"), password("c")];
        assert!(are_right(typed(), vec![hash("a"), hash("b"), hash("c")]).await);
        for wrong in [
            vec![hash("x"), hash("b"), hash("c")],
            vec![hash("a"), hash("b"), hash("x")],
            vec![hash("b"), hash("a"), hash("c")],
            vec![hash("a"), None, hash("c")],
            vec![hash("a"), hash("b")],
            vec![None, None, None],
        ] {
            assert!(!are_right(typed(), wrong).await);
        }
        // Every one is compared, whichever is wrong or missing.
        for hashes in [
            vec![hash("a"), hash("b"), hash("c")],
            vec![hash("x"), hash("b"), hash("c")],
            vec![None, hash("x"), hash("c")],
            vec![None, None, None],
        ] {
            let mut number = 0;
            compared(&typed(), hashes, |hash, typed| {
                number += 1;
                hash.matches(typed)
            });
            assert_eq!(number, 3);
        }
        assert!(!are_right(Vec::new(), Vec::new()).await, "no questions are no proof");
    }
}
