//! Seeded randomness: every random value of a simulation follows from its seed and a name.

use rand::rngs::SmallRng;
use rand::{RngCore as _, SeedableRng};

/// A generator for `purpose`, the same for the same seed whatever else was drawn before.
pub fn rng(seed: u64, purpose: &str) -> SmallRng {
    // FNV-1a over the purpose; SmallRng's seeding mixes it further.
    let hash = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    SmallRng::seed_from_u64(seed ^ hash)
}

/// A word of 20 hexadecimal digits for `purpose`, such as a password.
pub fn word(seed: u64, purpose: &str) -> String {
    let mut bytes = [0; 10];
    rng(seed, purpose).fill_bytes(&mut bytes);
    crate::tls::hex(&bytes)
}
