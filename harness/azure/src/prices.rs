//! What VMs cost: the list prices of the catalogue, with the changes that a run has made. What VMs pay, what the public price list says and what
//! reports add up come from this one table.

use harness_simulation::{AzurePrice, CapacityType};
use harness_units::Percent;

use crate::catalogue::Sku;
use crate::selector::is_sku_meant;

/// No zone: what the price list is about.
const WHATEVER_ZONE: &str = "";

/// The prices in force.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prices {
    /// In the order in which they were set.
    set: Vec<AzurePrice>,
}

/// The prices of the start, which other regions than that of the cluster keep.
pub(crate) static AT_FIRST: Prices = Prices { set: Vec::new() };

impl Prices {
    /// Sets a price.
    pub(crate) fn set(&mut self, price: AzurePrice) {
        self.set.retain(|earlier| earlier.only != price.only);
        self.set.push(price);
    }

    /// Those that were set and still hold.
    pub(crate) fn all(&self) -> &[AzurePrice] {
        &self.set
    }

    /// Millionths of a US dollar per hour for a VM of this size in a zone, such as `eastus-1`.
    pub(crate) fn micro_usd_per_hour(&self, sku: &Sku, zone: &str, capacity_type: CapacityType) -> u64 {
        let set = self.set.iter().rev().find(|price| is_sku_meant(&price.only, sku, zone, capacity_type));
        let at_first = match capacity_type {
            CapacityType::Spot => AzurePrice::SPOT_AT_FIRST,
            CapacityType::OnDemand => Percent(100),
        };
        sku.micro_usd_per_hour(set.map_or(at_first, |price| price.of_list_price))
    }

    /// The same for a region, as the price list has it: what is set for a zone is not in it.
    pub(crate) fn listed_micro_usd_per_hour(&self, sku: &Sku, capacity_type: CapacityType) -> u64 {
        self.micro_usd_per_hour(sku, WHATEVER_ZONE, capacity_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::catalogue;
    use serde_json::json;

    fn set(prices: &mut Prices, price: serde_json::Value) {
        prices.set(serde_json::from_value(price).unwrap());
    }

    #[test]
    fn the_latest_price_that_means_a_vm_counts() {
        let sold = catalogue("eastus").unwrap();
        let (d4, f4) = (sold.get("Standard_D4s_v5").unwrap(), sold.get("Standard_F4s_v2").unwrap());
        let mut prices = Prices::default();
        let spot = |prices: &Prices, sku: &Sku| prices.micro_usd_per_hour(sku, "eastus-1", CapacityType::Spot);
        assert_eq!(prices.micro_usd_per_hour(d4, "eastus-1", CapacityType::OnDemand), 192_000);
        assert_eq!(spot(&prices, d4), 57_600);
        set(&mut prices, json!({"only": {"capacityType": "spot"}, "ofListPrice": "120%"}));
        assert_eq!((spot(&prices, d4), spot(&prices, f4)), (230_400, 202_800));
        set(&mut prices, json!({"only": {"capacityType": "spot", "family": "D"}, "ofListPrice": "10%"}));
        assert_eq!((spot(&prices, d4), spot(&prices, f4)), (19_200, 202_800));
        // The same VMs once more: the price takes the place of its first, and is later than that of the family.
        set(&mut prices, json!({"only": {"capacityType": "spot"}, "ofListPrice": "50%"}));
        assert_eq!((spot(&prices, d4), prices.all().len()), (96_000, 2));
        assert_eq!(prices.micro_usd_per_hour(d4, "eastus-1", CapacityType::OnDemand), 192_000, "spot alone was meant");
    }

    #[test]
    fn the_list_has_no_zones() {
        let d4 = catalogue("eastus").unwrap().get("Standard_D4s_v5").unwrap();
        let mut prices = Prices::default();
        set(&mut prices, json!({"only": {"capacityType": "spot", "zone": "eastus-2"}, "ofListPrice": "200%"}));
        let in_zone = |zone| prices.micro_usd_per_hour(d4, zone, CapacityType::Spot);
        assert_eq!((in_zone("eastus-1"), in_zone("eastus-2"), in_zone("0")), (57_600, 384_000, 57_600));
        assert_eq!(prices.listed_micro_usd_per_hour(d4, CapacityType::Spot), 57_600);
    }
}
