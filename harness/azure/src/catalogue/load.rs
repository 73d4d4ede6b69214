//! Reading the embedded data.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::sku::{Catalogue, Series};

const DATA: &str = include_str!("skus.yaml");

/// The embedded catalogue is broken: a mistake in this crate, found by its tests.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Not the expected YAML.
    #[error("the embedded SKU catalogue cannot be read: {0}")]
    Read(String),
    /// A name does not start with its family.
    #[error("the embedded SKU catalogue has a size without a family letter: `{0}`")]
    Name(String),
    /// The same size twice.
    #[error("the embedded SKU catalogue has `{0}` twice")]
    Twice(String),
}

/// The catalogue, read once.
///
/// # Errors
/// [`CatalogueError`] when the embedded data is broken.
pub fn catalogue() -> Result<&'static Catalogue, CatalogueError> {
    static LOADED: OnceLock<Catalogue> = OnceLock::new();
    if let Some(loaded) = LOADED.get() {
        return Ok(loaded);
    }
    let read = parse(DATA)?;
    Ok(LOADED.get_or_init(|| read))
}

fn parse(data: &str) -> Result<Catalogue, CatalogueError> {
    let all: Vec<Series> = serde_saphyr::from_str(data).map_err(|e| CatalogueError::Read(e.to_string()))?;
    let mut skus = Vec::new();
    let mut by_name = HashMap::new();
    for mut series in all {
        let sizes = std::mem::take(&mut series.sizes);
        let series = Arc::new(series);
        for mut sku in sizes {
            sku.family = sku.size.chars().take(1).filter(char::is_ascii_uppercase).collect();
            if sku.family.is_empty() {
                return Err(CatalogueError::Name(sku.size));
            }
            sku.name = format!("Standard_{}", sku.size);
            sku.series = Arc::clone(&series);
            let sku = Arc::new(sku);
            if by_name.insert(sku.name.to_ascii_lowercase(), Arc::clone(&sku)).is_some() {
                return Err(CatalogueError::Twice(sku.name.clone()));
            }
            skus.push(sku);
        }
    }
    Ok(Catalogue { skus, by_name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_simulation::CapacityType;
    use rstest::rstest;

    #[rstest]
    #[case("Standard_DS2_v2", 2, 7.0, 0.146)]
    #[case("Standard_DS3_v2", 4, 14.0, 0.293)]
    #[case("Standard_E2s_v3", 2, 16.0, 0.126)]
    #[case("Standard_E4s_v3", 4, 32.0, 0.252)]
    #[case("Standard_F2s_v2", 2, 4.0, 0.0846)]
    #[case("Standard_F4s_v2", 4, 8.0, 0.169)]
    #[case("Standard_B2s", 2, 4.0, 0.0416)]
    #[case("Standard_F72s_v2", 72, 144.0, 3.045)]
    #[case("standard_d2s_V5", 2, 8.0, 0.096)]
    fn the_sizes_that_people_name_are_there(
        #[case] name: &str,
        #[case] vcpus: u32,
        #[case] memory_gib: f64,
        #[case] price: f64,
    ) {
        let sku = catalogue().unwrap().get(name).unwrap();
        assert_eq!((sku.vcpus, sku.memory_gib, sku.price_per_hour), (vcpus, memory_gib, price));
    }

    #[test]
    fn a_spot_vm_costs_its_share_of_the_regular_price() {
        let sku = catalogue().unwrap().get("Standard_D4s_v5").unwrap();
        assert_eq!(sku.price_micro_usd_per_hour(CapacityType::OnDemand), 192_000);
        assert_eq!(sku.price_micro_usd_per_hour(CapacityType::Spot), 57_600);
        for sku in catalogue().unwrap().iter() {
            let share = sku.series.spot_price_share;
            assert!(share > 0.0 && share < 1.0, "{}: {share}", sku.name);
        }
    }

    #[test]
    fn every_size_can_be_sold() {
        let all = catalogue().unwrap();
        for sku in all.iter() {
            assert!(sku.vcpus > 0 && sku.memory_gib > 0.0 && sku.price_per_hour > 0.0, "{}", sku.name);
            assert!(!sku.series.zones.is_empty(), "{}", sku.name);
            let cores: String =
                sku.size.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
            // The old D names count sizes, not cores; all others name their cores.
            if !sku.size.starts_with("DS") && !sku.series.series.eq("Dv2") {
                assert_eq!(cores, sku.vcpus.to_string(), "{}", sku.name);
            }
        }
        for family in ["D", "E", "F", "B", "N"] {
            assert!(all.knows_family(family), "{family}");
        }
        assert!(!all.knows_family("Z"));
        assert!(all.iter().any(|s| s.series.architecture == super::super::Architecture::Arm64));
        assert_eq!(all.get("Standard_NC64as_T4_v3").unwrap().gpus, 4);
    }

    #[test]
    fn a_size_that_is_there_twice_is_an_error() {
        let row = "{size: D2s_v5, vcpus: 2, memoryGib: 8, pricePerHour: 1, nics: 2, dataDisks: 4}";
        let data = format!("- series: A\n  quotaFamily: f\n  sizes:\n    - {row}\n    - {row}\n");
        assert!(matches!(parse(&data), Err(CatalogueError::Twice(name)) if name == "Standard_D2s_v5"));
    }
}
