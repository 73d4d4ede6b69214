//! What VMs cost.

use std::fmt;

use harness_units::Percent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault_kind::VmSelector;
use harness_yaml::Problem;

/// What VMs cost from now on, as a part of the on-demand list price of their size in their region. Those that run pay it too, as spot VMs do on
/// Azure. Of two prices for one VM the later one counts, and a price for the same VMs takes the place of an earlier one. Other regions than that of the
/// cluster keep their prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AzurePrice {
    /// Which VMs, by size, family, zone and capacity type (default: all). Azure's price list has no zones: what is set for one is paid and
    /// reported, and a controller that reads the list does not see it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub only: VmSelector,
    /// The price: `100%` is the list price, `30%` what a spot VM costs at first, `120%` more than on demand.
    pub of_list_price: Percent,
}

fn is_default(only: &VmSelector) -> bool {
    *only == VmSelector::default()
}

impl AzurePrice {
    /// What a spot VM costs where nothing else is set. An assumption: spot prices change by the hour, Microsoft promises up to 90 % less than
    /// the list price, and no table of them comes with any of the components.
    pub const SPOT_AT_FIRST: Percent = Percent(30);

    /// What the types cannot rule out.
    pub fn problems(&self) -> Vec<Problem> {
        let Self { only, of_list_price } = self;
        let mut found: Vec<Problem> = only.contradiction().map(|problem| problem.under("only")).into_iter().collect();
        let VmSelector { vm, vms, nodepool, sku: _, family: _, zone: _, capacity_type: _ } = only;
        let of_one = [("vm", vm.is_some()), ("vms", !vms.is_empty()), ("nodepool", nodepool.is_some())];
        for (key, _) in of_one.into_iter().filter(|(_, given)| *given) {
            let hint = "give `sku`, `family`, `zone` or `capacityType`";
            found.push(Problem::new(&["only", key], "Azure has a price for a size, not for single VMs", hint));
        }
        if *of_list_price == Percent(0) {
            found.push(Problem::new(&["ofListPrice"], "a price of nothing", "give at least 1%"));
        }
        found
    }
}

/// In a few words, for logs and reports.
impl fmt::Display for AzurePrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { only, of_list_price } = self;
        write!(f, "azure price {of_list_price} of the list price")?;
        let VmSelector { sku, family, zone, capacity_type, vm: _, vms: _, nodepool: _ } = only;
        let kinds = [sku.clone(), family.clone(), zone.clone(), capacity_type.map(|kind| kind.to_string())];
        let kinds: Vec<String> = kinds.into_iter().flatten().collect();
        if kinds.is_empty() { Ok(()) } else { write!(f, " for {}", kinds.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({"ofListPrice": 0}), "ofListPrice: a price of nothing")]
    #[case(json!({"ofListPrice": 50, "only": {"nodepool": "web"}}), "only.nodepool: Azure has a price for a size")]
    #[case(json!({"ofListPrice": 50, "only": {"vms": ["a"]}}), "only.vms: Azure has a price for a size")]
    #[case(json!({"ofListPrice": 50, "only": {"sku": "Standard_E4s_v3", "family": "F"}}), "only.family: no VM of the size")]
    fn a_price_that_no_size_can_have_is_found(#[case] json: serde_json::Value, #[case] problem: &str) {
        let price: AzurePrice = serde_json::from_value(json).unwrap();
        let problems = price.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].to_string().starts_with(problem), "{}", problems[0]);
    }

    #[test]
    fn a_price_is_written_as_it_is_read() {
        let json = json!({"only": {"sku": "Standard_D2s_v5", "capacityType": "spot"}, "ofListPrice": 120});
        let price: AzurePrice = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(price.problems(), []);
        assert_eq!(serde_json::to_value(&price).unwrap(), json);
        assert_eq!(price.to_string(), "azure price 120% of the list price for Standard_D2s_v5, spot");
        let written: AzurePrice = serde_json::from_value(json!({"ofListPrice": "120%"})).unwrap();
        assert_eq!(written.of_list_price, Percent(120));
    }
}
