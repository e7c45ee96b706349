//! How long to wait after a failure: full jitter, 1 s doubling to 60 s, without end.

use std::time::Duration;

const FIRST_MS: u64 = 1_000;
const LONGEST_MS: u64 = 60_000;

/// The delay after so many earlier failures in a row; `random` is any random number.
#[must_use]
pub fn delay(failures: u32, random: u64) -> Duration {
    let ceiling = FIRST_MS
        .checked_shl(failures.min(16))
        .map_or(LONGEST_MS, |ceiling| ceiling.min(LONGEST_MS));
    Duration::from_millis(random % (ceiling + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ceiling_doubles_from_one_second_to_sixty() {
        for (failures, seconds) in [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (7, 60), (1_000, 60)] {
            let ceiling = seconds * 1_000;
            assert_eq!(delay(failures, ceiling), Duration::from_secs(seconds));
            assert_eq!(delay(failures, ceiling + 1), Duration::ZERO);
        }
    }

    proptest! {
        #[test]
        fn no_delay_is_longer_than_a_minute(failures in any::<u32>(), random in any::<u64>()) {
            prop_assert!(delay(failures, random) <= Duration::from_secs(60));
        }
    }
}
