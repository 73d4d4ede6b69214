//! Who of a workload's pods has how much of a demand.

use super::load::{Cap, Demand};

/// A demand, shared out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// What each pod uses, in the order of the pods.
    pub(crate) used: Vec<u64>,
    /// What was demanded and is used by no pod.
    pub(crate) overload: u64,
}

/// Shares a demand among pods. `cap_of` is the maximum of a pod.
///
/// A total is spread evenly and to the last unit: the first pods get one more where it cannot be divided. A saturated pod does not
/// hand its rest to another, as no load balancer would.
pub(crate) fn spread<P>(demand: Demand, pods: &[P], cap_of: impl Fn(&P, Cap) -> Option<u64>) -> Shares {
    let (total, cap) = match demand {
        Demand::EachPod { value } => return Shares { used: vec![value; pods.len()], overload: 0 },
        Demand::Total { total, cap } => (total, cap),
    };
    let Some(count) = u64::try_from(pods.len()).ok().filter(|count| *count > 0) else {
        return Shares { used: Vec::new(), overload: total };
    };
    let (base, first) = (total / count, total % count);
    let used: Vec<u64> = (0..count)
        .zip(pods)
        .map(|(index, pod)| {
            let share = base + u64::from(index < first);
            cap.and_then(|cap| cap_of(pod, cap)).map_or(share, |limit| share.min(limit))
        })
        .collect();
    let overload = total - used.iter().sum::<u64>();
    Shares { used, overload }
}

/// Divides a pod's value among its containers by weight, to the last unit; evenly when no weight is known.
pub(crate) fn divide(value: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let count = weights.len().max(1) as u128;
    let mut parts: Vec<u64> = weights
        .iter()
        .map(|weight| {
            let weighted = u128::from(value) * u128::from(*weight);
            let part = weighted.checked_div(sum).unwrap_or(u128::from(value) / count);
            u64::try_from(part).unwrap_or(value)
        })
        .collect();
    let rest = value - parts.iter().sum::<u64>();
    if let Some(first) = parts.first_mut() {
        *first += rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pods that are their own limit; 0 has none.
    fn limit(pod: &u64, cap: Cap) -> Option<u64> {
        (cap == Cap::Limit && *pod > 0).then_some(*pod)
    }

    #[test]
    fn a_total_is_spread_to_the_last_unit() {
        for total in [0, 1, 2, 3, 1000, 1001, 1_000_003] {
            let shares = spread(Demand::total(total), &[0, 0, 0], limit);
            assert_eq!(shares.used.iter().sum::<u64>(), total);
            assert!(shares.used.iter().max().unwrap() - shares.used.iter().min().unwrap() <= 1, "{shares:?}");
            assert_eq!(shares.overload, 0);
        }
    }

    #[test]
    fn a_saturated_pod_leaves_its_rest_undone() {
        let shares = spread(Demand::capped(900, Cap::Limit), &[100, 0, 500], limit);
        assert_eq!(shares, Shares { used: vec![100, 300, 300], overload: 200 });
        assert_eq!(spread(Demand::capped(900, Cap::Request), &[100, 0, 500], limit).overload, 0);
    }

    #[test]
    fn without_pods_everything_is_overload() {
        let none: [u64; 0] = [];
        assert_eq!(spread(Demand::total(900), &none, limit), Shares { used: vec![], overload: 900 });
        assert_eq!(spread(Demand::each_pod(900), &none, limit), Shares { used: vec![], overload: 0 });
    }

    #[test]
    fn each_pod_has_its_value_however_many_there_are() {
        assert_eq!(spread(Demand::each_pod(7), &[1, 2], limit).used, [7, 7]);
    }

    #[test]
    fn containers_share_by_their_requests() {
        assert_eq!(divide(100, &[100, 300]), [25, 75]);
        assert_eq!(divide(100, &[0, 0, 0]), [34, 33, 33]);
        assert_eq!(
            divide(u64::MAX, &[u64::MAX, 1]).iter().map(|part| u128::from(*part)).sum::<u128>(),
            u64::MAX.into()
        );
        assert!(divide(5, &[]).is_empty());
    }
}
