//! The Azure region that a tree is for, as far as its NodePools say: in the zones and regions that they ask for.
//!
//! Nodes are labelled `topology.kubernetes.io/zone: westeurope-1` and `topology.kubernetes.io/region: westeurope`; a VM outside the
//! availability zones has the zone `0`. Source: `pkg/utils/zones` and `pkg/providers/instancetype` of karpenter-provider-azure v1.14.0.

use crate::pool::{NodePool, Operator};

/// The zone label of a VM that is in no availability zone.
pub const REGIONAL_ZONE: &str = "0";

/// The labels with the zone of a node.
pub(crate) const ZONE_LABELS: [&str; 2] = ["topology.kubernetes.io/zone", "topology.disk.csi.azure.com/zone"];
/// The label with the region of a node.
pub(crate) const REGION_LABEL: &str = "topology.kubernetes.io/region";

/// The region of a zone as nodes are labelled: `westeurope` of `westeurope-1`.
pub fn region_of_zone(zone: &str) -> Option<&str> {
    let (region, number) = zone.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    let is_region = !region.is_empty() && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (is_number && is_region).then_some(region)
}

/// The region that a label's value names.
fn named<'a>(key: &str, value: &'a str) -> Option<&'a str> {
    match key {
        REGION_LABEL => Some(value),
        key if ZONE_LABELS.contains(&key) => region_of_zone(value),
        _ => None,
    }
}

/// The region that the pools ask for: that of most of the pools which name one, of equals the first in the order of the tree. `is_known` says
/// which words are regions; others are passed over.
pub fn region_of(pools: &[NodePool], is_known: impl Fn(&str) -> bool) -> Option<&str> {
    let mut votes: Vec<(&str, usize)> = Vec::new();
    for pool in pools {
        let required = pool.requirements.iter().filter(|requirement| requirement.operator == Operator::In);
        let required = required.flat_map(|requirement| {
            requirement.values.iter().filter_map(|value| named(requirement.key.as_str(), value))
        });
        let labels = pool.labels.iter().filter_map(|(key, value)| named(key, value));
        let mut of_pool: Vec<&str> = Vec::new();
        for region in required.chain(labels).filter(|region| is_known(region)) {
            if !of_pool.contains(&region) {
                of_pool.push(region);
            }
        }
        for region in of_pool {
            match votes.iter_mut().find(|(known, _)| *known == region) {
                Some((_, count)) => *count += 1,
                None => votes.push((region, 1)),
            }
        }
    }
    let most = votes.iter().map(|(_, count)| *count).max()?;
    votes.into_iter().find(|(_, count)| *count == most).map(|(region, _)| region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Requirement;
    use rstest::rstest;

    fn pool(key: &str, values: &[&str]) -> NodePool {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let requirement = Requirement { key: key.to_owned(), operator: Operator::In, values, min_values: None };
        NodePool { requirements: vec![requirement], ..NodePool::default() }
    }

    fn is_known(region: &str) -> bool {
        ["eastus", "westeurope", "northeurope"].contains(&region)
    }

    #[rstest]
    #[case(&[pool("topology.kubernetes.io/zone", &["westeurope-1", "westeurope-2"])], Some("westeurope"))]
    #[case(&[pool("topology.kubernetes.io/region", &["northeurope"])], Some("northeurope"))]
    #[case(&[pool("topology.kubernetes.io/zone", &["0"])], None)]
    #[case(&[pool("topology.kubernetes.io/zone", &["1"])], None)]
    #[case(&[pool("topology.kubernetes.io/zone", &["us-east-1a"])], None)]
    #[case(&[pool("topology.kubernetes.io/zone", &["atlantis-1", "eastus-1"])], Some("eastus"))]
    #[case(&[pool("team.example.com/region", &["eastus"])], None)]
    #[case(&[], None)]
    fn the_region_is_found_in_zones_and_regions(#[case] pools: &[NodePool], #[case] region: Option<&str>) {
        assert_eq!(region_of(pools, is_known), region);
    }

    #[test]
    fn the_region_of_most_pools_counts_and_of_equals_the_first() {
        let west = || pool("topology.kubernetes.io/zone", &["westeurope-1"]);
        let north = || pool("topology.kubernetes.io/region", &["northeurope"]);
        assert_eq!(region_of(&[west(), north(), north()], is_known), Some("northeurope"));
        assert_eq!(region_of(&[west(), north()], is_known), Some("westeurope"));
    }

    #[test]
    fn a_label_of_the_pool_names_the_region_too() {
        let mut labelled = NodePool::default();
        labelled.labels.insert(REGION_LABEL.to_owned(), "westeurope".to_owned());
        assert_eq!(region_of(&[labelled], is_known), Some("westeurope"));
    }
}
