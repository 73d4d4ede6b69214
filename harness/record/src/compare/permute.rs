//! The permutation test over all gated rows together: single-step maxT of Westfall and Young.

use super::random::SplitMix64;

/// Every exchange of labels is looked at up to this many (ten runs a side have 184,756); beyond, [`DRAWS`] are drawn.
const EXACT_MAX: u64 = 200_000;
/// Exchanges that are drawn where there are too many to look at all.
const DRAWS: usize = 20_000;
/// Statistics that differ by no more than rounding are equal.
const ROUNDING: f64 = 1e-9;

/// `p` of one row in each direction, over all rows together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Adjusted {
    /// The share of exchanges in which some row is slower after by at least as much as this one.
    pub(super) slower: f64,
    /// The same for faster.
    pub(super) faster: f64,
}

/// In how many ways the labels can be given; saturates.
pub(super) fn exchanges(before: usize, after: usize) -> u64 {
    let (all, smaller) = ((before + after) as u128, before.min(after) as u128);
    let count = (1..=smaller).try_fold(1_u128, |count, step| Some(count.checked_mul(all - smaller + step)? / step));
    count.and_then(|count| u64::try_from(count).ok()).unwrap_or(u64::MAX)
}

/// Tests rows of values, those before first. `sd_floor` is the scatter that is assumed at least, added in quadrature.
///
/// Every row has `before + after` values, and there are two values on some side.
pub(super) fn max_t(rows: &[Vec<f64>], before: usize, sd_floor: f64) -> Vec<Adjusted> {
    let Some(all) = rows.first().map(Vec::len) else { return Vec::new() };
    let tables: Vec<Table> = rows.iter().map(|values| Table::new(values, before, sd_floor)).collect();
    let observed: Vec<usize> = (0..before).collect();
    let seen: Vec<f64> = tables.iter().map(|table| table.statistic(&observed)).collect();
    let mut slower = vec![0_u64; rows.len()];
    let mut faster = vec![0_u64; rows.len()];
    let mut looked_at = 0_u64;
    let mut look = |chosen: &[usize]| {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for table in &tables {
            let statistic = table.statistic(chosen);
            least = least.min(statistic);
            most = most.max(statistic);
        }
        looked_at += 1;
        for ((seen, slower), faster) in seen.iter().zip(&mut slower).zip(&mut faster) {
            let rounding = ROUNDING * (1.0 + seen.abs());
            *slower += u64::from(most >= seen - rounding);
            *faster += u64::from(least <= seen + rounding);
        }
    };
    if exchanges(before, all - before) <= EXACT_MAX {
        each_choice(all, before, &mut look);
    } else {
        look(&observed);
        draw(rows, before, &mut look);
    }
    let share = |count: u64| count as f64 / looked_at.max(1) as f64;
    slower
        .into_iter()
        .zip(faster)
        .map(|(slower, faster)| Adjusted { slower: share(slower), faster: share(faster) })
        .collect()
}

/// One row, prepared so that an exchange costs one sum.
struct Table {
    /// Values less their mean: the mean of those after follows from that of those before.
    centred: Vec<f64>,
    squares: f64,
    before: f64,
    after: f64,
    floor_squared: f64,
}

impl Table {
    fn new(values: &[f64], before: usize, sd_floor: f64) -> Self {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
        Self {
            squares: centred.iter().map(|value| value * value).sum(),
            before: before as f64,
            after: (values.len() - before) as f64,
            floor_squared: sd_floor * sd_floor,
            centred,
        }
    }

    /// The statistic of [`super::stats::TwoGroups`] with these values as those before.
    fn statistic(&self, chosen: &[usize]) -> f64 {
        let sum: f64 = chosen.iter().filter_map(|index| self.centred.get(*index)).sum();
        let (mean_before, mean_after) = (sum / self.before, -sum / self.after);
        let between = self.before * mean_before * mean_before + self.after * mean_after * mean_after;
        let variance = (self.squares - between).max(0.0) / (self.before + self.after - 2.0) + self.floor_squared;
        (mean_after - mean_before) / (variance * (1.0 / self.before + 1.0 / self.after)).sqrt()
    }
}

