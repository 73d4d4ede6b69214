//! Numbers that change at moments and hold between them.

/// A step function of time: 0 until its first change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    /// When, and the value from then on; one for each moment, in time.
    steps: Vec<(u64, i64)>,
}

impl Steps {
    /// From differences, in any order; those of one moment are one change.
    pub(crate) fn from_changes(mut changes: Vec<(u64, i64)>) -> Self {
        changes.sort_unstable();
        let mut value = 0_i64;
        Self::from_values(changes.into_iter().map(|(at_us, change)| {
            value = value.saturating_add(change);
            (at_us, value)
        }))
    }

    /// From values that are set, in time; the last of one moment counts.
    pub(crate) fn from_values(values: impl IntoIterator<Item = (u64, i64)>) -> Self {
        let mut steps: Vec<(u64, i64)> = Vec::new();
        for (at_us, value) in values {
            match steps.last_mut() {
                Some(last) if last.0 == at_us => last.1 = value,
                _ => steps.push((at_us, value)),
            }
        }
        Self { steps }
    }

    /// The value at a moment.
    pub(crate) fn at(&self, at_us: u64) -> i64 {
        let after = self.steps.partition_point(|(step_us, _)| *step_us <= at_us);
        after.checked_sub(1).and_then(|index| self.steps.get(index)).map_or(0, |(_, value)| *value)
    }

    /// The largest value that holds at any moment of `[from, to]`.
    pub(crate) fn most_within(&self, from_us: u64, to_us: u64) -> i64 {
        let within = self.steps.iter().filter(|(at_us, _)| (from_us..=to_us).contains(at_us));
        within.map(|(_, value)| *value).fold(self.at(from_us), i64::max)
    }

    /// Changes in time: when, and the value from then on.
    pub(crate) fn all(&self) -> &[(u64, i64)] {
        &self.steps
    }
}

/// The moments in `[from, to)` at which any of the functions may change, and `from` itself, in time, each once, with the moment until
/// which nothing changes.
pub(crate) fn pieces(functions: &[&Steps], from_us: u64, to_us: u64) -> Vec<(u64, u64)> {
    let changes = functions.iter().flat_map(|function| function.steps.iter().map(|(at_us, _)| *at_us));
    let mut moments: Vec<u64> = changes.filter(|at_us| (from_us..to_us).contains(at_us)).collect();
    moments.push(from_us);
    moments.sort_unstable();
    moments.dedup();
    let ends: Vec<u64> = moments.iter().skip(1).copied().chain([to_us.max(from_us)]).collect();
    moments.into_iter().zip(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_step_function_is_the_sum_of_the_changes_so_far(changes in vec((0_u64..50, -3_i64..4), 0..40), at in 0_u64..60) {
            let sum: i64 = changes.iter().filter(|(at_us, _)| *at_us <= at).map(|(_, change)| change).sum();
            prop_assert_eq!(Steps::from_changes(changes).at(at), sum);
        }

        #[test]
        fn pieces_cover_the_window_and_nothing_changes_within_one(
            a in vec((0_u64..50, -3_i64..4), 0..20),
            b in vec((0_u64..50, -3_i64..4), 0..20),
            from in 0_u64..50,
            length in 0_u64..30,
        ) {
            let (a, b) = (Steps::from_changes(a), Steps::from_changes(b));
            let pieces = pieces(&[&a, &b], from, from + length);
            prop_assert_eq!(pieces[0].0, from);
            prop_assert_eq!(pieces[pieces.len() - 1].1, from + length);
            prop_assert!(pieces.windows(2).all(|pair| pair[0].1 == pair[1].0));
            for (start, end) in pieces {
                for at in start..end {
                    prop_assert_eq!((a.at(at), b.at(at)), (a.at(start), b.at(start)));
                }
            }
        }

        #[test]
        fn of_values_the_last_counts(values in vec((0_u64..20, -5_i64..5), 0..20)) {
            let mut values = values;
            values.sort_by_key(|(at_us, _)| *at_us);
            let steps = Steps::from_values(values.clone());
            for at in 0..25 {
                let expected = values.iter().rev().find(|(at_us, _)| *at_us <= at).map_or(0, |(_, value)| *value);
                prop_assert_eq!(steps.at(at), expected);
            }
        }
    }
}
