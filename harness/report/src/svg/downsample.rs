//! Fewer points that look the same: a report of thousands of nodes must stay small.

/// Points of a step function that are drawn for a range of `buckets` columns: of each column the first, the last, the
/// lowest and the highest by `height`, so that no peak and no dip is lost. `at` gives a point's time, ascending.
pub(crate) fn steps<T: Copy>(
    points: &[T],
    to_us: u64,
    buckets: u64,
    at: impl Fn(&T) -> u64,
    height: impl Fn(&T) -> u64,
) -> Vec<T> {
    if points.len() as u64 <= buckets * 4 {
        return points.to_vec();
    }
    let width = (to_us / buckets.max(1)).max(1);
    let mut kept = Vec::new();
    for column in points.chunk_by(|a, b| at(a) / width == at(b) / width) {
        let lowest = (0..column.len()).min_by_key(|i| height(&column[*i]));
        let highest = (0..column.len()).max_by_key(|i| height(&column[*i]));
        let mut indices: Vec<usize> =
            [Some(0), lowest, highest, column.len().checked_sub(1)].into_iter().flatten().collect();
        indices.sort_unstable();
        indices.dedup();
        kept.extend(indices.into_iter().map(|i| column[i]));
    }
    kept
}

/// About `most` indices of `0..len`, ascending, evenly spread, always with the first and the last `tail`.
pub(crate) fn ranks(len: usize, most: usize, tail: usize) -> Vec<usize> {
    if len <= most {
        return (0..len).collect();
    }
    let body = len.saturating_sub(tail);
    let most = most.max(2);
    let mut indices: Vec<usize> = (0..most).map(|i| i * (body.saturating_sub(1)) / (most - 1)).collect();
    indices.extend(body..len);
    indices.dedup();
    indices
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_peak_is_never_lost(heights in proptest::collection::vec(0_u64..1000, 1..3000), buckets in 1_u64..50) {
            let points: Vec<(u64, u64)> = heights.iter().enumerate().map(|(i, h)| (i as u64 * 10, *h)).collect();
            let end = points.len() as u64 * 10;
            let kept = steps(&points, end, buckets, |p| p.0, |p| p.1);
            prop_assert_eq!(kept.iter().map(|p| p.1).max(), points.iter().map(|p| p.1).max());
            prop_assert_eq!(kept.first(), points.first());
            prop_assert_eq!(kept.last(), points.last());
            prop_assert!(kept.len() as u64 <= (buckets + 2) * 4);
            prop_assert!(kept.windows(2).all(|w| w[0].0 < w[1].0));
        }

        #[test]
        fn ranks_are_ascending_and_end_with_the_last(len in 1_usize..5000) {
            let kept = ranks(len, 300, 20);
            prop_assert!(kept.windows(2).all(|w| w[0] < w[1]));
            prop_assert_eq!(kept.first(), Some(&0));
            prop_assert_eq!(kept.last(), Some(&(len - 1)));
            prop_assert!(kept.len() <= 321);
        }
    }
}