/// Every choice of `some` out of `all`, in lexical order.
fn each_choice(all: usize, some: usize, look: &mut impl FnMut(&[usize])) {
    let mut chosen: Vec<usize> = (0..some).collect();
    loop {
        look(&chosen);
        let Some(at) = (0..some).rev().find(|at| chosen.get(*at).is_some_and(|index| *index < all - some + at)) else {
            return;
        };
        let next = chosen.get(at).map_or(0, |index| index + 1);
        for (index, place) in chosen.iter_mut().skip(at).enumerate() {
            *place = next + index;
        }
    }
}

/// Draws exchanges. They do not depend on which side is called before: the runs are drawn in an order of their own, and where the sides
/// are of one size each draw is taken both ways.
fn draw(rows: &[Vec<f64>], before: usize, look: &mut impl FnMut(&[usize])) {
    let all = rows.first().map_or(0, Vec::len);
    let mut order: Vec<usize> = (0..all).collect();
    let value = |row: &Vec<f64>, run: usize| row.get(run).copied().unwrap_or_default();
    order.sort_by(|x, y| {
        let rows = rows.iter().map(|row| value(row, *x).total_cmp(&value(row, *y)));
        rows.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    let smaller = before.min(all - before);
    let mut random = SplitMix64::new(1);
    for _ in 0..DRAWS {
        // Fisher and Yates, as far as is needed.
        for at in 0..smaller {
            let other = at + random.below(all - at);
            order.swap(at, other);
        }
        let (drawn, rest) = order.split_at(smaller);
        if before == smaller {
            look(drawn);
        }
        if before == all - smaller {
            look(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_exchanges() {
        assert_eq!([(5, 5), (1, 4), (3, 2), (10, 10)].map(|(a, b)| exchanges(a, b)), [252, 5, 10, 184_756]);
        assert_eq!(exchanges(500, 500), u64::MAX);
    }

    #[test]
    fn looks_at_each_choice_once() {
        let mut seen = std::collections::BTreeSet::new();
        each_choice(7, 3, &mut |chosen| assert!(seen.insert(chosen.to_vec())));
        assert_eq!(seen.len(), 35);
    }

    /// By hand: of the 20 ways to call three of six values "before", only the observed one has the three smallest there.
    #[test]
    fn complete_separation_has_the_smallest_p() {
        let adjusted = max_t(&[vec![1.0, 2.0, 3.0, 11.0, 12.0, 13.0]], 3, 0.0);
        assert_eq!(adjusted, [Adjusted { slower: 1.0 / 20.0, faster: 1.0 }]);
    }

    /// By hand: a second row that separates along another exchange doubles the smallest p. The second row's own statistic as observed is 1.04,
    /// which the first row has along the exchange that separates the second, so its p is the same.
    #[test]
    fn another_row_is_corrected_for() {
        let first = vec![1.0, 2.0, 3.0, 11.0, 12.0, 13.0];
        let second = vec![1.0, 2.0, 11.0, 3.0, 12.0, 13.0];
        let adjusted = max_t(&[first, second], 3, 0.0);
        assert_eq!([adjusted[0].slower, adjusted[1].slower], [2.0 / 20.0; 2]);
    }

    #[test]
    fn the_statistic_is_that_of_two_groups() {
        let values = [1.0, 2.0, 3.0, 3.0, 7.0];
        let groups = super::super::stats::TwoGroups::of(&values[..3], &values[3..]).unwrap();
        let table = Table::new(&values, 3, 0.25);
        assert!((table.statistic(&[0, 1, 2]) - groups.statistic(0.25).unwrap()).abs() < 1e-12);
    }

    /// Twelve runs a side are too many to look at all: what is drawn agrees with what is known, and does not depend on the order of the sides.
    #[test]
    fn draws_where_there_are_too_many() {
        let mut random = SplitMix64::new(3);
        let row: Vec<f64> = (0..24).map(|index| random.normal() + if index < 12 { 0.0 } else { 0.8 }).collect();
        let swapped: Vec<f64> = row[12..].iter().chain(&row[..12]).copied().collect();
        let (there, back) = (max_t(std::slice::from_ref(&row), 12, 0.0)[0], max_t(&[swapped], 12, 0.0)[0]);
        assert!(
            (there.slower - back.faster).abs() < 1e-12 && (there.faster - back.slower).abs() < 1e-12,
            "{there:?} {back:?}"
        );
        let groups = super::super::stats::TwoGroups::of(&row[..12], &row[12..]).unwrap();
        let p = super::super::stats::t_upper_tail(groups.statistic(0.0).unwrap(), groups.df);
        assert!((there.slower - p).abs() < 0.01, "{} {p}", there.slower);
    }
}
