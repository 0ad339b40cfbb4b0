//! The learner's random numbers.

use core::convert::Infallible;
use rand_core::{SeedableRng, TryRng, utils};
use serde::{Deserialize, Serialize};

/// xoshiro256++ (Blackman and Vigna 2021), number for number that of the crate `rand_xoshiro`.
///
/// It is here because a resume section must hold its state, and that crate hands its state out only
/// through a feature that needs `std`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Xoshiro256PlusPlus {
    s: [u64; 4],
}

impl TryRng for Xoshiro256PlusPlus {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        // The lowest bits are the weakest.
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let s = &mut self.s;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        Ok(result)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u64())
    }
}

impl SeedableRng for Xoshiro256PlusPlus {
    type Seed = [u8; 32];

    fn from_seed(seed: [u8; 32]) -> Self {
        let s = utils::read_words(&seed);
        // From all zeros it would never leave.
        if s == [0; 4] { Self::seed_from_u64(0) } else { Self { s } }
    }

    /// Fills the state by SplitMix64, as its authors advise.
    fn seed_from_u64(mut seed: u64) -> Self {
        let s = core::array::from_fn(|_| {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        });
        Self { s }
    }
}
