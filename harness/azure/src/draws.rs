//! Named child generators of one seed.
//!
//! Each draw has a generator of its own, derived from what the draw is for. One more draw somewhere never shifts
//! another, and the order in which calls happen to arrive does not matter.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};

/// The generator of one purpose: `name` says what is drawn (`boot`, `fault/ID`), `owner` for whom (a node pool), `ordinal` which time.
pub fn child(seed: u64, name: &str, owner: &str, ordinal: u64) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for part in [name, owner] {
        // Lengths keep ("ab","c") and ("a","bc") apart.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(ordinal.to_le_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// Whether something that happens in `share` of cases happens in this one.
pub fn happens(seed: u64, name: &str, owner: &str, ordinal: u64, share: f64) -> bool {
    share >= 1.0 || child(seed, name, owner, ordinal).random::<f64>() < share
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn draws_do_not_depend_on_what_else_is_drawn(seed: u64, ordinal in 0u64..10_000, others in 0u64..50) {
            let alone = child(seed, "boot", "web", ordinal).random::<u64>();
            for other in 0..others {
                let _ = child(seed, "boot", "web", other).random::<u64>();
                let _ = child(seed, "accept", "web", ordinal).random::<u64>();
            }
            prop_assert_eq!(alone, child(seed, "boot", "web", ordinal).random::<u64>());
        }

        #[test]
        fn purposes_do_not_share_draws(seed: u64, ordinal in 0u64..10_000) {
            let boot = child(seed, "boot", "web", ordinal).random::<u64>();
            prop_assert_ne!(boot, child(seed, "ready", "web", ordinal).random::<u64>());
            prop_assert_ne!(boot, child(seed, "boot", "batch", ordinal).random::<u64>());
            prop_assert_ne!(boot, child(seed, "bootw", "eb", ordinal).random::<u64>());
            prop_assert_ne!(boot, child(seed, "boot", "web", ordinal + 1).random::<u64>());
        }
    }

    #[test]
    fn a_seed_means_the_same_numbers_for_ever() {
        // Golden values: a change here changes what every recorded seed means.
        let draws = [0, 1, 2].map(|n| child(7, "boot", "web", n).random::<u64>());
        assert_eq!(draws, [2_279_580_498_389_146_896, 13_643_765_462_068_635_648, 7_331_634_911_184_994_504]);
        let share = (0..10_000).filter(|n| happens(7, "fault/x", "web", *n, 0.3)).count();
        assert!((2_850..3_150).contains(&share), "{share}");
    }
}
