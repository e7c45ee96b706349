//! Random bytes that are the same for the same seed: a recorded run and its replays draw the same ids.
//! SHA-256 over a counter, so that the sequence never changes with a library.

use rand_core::TryRng;
use sha2::{Digest, Sha256};
use std::convert::Infallible;

/// Bytes drawn from a seed.
pub(super) struct Drawn {
    seed: [u8; 32],
    purpose: u8,
    blocks: u64,
    block: [u8; 32],
    left: usize,
}

impl Drawn {
    /// The bytes of one purpose of several.
    pub(super) fn from(seed: [u8; 32], purpose: u8) -> Self {
        Self {
            seed,
            purpose,
            blocks: 0,
            block: [0; 32],
            left: 0,
        }
    }

    /// A number of these bytes, without drawing it.
    pub(super) fn first(&self) -> u64 {
        let mut first = Self::from(self.seed, self.purpose);
        first.number()
    }

    fn byte(&mut self) -> u8 {
        if self.left == 0 {
            let digest = Sha256::new()
                .chain_update(self.seed)
                .chain_update([self.purpose])
                .chain_update(self.blocks.to_be_bytes());
            self.block = digest.finalize().into();
            self.blocks += 1;
            self.left = self.block.len();
        }
        self.left -= 1;
        self.block.get(self.left).copied().unwrap_or_default()
    }

    fn number(&mut self) -> u64 {
        u64::from_be_bytes(std::array::from_fn(|_| self.byte()))
    }
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(std::array::from_fn(|_| self.byte())))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.number())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill_with(|| self.byte());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_bytes_however_they_are_asked_for() {
        let drawn = |seed: u8, purpose: u8, cut: usize| {
            let mut from = Drawn::from([seed; 32], purpose);
            let mut bytes = [0; 96];
            for part in bytes.chunks_mut(cut) {
                from.try_fill_bytes(part).unwrap();
            }
            bytes
        };
        assert_eq!(drawn(1, 0, 96), drawn(1, 0, 7));
        assert_ne!(drawn(1, 0, 96), drawn(2, 0, 96));
        assert_ne!(drawn(1, 0, 96), drawn(1, 1, 96));
        assert_ne!(drawn(1, 0, 96).get(..32), drawn(1, 0, 96).get(32..64));
    }
}
