//! When a milestone was reached and how that is known, in eight bytes.

use std::num::NonZeroU64;

use crate::event::Seen;

/// A moment and how it came to be known. `Option<Stamp>` is eight bytes too: a log may hold a million of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(NonZeroU64);

/// Two bits say how it was seen, and the value is never 0.
const LATEST_US: u64 = (u64::MAX >> 2) - 1;

impl Stamp {
    pub(crate) fn new(at_us: u64, seen: Seen) -> Self {
        let seen = match seen {
            Seen::Live => 0,
            Seen::Listed => 1,
            Seen::Inferred => 2,
        };
        Self(NonZeroU64::MIN.saturating_add((at_us.min(LATEST_US) << 2) | seen))
    }

    /// Microseconds since the run began.
    pub(crate) fn at_us(self) -> u64 {
        (self.0.get() - 1) >> 2
    }

    /// Whether the transition itself was seen.
    pub(crate) fn is_live(self) -> bool {
        (self.0.get() - 1) & 3 == 0
    }
}

impl std::fmt::Debug for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.at_us(), if self.is_live() { "" } else { "?" })
    }
}

/// Sets the stamp where there is none: the first reach wins.
pub(crate) fn first(slot: &mut Option<Stamp>, stamp: Stamp) {
    slot.get_or_insert(stamp);
}

/// Clears those that were reached at this moment or later.
pub(crate) fn clear_from<const N: usize>(slots: [&mut Option<Stamp>; N], from_us: u64) {
    for slot in slots {
        *slot = slot.filter(|stamp| stamp.at_us() < from_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_absent_stamp_costs_nothing() {
        assert_eq!(size_of::<Option<Stamp>>(), 8);
    }

    proptest! {
        #[test]
        fn keeps_the_moment_and_how_it_was_seen(at_us in 0..LATEST_US, seen in 0..3) {
            let seen = [Seen::Live, Seen::Listed, Seen::Inferred][seen as usize];
            let stamp = Stamp::new(at_us, seen);
            prop_assert_eq!(stamp.at_us(), at_us);
            prop_assert_eq!(stamp.is_live(), seen == Seen::Live);
        }
    }
}
