//! The Azure region that is meant.

use std::fmt;
use std::str::FromStr;

use harness_azure::catalogue::{self, CatalogueError, DEFAULT_REGION};
use harness_tree::NodePool;
use harness_tree::region::region_of;

/// A region of Azure that the catalogue of VM sizes knows. As text: `westeurope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region(&'static str);

impl Region {
    /// Its name in zones, labels and ids.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The region that was asked for, else the one that the pools of a tree ask for, else the default one.
    pub fn choose(asked_for: Option<Self>, pools: &[NodePool]) -> Self {
        let named = || region_of(pools, |name| name.parse::<Self>().is_ok())?.parse().ok();
        asked_for.or_else(named).unwrap_or_default()
    }
}

impl Default for Region {
    fn default() -> Self {
        Self(DEFAULT_REGION)
    }
}

impl FromStr for Region {
    type Err = CatalogueError;

    fn from_str(name: &str) -> Result<Self, CatalogueError> {
        match catalogue::region(name)? {
            Some(region) => Ok(Self(region.name)),
            None => Err(CatalogueError::unknown_region(name)),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_tree::{Operator, Requirement};

    fn pool(zone: &str) -> NodePool {
        let requirement = Requirement {
            key: "topology.kubernetes.io/zone".to_owned(),
            operator: Operator::In,
            values: vec![zone.to_owned()],
            min_values: None,
        };
        NodePool { requirements: vec![requirement], ..NodePool::default() }
    }

    #[test]
    fn the_one_that_was_asked_for_comes_before_the_trees_and_that_before_the_default() {
        let asked_for = "swedencentral".parse().ok();
        let chosen = |asked_for, zone| Region::choose(asked_for, &[pool(zone)]).as_str();
        assert_eq!(chosen(asked_for, "westeurope-1"), "swedencentral");
        assert_eq!(chosen(None, "westeurope-1"), "westeurope");
        assert_eq!(chosen(None, "us-east-1a"), "eastus");
        assert_eq!(chosen(None, "atlantis-1"), "eastus");
    }

    #[test]
    fn a_mistyped_region_is_refused_with_the_one_that_may_be_meant() {
        let error = "westerope".parse::<Region>().unwrap_err();
        assert_eq!(error.to_string(), "unknown Azure region `westerope`; did you mean `westeurope`?");
    }
}
