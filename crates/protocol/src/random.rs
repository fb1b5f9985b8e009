//! Randomness as an argument.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// A shareable source of random bytes fit for keys.
pub trait Random: Send + Sync {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

/// Lets a shared [`Random`] be used where `rand_core` wants a generator: `&mut Rng(&*source)`.
pub struct Rng<'a>(pub &'a dyn Random);

impl TryRng for Rng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Rng<'_> {}

/// A random array, for ids, nonces and secrets.
pub fn array<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A source for tests: a counter hashed with a seed, so that every run makes the same keys.
    pub(crate) struct Fixed(pub(crate) u64);

    impl Random for Fixed {
        fn fill(&self, out: &mut [u8]) {
            use sha2::{Digest as _, Sha256};
            for (index, chunk) in out.chunks_mut(32).enumerate() {
                let block = Sha256::digest([self.0.to_be_bytes(), (index as u64).to_be_bytes()].concat());
                chunk.copy_from_slice(&block[..chunk.len()]);
            }
        }
    }

    #[test]
    fn generator_and_source_agree() {
        let mut by_generator = [0; 40];
        Rng(&Fixed(7)).try_fill_bytes(&mut by_generator).unwrap();
        assert_eq!(by_generator, array::<40>(&Fixed(7)));
    }
}
